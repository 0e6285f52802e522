//! Before anything is worked out: one kind of hosts, one record a host, and everything that is missing, stale or
//! contradictory, by name.

use std::collections::{BTreeMap, BTreeSet};

use super::Asked;
use super::facts::{Class, Facts, Host, Problem};
use super::offer::{Offer, name};
use super::says::Says;
use crate::knowledge::Knowledge;
use crate::list;
use crate::view::Role;
use crate::view::clock::Clocks;

/// A fleet of one kind.
#[derive(Debug)]
pub(super) struct Prepared {
    pub role: Role,
    pub emulated: bool,
    pub hosts: Vec<Host>,
    pub classes: Vec<Class>,
    /// The offers of hosts that the user leaves out.
    pub left_out: Vec<Offer>,
    pub problems: Vec<Problem>,
    pub notes: Vec<String>,
}

/// So many names a sentence shows.
const NAMES: usize = 8;

/// A file's name without what says its form: two files of one host are called alike.
pub(super) fn stem(name: &str) -> &str {
    let mut stem = name;
    for end in [".gz", ".xz", ".zst", ".json", ".xml", ".txt", ".raw", ".yaml", ".yml", ".dump", ".log"] {
        stem = stem.strip_suffix(end).filter(|rest| !rest.is_empty() && !rest.ends_with('/')).unwrap_or(stem);
    }
    stem
}

/// Whether the user means this host by `asked`.
pub(super) fn is_meant(asked: &str, host: &str) -> bool {
    asked == host || stem(host) == asked
}

pub(super) fn prepare(facts: Facts, asked: &Asked, knowledge: &Knowledge) -> Prepared {
    let Facts { mut hosts, mut classes, mut problems } = facts;
    let mut notes = Vec::new();
    let whole = |what: String| Problem { host: None, file: None, what };
    let guests = hosts.iter().filter(|host| host.role == Role::Guest).count();
    let role = if guests * 2 > hosts.len() { Role::Guest } else { Role::Offer };
    if guests > 0 && guests < hosts.len() {
        let (few, many, out) = if role == Role::Guest {
            ("offers", "guests", "it is an offer, and the fleet is of guests")
        } else {
            ("guests", "offers", "it is a guest's dump; `--as offer` takes it as an offer")
        };
        let are = if guests == 1 { "is a guest" } else { "are guests" };
        problems.push(whole(format!(
            "{guests} of {} inputs {are}, the rest are offers: a fleet is offers alone, or guests of one definition alone; the \
             {few} are left out, and what follows is about the {many}",
            hosts.len()
        )));
        left_out(&mut hosts, &mut problems, out, |host| (host.role == Role::Guest) != (role == Role::Guest));
    }
    let is_tcg = |host: &Host| host.accel.as_deref() == Some("tcg");
    let tcg = hosts.iter().filter(|host| is_tcg(host)).count();
    let emulated = tcg * 2 > hosts.len();
    if tcg > 0 && tcg < hosts.len() {
        problems.push(whole(format!(
            "{tcg} inputs show what QEMU emulates and {} what KVM gives: the two have nothing to do with each other; the {} \
             are left out",
            hosts.len() - tcg,
            if emulated { "others" } else { "emulated ones" }
        )));
        let out = if emulated { "it shows what KVM gives" } else { "it shows what QEMU emulates" };
        left_out(&mut hosts, &mut problems, out, |host| is_tcg(host) != emulated);
    }
    // Before files of one host become one, so that a mixture within a host is seen too, and an old file beside a new one.
    kinds(&hosts, &mut problems);
    aged(&hosts, asked, &mut problems);
    one_a_host(&mut hosts, &mut classes, &mut problems, knowledge);
    for wanted in &asked.without {
        if !hosts.iter().any(|host| is_meant(wanted, &host.name)) {
            problems.push(whole(format!("--without {wanted}: no host is called so")));
        }
    }
    expected(&hosts, asked, &mut problems, &mut notes);
    // Hosts that are left out on purpose.
    let is_out = |host: &Host| asked.without.iter().any(|wanted| is_meant(wanted, &host.name));
    let left: BTreeSet<usize> = hosts.iter().filter(|host| is_out(host)).map(|host| host.class).collect();
    let left_out = left.into_iter().map(|class| classes[class].offer.clone()).collect();
    hosts.retain(|host| !is_out(host));
    if hosts.is_empty() && problems.is_empty() {
        problems.push(whole("no hosts".to_string()));
    }
    Prepared { role, emulated, hosts, classes, left_out, problems, notes }
}

