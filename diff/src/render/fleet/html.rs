//! A fleet's report as one HTML page: it needs no network and no script. The diagram of safe moves and the curve of pools
//! against loss are drawn here.

use std::fmt::Write;

use super::hasse::Hasse;
use super::words;
use crate::fleet::Fleet;
use crate::fleet::moves::Verdict;
use crate::fleet::names;
use crate::knowledge::Knowledge;
use crate::render::html::escape;

const STYLE: &str = include_str!("fleet.css");
/// So many classes are drawn.
const DRAWN: usize = 40;
/// So many rows of lists.
const ROWS: usize = 500;

/// The page.
#[must_use]
pub fn render(fleet: &Fleet) -> String {
    let headline = words::headline(fleet);
    let grade = match fleet.exit_code() {
        0 if !fleet.rests_on_waivers() => "safe",
        0 | 1 => "review",
        _ => "unsafe",
    };
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{0}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<p class=\"kind\">CPUs of a fleet</p>\n\
         <h1 class=\"{grade}\">{0}</h1>\n",
        escape(&headline)
    );
    list(&mut out, "Problems", "problems", fleet.problems.iter().map(words::problem));
    drift(fleet, &mut out);
    pools(fleet, &mut out);
    curve(fleet, &mut out);
    diagram(fleet, &mut out);
    matrix(fleet, &mut out);
    classes(fleet, &mut out);
    prices(fleet, &mut out);
    list(&mut out, "Without", "", fleet.without.iter().cloned());
    vms(fleet, &mut out);
    list(&mut out, "Notes", "", fleet.notes.iter().chain(&fleet.policy).cloned());
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn list(out: &mut String, title: &str, class: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    // Writing to a String cannot fail.
    let _ = writeln!(out, "<h2>{title}</h2>\n<ul class=\"{class}\">");
    for item in items.iter().take(ROWS) {
        let _ = writeln!(out, "<li>{}</li>", escape(item));
    }
    if items.len() > ROWS {
        let _ = writeln!(out, "<li>… and {} more: --format json has them all</li>", items.len() - ROWS);
    }
    out.push_str("</ul>\n");
}

fn drift(fleet: &Fleet, out: &mut String) {
    if fleet.drift.is_empty() {
        return;
    }
    out.push_str("<h2>Changed since</h2>\n<div class=\"wide\"><table>\n<tr><th>host</th><th>what changed</th><th>beside it</th><th>no longer takes</th><th>now takes</th></tr>\n");
    for d in fleet.drift.iter().take(ROWS) {
        let cells = [
            d.host.clone(),
            d.changes.join("; "),
            d.provenance.join("; "),
            d.lost_destinations.join(", "),
            d.gained_destinations.join(", "),
        ];
        row(out, &cells);
    }
    out.push_str("</table></div>\n");
}

fn row(out: &mut String, cells: &[String]) {
    out.push_str("<tr>");
    for cell in cells {
        let _ = write!(out, "<td>{}</td>", escape(cell));
    }
    out.push_str("</tr>\n");
}

fn pools(fleet: &Fleet, out: &mut String) {
    let Some(recommended) = fleet.recommendation() else {
        if let Some(why) = &fleet.why {
            let _ = writeln!(out, "<h2>No pools to take</h2>\n<p>{}</p>", escape(why));
        }
        return;
    };
    // Of few pools each definition is in sight.
    let open = if recommended.pools.len() <= 3 { " open=\"\"" } else { "" };
    out.push_str("<h2>Pools</h2>\n<div class=\"cards\">\n");
    for (i, pool) in recommended.pools.iter().enumerate() {
        let _ = writeln!(
            out,
            "<section class=\"card\">\n<h3>Pool {}: {}</h3>\n<p>{} <span class=\"dim\">({})</span></p>\n<p>{}; {}</p>",
            i + 1,
            words::count(pool.hosts, "host"),
            escape(&words::hosts(fleet, &pool.classes, 12)),
            escape(&words::classes(&pool.classes)),
            escape(&words::level(pool.isa)),
            escape(&words::definition(pool))
        );
        if pool.partial {
            out.push_str("<p class=\"unknown\">Rests on partial captures.</p>\n");
        }
        if !pool.hazards.is_empty() {
            let _ = writeln!(
                out,
                "<p class=\"review\">Hazards: {}</p>",
                escape(&names(&pool.hazards, Knowledge::builtin()).join(" "))
            );
        }
        out.push_str("<ul>\n");
        for (who, what) in words::gives_up(fleet, pool, 64) {
            let _ = writeln!(out, "<li><b>{}</b> {}</li>", escape(&who), escape(&what));
        }
        out.push_str("</ul>\n");
        if let Some(d) = pool.defined() {
            for word in &d.words {
                let _ = writeln!(out, "<p class=\"review\">{}</p>", escape(word));
            }
            let _ = writeln!(
                out,
                "<details{open}><summary>&lt;cpu&gt; for libvirt</summary>\n<pre>{}</pre></details>\n<details><summary>-cpu \
                 for QEMU</summary>\n<pre class=\"wrap\">{}</pre></details>",
                escape(&d.libvirt),
                escape(&d.qemu)
            );
        }
        out.push_str("</section>\n");
    }
    out.push_str("</div>\n");
}

