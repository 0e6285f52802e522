//! CPU policies as `xen-cpuid -p` prints them. Written from its print statements (Xen tools/misc/xen-cpuid.c
//! `print_policy`); no file was at hand.
//!
//! ```text
//! HVM Max policy: 39 leaves, 3 MSRs
//!  CPUID:
//!   leaf     subleaf  -> eax      ebx      ecx      edx
//!   00000001:ffffffff -> 000306c3:00000800:7fdafbbf:bfebfbff
//!  MSRs:
//!   index    -> value
//!   0000010a -> 000000000d89fd6b
//! ```
//! A leaf without subleaves has subleaf ffffffff (Xen's `XEN_CPUID_NO_SUBLEAF`). One file holds several policies:
//! `--from xen:NAME` chooses, e.g. `xen:host`, `xen:hvm-max`, `xen:domain-3`.

use std::collections::HashMap;

use cpuid_probe::Registers;
use cpuid_probe::dump::MsrRecord;
use cpuid_probe::text::hex8;

use super::builder::Builder;
use super::line::{self, Line};
use super::{Input, Read, ReadError, Reader, shorten, skip};

pub(super) const READER: Reader = Reader {
    name: "xen",
    about: "`xen-cpuid -p`; of several policies one by name",
    recognise,
    read: Read::Named(read),
};

const XEN: &str = "`LEAF:SUBLEAF -> EAX:EBX:ECX:EDX`, each 8 hex digits, or `INDEX -> VALUE` of 8 and 16 hex digits";

pub(super) const LIMITS: [&str; 3] = [
    "a policy is what Xen offers: per-vCPU and run-time values (APIC ids, OSXSAVE, XSAVE sizes) are not filled in",
    "xen-cpuid leaves out leaves that are all zero",
    "the hypervisor leaves of a policy hold their maxima alone",
];

fn recognise(text: &str) -> bool {
    text.contains(" policy: ") && text.contains(" -> ")
}

/// The name of the policy that begins in this line.
pub(super) fn policy(line: &str) -> Option<&str> {
    let (name, counts) = line.split_once(" policy: ")?;
    counts.contains(" leaves, ").then(|| name.trim())
}

fn read(text: &str, wanted: Option<&str>) -> Result<Input, ReadError> {
    let names: Vec<String> =
        line::lines(text).filter_map(|(_, line)| policy(line).map(str::to_string)).take(MAX_POLICIES).collect();
    let mut before: HashMap<String, usize> = HashMap::new();
    for (number, line) in line::lines(text) {
        if let Some(first) = policy(line).and_then(|name| before.insert(fold(name), number)) {
            let message =
                format!("`{}` again, first in line {first}; keep the policies of one host a file", shorten(line));
            return Err(ReadError::at(number, message));
        }
    }
    let list = || names.iter().map(|name| fold(name)).collect::<Vec<_>>().join(" ");
    let chosen = match (wanted, names.as_slice()) {
        (Some(wanted), _) => names.iter().position(|name| fold(name) == fold(wanted)).ok_or_else(|| {
            ReadError::whole(format!("no policy `{wanted}` in this file, expected one of: {}", list()))
        })?,
        (None, [_]) => 0,
        (None, []) => return Err(ReadError::whole("no policy, expected `NAME policy: N leaves, M MSRs`")),
        (None, _) => {
            let message = format!("{} policies; choose one with --from xen:NAME: {}", names.len(), list());
            return Err(ReadError::whole(message));
        }
    };
    let mut builder = Builder::new(READER.name);
    builder.limits = LIMITS.map(str::to_string).to_vec();
    builder.label = names.get(chosen).cloned();
    let mut at = None;
    for (number, line) in line::lines(text) {
        if policy(line).is_some() {
            at = Some(at.map_or(0, |n| n + 1));
        } else if at == Some(chosen) {
            line::add(&mut builder, number, line, form)?;
        } else if at.is_none() || matches!(form(line), Ok(None)) {
            skip(number, line)?;
        }
    }
    builder.finish(XEN).map(|dump| Input::Dump(Box::new(dump)))
}

