//! A fleet's report as Markdown, for mails, wikis and bug trackers: with each pool's `<cpu>`.

use std::fmt::Write;

use super::words;
use crate::fleet::Fleet;
use crate::fleet::moves::Verdict;
use crate::fleet::names;
use crate::knowledge::Knowledge;
use crate::render::markdown::{code, escape};

/// So many rows of a table.
const ROWS: usize = 100;
/// Up to so many classes a matrix is readable.
const MATRIX: usize = 26;

/// The report.
#[must_use]
pub fn render(fleet: &Fleet) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "## CPUs of the fleet\n\n**{}**", escape(&words::headline(fleet)));
    list(&mut out, "Problems", fleet.problems.iter().map(words::problem));
    list(
        &mut out,
        "Changed since",
        fleet.drift.iter().map(|d| {
            let mut text = format!("{}: {}", d.host, d.changes.join("; "));
            if !d.provenance.is_empty() {
                text += &format!(" (with {})", d.provenance.join("; "));
            }
            if !d.lost_destinations.is_empty() {
                text += &format!("; no longer a destination of {}", d.lost_destinations.join(", "));
            }
            if !d.gained_destinations.is_empty() {
                text += &format!("; now a destination of {}", d.gained_destinations.join(", "));
            }
            text
        }),
    );
    classes(fleet, &mut out);
    moves(fleet, &mut out);
    pools(fleet, &mut out);
    list(
        &mut out,
        "What hosts cost the others",
        fleet.price.iter().filter(|price| price.saves > 0).take(12).map(|price| words::price(fleet, price, 64)),
    );
    list(&mut out, "Without", fleet.without.iter().cloned());
    vms(fleet, &mut out);
    list(&mut out, "Notes", fleet.notes.iter().chain(&fleet.policy).cloned());
    out
}

fn list(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### {title}\n");
    for item in items.iter().take(ROWS) {
        let _ = writeln!(out, "- {}", escape(item));
    }
    if items.len() > ROWS {
        let _ = writeln!(out, "- … and {} more: `--format json` has them all", items.len() - ROWS);
    }
}

fn row(out: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn head(out: &mut String, titles: &[String]) {
    row(out, titles.iter().cloned());
    row(out, titles.iter().map(|_| "---".to_string()));
}

fn classes(fleet: &Fleet, out: &mut String) {
    if fleet.classes.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Classes\n");
    head(out, &["class", "hosts", "which", "CPU", "level", "hazards", "TSC"].map(str::to_string));
    for (i, class) in fleet.classes.iter().enumerate().take(ROWS) {
        let partial = if class.is_partial() { " (partial)" } else { "" };
        row(
            out,
            [
                words::letter(i),
                format!("{}{partial}", class.hosts.len()),
                escape(&words::hosts(fleet, &[i], words::HOSTS)),
                escape(&class.cpu().unwrap_or_else(|| class.vendor().to_string())),
                words::level(class.isa),
                escape(&names(&class.hazards, Knowledge::builtin()).join(" ")),
                words::tsc(class.tsc_khz),
            ],
        );
    }
    if fleet.classes.len() > ROWS {
        let _ = writeln!(out, "\n… and {} classes more.", fleet.classes.len() - ROWS);
    }
    list(out, "Partial captures", words::gaps(fleet, usize::MAX).into_iter());
}

fn moves(fleet: &Fleet, out: &mut String) {
    let n = fleet.classes.len();
    if n < 2 {
        return;
    }
    let _ = writeln!(out, "\n### Moves\n\nMay a guest with all that a class offers (row) run on another (column)?\n");
    if n <= MATRIX {
        let letters: Vec<String> = (0..n).map(words::letter).collect();
        head(out, &[&["".to_string()], letters.as_slice()].concat());
        for from in 0..n {
            let cells = (0..n)
                .map(|to| if from == to { "=".to_string() } else { fleet.step(from, to).verdict.word().to_string() });
            row(out, std::iter::once(format!("**{}**", words::letter(from))).chain(cells));
        }
    }
    let bad: Vec<_> = words::pairs(fleet)
        .into_iter()
        .filter(|(a, b, step)| {
            step.verdict != Verdict::Safe
                && fleet.classes[*a].class.offer.vendor == fleet.classes[*b].class.offer.vendor
        })
        .collect();
    if !bad.is_empty() {
        let _ = writeln!(out);
    }
    for (a, b, step) in bad.iter().take(ROWS) {
        let why = escape(&words::why(step, 24));
        let _ = writeln!(out, "- {}: {}: {why}", words::arrow(*a, *b), step.verdict.word());
    }
    if bad.len() > ROWS {
        let _ = writeln!(out, "- … and {} more: `--format json` has them all", bad.len() - ROWS);
    }
}

fn pools(fleet: &Fleet, out: &mut String) {
    if fleet.partitions.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n### Pools\n");
    head(out, &["pools", "loss", ""].map(str::to_string));
    for (k, loss, recommended, pools) in words::curve(fleet).into_iter().take(ROWS) {
        let mut say = Vec::new();
        say.extend(recommended.then_some("**recommended**"));
        say.extend(pools.kept.then_some("pools as they were"));
        say.extend(pools.takes_protection().then_some("takes a protection from a host"));
        say.extend((!pools.exact && !pools.kept).then_some("not proved to be the least"));
        row(out, [k.to_string(), loss.to_string(), say.join(", ")]);
    }
    let Some(recommended) = fleet.recommendation() else {
        if let Some(why) = &fleet.why {
            let _ = writeln!(out, "\nNo pools to take: {}.", escape(why));
        }
        return;
    };
    for (i, pool) in recommended.pools.iter().enumerate().take(ROWS) {
        let _ = writeln!(
            out,
            "\n#### Pool {}: {} ({})\n\n{}; {}.",
            i + 1,
            words::count(pool.hosts, "host"),
            words::classes(&pool.classes),
            escape(&words::hosts(fleet, &pool.classes, 24)),
            words::level(pool.isa)
        );
        if pool.partial {
            let _ = writeln!(out, "\nThis pool rests on partial captures.");
        }
        if !pool.hazards.is_empty() {
            let _ = writeln!(out, "\nHazards: {}.", escape(&names(&pool.hazards, Knowledge::builtin()).join(" ")));
        }
        let _ = writeln!(out);
        for (who, what) in words::gives_up(fleet, pool, 64) {
            let _ = writeln!(out, "- {} {}", escape(&who), escape(&what));
        }
        match &pool.definition {
            Some(Ok(d)) => {
                for word in &d.words {
                    let _ = writeln!(out, "- note: {}", escape(word));
                }
                let _ = writeln!(out, "\n```xml\n{}```\n\nQEMU: {}", d.libvirt, code(&format!("-cpu {}", d.qemu)));
            }
            Some(Err(why)) => {
                let _ = writeln!(out, "\nNo definition: {}.", escape(&why.to_string()));
            }
            None => {}
        }
    }
}

fn vms(fleet: &Fleet, out: &mut String) {
    for (vm, placements, pools) in words::vms(fleet) {
        let answer = words::takes(fleet, vm, &pools);
        let _ = writeln!(out, "\n### VM {}: {answer}\n", escape(vm));
        head(out, &["class", "hosts", "starts", "why", "moves to"].map(str::to_string));
        for p in placements {
            let who = words::hosts(fleet, &[p.class], 4);
            row(
                out,
                [
                    words::letter(p.class),
                    escape(&who),
                    p.starts.word().to_string(),
                    escape(&words::why_placed(p)),
                    words::moves_to(p),
                ],
            );
        }
    }
}
