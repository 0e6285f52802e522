//! A Firecracker custom CPU template as a baseline: registers of which some bits are given.
//!
//! # Source
//! Firecracker docs/cpu_templates/schema.json and cpu-templates.md: `cpuid_modifiers` (leaf, subleaf, register, bitmap)
//! and `msr_modifiers` (addr, bitmap); in a bitmap `0` and `1` are given, `x` is left as the host has it, `_` is a
//! separator. Bitmaps may be shorter than the register: what is missing in front is left as it is.

use std::collections::BTreeMap;

use cpuid_probe::dump::Dump;
use cpuid_probe::{LeafId, Register};

use super::check::{Checked, Tally};
use super::seen::{Seen, VcpuBits, feature_word, feature_word_mask};
use crate::compare::finding::Spot;
use crate::knowledge::{self, Owner, Row, Site};
use crate::read::ReadError;
use crate::read::firecracker::{self, Masked};
use crate::report::{Finding, Severity, Values};
use cpuid_probe::Place;

/// A template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    registers: BTreeMap<(LeafId, Register), Masked>,
    msrs: BTreeMap<u32, Masked>,
}

/// Whether a text looks like a template: its modifiers are at the top, not inside a fingerprint.
#[must_use]
pub fn recognise(text: &str) -> bool {
    let Ok(serde_json::Value::Object(top)) = serde_json::from_str(text) else { return false };
    firecracker::X86.iter().chain(&firecracker::ARM).any(|key| top.contains_key(*key))
}

/// Reads a template.
///
/// # Errors
/// It is not JSON of that shape, a number or bitmap is none, a place is given twice, or nothing is given.
pub fn read(text: &str) -> Result<Template, ReadError> {
    let file = firecracker::template(text)?;
    let mut template = Template::default();
    for (id, register, masked) in file.cpuid {
        if template.registers.insert((id, register), masked).is_some() {
            return Err(ReadError::whole(format!("{id} {register} is given twice")));
        }
    }
    for (index, masked) in file.msrs {
        if template.msrs.insert(index, masked).is_some() {
            return Err(ReadError::whole(format!("MSR {index:#x} is given twice")));
        }
    }
    let masks = template.registers.values().chain(template.msrs.values());
    if masks.map(|masked| masked.mask).all(|mask| mask == 0) {
        return Err(ReadError::whole("a CPU template that modifies nothing"));
    }
    Ok(template)
}

impl Template {
    /// What it makes of a feature's bit; `None` where it leaves that to the host.
    #[must_use]
    pub fn gives(&self, place: Place) -> Option<bool> {
        let (mask, value, bit) = match place {
            Place::Cpuid { id, register, bits, .. } => {
                let given = self.registers.get(&(id, register))?;
                (given.mask, given.value, bits.lo)
            }
            Place::Msr { index, bits } => {
                let given = self.msrs.get(&index)?;
                (feature_word_mask(index, given.mask), feature_word(index, given.value), bits.lo)
            }
            _ => return None,
        };
        (mask >> bit & 1 == 1).then_some(value >> bit & 1 == 1)
    }

    /// Checks one dump.
    #[must_use]
    pub fn check(&self, input: usize, dump: &Dump) -> Checked {
        let mut tally = Tally::new(input, dump);
        if dump.vcpus.is_empty() {
            tally.doubt("the dump holds no vCPU".to_string());
        }
        for vcpu in &dump.vcpus {
            let bits = VcpuBits::of(vcpu);
            for ((id, register), masked) in &self.registers {
                let place = |bit| Place::bit(id.leaf, id.ecx(), *register, bit);
                let site = Site { owner: Owner::Cpu, leaf: id.leaf, subleaf: id.ecx(), register: *register };
                let value = vcpu.get(*id).map(|r| u64::from(r.get(*register)));
                let row = |bit| knowledge::row_at(site, bit);
                let spot = |hi, lo| Spot::bits(*id, None, *register, hi, lo);
                one(input, vcpu.vcpu, &bits, *masked, value, place, row, spot, &mut tally);
            }
            for (index, masked) in &self.msrs {
                let place = |bit| Place::msr(*index, bit);
                let value = vcpu.msr(*index).flatten();
                let row = |bit| knowledge::msr_row(*index, bit);
                let spot = |hi, lo| Spot::msr(*index, hi, lo);
                one(input, vcpu.vcpu, &bits, *masked, value, place, row, spot, &mut tally);
            }
        }
        tally.finish()
    }
}

