//! A fleet's report for terminals: the answer first, and all of it on one screen, for 5 hosts and for 500.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table};

use super::words;
use crate::fleet::moves::Verdict;
use crate::fleet::{Fleet, hosts_in_words, names};
use crate::knowledge::Knowledge;
use crate::list::wrap;
use crate::render::{Style, TABLE};

/// Up to so many classes a matrix fits on a screen.
const MATRIX: usize = 24;
/// Up to so many classes every move is explained.
const EXPLAINED: usize = 3;
/// So many rows of each table, unless all are asked for.
const ROWS: usize = 12;
/// So many pools, and so many lines of what a pool's hosts give up.
const POOLS: [usize; 2] = [6, 3];

/// The report.
#[must_use]
pub fn render(fleet: &Fleet, style: Style) -> String {
    let mut out = String::new();
    let most = if style.all { usize::MAX } else { ROWS };
    let width = usize::from(style.width);
    let line = |out: &mut String, text: &str| {
        for line in wrap(text, width) {
            let _ = writeln!(out, "{line}");
        }
    };
    // Line 1 is one line, however wide: a script, or a mail's subject, takes it.
    let _ = writeln!(out, "{}", words::headline(fleet));
    for problem in &fleet.problems {
        line(&mut out, &format!("  problem: {}", words::problem(problem)));
    }
    drift(fleet, width, most, &mut out);
    placements(fleet, width, &mut out);
    pools(fleet, width, style.all, &mut out);
    for said in &fleet.without {
        out.push('\n');
        line(&mut out, said);
    }
    prices(fleet, width, &mut out);
    classes(fleet, style, most, &mut out);
    moves(fleet, style, style.all, &mut out);
    for note in &fleet.notes {
        line(&mut out, &format!("note: {note}"));
    }
    out
}

fn table(header: &[&str], rows: Vec<Vec<String>>, style: Style) -> String {
    let mut table = Table::new();
    table.load_style(TABLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
    table.set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.to_string();
    text.lines().map(|line| line.trim_end().to_string() + "\n").collect()
}

/// A CPU's name, cut where it gets long.
fn short(name: &str) -> String {
    const MOST: usize = 24;
    if name.chars().count() <= MOST {
        name.to_string()
    } else {
        name.chars().take(MOST - 1).collect::<String>() + "…"
    }
}

fn classes(fleet: &Fleet, style: Style, most: usize, out: &mut String) {
    if fleet.classes.is_empty() {
        return;
    }
    let row = |(i, class): (usize, &crate::fleet::Group)| {
        let partial = if class.is_partial() { ", in part" } else { "" };
        vec![
            words::letter(i),
            class.hosts.len().to_string(),
            words::hosts(fleet, &[i], 1),
            short(&class.cpu().unwrap_or_else(|| class.vendor().to_string())),
            format!("{}{partial}", words::level(class.isa)),
            format!("{}/{}", class.protections.len(), class.hazards.len()),
            words::tsc(class.tsc_khz),
        ]
    };
    let rows = fleet.classes.iter().enumerate().take(most).map(row).collect();
    let header = ["class", "hosts", "which", "CPU", "level", "prot/haz", "TSC"];
    let _ = write!(out, "\n{}", table(&header, rows, style));
    if fleet.classes.len() > most {
        let _ = writeln!(out, "… and {} classes more (--all)", fleet.classes.len() - most);
    }
    let mut said = Vec::new();
    for i in (0..fleet.classes.len()).filter(|i| fleet.classes[*i].is_partial()).take(most) {
        said.extend(
            words::gaps(fleet, i).into_iter().map(|gap| format!("{} captured in part: {gap}", words::letter(i))),
        );
    }
    for text in said {
        for line in wrap(&text, usize::from(style.width)) {
            let _ = writeln!(out, "{line}");
        }
    }
}

/// One sign for a verdict in a matrix.
const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Safe => "safe",
        Verdict::Review => "!",
        Verdict::Unsafe => "-",
        Verdict::Unknown => "?",
    }
}