/// Takes hosts out, and says which.
fn left_out(hosts: &mut Vec<Host>, problems: &mut Vec<Problem>, why: &str, is_out: impl Fn(&Host) -> bool) {
    for host in hosts.iter().filter(|host| is_out(host)) {
        problems.push(Problem {
            host: Some(host.name.to_string()),
            file: Some(host.file.to_string()),
            what: format!("left out: {why}"),
        });
    }
    hosts.retain(|host| !is_out(host));
}

/// Several files of one host become one record. Where they disagree, nothing is known there, and that is a problem.
fn one_a_host(hosts: &mut Vec<Host>, classes: &mut Vec<Class>, problems: &mut Vec<Problem>, knowledge: &Knowledge) {
    let called = |i: &usize| stem(&hosts[*i].name);
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    order.sort_by(|a, b| called(a).cmp(called(b)));
    let same = order.chunk_by(|a, b| called(a) == called(b));
    let several: Vec<Vec<usize>> = same.filter(|of| of.len() > 1).map(<[usize]>::to_vec).collect();
    if several.is_empty() {
        return;
    }
    let mut index: BTreeMap<Offer, usize> = classes.iter().enumerate().map(|(i, c)| (c.offer.clone(), i)).collect();
    let mut gone = BTreeSet::new();
    for of in several {
        let [first, others @ ..] = of.as_slice() else { continue };
        let mut offer = classes[hosts[*first].class].offer.clone();
        let mut merged = classes[hosts[*first].class].clone();
        for other in others {
            let class = classes[hosts[*other].class].clone();
            let (said, differ) = offer.both_say(&class.offer);
            if offer.vendor != class.offer.vendor && offer.vendor.is_some() && class.offer.vendor.is_some()
                || !differ.is_empty()
            {
                let names: Vec<String> = differ.iter().map(|place| name(*place, knowledge)).collect();
                let where_ = if names.is_empty() { "the vendor".to_string() } else { list::first(&names, NAMES) };
                problems.push(Problem {
                    host: Some(hosts[*first].name.to_string()),
                    file: Some(hosts[*other].file.to_string()),
                    what: format!(
                        "two files of one host disagree ({} and {}) in {} places: {where_}; nothing is claimed there",
                        hosts[*first].file,
                        hosts[*other].file,
                        differ.len().max(1)
                    ),
                });
            }
            let [one, two] = [*first, *other].map(|i| &hosts[i]);
            let unlike = unlike(one, two);
            if !unlike.is_empty() {
                problems.push(Problem {
                    host: Some(one.name.to_string()),
                    file: Some(two.file.to_string()),
                    what: format!(
                        "two files of one host disagree ({} and {}): {}; keep the newer one",
                        one.file,
                        two.file,
                        unlike.join(", ")
                    ),
                });
            }
            // What it gives under another machine type is another question.
            let both_say = [one, two].iter().all(|host| *host.says != Says::default());
            if both_say && one.says != two.says && one.machine == two.machine && one.source == two.source {
                problems.push(Problem {
                    host: Some(one.name.to_string()),
                    file: Some(two.file.to_string()),
                    what: format!(
                        "two files of one host disagree ({} and {}) in what it says beside features: {}",
                        one.file,
                        two.file,
                        list::first(&[one.says.beyond(&two.says), two.says.beyond(&one.says)].concat(), NAMES)
                    ),
                });
            }
            offer = said;
            merged.signatures.extend(class.signatures);
            merged.models.extend(class.models);
            merged.cpus.extend(class.cpus);
            gone.insert(*other);
        }
        let at = *index.entry(offer.clone()).or_insert_with(|| {
            merged.offer = offer;
            classes.push(merged);
            classes.len() - 1
        });
        let tsc = of.iter().find_map(|i| hosts[*i].tsc_khz);
        let host = &mut hosts[*first];
        (host.class, host.tsc_khz) = (at, host.tsc_khz.or(tsc));
    }
    let mut i = 0;
    hosts.retain(|_| {
        i += 1;
        !gone.contains(&(i - 1))
    });
}

