//! A fleet's report for terminals: the answer first, and all of it on one screen, for 5 hosts and for 500.

use super::words;
use crate::fleet::moves::Verdict;
use crate::fleet::{Fleet, names};
use crate::knowledge::Knowledge;
use crate::list::hang;
use crate::render::Style;
use crate::render::grid::{Grid, plain};
use crate::render::paint::{Paint, paint};

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
    let mut page = Page { text: String::new(), style };
    let most = if style.all { usize::MAX } else { ROWS };
    // Line 1 is one line, however wide: a script, or a mail's subject, takes it.
    page.line(&words::headline(fleet));
    for problem in &fleet.problems {
        page.under("  problem: ", &words::problem(problem));
    }
    drift(fleet, most, &mut page);
    placements(fleet, &mut page);
    pools(fleet, &mut page);
    for said in &fleet.without {
        page.line("");
        page.say(said);
    }
    prices(fleet, &mut page);
    classes(fleet, most, &mut page);
    moves(fleet, &mut page);
    for note in fleet.notes.iter().chain(&fleet.policy) {
        page.say(&format!("note: {note}"));
    }
    page.text
}

/// A report as it grows.
struct Page {
    text: String,
    style: Style,
}

impl Page {
    /// One line, however wide.
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A sentence, wrapped.
    fn say(&mut self, text: &str) {
        self.under("", text);
    }

    /// A sentence behind a word, its further lines under the first.
    fn under(&mut self, head: &str, text: &str) {
        for (lead, line) in hang(head, text, usize::from(self.style.width)) {
            self.line(&format!("{lead}{line}"));
        }
    }

    /// What is left out, where something is.
    fn more(&mut self, all: usize, most: usize, of: &str) {
        if all > most {
            self.line(&format!("{of}… and {} more (--all)", all - most));
        }
    }
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

fn classes(fleet: &Fleet, most: usize, page: &mut Page) {
    if fleet.classes.is_empty() {
        return;
    }
    let row = |(i, class): (usize, &crate::fleet::Group)| {
        let partial = if class.is_partial() { " (partial)" } else { "" };
        let cells = vec![
            words::letter(i),
            format!("{}{partial}", class.hosts.len()),
            words::hosts(fleet, &[i], 1),
            short(&class.cpu().unwrap_or_else(|| class.vendor().to_string())),
            words::level(class.isa),
            format!("{}/{}", class.protections.len(), class.hazards.len()),
            words::tsc(class.tsc_khz),
        ];
        cells.into_iter().map(plain).collect()
    };
    let rows: Vec<_> = fleet.classes.iter().enumerate().take(most).map(row).collect();
    let header = ["class", "hosts", "which", "CPU", "level", "protections/hazards", "TSC"];
    page.line("");
    page.text += &Grid::new(&header, &rows, 4, page.style.width.into()).table(&rows, page.style.colour);
    page.more(fleet.classes.len(), most, "classes: ");
    for gap in words::gaps(fleet, most) {
        page.say(&gap);
    }
}

/// One sign for a verdict in a matrix.
const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Safe => "safe",
        Verdict::Waived => "w",
        Verdict::Review => "!",
        Verdict::Unsafe => "-",
        Verdict::Unknown => "?",
    }
}

const fn colour(verdict: Verdict) -> Paint {
    match verdict {
        Verdict::Safe => Paint::Green,
        Verdict::Waived | Verdict::Review => Paint::Yellow,
        Verdict::Unsafe => Paint::Red,
        Verdict::Unknown => Paint::Bold,
    }
}

fn moves(fleet: &Fleet, page: &mut Page) {
    let n = fleet.classes.len();
    if n < 2 {
        return;
    }
    if n <= MATRIX {
        let waived = if fleet.waived_moves() > 0 { " w waived," } else { "" };
        page.line(&format!("\nmoves from a row to a column: safe,{waived} ! review, - unsafe, ? not known"));
        let cell = |text: &str, style: Paint| paint(text, style, page.style.colour) + &" ".repeat(5 - text.len());
        let head: String = (0..n).map(|to| format!("{:<5}", words::letter(to))).collect();
        let mut lines = vec![format!("{:<4}{head}", "")];
        lines.extend((0..n).map(|from| {
            let cells = (0..n).map(|to| match fleet.step(from, to).verdict {
                _ if from == to => cell("=", Paint::Plain),
                verdict => cell(sign(verdict), colour(verdict)),
            });
            format!("{:<4}{}", words::letter(from), cells.collect::<String>())
        }));
        for line in lines {
            page.line(line.trim_end());
        }
    }
    let mut pairs = words::pairs(fleet);
    let count = |v| pairs.iter().filter(|(.., step)| step.verdict == v).count();
    if n > MATRIX {
        let counts = Verdict::ALL.into_iter().filter(|v| *v != Verdict::Waived || count(*v) > 0);
        let counts: Vec<String> = counts.map(|v| format!("{} {}", count(v), v.word())).collect();
        page.line(&format!(
            "\n{} moves between classes: {} (--format html draws them)",
            pairs.len(),
            counts.join(", ")
        ));
    }
    // What a move within a vendor costs is worth a line; between vendors nothing moves.
    pairs.retain(|(a, b, step)| {
        step.verdict != Verdict::Safe && fleet.classes[*a].class.offer.vendor == fleet.classes[*b].class.offer.vendor
    });
    if !page.style.all && n > EXPLAINED {
        let n = pairs.len();
        page.say(&format!("--all says what is lost in each of the {n} moves within a vendor that are not safe"));
        return;
    }
    for (a, b, step) in pairs {
        page.say(&format!("{} {}: {}", words::arrow(a, b), step.verdict.word(), words::why(step, 12)));
    }
}