/// The curve of pools against loss, as bars.
#[allow(clippy::cast_precision_loss)]
fn curve(fleet: &Fleet, out: &mut String) {
    let curve = words::curve(fleet);
    let worst = curve.iter().map(|(_, loss, ..)| *loss).max().unwrap_or_default();
    if curve.len() < 2 || worst == 0 {
        return;
    }
    let (shown, width, height) = (curve.len().min(DRAWN), 24.0, 120.0);
    let all = width * shown as f64;
    let _ = writeln!(
        out,
        "<h2>Pools against loss</h2>\n<figure class=\"wide\"><svg viewBox=\"0 0 {all} 170\" style=\"width:{}px\" role=\"img\" \
         aria-label=\"loss by number of pools\">",
        (all * 2.0).clamp(160.0, 900.0)
    );
    for (i, (k, loss, recommended, pools)) in curve.iter().enumerate().take(shown) {
        let tall = height * *loss as f64 / worst as f64;
        let (x, y) = (width * i as f64, 20.0 + height - tall);
        let class = if *recommended { "bar take" } else { "bar" };
        let about = if pools.exact { "" } else { "about " };
        let _ = writeln!(
            out,
            "<g class=\"{class}\"><title>{k} pools: loss {about}{loss}</title><rect x=\"{}\" y=\"{y:.1}\" width=\"{}\" \
             height=\"{:.1}\"/><text x=\"{}\" y=\"{:.1}\">{loss}</text><text x=\"{}\" y=\"154\">{k}</text></g>",
            x + 3.0,
            width - 6.0,
            tall.max(1.0),
            x + width / 2.0,
            y - 3.0,
            x + width / 2.0
        );
    }
    out.push_str(
        "</svg>\n<figcaption>Number of pools below, loss above; the marked one is recommended.</figcaption></figure>\n",
    );
}

/// The Hasse diagram, in layers: guests move down the lines.
#[allow(clippy::cast_precision_loss)]
fn diagram(fleet: &Fleet, out: &mut String) {
    if fleet.classes.len() < 2 {
        return;
    }
    out.push_str("<h2>Safe moves</h2>\n");
    if fleet.classes.len() > DRAWN {
        let _ = writeln!(
            out,
            "<p>{} classes are too many to draw: --format dot has them for Graphviz.</p>",
            fleet.classes.len()
        );
        return;
    }
    let hasse = Hasse::of(fleet);
    let rows = hasse.rows();
    let (wide, high, gap) = (150.0, 44.0, 46.0);
    let widest = rows.iter().map(Vec::len).max().unwrap_or(1);
    let width = widest as f64 * (wide + 16.0);
    let height = rows.len() as f64 * (high + gap) - gap + 8.0;
    let mut at = vec![(0.0, 0.0); hasse.nodes.len()];
    for (r, row) in rows.iter().enumerate() {
        let left = (width - row.len() as f64 * (wide + 16.0)) / 2.0;
        for (i, node) in row.iter().enumerate() {
            at[*node] = (left + i as f64 * (wide + 16.0) + 8.0, r as f64 * (high + gap) + 4.0);
        }
    }
    let _ = writeln!(
        out,
        "<figure class=\"wide\"><svg viewBox=\"0 0 {width} {height}\" style=\"width:{width}px\" role=\"img\" aria-label=\"diagram of \
         safe moves\"><defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>"
    );
    for (a, b) in &hasse.edges {
        let ((xa, ya), (xb, yb)) = (at[*a], at[*b]);
        let (x1, y1, x2, y2) = (xa + wide / 2.0, ya + high, xb + wide / 2.0, yb - 1.0);
        let bend = (y2 - y1) / 2.0;
        let _ = writeln!(
            out,
            "<path class=\"edge\" marker-end=\"url(#tip)\" d=\"M{x1:.0} {y1:.0}C{x1:.0} {:.0} {x2:.0} {:.0} {x2:.0} {y2:.0}\"/>",
            y1 + bend,
            y2 - bend
        );
    }
    for (node, classes) in hasse.nodes.iter().enumerate() {
        let (x, y) = at[node];
        let names = words::hosts(fleet, classes, 2);
        let short: String = names.chars().take(20).collect();
        let short = if short.len() < names.len() { short + "…" } else { short };
        let _ = writeln!(
            out,
            "<g class=\"node\"><title>{}</title><rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{wide}\" height=\"{high}\" rx=\"5\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\" class=\"name\">{} · {}</text><text x=\"{:.0}\" y=\"{:.0}\">{}</text></g>",
            escape(&words::hosts(fleet, classes, 12)),
            x + wide / 2.0,
            y + 18.0,
            words::letters(classes),
            words::count(fleet.count(classes), "host"),
            x + wide / 2.0,
            y + 35.0,
            escape(&short)
        );
    }
    out.push_str(
        "</svg>\n<figcaption>A guest with all that a class offers may move along the arrows, and nowhere else without losing \
         something.</figcaption></figure>\n",
    );
}