/// What two files say of one host that cannot both be so.
fn unlike(a: &Host, b: &Host) -> Vec<String> {
    let pairs =
        [("kernel", &a.kernel, &b.kernel), ("microcode", &a.microcode, &b.microcode), ("QEMU", &a.qemu, &b.qemu)];
    let differ = pairs.into_iter().filter_map(|(what, a, b)| {
        let (a, b) = (a.as_deref()?, b.as_deref()?);
        (a != b).then(|| format!("{what} {a} and {b}"))
    });
    let clocks = a.tsc_khz.zip(b.tsc_khz).filter(|(a, b)| !Clocks::of(*a, *b).within_tolerance());
    differ.chain(clocks.map(|(a, b)| format!("TSC {a} kHz and {b} kHz"))).collect()
}

/// What KVM could give, what QEMU gave a guest and what libvirt lists differ though the host is the same.
fn kinds(hosts: &[Host], problems: &mut Vec<Problem>) {
    let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for host in hosts.iter().filter(|host| host.role == Role::Offer) {
        let first = kinds.entry(&*host.source).or_default();
        if first.len() <= NAMES {
            first.push(host.name.to_string());
        }
    }
    if kinds.len() > 1 {
        let said: Vec<String> =
            kinds.iter().map(|(kind, hosts)| format!("{kind} ({})", list::first(hosts, NAMES))).collect();
        problems.push(Problem {
            host: None,
            file: None,
            what: format!(
                "offers of different kinds are mixed: {}; they differ though hosts are the same, so take all hosts in one way",
                said.join(", ")
            ),
        });
    }
}

fn expected(hosts: &[Host], asked: &Asked, problems: &mut Vec<Problem>, notes: &mut Vec<String>) {
    if asked.expect.is_empty() {
        return;
    }
    let there: BTreeSet<&str> = hosts.iter().flat_map(|host| [&*host.name, stem(&host.name)]).collect();
    for wanted in asked.expect.iter().filter(|wanted| !there.contains(wanted.as_str())) {
        problems.push(Problem {
            host: Some(wanted.clone()),
            file: None,
            what: "--expect names it, and no file of it was given: capture it, or take it out of the list".to_string(),
        });
    }
    let wanted: BTreeSet<&str> = asked.expect.iter().map(String::as_str).collect();
    let more = hosts.iter().filter(|host| !wanted.contains(&*host.name) && !wanted.contains(stem(&host.name)));
    let more: Vec<String> = more.map(|host| host.name.to_string()).collect();
    if !more.is_empty() {
        notes.push(format!("{} hosts are there and not expected: {}", more.len(), list::first(&more, NAMES)));
    }
}

fn aged(hosts: &[Host], asked: &Asked, problems: &mut Vec<Problem>) {
    let Some(most) = asked.max_age else { return };
    for host in hosts {
        let what = match host.captured_at.as_deref().map(|at| (at, days(at))) {
            None => "does not say when it was captured, so --max-age cannot be held".to_string(),
            Some((at, None)) => format!("was captured at `{at}`, which is no date"),
            Some((at, Some(day))) if asked.today - day > i64::from(most) => {
                format!("was captured on {}, {} days ago: capture it again", &at[..10], asked.today - day)
            }
            Some((at, Some(day))) if day - asked.today > 1 => {
                format!("was captured on {}, which is {} days ahead", &at[..10], day - asked.today)
            }
            Some(_) => continue,
        };
        problems.push(Problem { host: Some(host.name.to_string()), file: Some(host.file.to_string()), what });
    }
}

/// The day of `YYYY-MM-DD…`, counted from 1970-01-01.
///
/// # Source
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
#[must_use]
pub fn days(text: &str) -> Option<i64> {
    let text = text.get(..10)?;
    let mut parts = text.split('-');
    let mut number = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        assert_eq!(days("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(days("2000-03-01"), Some(11_017));
        assert_eq!(days("2026-11-26T19:00:00Z").zip(days("2026-11-25")).map(|(a, b)| a - b), Some(1));
        assert_eq!((days("soon"), days("2026-13-01"), days("")), (None, None, None));
    }

    #[test]
    fn files_of_one_host_are_called_alike() {
        assert_eq!(
            [stem("node1.json"), stem("r1/node1.xml.gz"), stem("node1.example.org")],
            ["node1", "r1/node1", "node1.example.org"]
        );
        assert_eq!(stem("r1/.json"), "r1/.json");
    }
}
