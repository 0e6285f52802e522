//! What QEMU's CPU properties change in CPUID, and which of them a machine type sets.
//!
//! A property that is a feature needs no row here: its own row has its place.

use cpuid_probe::Register::{self, Eax, Ebx, Ecx, Edx};
use cpuid_probe::place::{BitRange, Query};

use crate::knowledge::Version;

/// What a property does to its places where it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// They hold less, or zero.
    Clears,
    /// They hold more, or hold something at all.
    Shows,
    /// They hold other values.
    Changes,
}

/// A property of QEMU's CPUs that is not the name of one feature.
#[derive(Debug)]
pub(super) struct Property {
    /// QEMU's name.
    pub name: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// What its being on does.
    pub on: On,
    /// The places.
    pub at: &'static [Query],
}

const fn property(name: &'static str, on: On, what: &'static str, at: &'static [Query]) -> Property {
    Property { name, what, on, at }
}

/// A whole leaf, in all its subleaves.
const fn leaf(leaf: u32) -> Query {
    Query::Cpuid { leaf, subleaf: None, register: None, bits: None }
}

/// A register of a leaf, in all its subleaves.
const fn register(leaf: u32, register: Register) -> Query {
    Query::Cpuid { leaf, subleaf: None, register: Some(register), bits: None }
}

/// Bits of a register of a leaf, in all its subleaves.
pub(super) const fn bits(leaf: u32, register: Register, hi: u8, lo: u8) -> Query {
    Query::Cpuid { leaf, subleaf: None, register: Some(register), bits: Some(BitRange::new(hi, lo)) }
}

/// # Source
/// QEMU 11.1 target/i386/cpu.c (`cpu_x86_cpuid`, `x86_cpu_properties`); 7.2 for the older ones. The first three were seen
/// in guests of QEMU 11.1 with the machine types pc-q35-10.0 and pc-q35-10.1 (samples/icelake-q35-10.0.json, -10.1.json).
#[rustfmt::skip]
pub(super) const PROPERTIES: &[Property] = &[
    property("x-vendor-cpuid-only-v2", On::Clears, "leaves that Intel reserves read as zero", &[
        register(0x8000_0000, Ebx), register(0x8000_0000, Ecx), register(0x8000_0000, Edx), leaf(0x8000_0005),
        register(0x8000_0006, Eax), register(0x8000_0006, Ebx), register(0x8000_0006, Edx),
        bits(0x8000_0006, Ecx, 11, 8), register(0x8000_0008, Ecx),
    ]),
    property("x-consistent-cache", On::Changes, "leaves 2, 4 and 0x80000006 describe the same caches", &[
        leaf(2), leaf(4), bits(0x8000_0006, Ecx, 7, 0), bits(0x8000_0006, Ecx, 31, 12),
    ]),
    property("x-vendor-cpuid-only", On::Clears, "leaves that the vendor reserves read as zero", &[leaf(2), leaf(4)]),
    property("x-pdcm-on-even-without-pmu", On::Shows, "pdcm is shown without a PMU", &[bits(1, Ecx, 15, 15)]),
    property("x-arch-cap-always-on", On::Shows, "arch-capabilities is shown on AMD", &[bits(7, Edx, 29, 29),
        Query::Msr { index: 0x10a, bits: None }]),
    property("x-l1-cache-per-thread", On::Changes, "the threads of a core share its first cache", &[
        bits(4, Eax, 25, 14), bits(0x8000_001d, Eax, 25, 14),
    ]),
    property("x-amd-topoext-features-only", On::Clears, "AMD's topology leaves need topoext", &[
        leaf(0x8000_001d), leaf(0x8000_001e),
    ]),
    property("legacy-multi-node", On::Changes, "AMD's node numbers", &[leaf(0x8000_001e)]),
    property("guest-phys-bits", On::Changes, "the width of guest-physical addresses", &[
        bits(0x8000_0008, Eax, 23, 16),
    ]),
    property("legacy-cache", On::Changes, "one description of caches for every model", &[
        leaf(2), leaf(4), leaf(0x8000_0005), leaf(0x8000_0006), leaf(0x8000_001d),
    ]),
    property("l3-cache", On::Shows, "a third cache is described", &[leaf(2), leaf(4), register(0x8000_0006, Edx),
        leaf(0x8000_001d)]),
    property("host-cache-info", On::Changes, "the host's caches are described", &[
        leaf(2), leaf(4), leaf(0x8000_0005), leaf(0x8000_0006), leaf(0x8000_001d),
    ]),
    property("cpuid-0xb", On::Shows, "the topology of x2APIC ids", &[leaf(0xb)]),
    property("full-cpuid-auto-level", On::Shows, "the largest leaf follows the features", &[
        register(0, Eax), register(0x8000_0000, Eax),
    ]),
    property("x-intel-pt-auto-level", On::Shows, "the largest leaf follows intel-pt", &[register(0, Eax)]),
    property("level", On::Changes, "the largest leaf", &[register(0, Eax)]),
    property("min-level", On::Changes, "the largest leaf", &[register(0, Eax)]),
    property("xlevel", On::Changes, "the largest extended leaf", &[register(0x8000_0000, Eax)]),
    property("min-xlevel", On::Changes, "the largest extended leaf", &[register(0x8000_0000, Eax)]),
    property("vendor", On::Changes, "the vendor", VENDOR),
    property("family", On::Changes, "the CPU's family", &[bits(1, Eax, 27, 20), bits(1, Eax, 11, 8),
        register(0x8000_0001, Eax)]),
    property("model", On::Changes, "the CPU's model number", &[bits(1, Eax, 19, 16), bits(1, Eax, 7, 4),
        register(0x8000_0001, Eax)]),
    property("stepping", On::Changes, "the CPU's stepping", &[bits(1, Eax, 3, 0), register(0x8000_0001, Eax)]),
    property("model-id", On::Changes, "the brand text", BRAND),
    property("phys-bits", On::Changes, "the width of physical addresses", &[bits(0x8000_0008, Eax, 7, 0)]),
    property("host-phys-bits", On::Changes, "the host's width of physical addresses", &[
        bits(0x8000_0008, Eax, 7, 0),
    ]),
    property("host-phys-bits-limit", On::Changes, "the host's width of physical addresses", &[
        bits(0x8000_0008, Eax, 7, 0),
    ]),
    property("pmu", On::Shows, "the performance counters", &[leaf(0xa), bits(1, Ecx, 15, 15), leaf(0x8000_0022),
        leaf(0x23), Query::Msr { index: 0x345, bits: None }]),
    property("tsc-frequency", On::Changes, "the TSC frequency", CLOCK),
    property("vmware-cpuid-freq", On::Shows, "the leaf with the TSC frequency", CLOCK),
    property("kvm", On::Shows, "KVM's own leaves", &[leaf(0x4000_0000), leaf(0x4000_0001)]),
    property("tcg-cpuid", On::Shows, "the emulator's own leaves", &[leaf(0x4000_0000), leaf(0x4000_0001)]),
    property("kvm-msi-ext-dest-id", On::Shows, "more APIC ids in interrupt messages", &[bits(0x4000_0001, Eax, 15, 15)]),
    property("hv-version-id-build", On::Changes, "Hyper-V's version", &[leaf(0x4000_0002)]),
    property("hv-version-id-major", On::Changes, "Hyper-V's version", &[leaf(0x4000_0002)]),
    property("hv-version-id-minor", On::Changes, "Hyper-V's version", &[leaf(0x4000_0002)]),
    property("x-hv-max-vps", On::Changes, "Hyper-V's number of processors", &[leaf(0x4000_0005)]),
    property("x-hv-synic-kvm-only", On::Clears, "Hyper-V's interrupt controller", &[register(0x4000_0003, Eax)]),
];

