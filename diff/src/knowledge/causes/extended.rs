//! Why values may differ: extended leaves.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::table::CauseKind::{
    Brand, CaptureMode, FirmwareMicrocode, OsControlled, PerVcpu, RuntimeDynamic, Topology,
};
use crate::knowledge::table::Sub::{Any, At};
use crate::knowledge::table::{Cause, cause, sorted};

/// Sorted by leaf.
#[rustfmt::skip]
pub(super) const ROWS: &[Cause] = &[
    cause(0x8000_0001, At(0), Eax,  3,  0, FirmwareMicrocode, "AMD stepping is passed through by -cpu host", "QEMU 7.2 target/i386/cpu.c:5693; QEMU 7.2 target/i386/host-cpu.c:132-175"),
    cause(0x8000_0001, At(0), Ecx,  1,  1, Topology,          "CmpLegacy is forced for multi-threaded non-Intel packages in older QEMU", "QEMU 7.2 target/i386/cpu.c:5698-5707"),
    cause(0x8000_0001, At(0), Edx,  9,  9, OsControlled,      "AMD copy of the APIC bit; Xen updates it, KVM leaves it static", "Xen arch/x86/cpuid.c:490-495; Linux 6.1 arch/x86/kvm/cpuid.c:275-283"),
    cause(0x8000_0001, At(0), Edx, 11, 11, CaptureMode,       "Intel and TCG report SYSCALL only when CPUID runs in 64-bit mode", "Intel SDM vol. 1 ch. 21 leaf 80000001H EDX[11]; Xen arch/x86/cpuid.c:484-488; QEMU 10.2 target/i386/cpu.c:8355-8358 (TCG)"),
    cause(0x8000_0001, At(0), Edx, 20, 20, FirmwareMicrocode, "NX disappears while MISC_ENABLE[34] disables execute-disable", "Linux 6.1 arch/x86/kernel/verify_cpu.S:90-99"),
    cause(0x8000_0002, At(0), Eax, 31,  0, Brand,             "Host brand text with -cpu host; Firecracker writes the host frequency into it", "QEMU 7.2 target/i386/cpu.c:5710-5717, target/i386/host-cpu.c:109-130,182; Firecracker docs/cpu_templates/cpuid-normalization.md"),
    cause(0x8000_0002, At(0), Ebx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0002, At(0), Ecx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0002, At(0), Edx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0003, At(0), Eax, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0003, At(0), Ebx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0003, At(0), Ecx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0003, At(0), Edx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0004, At(0), Eax, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0004, At(0), Ebx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0004, At(0), Ecx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0004, At(0), Edx, 31,  0, Brand,             "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    cause(0x8000_0005, At(0), Ecx, 31,  0, Topology,          "L1 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5718-5723"),
    cause(0x8000_0005, At(0), Edx, 31,  0, Topology,          "L1 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5718-5723"),
    cause(0x8000_0006, At(0), Ecx, 31,  0, Topology,          "L2 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5732-5736"),
    cause(0x8000_0006, At(0), Edx, 31,  0, Topology,          "L3 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5732-5736"),
    cause(0x8000_0007, At(0), Edx,  8,  8, FirmwareMicrocode, "Invariant TSC is a configuration choice; also hidden until a Hyper-V guest enables its control MSR", "QEMU 7.2 target/i386/kvm/kvm.c:2107-2118; Linux 7.1 arch/x86/kvm/cpuid.c:2117-2119, hyperv.h:157-178"),
    cause(0x8000_0008, At(0), Eax,  7,  0, FirmwareMicrocode, "Physical width is the host's with host-phys-bits=on; BIOS memory encryption shrinks it", "QEMU 7.2 target/i386/host-cpu.c:53-80; Linux 6.1 arch/x86/kvm/cpuid.c:1201-1220"),
    cause(0x8000_0008, At(0), Eax, 15,  8, FirmwareMicrocode, "Linear width follows LA57 offered by host and model", "QEMU 7.2 target/i386/cpu.c case 0x80000008; Linux 6.1 arch/x86/kvm/cpuid.c:139-160"),
    cause(0x8000_0008, At(0), Eax, 23, 16, FirmwareMicrocode, "Guest physical width depends on host paging levels", "Linux 7.1 arch/x86/kvm/cpuid.c:1774-1815; QEMU 10.2 target/i386/cpu.c:8449"),
    cause(0x8000_0008, At(0), Ebx, 18, 12, FirmwareMicrocode, "AMD speculation controls appear with microcode; KVM also synthesizes them on Intel", "Linux 6.1 arch/x86/kvm/cpuid.c:712-740; Linux 7.1 arch/x86/kvm/cpuid.c:1161-1203"),
    cause(0x8000_0008, At(0), Ebx, 30, 24, FirmwareMicrocode, "AMD SSB/PSF/BTC bits appear with microcode and host kernel", "Linux 6.1 arch/x86/kvm/cpuid.c:712-740; Linux 7.1 arch/x86/kvm/cpuid.c:1161-1203"),
    cause(0x8000_0008, At(0), Ecx,  7,  0, Topology,          "Thread count follows -smp", "QEMU 7.2 target/i386/cpu.c:5764-5775; QEMU 10.2 target/i386/cpu.c:8463-8474"),
    cause(0x8000_0008, At(0), Ecx, 15, 12, Topology,          "APIC id width follows -smp", "QEMU 7.2 target/i386/cpu.c:5764-5775; QEMU 10.2 target/i386/cpu.c:8463-8474"),
    cause(0x8000_001c, At(0), Eax, 31,  0, OsControlled,      "LWP features currently enabled by the OS", "AMD leaf pair EAX (enabled) vs EDX (available); Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c"),
    cause(0x8000_001d, Any,   Eax, 25, 14, Topology,          "Sharing count follows -smp or host cache passthrough", "QEMU 7.2 target/i386/cpu.c:5791-5818"),
    cause(0x8000_001d, Any,   Ebx, 31,  0, Topology,          "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    cause(0x8000_001d, Any,   Ecx, 31,  0, Topology,          "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    cause(0x8000_001d, Any,   Edx, 31,  0, Topology,          "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    cause(0x8000_001e, At(0), Eax, 31,  0, PerVcpu,           "Extended APIC id", "QEMU 7.2 target/i386/cpu.c:371,5819-5821; Linux 6.1 arch/x86/kvm/cpuid.c:1244-1248 (KVM default zero)"),
    cause(0x8000_001e, At(0), Ebx,  7,  0, PerVcpu,           "Core id", "QEMU 7.2 target/i386/cpu.c:387"),
    cause(0x8000_001e, At(0), Ebx, 15,  8, Topology,          "Threads per core follow -smp", "QEMU 7.2 target/i386/cpu.c:387"),
    cause(0x8000_001e, At(0), Ecx,  7,  0, PerVcpu,           "Node id", "QEMU 7.2 target/i386/cpu.c:411-412"),
    cause(0x8000_001e, At(0), Ecx, 10,  8, Topology,          "Node count follows -smp dies", "QEMU 7.2 target/i386/cpu.c:411"),
    cause(0x8000_001f, At(0), Ebx, 11,  0, FirmwareMicrocode, "C-bit position and address reduction come from host firmware setup", "QEMU 7.2 target/i386/cpu.c:5851-5858"),
    cause(0x8000_0021, At(0), Eax,  5,  5, FirmwareMicrocode, "VERW_CLEAR appears with TSA microcode", "Linux 6.1 arch/x86/kvm/cpuid.c:752-757,773; Linux 7.1 arch/x86/kvm/cpuid.c:1245"),
    cause(0x8000_0021, At(0), Eax, 31, 27, FirmwareMicrocode, "SRSO-related bits appear with microcode and host kernel mitigations", "Linux 6.1 arch/x86/kvm/cpuid.c:770-771; Linux 7.1 arch/x86/kvm/cpuid.c:1256-1259"),
    cause(0x8000_0021, At(0), Ebx, 15,  0, FirmwareMicrocode, "Microcode patch size", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021; Linux 6.1 arch/x86/kvm/cpuid.c:1267 (zeroed by KVM)"),
    cause(0x8000_0021, At(0), Ecx,  2,  1, FirmwareMicrocode, "TSA immunity bits depend on host kernel and microcode", "Linux 6.1 arch/x86/kvm/cpuid.c:775-780"),
    cause(0x8000_0022, At(0), Ebx,  3,  0, FirmwareMicrocode, "Core counter count is the host KVM's with pmu=on", "QEMU 10.2 target/i386/cpu.c:8547-8555; Linux 7.1 arch/x86/kvm/cpuid.c:1873-1886"),
    cause(0x8000_0026, Any,   Eax, 31, 29, PerVcpu,           "Level flags describe this CPU's core kind", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    cause(0x8000_0026, Any,   Ebx, 15,  0, Topology,          "CPU count at the level", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    cause(0x8000_0026, Any,   Ebx, 31, 16, PerVcpu,           "Ranking and core type describe this CPU", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    cause(0x8000_0026, Any,   Ecx,  7,  0, RuntimeDynamic,    "Echo of the subleaf asked for", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    cause(0x8000_0026, Any,   Edx, 31,  0, PerVcpu,           "x2APIC id", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
];

sorted!(ROWS);