fn matrix(fleet: &Fleet, out: &mut String) {
    let n = fleet.classes.len();
    if !(2..=DRAWN).contains(&n) {
        return;
    }
    out.push_str("<h2>Moves</h2>\n<div class=\"wide\"><table class=\"matrix\">\n<tr><th>from \\ to</th>");
    for to in 0..n {
        let _ = write!(out, "<th>{}</th>", words::letter(to));
    }
    out.push_str("</tr>\n");
    for from in 0..n {
        let _ = write!(out, "<tr><th>{}</th>", words::letter(from));
        for to in 0..n {
            let step = fleet.step(from, to);
            if from == to {
                out.push_str("<td class=\"own\"></td>");
                continue;
            }
            let lost = step.loses.len() + step.numbers.len();
            let text = match step.verdict {
                Verdict::Unsafe if lost > 0 => format!("−{lost}"),
                Verdict::Unsafe => "−".to_string(),
                Verdict::Safe => "safe".to_string(),
                other => other.word().to_string(),
            };
            let tip = format!("{}: {}; {}", words::arrow(from, to), step.verdict.word(), words::why(step, 40));
            let heat = if step.verdict == Verdict::Unsafe { format!(" h{}", lost.min(24) / 6) } else { String::new() };
            let _ = write!(out, "<td class=\"{}{heat}\" title=\"{}\">{text}</td>", step.verdict.word(), escape(&tip));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table></div>\n<p class=\"dim\">−n: a guest loses n things. What they are:</p>\n<details><summary>every move that is not safe</summary>\n<ul>\n");
    for (a, b, step) in words::pairs(fleet).into_iter().filter(|(.., s)| s.verdict != Verdict::Safe).take(ROWS) {
        let _ = writeln!(
            out,
            "<li>{}: <span class=\"{1}\">{1}</span>: {2}</li>",
            words::arrow(a, b),
            step.verdict.word(),
            escape(&words::why(step, 64))
        );
    }
    out.push_str("</ul></details>\n");
}

fn classes(fleet: &Fleet, out: &mut String) {
    out.push_str(
        "<h2>Classes</h2>\n<div class=\"wide\"><table>\n<tr><th>class</th><th>hosts</th><th>which</th><th>CPU</th><th>level</th>\
         <th>protections</th><th>hazards</th><th>TSC</th></tr>\n",
    );
    for (i, class) in fleet.classes.iter().enumerate().take(ROWS) {
        let partial = if class.is_partial() { " (partial)" } else { "" };
        let cells = [
            words::letter(i),
            format!("{}{partial}", class.hosts.len()),
            words::hosts(fleet, &[i], 12),
            class.cpu().unwrap_or_else(|| class.vendor().to_string()),
            words::level(class.isa),
            class.protections.len().to_string(),
            names(&class.hazards, Knowledge::builtin()).join(" "),
            words::tsc(class.tsc_khz),
        ];
        row(out, &cells);
    }
    out.push_str("</table></div>\n");
    list(out, "Partial captures", "", words::gaps(fleet, usize::MAX).into_iter());
}

fn prices(fleet: &Fleet, out: &mut String) {
    list(
        out,
        "What hosts cost the others, in as few pools as there can be",
        "",
        fleet.price.iter().filter(|price| price.saves > 0).take(24).map(|price| words::price(fleet, price, 64)),
    );
}

fn vms(fleet: &Fleet, out: &mut String) {
    for (vm, placements, pools) in words::vms(fleet) {
        let answer = words::takes(fleet, vm, &pools);
        let _ = writeln!(
            out,
            "<h2>VM {}: {answer}</h2>\n<div class=\"wide\"><table>\n<tr><th>class</th><th>hosts</th><th>starts</th><th>why</th>\
             <th>moves to</th></tr>",
            escape(vm)
        );
        for p in placements {
            let cells = [
                words::letter(p.class),
                words::hosts(fleet, &[p.class], 4),
                p.starts.word().to_string(),
                words::why_placed(p),
                words::moves_to(p),
            ];
            row(out, &cells);
        }
        out.push_str("</table></div>\n");
    }
}
