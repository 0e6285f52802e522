//! QEMU's warnings about features that a guest should have got and did not.
//!
//! # Source
//! QEMU 7.2 target/i386/cpu.c (`mark_unavailable_features`, `feature_word_description`):
//! `warning: REASON: CPUID.01H:EDX.ds [bit 21]` and `warning: REASON: MSR(10AH).rdctl-no [bit 0]`, where a bit without
//! a name has none; QEMU 10.1 writes `CPUID[eax=07h,ecx=00h].EBX.avx2 [bit 5]`. REASON is `host doesn't support
//! requested feature`, the same with `TCG`, or says that another feature was not requested.

use alloc::format;

use crate::msr::first_control;
use crate::place::{BitRange, Query};

/// One warning about one feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// QEMU's name of the feature; `None` for a bit that it has no name for.
    pub name: Option<&'a str>,
    /// The bit. Older QEMUs do not print the subleaf.
    pub at: Query,
}

impl<'a> Warning<'a> {
    /// The warning that a line holds, if it holds one; its last one, where it holds several.
    #[must_use]
    pub fn read(line: &'a str) -> Option<Self> {
        let (head, bit) = line.trim().strip_suffix(']')?.rsplit_once("[bit ")?;
        let (reason, _) = head.split_at(["CPUID", "MSR("].iter().filter_map(|place| head.rfind(place)).max()?);
        // The place alone is what somebody copied out of such a line.
        if !reason.trim().is_empty() && !reason.contains("warning: ") && !says_so(reason) {
            return None;
        }
        let place = head[reason.len()..].trim_end();
        // What comes before the name: `CPUID.01H:EDX`, `CPUID[eax=07h,ecx=00h].EBX` or `MSR(10AH)`.
        let registers = [".EAX", ".EBX", ".ECX", ".EDX", ":EAX", ":EBX", ":ECX", ":EDX", ")"];
        let end = registers.iter().filter_map(|end| Some(place.find(end)? + end.len())).min()?;
        let (place, name) = place.split_at(end);
        let name = match name {
            "" => None,
            name => Some(name.strip_prefix('.')?),
        };
        let mut at: Query = format!("{place} [bit {bit}]").parse().ok()?;
        if let Query::Msr { index, bits: Some(bits) } = &mut at
            && bits.lo < first_control(*index)
        {
            *bits = BitRange::one(bits.lo + first_control(*index));
        }
        let names_a_bit = matches!(at, Query::Cpuid { bits: Some(_), .. } | Query::Msr { bits: Some(_), .. });
        names_a_bit.then_some(Self { name, at })
    }
}

/// What QEMU says before the place of every feature that it could not give.
const REASONS: [&str; 2] = ["support requested feature", "depends on other features"];

/// Whether a text has the words of such a warning, whatever else is in it.
#[must_use]
pub fn says_so(text: &str) -> bool {
    REASONS.iter().any(|reason| text.contains(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use crate::register::Register::{Ebx, Edx};

    fn read(line: &str) -> Option<(Option<&str>, Query)> {
        Warning::read(line).map(|w| (w.name, w.at))
    }

    #[test]
    fn every_spelling_of_qemu() {
        let is = |line: &str, name: Option<&str>, place: Place| {
            let (read_name, at) = read(line).expect(line);
            assert_eq!(read_name, name, "{line}");
            assert!(at.holds(place), "{line}: {at:?}");
        };
        let avx2 = Place::bit(7, 0, Ebx, 5);
        is(
            "q: warning: TCG doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]",
            Some("ds"),
            Place::bit(1, 0, Edx, 21),
        );
        is(
            "warning: host doesn't support requested feature: CPUID[eax=07h,ecx=00h].EBX.avx2 [bit 5]",
            Some("avx2"),
            avx2,
        );
        is("warning: host doesn't support requested feature: CPUID.07H:EBX [bit 5]", None, avx2);
        is(
            "warning: host doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]",
            Some("rdctl-no"),
            Place::msr(0x10a, 0),
        );
        is(
            "warning: host doesn't support requested feature: MSR(48BH).vmx-vpid [bit 5]",
            Some("vmx-vpid"),
            Place::msr(0x48b, 37),
        );
        is(
            "warning: This feature depends on other features that were not requested: MSR(480H) [bit 55]",
            None,
            Place::msr(0x480, 55),
        );
        is("warning: host doesn't support requested feature : CPUID.07H:EBX.avx2 [bit 5]", Some("avx2"), avx2);
        is(
            "q: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21] q: warning: host doesn't \
             support requested feature: CPUID.07H:EBX.avx2 [bit 5]",
            Some("avx2"),
            avx2,
        );
        // What somebody copied out of one.
        is("CPUID.01H:EDX.ds [bit 21]", Some("ds"), Place::bit(1, 0, Edx, 21));
        for odd in
            ["warning: host: CPUID.01H:EDX.ds [bit 99]", "warning: something [bit 1]", "see CPUID.01H:EDX.ds [bit 21]"]
        {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
