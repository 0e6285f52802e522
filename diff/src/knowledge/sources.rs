//! Where each leaf is described, for places whose row names no source of its own.
//!
//! Manuals are cited by leaf, function or MSR: their sections move from edition to edition.

use cpuid_probe::Place;
use cpuid_probe::hypervisor::Owner;

/// Leaves `first..=last` of a CPU.
struct Described {
    first: u32,
    last: u32,
    source: &'static str,
}

const fn one(leaf: u32, source: &'static str) -> Described {
    Described { first: leaf, last: leaf, source }
}

const fn to(first: u32, last: u32, source: &'static str) -> Described {
    assert!(first < last);
    Described { first, last, source }
}

/// Ascending, without overlap.
#[rustfmt::skip]
const CPU: &[Described] = &[
    one(0x0, "Intel SDM vol. 1 ch. 21 leaf 00H"),
    one(0x1, "Intel SDM vol. 1 ch. 21 leaf 01H; AMD APM vol. 3 appendix E Fn0000_0001"),
    one(0x2, "Intel SDM vol. 1 ch. 21 leaf 02H"),
    one(0x3, "Intel SDM vol. 1 ch. 21 leaf 03H"),
    one(0x4, "Intel SDM vol. 1 ch. 21 leaf 04H"),
    one(0x5, "Intel SDM vol. 1 ch. 21 leaf 05H; AMD APM vol. 3 appendix E Fn0000_0005"),
    one(0x6, "Intel SDM vol. 1 ch. 21 leaf 06H"),
    one(0x7, "Intel SDM vol. 1 ch. 21 leaf 07H; AMD APM vol. 3 appendix E Fn0000_0007"),
    one(0x9, "Intel SDM vol. 1 ch. 21 leaf 09H"),
    one(0xa, "Intel SDM vol. 1 ch. 21 leaf 0AH"),
    one(0xb, "Intel SDM vol. 1 ch. 21 leaf 0BH; AMD APM vol. 3 appendix E Fn0000_000B"),
    one(0xd, "Intel SDM vol. 1 ch. 21 leaf 0DH; AMD APM vol. 3 appendix E Fn0000_000D"),
    one(0xf, "Intel SDM vol. 1 ch. 21 leaf 0FH"),
    one(0x10, "Intel SDM vol. 1 ch. 21 leaf 10H"),
    one(0x12, "Intel SDM vol. 1 ch. 21 leaf 12H"),
    one(0x14, "Intel SDM vol. 1 ch. 21 leaf 14H"),
    one(0x15, "Intel SDM vol. 1 ch. 21 leaf 15H"),
    one(0x16, "Intel SDM vol. 1 ch. 21 leaf 16H"),
    one(0x17, "Intel SDM vol. 1 ch. 21 leaf 17H"),
    one(0x18, "Intel SDM vol. 1 ch. 21 leaf 18H"),
    one(0x19, "Intel SDM vol. 1 ch. 21 leaf 19H"),
    one(0x1a, "Intel SDM vol. 1 ch. 21 leaf 1AH"),
    one(0x1b, "Intel SDM vol. 1 ch. 21 leaf 1BH"),
    one(0x1c, "Intel SDM vol. 1 ch. 21 leaf 1CH"),
    one(0x1d, "Intel SDM vol. 1 ch. 21 leaf 1DH"),
    one(0x1e, "Intel SDM vol. 1 ch. 21 leaf 1EH"),
    one(0x1f, "Intel SDM vol. 1 ch. 21 leaf 1FH"),
    one(0x20, "Intel SDM vol. 1 ch. 21 leaf 20H"),
    one(0x21, "Linux 6.1 arch/x86/include/asm/shared/tdx.h"),
    one(0x23, "Intel SDM vol. 1 ch. 21 leaf 23H"),
    one(0x24, "Intel SDM vol. 1 ch. 21 leaf 24H; Linux 7.1 arch/x86/kvm/cpuid.c:1671-1701"),
    one(0x27, "Intel SDM vol. 1 ch. 21 leaf 27H"),
    one(0x28, "Intel SDM vol. 1 ch. 21 leaf 28H"),
    one(0x29, "Intel SDM vol. 1 ch. 21 leaf 29H"),
    one(0x8000_0000, "AMD APM vol. 3 appendix E Fn8000_0000; Intel SDM vol. 1 ch. 21 leaf 80000000H"),
    one(0x8000_0001, "AMD APM vol. 3 appendix E Fn8000_0001; Intel SDM vol. 1 ch. 21 leaf 80000001H"),
    to(0x8000_0002, 0x8000_0004, "AMD APM vol. 3 appendix E Fn8000_0002 to Fn8000_0004; Intel SDM vol. 1 ch. 21 leaves 80000002H to 80000004H"),
    one(0x8000_0005, "AMD APM vol. 3 appendix E Fn8000_0005; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0006, "AMD APM vol. 3 appendix E Fn8000_0006; Intel SDM vol. 1 ch. 21 leaf 80000006H"),
    one(0x8000_0007, "AMD APM vol. 3 appendix E Fn8000_0007; Intel SDM vol. 1 ch. 21 leaf 80000007H"),
    one(0x8000_0008, "AMD APM vol. 3 appendix E Fn8000_0008; Intel SDM vol. 1 ch. 21 leaf 80000008H"),
    one(0x8000_000a, "AMD APM vol. 3 appendix E Fn8000_000A; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0019, "AMD APM vol. 3 appendix E Fn8000_0019; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_001a, "AMD APM vol. 3 appendix E Fn8000_001A; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_001b, "AMD APM vol. 3 appendix E Fn8000_001B; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_001c, "AMD APM vol. 3 appendix E Fn8000_001C; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_001d, "AMD APM vol. 3 appendix E Fn8000_001D; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_001e, "AMD APM vol. 3 appendix E Fn8000_001E; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_001f, "AMD APM vol. 3 appendix E Fn8000_001F; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0020, "AMD APM vol. 3 appendix E Fn8000_0020; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0021, "AMD APM vol. 3 appendix E Fn8000_0021; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0022, "AMD APM vol. 3 appendix E Fn8000_0022; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0023, "AMD APM vol. 3 appendix E Fn8000_0023; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0025, "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000025"),
    one(0x8000_0026, "AMD APM vol. 3 appendix E Fn8000_0026; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv"),
    one(0x8000_0027, "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000027"),
    to(0x8086_0000, 0x8086_0007, "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv, Transmeta leaves; Linux 6.1 arch/x86/kernel/cpu/transmeta.c"),
    one(0xc000_0000, "Linux 6.1 arch/x86/kernel/cpu/centaur.c"),
    one(0xc000_0001, "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0xc0000001; Linux 6.1 arch/x86/include/asm/cpufeatures.h"),
];

/// Where the place's leaf or MSR is described.
pub(super) fn of(place: Place) -> Option<&'static str> {
    if let Place::Msr { index, .. } = place {
        return of_msr(index);
    }
    let leaf = place.leaf()?.leaf;
    match (place.owner(), leaf & 0xff) {
        (Owner::Cpu, _) => CPU.iter().find(|d| d.first <= leaf && leaf <= d.last).map(|d| d.source),
        (Owner::Kvm, 0x0 | 0x1) => Some("Linux Documentation/virt/kvm/x86/cpuid.rst"),
        (Owner::Kvm | Owner::Vmware, 0x10) => {
            Some("QEMU 7.2 target/i386/kvm/kvm.c:2121-2137; Linux 6.1 arch/x86/kernel/cpu/vmware.c")
        }
        (Owner::HyperV, 0x80..=0x82) => Some("QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
        (Owner::HyperV, 0x0..=0xc) => Some("Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h"),
        (Owner::Xen, 0x0..=0x5) => Some("Xen include/public/arch-x86/cpuid.h; Xen arch/x86/cpuid.c:61-164"),
        (Owner::Vmware | Owner::OtherHypervisor, 0x0) => Some("Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
        _ => None,
    }
}

const fn of_msr(index: u32) -> Option<&'static str> {
    match index {
        0xcf => Some("Linux arch/x86/include/asm/msr-index.h MSR_IA32_CORE_CAPS; Intel SDM vol. 4 table 2-2"),
        0x10a => Some(
            "Linux arch/x86/include/asm/msr-index.h ARCH_CAP_*; Xen include/public/arch-x86/cpufeatureset.h, MSR_ARCH_CAPS",
        ),
        0x345 => Some("Linux arch/x86/include/asm/msr-index.h MSR_IA32_PERF_CAPABILITIES"),
        0x480..=0x491 => Some("Intel SDM vol. 3 appendix A; Linux arch/x86/include/asm/vmx.h and vmxfeatures.h"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_ascend() {
        assert!(CPU.windows(2).all(|w| w[0].last < w[1].first));
    }
}