/// A host has six policies, and one more for each domain.
const MAX_POLICIES: usize = 65_536;

/// `HVM Max`, `hvm_max` and `hvm-max` are one name.
pub(super) fn fold(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace([' ', '_'], "-")
}

pub(super) fn form(line: &str) -> Result<Option<Line>, &'static str> {
    let starts = line.as_bytes().get(..4).is_some_and(|word| word.iter().all(u8::is_ascii_hexdigit));
    if !starts && !line.contains("->") || line.starts_with("leaf ") || line.starts_with("index ") {
        return Ok(None);
    }
    let read = || {
        let (place, values) = line.split_once(" -> ")?;
        let Some((leaf, subleaf)) = place.split_once(':') else {
            let (high, low) = values.split_at_checked(8)?;
            let value = u64::from(hex8(high)?) << 32 | u64::from(hex8(low)?);
            return Some(Line::Msr(MsrRecord { index: hex8(place.trim_end())?, value: Some(value) }));
        };
        let mut values = values.split(':').map(hex8);
        let registers = Registers::new(values.next()??, values.next()??, values.next()??, values.next()??);
        let subleaf = Some(hex8(subleaf)?).filter(|n| *n != u32::MAX).unwrap_or(0);
        if values.next().is_some() { None } else { Some(Line::Leaf(hex8(leaf)?, Some(subleaf), registers)) }
    };
    read().map(Some).ok_or(XEN)
}

#[cfg(test)]
mod tests {
    use cpuid_probe::LeafId;

    use super::*;

    const TEXT: &str = "Xen reports there are maximum 120 leaves and 3 MSRs\n\
        Host policy: 39 leaves, 1 MSRs\n CPUID:\n  leaf     subleaf  -> eax      ebx      ecx      edx     \n\
        \x20 00000000:ffffffff -> 0000000d:756e6547:6c65746e:49656e69\n\
        \x20 00000007:00000000 -> 00000000:009c6fbf:00000000:00000000\n\
        \x20MSRs:\n  index    -> value           \n  0000010a -> 000000000d89fd6b\n\
        HVM Max policy: 39 leaves, 0 MSRs\n CPUID:\n  leaf     subleaf  -> eax      ebx      ecx      edx     \n\
        \x20 00000000:ffffffff -> 00000007:756e6547:6c65746e:49656e69\n MSRs:\n  index    -> value           \n";

    #[test]
    fn a_policy_is_chosen_by_name() {
        assert!(recognise(TEXT));
        let error = read(TEXT, None).unwrap_err().to_string();
        assert_eq!(error, "2 policies; choose one with --from xen:NAME: host hvm-max");
        let Ok(Input::Dump(host)) = read(TEXT, Some("host")) else { panic!() };
        assert_eq!(host.vcpus[0].leaves().len(), 2);
        assert_eq!(host.vcpus[0].msr(0x10a), Some(Some(0x0d89_fd6b)));
        assert!(host.vcpus[0].get(LeafId::new(7, 0)).is_some());
        let Ok(Input::Dump(hvm)) = read(TEXT, Some("HVM_max")) else { panic!() };
        assert_eq!(hvm.vcpus[0].get(LeafId::new(0, 0)).unwrap().eax, 7);
        assert!(read(TEXT, Some("PV")).unwrap_err().to_string().contains("host hvm-max"));
    }

    #[test]
    fn damage_is_named() {
        for (from, to) in [("49656e69\n", "49656e6\n"), ("00000000:ffffffff ->", "00000000:fffffff ->")] {
            assert_eq!(read(&TEXT.replacen(from, to, 1), Some("host")).unwrap_err().line, Some(5), "{to}");
        }
        let text = TEXT.replace("000000000d89fd6b", "0000000d89fd6b");
        assert_eq!(read(&text, Some("host")).unwrap_err().line, Some(9));
    }
}
