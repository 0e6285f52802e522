//! A Firecracker custom CPU template as a baseline: registers of which some bits are given.
//!
//! # Source
//! Firecracker docs/cpu_templates/schema.json and cpu-templates.md: `cpuid_modifiers` (leaf, subleaf, register, bitmap)
//! and `msr_modifiers` (addr, bitmap); in a bitmap `0` and `1` are given, `x` is left as the host has it, `_` is a
//! separator. Bitmaps may be shorter than the register: what is missing in front is left as it is.

use std::collections::BTreeMap;

use cpuid_probe::dump::Dump;
use cpuid_probe::{LeafId, Register};
use serde::Deserialize;

use super::check::{Checked, Tally};
use super::map::Place;
use super::seen::{Seen, VcpuBits};
use crate::compare::finding::Spot;
use crate::knowledge::{self, Owner, Row, Site};
use crate::read::ReadError;
use crate::report::{Finding, Severity, Values};

/// Which bits a template gives, and their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// The given bits.
    pub mask: u64,
    /// Their values; 0 elsewhere.
    pub value: u64,
}

/// A template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    registers: BTreeMap<(LeafId, Register), Masked>,
    msrs: BTreeMap<u32, Masked>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    cpuid_modifiers: Vec<Leaf>,
    #[serde(default)]
    msr_modifiers: Vec<Msr>,
}

#[derive(Deserialize)]
struct Leaf {
    leaf: String,
    subleaf: String,
    modifiers: Vec<RegisterModifier>,
}

#[derive(Deserialize)]
struct RegisterModifier {
    register: String,
    bitmap: String,
}

#[derive(Deserialize)]
struct Msr {
    addr: String,
    bitmap: String,
}

/// Whether a text looks like a template: its modifiers are at the top, not inside a fingerprint.
#[must_use]
pub fn recognise(text: &str) -> bool {
    let Ok(serde_json::Value::Object(top)) = serde_json::from_str(text) else { return false };
    top.contains_key("cpuid_modifiers") || top.contains_key("msr_modifiers")
}

/// Reads a template.
///
/// # Errors
/// It is not JSON of that shape, a number or bitmap is none, or a place is given twice.
pub fn read(text: &str) -> Result<Template, ReadError> {
    let file: File = serde_json::from_str(text).map_err(|e| ReadError {
        line: Some(e.line()),
        column: Some(e.column()),
        message: format!("not a Firecracker CPU template: {e}"),
    })?;
    let mut template = Template::default();
    for leaf in file.cpuid_modifiers {
        let id = LeafId::new(number(&leaf.leaf)?, number(&leaf.subleaf)?);
        for modifier in leaf.modifiers {
            let register = Register::from_name(&modifier.register).ok_or_else(|| {
                ReadError::whole(format!("register \"{}\", expected eax, ebx, ecx or edx", modifier.register))
            })?;
            let masked = bitmap(&modifier.bitmap, 32)?;
            if template.registers.insert((id, register), masked).is_some() {
                return Err(ReadError::whole(format!("{id} {register} is given twice")));
            }
        }
    }
    for msr in file.msr_modifiers {
        let index = number(&msr.addr)?;
        if template.msrs.insert(index, bitmap(&msr.bitmap, 64)?).is_some() {
            return Err(ReadError::whole(format!("MSR {index:#x} is given twice")));
        }
    }
    let masks = template.registers.values().chain(template.msrs.values());
    if masks.map(|masked| masked.mask).all(|mask| mask == 0) {
        return Err(ReadError::whole("a CPU template that modifies nothing"));
    }
    Ok(template)
}

fn number(text: &str) -> Result<u32, ReadError> {
    let parsed = match (text.strip_prefix("0x"), text.strip_prefix("0b")) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (_, Some(digits)) => u32::from_str_radix(digits, 2).ok(),
        _ => None,
    };
    parsed.ok_or_else(|| ReadError::whole(format!("\"{text}\", expected a number with 0x or 0b in front")))
}

fn bitmap(text: &str, bits: u32) -> Result<Masked, ReadError> {
    let wrong =
        || ReadError::whole(format!("bitmap \"{text}\", expected 0b and at most {bits} of the characters 0, 1 and x"));
    let mut masked = Masked::default();
    let mut count = 0;
    for character in text.strip_prefix("0b").ok_or_else(wrong)?.chars() {
        let (mask, value) = match character {
            '0' => (1, 0),
            '1' => (1, 1),
            'x' => (0, 0),
            '_' => continue,
            _ => return Err(wrong()),
        };
        count += 1;
        if count > bits {
            return Err(wrong());
        }
        masked = Masked { mask: masked.mask << 1 | mask, value: masked.value << 1 | value };
    }
    Ok(masked)
}

impl Template {
    /// Checks one dump.
    #[must_use]
    pub fn check(&self, input: usize, dump: &Dump) -> Checked {
        let mut tally = Tally::new(input);
        if dump.vcpus.is_empty() {
            tally.doubt("the dump holds no vCPU".to_string());
        }
        for vcpu in &dump.vcpus {
            let bits = VcpuBits::of(vcpu);
            for ((id, register), masked) in &self.registers {
                let place = |bit| Place::Cpuid { id: *id, register: *register, bit };
                let site = Site { owner: Owner::Cpu, leaf: id.leaf, subleaf: id.ecx(), register: *register };
                let value = vcpu.get(*id).map(|r| u64::from(r.get(*register)));
                let row = |bit| knowledge::row_at(site, bit);
                let spot = |hi, lo| Spot::bits(*id, None, *register, hi, lo);
                one(input, vcpu.vcpu, &bits, *masked, value, place, row, spot, &mut tally);
            }
            for (index, masked) in &self.msrs {
                let place = |bit| Place::Msr { index: *index, bit };
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
        let hi = end.min(row.hi);
        let run = (u64::MAX >> (63 - (hi - lo))) << lo;
        left &= !run;
        let (wanted, got) = ((masked.value & run) >> lo, (actual & run) >> lo);
        if captured && wanted == got {
            continue;
        }
        let text = |n: u64| if hi == lo { n.to_string() } else { format!("{n:#x}") };
        let (severity, cause) = match (captured, hi == lo && row.hi == row.lo && wanted == 0) {
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
