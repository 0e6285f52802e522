//! Words that are no feature's name: properties of QEMU's and elements of libvirt's that give numbers, and mnemonics of
//! the manuals.
//!
//! # Source
//! QEMU 7.2 and 10.2 target/i386/cpu.c (`x86_cpu_properties`), target/i386/host-cpu.c; libvirt docs/formatdomain.rst; Intel
//! SDM vol. 2 CPUID tables 3-8 and 3-11; AMD APM vol. 3 appendix E.

/// A property: its names (separated by blanks), the places that show it, and what it does.
#[rustfmt::skip]
const PROPERTIES: &[(&str, &str, &str)] = &[
    ("maxphysaddr", "0x80000008:eax:7:0",
        "libvirt's element for the width of physical addresses that the guest sees (QEMU: phys-bits, host-phys-bits). It must not exceed the host's"),
    ("host-phys-bits host-phys-bits-limit", "0x80000008:eax:7:0",
        "QEMU: the guest's physical address width is the host's, at most the limit. Guests of hosts with other widths are not alike"),
    ("level cpuid-level min-level", "0.eax", "QEMU: the largest basic leaf that the guest sees; leaves above it are not there"),
    ("xlevel min-xlevel", "0x80000000.eax", "QEMU: the largest extended leaf that the guest sees; leaves above it are not there"),
    ("tsc-frequency tsc-freq", "0x40000010.eax",
        "QEMU: the guest's TSC frequency, pinned (libvirt: <timer name='tsc' frequency='…'/>). A host takes it within 250 ppm of its own, or with TSC scaling; it lets a guest with invtsc migrate"),
    ("hv-spinlocks", "", "QEMU: how often a Windows guest spins on a lock before it tells Hyper-V (libvirt: <spinlocks retries='…'/>). Read once at boot"),
    ("migratable", "", "QEMU's `host` and `max` leave out what cannot be migrated (on, the default), or have it (off): invtsc"),
    ("enforce check", "", "QEMU refuses to start (enforce), or warns (check, the default), where the host lacks a feature of -cpu. It changes no bit"),
    ("host passthrough host-passthrough", "", "A model of QEMU's: all that this host's KVM and QEMU can give. It promises nothing for another host"),
    ("max maximum", "", "A model of QEMU's: all that the accelerator can give; under KVM the same as `host`, under TCG what it emulates"),
    ("base", "", "A model of QEMU's without any feature: what is asked for stands in -cpu by name. `query-cpu-model-expansion` answers with it"),
    ("host-model", "", "libvirt: the named model nearest to the host's, and the features that differ. It is another CPU on another host, until the guest runs"),
    ("host-cache-info l3-cache legacy-cache", "4", "QEMU: whose caches the guest is told of: the host's, or QEMU's own description. It sets leaves 2, 4 and 0x8000001D"),
    ("cpuid-0xb", "0xb", "QEMU: whether the guest has leaf 0xB (its x2APIC ids and topology)"),
    ("full-cpuid-auto-level", "0.eax", "QEMU raises the largest leaf to the last one that is not empty"),
    ("fill-mtrr-mask", "", "QEMU fills the MTRRs' masks up to the guest's physical address width"),
    ("vmware-cpuid-freq", "0x40000010", "QEMU: leaf 0x40000010, with the TSC's and the APIC's frequency, for guests with invtsc or a pinned frequency"),
    ("tcg-cpuid", "0x40000000", "QEMU: whether TCG shows its hypervisor leaves"),
    ("model-id", "0x80000002", "QEMU: the CPU's name as the guest shows it. It has no effect"),
    ("ucode-rev", "", "QEMU: the microcode revision that the guest reads in MSR 0x8b"),
];