fn pools(fleet: &Fleet, page: &mut Page) {
    let all = page.style.all;
    let [most, lines] = if all { [usize::MAX; 2] } else { POOLS };
    if !fleet.partitions.is_empty() {
        let mut points = Vec::new();
        for (k, loss, recommended, pools) in words::curve(fleet).into_iter().take(ROWS) {
            let sign = if recommended { " (recommended)" } else { "" };
            let about = if pools.exact { "" } else { "~" };
            points.push(format!("{} {about}{loss}{sign}", words::count(k, "pool")));
        }
        let more = if fleet.partitions.len() > points.len() { ", …" } else { "" };
        page.line("");
        let inexact = if fleet.partitions.iter().all(|p| p.exact) { "" } else { "; ~ is not proved to be the least" };
        page.say(&format!("what is lost with: {}{more}{inexact}", points.join(", ")));
    }
    let Some(recommended) = fleet.recommendation() else {
        if let Some(why) = &fleet.why {
            page.line(&format!("no pools to take: {why}"));
        }
        return;
    };
    for (i, pool) in recommended.pools.iter().enumerate().take(most) {
        let mut text = format!(
            "pool {} ({}): {}, {}; {}",
            i + 1,
            words::classes(&pool.classes),
            words::hosts(fleet, &pool.classes, 6),
            words::level(pool.isa),
            words::definition(pool)
        );
        if pool.partial {
            text += "; rests on partial captures";
        }
        page.line("");
        page.say(&text);
        let given_up = words::gives_up(fleet, pool, if all { usize::MAX } else { 10 });
        for (who, what) in given_up.iter().take(lines) {
            page.under("  ", &format!("{who} {what}"));
        }
        page.more(given_up.len(), lines, "  ");
        if !pool.hazards.is_empty() {
            page.under("  hazards: ", &names(&pool.hazards, Knowledge::builtin()).join(" "));
        }
        let warnings = pool.defined().map(|d| d.words.as_slice()).unwrap_or_default();
        for word in warnings.iter().take(3) {
            page.under("  note: ", word);
        }
    }
    page.more(recommended.pools.len(), most, "pools: ");
    page.line("\n--format markdown has each pool's <cpu>");
}

fn prices(fleet: &Fleet, page: &mut Page) {
    let worth: Vec<_> = fleet.price.iter().filter(|price| price.saves > 0).take(2).collect();
    if worth.is_empty() {
        return;
    }
    page.line("");
    for price in worth {
        page.under("price: ", &words::price(fleet, price, 12));
    }
}

fn placements(fleet: &Fleet, page: &mut Page) {
    for (vm, placements, pools) in words::vms(fleet) {
        page.line(&format!("\nVM {vm}: {}", words::takes(fleet, vm, &pools)));
        for p in placements {
            let to = |how: &str, to: &[usize]| {
                if to.is_empty() { String::new() } else { format!(", moves {how}to {}", words::classes(to)) }
            };
            let to = to("", &p.moves_to) + &to("by waiver ", &p.moves_by_waiver);
            let why = Some(words::why_placed(p)).filter(|why| !why.is_empty());
            let why = why.map_or_else(String::new, |why| format!(": {why}"));
            let who = words::hosts(fleet, &[p.class], 4);
            page.under("  ", &format!("on {} ({who}): {}{why}{to}", words::classes(&[p.class]), p.starts.word()));
        }
    }
}

fn drift(fleet: &Fleet, most: usize, page: &mut Page) {
    if fleet.drift.is_empty() {
        return;
    }
    page.line("");
    for d in fleet.drift.iter().take(most) {
        let mut text = format!("{}: {}", d.host, d.changes.join("; "));
        if !d.provenance.is_empty() {
            text += &format!(" [{}]", d.provenance.join("; "));
        }
        if !d.lost_destinations.is_empty() {
            text += &format!("; no longer a destination of {}", d.lost_destinations.join(", "));
        }
        if !d.gained_destinations.is_empty() {
            text += &format!("; now a destination of {}", d.gained_destinations.join(", "));
        }
        page.under("changed: ", &text);
    }
    page.more(fleet.drift.len(), most, "changed: ");
}
