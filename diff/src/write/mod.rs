//! Writers: a dump out in any form that another tool reads. One format a file.
//!
//! A writer writes every register set that its format can hold. [`losses`] says in sentences what the format cannot
//! hold. To add a format, write a file beside this one and add a row to [`WRITERS`].

mod aida64;
mod bare;
mod libvirt;

use cpuid_probe::coverage::lacking;
use cpuid_probe::dump::Dump;
use cpuid_probe::{json, raw, text};

/// One format.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    /// Its name for `--to`.
    pub name: &'static str,
    /// What it is, for `--help`.
    pub about: &'static str,
    /// Writes a dump, ended by a line feed.
    pub write: fn(&Dump) -> String,
    /// What it can hold, apart from the register sets of one vCPU.
    pub holds: Holds,
}

/// What a format can hold.
#[derive(Clone, Copy, Debug)]
pub struct Holds {
    /// Several vCPUs.
    pub vcpus: bool,
    /// MSRs.
    pub msrs: bool,
    /// Gaps: places that were not captured.
    pub gaps: bool,
}

const EVERYTHING: Holds = Holds { vcpus: true, msrs: true, gaps: true };
const LEAVES: Holds = Holds { vcpus: true, msrs: false, gaps: false };

/// Every format.
pub const WRITERS: &[Writer] = &[
    Writer { name: "json", about: "our JSON (cpuid-dump/1)", write: json::to_string, holds: EVERYTHING },
    Writer { name: "text", about: "our framed text, for consoles", write: framed, holds: EVERYTHING },
    Writer { name: "raw", about: "`cpuid -r`, which `cpuid -f` reads", write: raw::to_string, holds: LEAVES },
    Writer {
        name: "bare",
        about: "register lines `LEAF SUBLEAF: EAX EBX ECX EDX`",
        write: bare::write,
        holds: EVERYTHING,
    },
    Writer { name: "aida64", about: "AIDA64 and InstLatx64 dumps", write: aida64::write, holds: LEAVES },
    Writer {
        name: "libvirt",
        about: "libvirt <cpudata> XML",
        write: libvirt::write,
        holds: Holds { vcpus: false, msrs: true, gaps: false },
    },
];

/// The format called `name`.
///
/// # Errors
/// A sentence naming the formats there are.
pub fn writer(name: &str) -> Result<&'static Writer, String> {
    WRITERS.iter().find(|w| w.name == name).ok_or_else(|| {
        let names: Vec<&str> = WRITERS.iter().map(|w| w.name).collect();
        format!("unknown format `{name}`, expected one of: {}", names.join(" "))
    })
}

/// What of `dump` a format cannot hold, in sentences; the provenance is not counted.
#[must_use]
pub fn losses(writer: &Writer, dump: &Dump) -> Vec<String> {
    let (name, holds) = (writer.name, writer.holds);
    let mut losses = Vec::new();
    if !holds.vcpus && dump.vcpus.len() > 1 {
        losses.push(format!("{name} holds one vCPU: the first of {} is written", dump.vcpus.len()));
    }
    if !holds.msrs && dump.vcpus.iter().any(|v| !v.msrs().is_empty()) {
        losses.push(format!("{name} holds no MSRs: they are left out"));
    }
    if !holds.gaps && gaps(dump) > 0 {
        losses.push(format!("{name} cannot say that a place was not captured: {} gaps are left out", gaps(dump)));
    }
    if let Some(online) = dump.provenance.vcpus_online.filter(|online| *online as usize != dump.vcpus.len())
        && name != "json"
    {
        losses.push(format!("{name} cannot say that these are {} of {online} vCPUs", dump.vcpus.len()));
    }
    losses
}

fn gaps(dump: &Dump) -> usize {
    dump.vcpus.iter().map(|v| lacking(v).count()).sum()
}

fn framed(dump: &Dump) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = text::write_frame(&mut out, dump.provenance.source.word(), dump.vcpus.iter().map(|v| v.view()));
    out
}

#[cfg(test)]
mod tests {
    use cpuid_probe::dump::{Gap, GapReason, MsrRecord, Record, Source, VcpuDump};
    use cpuid_probe::{LeafId, Registers};

    use super::*;
    use crate::read::{self, Input};

    /// Two vCPUs with subleaves, an MSR and a gap.
    fn dump() -> Dump {
        let mut dump = Dump::new(Source::Native);
        for number in 0..2 {
            let mut v = VcpuDump::new(number);
            for (leaf, subleaf) in [(0, 0), (1, 0), (4, 0), (4, 1), (0xd, 62), (0x4000_0000, 0), (0x8000_0000, 0)] {
                // Leaf 0 ECX is a part of the vendor, which is that of the machine.
                let ecx = if leaf == 0 { 0 } else { number };
                let registers = Registers::new(leaf ^ 0xffff, subleaf, ecx, 0xdead_beef);
                v.insert(Record { id: LeafId::new(leaf, subleaf), registers }).unwrap();
            }
            v.insert_msr(MsrRecord { index: 0x10a, value: Some(0x1_0d89_fd6b) }).unwrap();
            v.gaps.push(Gap { id: LeafId::new(7, 0), reason: GapReason::Cap });
            dump.vcpus.push(v);
        }
        dump
    }

    #[test]
    fn what_is_written_is_read_back_as_far_as_the_format_holds_it() {
        let dump = dump();
        for writer in WRITERS {
            let text = (writer.write)(&dump);
            let Ok(Input::Dump(back)) = read::read(text.as_bytes(), None) else { panic!("{}:\n{text}", writer.name) };
            let count = if writer.holds.vcpus { dump.vcpus.len() } else { 1 };
            assert_eq!(back.vcpus.len(), count, "{}", writer.name);
            for (before, after) in dump.vcpus.iter().zip(&back.vcpus) {
                assert_eq!((before.vcpu, before.leaves()), (after.vcpu, after.leaves()), "{}", writer.name);
                assert_eq!(writer.holds.msrs, before.msrs() == after.msrs(), "{}", writer.name);
                assert_eq!(writer.holds.gaps, before.gaps == after.gaps, "{}", writer.name);
            }
            if let Some(imported) = back.provenance.imported {
                assert_eq!(imported.format, writer.name);
            }
        }
    }

    #[test]
    fn losses_are_said() {
        let dump = dump();
        let count = |name: &str| losses(writer(name).unwrap(), &dump).len();
        assert_eq!(["json", "text", "bare", "raw", "aida64", "libvirt"].map(count), [0, 0, 0, 2, 2, 2]);
        assert!(writer("xml").unwrap_err().contains("libvirt"));
    }
}