/// A mnemonic of the manuals, or a common word, and what it stands for.
#[rustfmt::skip]
const MNEMONICS: &[(&str, &str)] = &[
    ("1gb-pages", "0x80000001.edx.26"), ("automaticibrs", "0x80000021.eax.8"), ("avx512-ifma", "7.0.ebx.21"), ("clfsh", "1.edx.19"),
    ("cmpxchg16b", "1.ecx.13"), ("cmpxchg8b", "1.edx.8"), ("cnxt-id", "1.ecx.10"), ("core-capabilities", "7.0.edx.30"), ("ecmd", "6.eax.5"),
    ("eferlmsleunsupported", "0x80000008.ebx.20"), ("eist", "1.ecx.7"), ("em64t", "0x80000001.edx.29"), ("ept", "msr:0x48b:33"),
    ("execute-disable", "0x80000001.edx.20"), ("fsrcs", "7.1.eax.12"), ("fzlrm", "7.1.eax.10"), ("gbpages", "0x80000001.edx.26"),
    ("hdc", "6.eax.13"), ("htt", "1.edx.28"), ("ia32-arch-capabilities", "msr:0x10a"), ("ibpbbrtype", "0x80000021.eax.28"),
    ("ibrs-ibpb", "7.0.edx.26"), ("ibrspreferred", "0x80000008.ebx.18"), ("if-pschange-mc-no", "msr:0x10a:6"),
    ("instretcntmsr", "0x80000008.ebx.1"), ("intel64", "0x80000001.edx.29"), ("invariant-tsc", "0x80000007.edx.8"),
    ("invarianttsc", "0x80000007.edx.8"), ("itd", "6.eax.23"), ("l1d-flush", "7.0.edx.28"), ("lfencealwaysserializing", "0x80000021.eax.2"),
    ("lzcnt", "0x80000001.ecx.5"), ("mcommit", "0x80000008.ebx.8"), ("misc-package-ctls", "msr:0x10a:10"), ("mwait", "1.ecx.3"),
    ("nullselectorclearsbase", "0x80000021.eax.6"), ("page1gb", "0x80000001.edx.26"), ("perfmonv2", "0x80000022.eax.0"),
    ("prefetchw", "0x80000001.ecx.8"), ("psn", "1.edx.18"), ("ptm", "6.eax.6"), ("rdcl-no", "msr:0x10a:0"),
    ("rstrfperrptrs", "0x80000008.ebx.2"), ("rtm-always-abort", "7.0.edx.11"), ("srbds-ctrl", "7.0.edx.9"),
    ("ssbdnotrequired", "0x80000008.ebx.26"), ("sysenter", "1.edx.11"), ("tsc-deadline-timer", "1.ecx.24"),
    ("tsx-force-abort", "7.0.edx.13"), ("turbo", "6.eax.1"), ("vt-x", "1.ecx.5"), ("xapic-disable-status", "msr:0x10a:21"),
];

/// The name in a name of another world: a macro of Linux's, vSphere's and the kernel log's prefixes, a property with its
/// value or its sign.
pub(super) fn inside(text: &str) -> Option<&str> {
    let text = text.trim();
    let after = |head: &str| {
        let (start, rest) = text.split_at_checked(head.len())?;
        start.eq_ignore_ascii_case(head).then_some(rest)
    };
    let macros =
        ["X86_FEATURE_", "cpuid.", "featMask.vm.cpuid.", "MSR_IA32_ARCH_CAPABILITIES.", "IA32_ARCH_CAPABILITIES."];
    let named = macros.into_iter().find_map(after);
    let with_value = || text.split_once('=').map(|(name, _)| name.trim_end()).filter(|name| !name.contains(' '));
    let found = named.or_else(|| text.strip_prefix(['+', '-'])).or_else(with_value)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    Some(found).filter(|name| !name.is_empty() && name.chars().all(is_name))
}

/// Words that stand for several features.
const GROUPS: &[(&str, &[&str])] = &[
    ("tsx", &["7.0.ebx.4", "7.0.ebx.11"]),
    ("cet", &["7.0.ecx.7", "7.0.edx.20"]),
    ("amx", &["7.0.edx.22", "7.0.edx.24", "7.0.edx.25"]),
];

fn folded(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace(['_', '.', ' '], "-")
}

/// What a property does, and the place that shows it (empty: none).
pub(super) fn property(word: &str) -> Option<(&'static str, &'static str)> {
    let word = folded(word);
    let row = PROPERTIES.iter().find(|(names, ..)| names.split(' ').any(|name| name == word));
    row.map(|(_, place, says)| (*says, *place))
}

/// The places that a mnemonic stands for.
pub(super) fn mnemonic(word: &str) -> Vec<&'static str> {
    let word = folded(word);
    match GROUPS.iter().find(|(name, _)| *name == word) {
        Some((_, places)) => places.to_vec(),
        None => MNEMONICS.iter().filter(|(name, _)| *name == word).map(|(_, place)| *place).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpuid_probe::place::Query;

    #[test]
    fn every_word_leads_to_a_place() {
        let places = MNEMONICS.iter().map(|(_, place)| *place);
        let places = places.chain(GROUPS.iter().flat_map(|(_, places)| places.iter().copied()));
        for place in places.chain(PROPERTIES.iter().map(|(_, place, _)| *place).filter(|place| !place.is_empty())) {
            assert!(place.parse::<Query>().is_ok(), "{place}");
        }
        assert!(MNEMONICS.is_sorted_by_key(|(name, _)| name));
        assert_eq!((mnemonic("CMPXCHG16B"), property("phys_bits_x")), (vec!["1.ecx.13"], None));
    }
}
