//! A masked template as a baseline: every bit that it gives must be so.

use super::value_of;
use super::{Checked, Tally};
use crate::finding::{Finding, Rule, Value, Values};
use crate::knowledge::Knowledge;
use crate::knowledge::Severity;
use crate::view::template::Template;
use crate::view::{DumpView, Seen};

use cpuid_probe::place::BitRange;

/// Checks one dump: a finding for each run of given bits in one row that does not hold.
#[must_use]
pub fn check(template: &Template, input: usize, view: &DumpView<'_>, knowledge: &Knowledge) -> Checked {
    let mut tally = Tally::new(input, view, knowledge);
    for vcpu in &view.vcpus {
        for (register, masked) in template.given() {
            let mut left = masked.mask;
            while left != 0 {
                let lo = left.trailing_zeros() as u8;
                let row = knowledge.row(register.with_bits(BitRange::one(lo)));
                let end = u8::try_from((left >> lo).trailing_ones()).unwrap_or(64) + lo - 1;
                let bits = BitRange::new(end.min(row.bits.hi), lo);
                left &= !bits.mask();
                let place = register.with_bits(bits);
                let (wanted, seen) = (bits.of(masked.value), vcpu.see(place));
                if seen.number() == Some(wanted) {
                    continue;
                }
                let finding = Finding {
                    rule: Rule::Template,
                    values: Values {
                        a: value_of(seen, bits.is_one()),
                        b: Value::Unknown,
                        expected: Value::of(Some(wanted), bits.is_one()),
                    },
                    cause: Some("the guest was started without this template, or with another".into()),
                    remedy: Some("apply the template to every guest of the pool".into()),
                    ..Finding::of_row(place, &row)
                };
                let number = vcpu.vcpu.vcpu;
                if let Seen::NotCaptured(why) = seen {
                    let cause = Some("not captured: the dump does not hold this place".into());
                    tally.add(Finding { severity: Severity::Info, cause, ..finding }, Some(number));
                    (bits.lo..=bits.hi).for_each(|bit| tally.unread(number, place.with_bits(BitRange::one(bit)), why));
                } else {
                    // A single feature that was to be off is as libvirt's disable.
                    let off = bits.is_one() && row.bits.is_one() && wanted == 0;
                    let severity = if off { Severity::Warning } else { Severity::Unsafe };
                    tally.broken(Finding { severity, ..finding }, number);
                }
            }
        }
    }
    tally.finish()
}

#[cfg(test)]
mod tests {
    use cpuid_probe::dump::{Dump, Record, Source, VcpuDump};
    use cpuid_probe::{LeafId, Registers};

    use super::*;
    use crate::judge::verdict::baseline;
    use crate::read::firecracker::{is_template as recognise, promise as read};
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
            let dump = dump(edx);
            let checked = check(&template, 0, &DumpView::of(&dump), Knowledge::builtin());
            let verdict = baseline(0, &checked.findings, &checked.doubts);
            (verdict.result, checked.findings.into_iter().map(|f| (f.id(), f.severity)).collect::<Vec<_>>())
        };
        let msr = ("msr:0x0000010a:0".to_string(), Severity::Info);
        assert_eq!(ids(1 << 24), (BaselineResult::Unverified, vec![msr.clone()]));
        let ds = ("0x00000001:edx:21".to_string(), Severity::Warning);
        let fxsr = ("0x00000001:edx:24".to_string(), Severity::Unsafe);
        assert_eq!(ids(1 << 21), (BaselineResult::NotMet, vec![ds, fxsr, msr]));
    }
}