fn moves(fleet: &Fleet, style: Style, all: bool, out: &mut String) {
    let n = fleet.classes.len();
    if n < 2 {
        return;
    }
    if n <= MATRIX {
        let _ = writeln!(out, "\nmoves from a row to a column: safe, ! review, - something is lost, ? not known");
        let mut lines = vec![(0..n).fold(format!("{:<4}", ""), |line, to| line + &format!("{:<5}", words::letter(to)))];
        lines.extend((0..n).map(|from| {
            let cell = |to: usize| if from == to { "=" } else { sign(fleet.step(from, to).verdict) };
            (0..n).fold(format!("{:<4}", words::letter(from)), |line, to| line + &format!("{:<5}", cell(to)))
        }));
        for line in lines {
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    let mut pairs = words::pairs(fleet);
    let count = |v| pairs.iter().filter(|(.., step)| step.verdict == v).count();
    if n > MATRIX {
        let _ = writeln!(
            out,
            "\n{} moves between classes: {} safe, {} review, {} unsafe, {} unknown (--format html draws them)",
            pairs.len(),
            count(Verdict::Safe),
            count(Verdict::Review),
            count(Verdict::Unsafe),
            count(Verdict::Unknown)
        );
    }
    // What a move within a vendor costs is worth a line; between vendors nothing moves.
    pairs.retain(|(a, b, step)| {
        step.verdict != Verdict::Safe && fleet.classes[*a].class.offer.vendor == fleet.classes[*b].class.offer.vendor
    });
    if !all && n > EXPLAINED {
        let _ = writeln!(out, "what each of the {} that are not safe loses: --all", pairs.len());
        return;
    }
    for (a, b, step) in pairs {
        let text =
            format!("{} -> {} {}: {}", words::letter(a), words::letter(b), step.verdict.word(), words::why(step, 12));
        for line in wrap(&text, usize::from(style.width)) {
            let _ = writeln!(out, "{line}");
        }
    }
}

fn pools(fleet: &Fleet, width: usize, all: bool, out: &mut String) {
    let [most, lines] = if all { [usize::MAX; 2] } else { POOLS };
    if !fleet.partitions.is_empty() {
        let mut points = Vec::new();
        for (k, loss, recommended, pools) in words::curve(fleet).into_iter().take(ROWS) {
            let sign = if recommended { "*" } else { "" };
            let about = if pools.exact { "" } else { "~" };
            points.push(format!("{k}{sign}: {about}{loss}"));
        }
        let more = if fleet.partitions.len() > points.len() { ", …" } else { "" };
        let _ = writeln!(out);
        let star = if fleet.recommended.is_some() { "; * is the one to take" } else { "" };
        let inexact = if fleet.partitions.iter().all(|p| p.exact) { "" } else { "; ~ is not proved to be the least" };
        for line in wrap(&format!("pools: loss  {}{more}{star}{inexact}", points.join(", ")), width) {
            let _ = writeln!(out, "{line}");
        }
    }
    let Some(recommended) = fleet.recommendation() else {
        if let Some(why) = &fleet.why {
            let _ = writeln!(out, "no pools to take: {why}");
        }
        return;
    };
    for (i, pool) in recommended.pools.iter().enumerate().take(most) {
        let letters: Vec<String> = pool.classes.iter().map(|c| words::letter(*c)).collect();
        let mut text = format!(
            "pool {} ({}): {}, {}; {}",
            i + 1,
            letters.join(" "),
            words::hosts(fleet, &pool.classes, 6),
            words::level(pool.isa),
            words::definition(pool)
        );
        if pool.partial {
            text += "; rests on captures that are not whole";
        }
        let _ = writeln!(out);
        for line in wrap(&text, width) {
            let _ = writeln!(out, "{line}");
        }
        let given_up = words::gives_up(fleet, pool, if all { usize::MAX } else { 10 });
        let more = given_up.len().saturating_sub(lines);
        for (who, what) in given_up.into_iter().take(lines) {
            for line in wrap(&format!("  gives up: {who}: {what}"), width) {
                let _ = writeln!(out, "{line}");
            }
        }
        if more > 0 {
            let _ = writeln!(out, "  … and {more} more (--all)");
        }
        if !pool.hazards.is_empty() {
            let _ = writeln!(out, "  hazards: {}", names(&pool.hazards, Knowledge::builtin()).join(" "));
        }
        let warnings = pool.defined().map(|d| d.words.as_slice()).unwrap_or_default();
        for word in warnings.iter().take(3) {
            for line in wrap(&format!("  look: {word}"), width) {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    if recommended.pools.len() > most {
        let _ = writeln!(out, "… and {} pools more (--all)", recommended.pools.len() - most);
    }
    let _ = writeln!(out, "\n--format markdown has each pool's <cpu>");
}

fn prices(fleet: &Fleet, width: usize, out: &mut String) {
    let worth: Vec<_> = fleet.price.iter().filter(|price| price.saves > 0).take(2).collect();
    if worth.is_empty() {
        return;
    }
    let _ = writeln!(out);
    for price in worth {
        let lost = names(&price.places, Knowledge::builtin());
        let text = format!(
            "price: in one pool, {} cost the others {} (loss {}): {}",
            words::hosts(fleet, &price.lacking, words::HOSTS),
            words::count(lost.len(), "feature"),
            price.saves,
            hosts_in_words(&lost, lost.len(), 12)
        );
        for line in wrap(&text, width) {
            let _ = writeln!(out, "{line}");
        }
    }
}

fn placements(fleet: &Fleet, width: usize, out: &mut String) {
    for (vm, placements, pools) in words::vms(fleet) {
        let pools: Vec<String> = pools.iter().map(|p| (p + 1).to_string()).collect();
        let answer = match pools.len() {
            0 => "no pool takes it".to_string(),
            1 => format!("pool {} takes it", pools[0]),
            _ => format!("pools {} take it", pools.join(", ")),
        };
        let _ = writeln!(out, "\nVM {vm}: {answer}");
        for p in placements {
            let to: Vec<String> = p.moves_to.iter().map(|c| words::letter(*c)).collect();
            let to = if to.is_empty() { String::new() } else { format!(", moves to {}", to.join(" ")) };
            let why = if p.why.is_empty() { String::new() } else { format!(": {}", p.why.join("; ")) };
            let text = format!(
                "  on {} ({}): {}{why}{to}",
                words::letter(p.class),
                words::hosts(fleet, &[p.class], 4),
                p.starts.word()
            );
            for line in wrap(&text, width) {
                let _ = writeln!(out, "{line}");
            }
        }
    }
}

fn drift(fleet: &Fleet, width: usize, most: usize, out: &mut String) {
    if fleet.drift.is_empty() {
        return;
    }
    let _ = writeln!(out);
    for d in fleet.drift.iter().take(most) {
        let mut text = format!("changed: {}: {}", d.host, d.changes.join("; "));
        if !d.provenance.is_empty() {
            text += &format!(" [{}]", d.provenance.join("; "));
        }
        if !d.lost_destinations.is_empty() {
            text += &format!("; no longer a destination of {}", d.lost_destinations.join(", "));
        }
        if !d.gained_destinations.is_empty() {
            text += &format!("; now a destination of {}", d.gained_destinations.join(", "));
        }
        for line in wrap(&text, width) {
            let _ = writeln!(out, "{line}");
        }
    }
    if fleet.drift.len() > most {
        let _ = writeln!(out, "… and {} hosts more (--all)", fleet.drift.len() - most);
    }
}
