//! `cpuid -r` (Todd Allen's tool), and the same lines in an autotest or tp-qemu log between
//! `==START TEST==` and `==END TEST==`.
//!
//! Other lines may hold anything, such as prompts and boot messages.
//!
//! The tool prints the lists of leaves 4 and 0xb with the entry that ends them, and that of 0x8000001d without it (seen
//! in version 20230120).

use cpuid_probe::LeafId;
use cpuid_probe::coverage::Coverage;
use cpuid_probe::dump::{Gap, GapReason, VcpuDump};

use super::builder::Builder;
use super::line::{self, RAW};
use super::{Input, Read, ReadError, Reader, skip};

pub(super) const READER: Reader =
    Reader { name: "raw", about: "`cpuid -r`, also inside an autotest log", recognise, read: Read::One(read) };

fn recognise(text: &str) -> bool {
    line::any(text, line::raw)
}

fn read(text: &str) -> Result<Input, ReadError> {
    let marked = line::lines(text).any(|(_, line)| line.contains("==START TEST=="));
    let mut builder = Builder::new(READER.name);
    builder.one_a_run = true;
    let mut inside = !marked;
    for (number, line) in line::lines(text) {
        if line.contains("==START TEST==") {
            inside = true;
        } else if marked && line.contains("==END TEST==") {
            inside = false;
        } else if inside {
            line::add(&mut builder, number, line, line::raw)?;
        } else {
            skip(number, line)?;
        }
    }
    if marked && inside {
        return Err(ReadError::whole("cut off: `==START TEST==` without `==END TEST==`"));
    }
    let mut dump = builder.finish(RAW)?;
    dump.vcpus.iter_mut().for_each(note_list_end);
    Ok(Input::Dump(Box::new(dump)))
}

/// The list that is printed without its end, and the leaf after it, which exists wherever the list does (APM vol. 3
/// appendix E).
const UNENDED: u32 = 0x8000_001d;
const BEHIND: u32 = 0x8000_001e;

/// Where the list of [`UNENDED`] ends, nothing is missing. Two entries show that the tool reads the list (one that
/// does not know it reads one subleaf), and the leaf behind it that the text was not cut there.
fn note_list_end(vcpu: &mut VcpuDump) {
    if vcpu.get(LeafId::new(BEHIND, 0)).is_none() || vcpu.get(LeafId::new(UNENDED, 1)).is_none() {
        return;
    }
    let missing = Coverage::of(vcpu).missing.into_iter().find(|id| id.leaf == UNENDED && id.ecx() >= 2);
    // With an entry after it, a line was lost.
    if let Some(id) = missing.filter(|id| !vcpu.goes_on_behind(*id)) {
        vcpu.gaps.push(Gap { id, reason: GapReason::End });
        vcpu.gaps.sort_by_key(|gap| gap.id);
    }
}

#[cfg(test)]
mod tests {
    use cpuid_probe::coverage::Place;
    use cpuid_probe::dump::Dump;

    use super::*;
    use crate::judge::compare;
    use crate::judge::rule::Directions;
    use crate::knowledge::Knowledge;
    use crate::view::DumpView;

    /// A CPU with `caches` entries in its list.
    fn text(caches: u32) -> String {
        let line = |leaf: u32, subleaf: u32, [a, b, c, d]: [u32; 4]| {
            format!("   {leaf:#010x} {subleaf:#04x}: eax={a:#010x} ebx={b:#010x} ecx={c:#010x} edx={d:#010x}\n")
        };
        let vendor = [0x6874_7541, 0x444d_4163, 0x6974_6e65];
        let mut text = line(0, 0, [1, vendor[0], vendor[1], vendor[2]]) + &line(1, 0, [0x00a2_0f12, 0, 0, 1 << 26]);
        text += &line(0x8000_0000, 0, [0x8000_001e, vendor[0], vendor[1], vendor[2]]);
        text += &line(0x8000_0001, 0, [0x00a2_0f12, 0, 1 << 22, 0]);
        text += &(2..0x1d).map(|n| line(0x8000_0000 + n, 0, [0; 4])).collect::<String>();
        text += &(0..caches).map(|n| line(UNENDED, n, [0x121 + n, 0x3f, 0, 0])).collect::<String>();
        text + &line(BEHIND, 0, [0; 4])
    }

    fn dump(text: &str) -> Dump {
        let Ok(Input::Dump(dump)) = read(text) else { panic!("{text}") };
        *dump
    }

    fn vcpu(text: &str) -> VcpuDump {
        dump(text).vcpus[0].clone()
    }

    #[test]
    fn the_list_without_its_end_is_whole() {
        let v = vcpu(&text(4));
        assert_eq!(v.gaps, [Gap { id: LeafId::new(UNENDED, 4), reason: GapReason::End }]);
        let coverage = Coverage::of(&v);
        assert!(coverage.is_complete(), "{:?}", coverage.missing);
        assert_eq!(coverage.place(LeafId::new(UNENDED, 4)), Place::Absent);
        assert_eq!(coverage.place(LeafId::new(UNENDED, 3)), Place::Captured);
    }

    #[test]
    fn lists_are_the_same_when_they_end_at_the_same_place() {
        let compared = |a, b| {
            let (a, b) = (dump(&text(a)), dump(&text(b)));
            compare(&DumpView::of(&a), &DumpView::of(&b), Directions::Both, Knowledge::builtin())
        };
        let same = compared(3, 3);
        assert!(same.complete && same.findings.is_empty() && same.not_captured.is_empty());
        // A line that was lost is a difference at most, whichever side lost it.
        for (a, b) in [(3, 4), (4, 3)] {
            let longer = compared(a, b);
            assert!(longer.findings.iter().any(|f| f.id().starts_with("0x8000001d.0x00000003:")), "{longer:?}");
        }
        let unlisted = compared(1, 1);
        assert!(!unlisted.complete && unlisted.not_captured.len() == 2);
    }

    #[test]
    fn a_list_that_may_go_on_is_not() {
        let cut = text(4).split("   0x8000001e").next().unwrap().to_string();
        let hole = |lost: &str| text(4).lines().filter(|l| !l.contains(lost)).map(|l| format!("{l}\n")).collect();
        for text in [text(1), cut, hole("0x8000001d 0x01"), hole("0x8000001d 0x02")] {
            let v = vcpu(&text);
            assert_eq!(v.gaps, []);
            assert!(Coverage::of(&v).missing.iter().any(|id| id.leaf == UNENDED), "{text}");
        }
    }
}