/// The text of the vendor.
pub(super) const VENDOR: &[Query] = &[
    register(0, Ebx),
    register(0, Ecx),
    register(0, Edx),
    register(0x8000_0000, Ebx),
    register(0x8000_0000, Ecx),
    register(0x8000_0000, Edx),
];

const BRAND: &[Query] = &[leaf(0x8000_0002), leaf(0x8000_0003), leaf(0x8000_0004)];
const CLOCK: &[Query] = &[leaf(0x15), leaf(0x16), leaf(0x4000_0010)];

/// What a CPU model decides besides its features.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c (`X86CPUDefinition`: level, xlevel, family, model, stepping, model_id, cache_info).
pub(super) const OF_MODEL: &[Query] = &[
    register(0, Eax),
    leaf(2),
    leaf(4),
    register(1, Eax),
    register(0x8000_0000, Eax),
    register(0x8000_0001, Eax),
    leaf(0x8000_0002),
    leaf(0x8000_0003),
    leaf(0x8000_0004),
    leaf(0x8000_0005),
    leaf(0x8000_0006),
    register(0x8000_0008, Eax),
    leaf(0x8000_001d),
    leaf(0x8000_001e),
    leaf(0xa),
    leaf(0x14),
];

/// A property that machine types up to a version set, so that a guest keeps what it had.
pub(super) struct Compat {
    /// The CPU model it is set for; empty: all.
    pub model: &'static str,
    /// The property.
    pub property: &'static str,
    /// What it is set to.
    pub value: &'static str,
    /// The newest machine type that sets it.
    pub until: Version,
}

const fn compat(model: &'static str, property: &'static str, value: &'static str, until: (u8, u8)) -> Compat {
    Compat { model, property, value, until: Version::new(until.0, until.1) }
}