/// One register: a finding for each run of given bits in one row that does not hold.
#[allow(clippy::too_many_arguments)]
fn one(
    input: usize,
    vcpu: u32,
    bits: &VcpuBits<'_>,
    masked: Masked,
    value: Option<u64>,
    place: impl Fn(u8) -> Place,
    row: impl Fn(u8) -> Row,
    spot: impl Fn(u8, u8) -> Spot,
    tally: &mut Tally,
) {
    let seen = bits.see(place(0));
    let captured = !matches!(seen, Seen::NotCaptured(_));
    let actual = if seen == Seen::Absent { 0 } else { value.unwrap_or_default() };
    let mut left = masked.mask;
    while left != 0 {
        let lo = left.trailing_zeros() as u8;
        let row = row(lo);
        let end = u8::try_from((left >> lo).trailing_ones()).unwrap_or(64) + lo - 1;
        let hi = end.min(row.bits.hi);
        let run = (u64::MAX >> (63 - (hi - lo))) << lo;
        left &= !run;
        let (wanted, got) = ((masked.value & run) >> lo, (actual & run) >> lo);
        if captured && wanted == got {
            continue;
        }
        let text = |n: u64| if hi == lo { n.to_string() } else { format!("{n:#x}") };
        let (severity, cause) = match (captured, hi == lo && row.bits.hi == row.bits.lo && wanted == 0) {
            (false, _) => (Severity::Info, "not captured: the dump does not hold this place"),
            // As libvirt's disable.
            (true, true) => (Severity::Warning, "the guest was started without this template, or with another"),
            (true, false) => (Severity::Unsafe, "the guest was started without this template, or with another"),
        };
        let spot = spot(hi, lo);
        let finding = Finding {
            input: Some(input),
            rule: "template".to_string(),
            severity,
            values: Values {
                a: match seen {
                    Seen::NotCaptured(_) => None,
                    Seen::Absent => Some("absent".to_string()),
                    Seen::Bit(_) => Some(text(got)),
                },
                b: None,
                expected: Some(text(wanted)),
            },
            cause: Some(cause.to_string()),
            remedy: Some("apply the template to every guest of the pool".to_string()),
            ..spot.described(&row)
        };
        tally.findings.undirected(&spot, finding, Some(vcpu));
        if let Seen::NotCaptured(why) = seen {
            (lo..=hi).for_each(|bit| tally.unread(vcpu, place(bit), why));
        }
    }
}

#[cfg(test)]
mod tests {
    use cpuid_probe::Registers;
    use cpuid_probe::dump::{Record, Source, VcpuDump};

    use super::*;
    use crate::report::BaselineResult;

    const TEMPLATE: &str = r#"{"kvm_capabilities": [],
        "cpuid_modifiers": [{"leaf": "0x1", "subleaf": "0x0", "flags": 0, "modifiers": [
            {"register": "edx", "bitmap": "0bxx_xxxxx1xx0xxxxx_xxxxxxxxxxxxxxxx"}]}],
        "msr_modifiers": [{"addr": "0x10a", "bitmap": "0b1"}]}"#;

    fn dump(edx: u32) -> Dump {
        let mut v = VcpuDump::new(0);
        v.insert(Record { id: LeafId::new(1, 0), registers: Registers::new(0, 0, 0, edx) }).expect("once");
        Dump { vcpus: vec![v], ..Dump::new(Source::Native) }
    }

    #[test]
    fn given_bits_are_held_and_others_are_free() {
        assert!(recognise(TEMPLATE));
        let template = read(TEMPLATE).expect("a template");
        let ids = |edx| {
            let checked = template.check(0, &dump(edx));
            (checked.verdict.result, checked.findings.into_iter().map(|f| (f.id, f.severity)).collect::<Vec<_>>())
        };
        let msr = ("msr:0x0000010a:0".to_string(), Severity::Info);
        assert_eq!(ids(1 << 24), (BaselineResult::Unverified, vec![msr.clone()]));
        let ds = ("0x00000001:edx:21".to_string(), Severity::Warning);
        let fxsr = ("0x00000001:edx:24".to_string(), Severity::Unsafe);
        assert_eq!(ids(1 << 21), (BaselineResult::NotMet, vec![ds, fxsr, msr]));
    }

    #[test]
    fn a_feature_is_given_taken_or_left_to_the_host() {
        let ones = "1".repeat(64);
        let controls = format!(r#"{{"addr": "0x48b", "bitmap": "0b{}0{}"}}"#, &ones[..33], &ones[..30]);
        let text = TEMPLATE.replace(r#""msr_modifiers": ["#, &format!(r#""msr_modifiers": [{controls}, "#));
        let template = read(&text).expect("a template");
        let edx = |bit| template.gives(Place::bit(1, 0, Register::Edx, bit));
        assert_eq!((edx(24), edx(21), edx(0)), (Some(true), Some(false), None));
        let msr = |index, bit| template.gives(Place::msr(index, bit));
        assert_eq!((msr(0x10a, 0), msr(0x10a, 1), msr(0x480, 0)), (Some(true), None, None));
        // A control that may be one is a feature where it need not be; what must be one is none.
        assert_eq!((msr(0x48b, 62), msr(0x48b, 61)), (Some(true), Some(false)));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let with = |bitmap: &str| TEMPLATE.replace("0b1\"", &format!("{bitmap}\""));
        for bad in ["1", "0b2", "0bx1y", &format!("0b{}", "1".repeat(65))] {
            assert!(read(&with(bad)).is_err(), "{bad}");
        }
        assert!(read(&TEMPLATE.replace("edx", "edi")).is_err());
        assert!(read("{}").is_err() && read("[").is_err());
        assert!(!recognise(r#"{"guest_cpu_config": {"cpuid_modifiers": []}}"#));
    }
}