/// # Source
/// `query-machines` with `compat-props` of QEMU 10.0 and 11.1, machine types pc-q35 and pc-i440fx. Properties that do not
/// reach CPUID are left out.
#[rustfmt::skip]
pub(super) const COMPAT: &[Compat] = &[
    compat("", "cpuid-0xb", "off", (2, 6)),
    compat("", "full-cpuid-auto-level", "off", (2, 7)),
    compat("", "guest-phys-bits", "0", (9, 0)),
    compat("", "hv-version-id-build", "0x1bbc", (6, 1)),
    compat("", "hv-version-id-major", "0x0006", (6, 1)),
    compat("", "hv-version-id-minor", "0x0001", (6, 1)),
    compat("", "kvm-msi-ext-dest-id", "off", (5, 1)),
    compat("", "l3-cache", "off", (2, 7)),
    compat("", "legacy-cache", "on", (2, 12)),
    compat("", "legacy-multi-node", "on", (9, 0)),
    compat("", "tcg-cpuid", "off", (2, 8)),
    compat("", "topoext", "off", (2, 12)),
    compat("", "vmware-cpuid-freq", "off", (2, 8)),
    compat("", "x-amd-topoext-features-only", "off", (9, 0)),
    compat("", "x-arch-cap-always-on", "on", (10, 0)),
    compat("", "x-consistent-cache", "off", (10, 0)),
    compat("", "x-hv-max-vps", "0x40", (2, 10)),
    compat("", "x-hv-synic-kvm-only", "on", (3, 0)),
    compat("", "x-intel-pt-auto-level", "off", (3, 1)),
    compat("", "x-l1-cache-per-thread", "off", (9, 0)),
    compat("", "x-pdcm-on-even-without-pmu", "on", (10, 0)),
    compat("", "x-vendor-cpuid-only", "off", (6, 0)),
    compat("", "x-vendor-cpuid-only-v2", "off", (10, 0)),
    compat("Broadwell", "abm", "off", (2, 4)),
    compat("Broadwell-noTSX", "abm", "off", (2, 4)),
    compat("Cascadelake-Server", "mpx", "on", (3, 1)),
    compat("Cascadelake-Server", "stepping", "5", (3, 1)),
    compat("EPYC", "npt", "off", (3, 1)),
    compat("EPYC", "nrip-save", "off", (3, 1)),
    compat("EPYC", "xlevel", "0x8000000a", (2, 12)),
    compat("EPYC-IBPB", "npt", "off", (3, 1)),
    compat("EPYC-IBPB", "nrip-save", "off", (3, 1)),
    compat("EPYC-IBPB", "xlevel", "0x8000000a", (2, 12)),
    compat("Haswell", "abm", "off", (2, 4)),
    compat("Haswell", "stepping", "1", (2, 8)),
    compat("Haswell-noTSX", "abm", "off", (2, 4)),
    compat("Icelake-Client", "mpx", "on", (3, 1)),
    compat("Icelake-Server", "mpx", "on", (3, 1)),
    compat("Opteron_G2", "rdtscp", "on", (2, 4)),
    compat("Opteron_G3", "family", "15", (2, 7)),
    compat("Opteron_G3", "model", "6", (2, 7)),
    compat("Opteron_G3", "stepping", "1", (2, 7)),
    compat("Opteron_G3", "rdtscp", "off", (3, 1)),
    compat("Opteron_G4", "npt", "off", (3, 1)),
    compat("Opteron_G4", "nrip-save", "off", (3, 1)),
    compat("Opteron_G4", "rdtscp", "off", (3, 1)),
    compat("Opteron_G5", "npt", "off", (3, 1)),
    compat("Opteron_G5", "nrip-save", "off", (3, 1)),
    compat("Opteron_G5", "rdtscp", "off", (3, 1)),
    compat("Skylake-Client", "mpx", "on", (3, 1)),
    compat("Skylake-Client-IBRS", "mpx", "on", (3, 1)),
    compat("Skylake-Server", "clflushopt", "off", (2, 11)),
    compat("Skylake-Server", "mpx", "on", (3, 1)),
    compat("Skylake-Server", "pku", "off", (3, 0)),
    compat("Skylake-Server-IBRS", "mpx", "on", (3, 1)),
    compat("Skylake-Server-IBRS", "pku", "off", (3, 0)),
    compat("athlon", "model-id", "QEMU Virtual CPU version 2.4.0", (2, 4)),
    compat("host", "host-cache-info", "on", (2, 4)),
    compat("qemu32", "model-id", "QEMU Virtual CPU version 2.4.0", (2, 4)),
    compat("qemu32", "popcnt", "on", (2, 4)),
    compat("qemu64", "abm", "on", (2, 4)),
    compat("qemu64", "family", "6", (6, 0)),
    compat("qemu64", "model", "6", (6, 0)),
    compat("qemu64", "model-id", "QEMU Virtual CPU version 2.4.0", (2, 4)),
    compat("qemu64", "popcnt", "on", (2, 4)),
    compat("qemu64", "sse4a", "on", (2, 4)),
    compat("qemu64", "stepping", "3", (6, 0)),
];
