//! Leaves 0x0 to 0x6: vendor, signature, base features, caches, MWAIT, thermal and power.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x0, At(0), Eax, &[
        field(31, 0, "max_basic_leaf", "Largest basic leaf number").unit(Unit::Leaf)
            .rule(NotLess, Unsafe, Warning, "Shrinking hides leaves the guest already used; Xen refuses such a destination",
                "Xen arch/x86/lib/cpu-policy/policy.c:18-22; Linux 6.1 arch/x86/kvm/cpuid.c:908")
            .cause(Firmware, "Maximum follows host KVM and QEMU clamps with -cpu host; MISC_ENABLE[22] caps it on old bare metal",
                "Linux 6.1 arch/x86/kvm/cpuid.c:908; Linux 7.1 arch/x86/kvm/cpuid.c:1434; Intel SDM vol. 1 table 21-2 (leaf 00H); Linux 6.1 \
                arch/x86/kernel/cpu/intel.c:307-314"),
    ]),
    cpu(0x0, At(0), Ebx, &[
        field(31, 0, "vendor_0", "Vendor text, characters 1 to 4").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Vendor selects errata, hypercall instruction and segment rules",
                "Xen arch/x86/lib/cpu-policy/policy.c:18-22"),
    ]),
    cpu(0x0, At(0), Ecx, &[
        field(31, 0, "vendor_2", "Vendor text, characters 9 to 12").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Vendor selects errata, hypercall instruction and segment rules",
                "Xen arch/x86/lib/cpu-policy/policy.c:18-22"),
    ]),
    cpu(0x0, At(0), Edx, &[
        field(31, 0, "vendor_1", "Vendor text, characters 5 to 8").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Vendor selects errata, hypercall instruction and segment rules",
                "Xen arch/x86/lib/cpu-policy/policy.c:18-22"),
    ]),
    cpu(0x1, At(0), Eax, &[
        field(3, 0, "stepping", "Stepping number")
            .rule(Identity, Warning, Warning, "Errata workarounds are chosen by stepping at boot; data path stays valid",
                "QEMU 7.2 target/i386/host-cpu.c:132-175; libvirt 9.0 src/cpu/cpu_x86.c signature")
            .cause(Firmware, "Stepping is passed through by -cpu host; hosts of one model may mix steppings",
                "QEMU 7.2 target/i386/host-cpu.c:132-175; Intel SDM vol. 1 ch. 21 leaf 01H (Package domain)"),
        field(7, 4, "model", "Low model digit")
            .rule(Identity, Unsafe, Unsafe, "Model selects mitigations, PMU events and MSR tables at boot",
                "libvirt 9.0 src/cpu/cpu_x86.c signature; Linux 6.1 arch/x86/kernel/cpu/common.c cpu_vuln_whitelist"),
        field(11, 8, "family", "Base family number")
            .rule(Identity, Unsafe, Unsafe, "Family selects mitigations, PMU events and MSR tables at boot",
                "libvirt 9.0 src/cpu/cpu_x86.c signature; Linux 6.1 arch/x86/kernel/cpu/common.c cpu_vuln_whitelist"),
        field(13, 12, "cpu_type", "Legacy processor type code").unit(Unit::Words(&[(0, "original"), (1, "OverDrive"), (2, "dual")]))
            .rule(Identity, Warning, Warning, "Legacy type code, zero on every current part", "Intel SDM vol. 1 ch. 21 leaf 01H"),
        field(19, 16, "ext_model", "High model digit")
            .rule(Identity, Unsafe, Unsafe, "High model digit, part of the signature", "libvirt 9.0 src/cpu/cpu_x86.c signature"),
        field(27, 20, "ext_family", "Added to family when family is 15")
            .rule(Identity, Unsafe, Unsafe, "Extended family, part of the signature", "libvirt 9.0 src/cpu/cpu_x86.c signature"),
    ]),
    cpu(0x1, At(0), Ebx, &[
        field(7, 0, "brand_index", "Legacy brand table index")
            .rule(Informational, Info, Info, "Legacy brand index, only names the part", "Intel SDM vol. 1 ch. 21 leaf 01H"),
        field(15, 8, "clflush_line", "Flush line size in 8-byte units").unit(times(8, "bytes"))
            .rule(NotLess, Unsafe, Warning, "Guest strides flush loops by the old size; a smaller line leaves data unflushed",
                "Intel SDM vol. 1 ch. 21 leaf 01H; Linux 6.1 arch/x86/lib/usercopy_64.c clean_cache_range"),
        field(23, 16, "logical_ids", "APIC id slots per package; needs HTT flag")
            .rule(Topology, Warning, Warning, "Follows -smp; differing command lines, or QEMU count versus power of two",
                "QEMU 7.2 target/i386/cpu.c:5260-5262; QEMU 10.2 target/i386/cpu.c:7910-7926")
            .cause(Layout, "Logical id count follows -smp; QEMU changed from count to power-of-two for Intel",
                "QEMU 7.2 target/i386/cpu.c:5260-5262; QEMU 10.2 target/i386/cpu.c:7910-7926"),
        field(31, 24, "initial_apic_id", "Low 8 bits of this CPU's APIC id")
            .rule(PerVcpu, Expected, Expected, "Initial APIC id; unique per vCPU, same set in both dumps", "QEMU 7.2 target/i386/cpu.c:5253")
            .cause(EachVcpu, "Initial APIC id",
                "QEMU 7.2 target/i386/cpu.c:5253; Xen arch/x86/cpuid.c:279-281; Intel SDM vol. 1 ch. 21 leaf 01H (Logical Processor domain)"),
    ]),
    cpu(0x1, At(0), Ecx, &[
        bit(0, "pni", "SSE3 vector instruction set").libvirt(V9_0).qemu(V7_2).linux().also(Qemu, &["sse3"]).kvm(IfHost).tcg(V7_2).isa(),
        bit(1, "pclmuldq", "Carry-less multiply (PCLMULQDQ) available").libvirt(V9_0).qemu_as("pclmulqdq", V7_2).linux_as_qemu().kvm(IfHost)
            .tcg(V7_2).isa(),
        bit(2, "dtes64", "Debug Store area uses 64-bit record layout").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "Host KVM offers DTES64 only where it can virtualize PEBS; guest may use the buffer",
                "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7834-7837")
            .cause(Firmware, "DTES64 shown only when the host KVM can virtualize PEBS",
                "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7834-7837, vmx/capabilities.h:393-396; Linux 7.1 arch/x86/kvm/vmx/capabilities.h:403-407; Linux \
                6.1 arch/x86/events/intel/core.c:6471-6473 (Ice Lake server only); Linux 7.1 arch/x86/events/intel/core.c:8226, \
                arch/x86/events/intel/ds.c:3389-3390 (Sapphire Rapids on, PEBS format 5 on); Xen arch/x86/cpuid.c:283-292 (vPMU adds DS, DTES64 and \
                DS-CPL from the CPU it runs on)"),
        bit(3, "monitor", "MONITOR and MWAIT usable; follows MISC_ENABLE[18]").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).tcg(V7_2)
            .rule(Subset, Unsafe, Warning, "Static in KVM while the default quirk is on; idle code executes MWAIT",
                "Linux 6.1 arch/x86/kvm/cpuid.c:305-311; Linux 7.1 Documentation/virt/kvm/api.rst KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT")
            .cause(Firmware,
                "MONITOR is set by -overcommit cpu-pm=on or +monitor; mirrors MISC_ENABLE[18] only if KVM quirk MISC_ENABLE_NO_MWAIT is off \
                (default on)",
                "Linux 6.1 arch/x86/kvm/cpuid.c:305-311; Linux 7.1 arch/x86/kvm/cpuid.c:303-306; Intel SDM vol. 1 table 21-2"),
        bit(4, "ds_cpl", "Debug Store can filter branch messages by privilege level").libvirt(V9_0).qemu_as("ds-cpl", V7_2).linux().kvm(Never)
            .not_in_tcg(),
        bit(5, "vmx", "Intel VT-x root/non-root virtualization").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).not_in_tcg(),
        bit(6, "smx", "Safer Mode Extensions (GETSEC, TXT)").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(7, "est", "SpeedStep P-state control; follows MISC_ENABLE[16]").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "Static in guests; mirrors MISC_ENABLE[16] only on bare metal",
                "Intel SDM vol. 1 table 21-2; Linux 6.1 arch/x86/kvm/cpuid.c:275-311")
            .cause(Firmware, "EIST mirrors MISC_ENABLE[16] on bare metal; static in KVM and QEMU guests", "Intel SDM vol. 1 table 21-2"),
        bit(8, "tm2", "Second-generation thermal monitor (frequency and voltage throttling)").libvirt(V9_0).qemu(V7_2).linux().kvm(Never)
            .not_in_tcg(),
        bit(9, "ssse3", "Supplemental SSE3 instruction set").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(10, "cid", "L1 data cache can run in shared or adaptive mode").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(11, "sdbg", "Silicon debug interface MSR exists").unsettable().linux().kvm(Never),
        bit(12, "fma", "Three-operand fused multiply-add on VEX registers").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(13, "cx16", "16-byte compare-and-exchange instruction").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(14, "xtpr", "Chipset task-priority message updates can be disabled").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(15, "pdcm", "IA32_PERF_CAPABILITIES MSR exists").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "PERF_CAPABILITIES MSR vanishes; reading it faults", "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7839-7840")
            .cause(Firmware, "PDCM follows whether vPMU is enabled on that host",
                "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7839-7840; QEMU 7.2 target/i386/cpu.c:5264-5266"),
        bit(17, "pcid", "Process-context identifiers tag TLB entries").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2),
        bit(18, "dca", "Direct cache access prefetch from devices").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(19, "sse4.1", "SSE4.1 instruction set").libvirt(V9_0).qemu(V7_2).linux_as("sse4_1").linux_is_alias().also(Qemu, &["sse4-1"]).kvm(IfHost)
            .tcg(V7_2).isa(),
        bit(20, "sse4.2", "SSE4.2 instruction set (includes CRC32, string compares)").libvirt(V9_0).qemu(V7_2).linux_as("sse4_2").linux_is_alias()
            .also(Qemu, &["sse4-2"]).kvm(IfHost).tcg(V7_2).isa(),
        bit(21, "x2apic", "x2APIC mode of the local interrupt controller").libvirt(V9_0).qemu(V7_2).linux().kvm(Emulated).tcg(V10_2),
        bit(22, "movbe", "Byte-swapping load/store instruction MOVBE").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(23, "popcnt", "Population-count instruction").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(24, "tsc-deadline", "APIC timer can fire on a TSC deadline").libvirt(V9_0).qemu(V7_2).linux_as("tsc_deadline_timer").kvm(Emulated)
            .tcg(V10_2),
        bit(25, "aes", "AES round instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(26, "xsave", "XSAVE family and XCR0 implemented").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(27, "osxsave", "OS turned on CR4.OSXSAVE (dynamic mirror)").libvirt(V9_0).not_in_qemu().migratable(Yes).kvm(Conditional).not_judged()
            .not_listed()
            .rule(OsControlled, Expected, Expected, "Mirror of CR4.OSXSAVE", "Linux 6.1 arch/x86/kvm/cpuid.c:277-280")
            .cause(GuestState, "OSXSAVE mirrors CR4.OSXSAVE",
                "Linux 6.1 arch/x86/kvm/cpuid.c:277-280; Linux 7.1 arch/x86/kvm/cpuid.c:297-298; QEMU 7.2 target/i386/cpu.c:5256-5258; Xen \
                arch/x86/cpuid.c:294-298; Intel SDM vol. 1 table 21-1"),
        bit(28, "avx", "AVX 256-bit vector instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(29, "f16c", "Half-precision to single-precision conversion instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(30, "rdrand", "Hardware random number instruction RDRAND").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(31, "hypervisor", "Set by hypervisors; always clear on bare metal").libvirt(V9_0).qemu(V7_2).linux().kvm(Emulated).tcg(V7_2)
            .rule(Subset, Unsafe, Warning, "Without it a fresh guest skips all hypervisor leaves",
                "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c; QEMU 7.2 target/i386/cpu.c"),
    ]).shown(&[0, 1, 9, 13, 19, 20, 22, 23, 25, 31]).shown_with(AVX, &[12, 29]),
    cpu(0x1, At(0), Edx, &[
        bit(0, "fpu", "x87 floating-point unit is integrated").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(1, "vme", "Virtual-8086 mode enhancements and CR4.VME").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg(),
        bit(2, "de", "I/O breakpoints and CR4.DE debugging extensions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(3, "pse", "4 MiB pages through CR4.PSE").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(4, "tsc", "RDTSC counter implemented").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(5, "msr", "RDMSR/WRMSR usable").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(6, "pae", "Physical addresses beyond 32 bits via PAE paging").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(7, "mce", "Machine-check exception vector 18").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(8, "cx8", "8-byte compare-and-exchange instruction").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(9, "apic", "Local APIC enabled; follows IA32_APIC_BASE[11]").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2)
            .rule(OsControlled, Warning, Info, "Mirrors the APIC enable bit, but an absent APIC is a configuration difference",
                "Linux 6.1 arch/x86/kvm/cpuid.c:282-283; Xen arch/x86/cpuid.c:493-495")
            .cause(GuestState, "APIC bit mirrors IA32_APIC_BASE enable; an APIC absent by configuration looks the same",
                "Linux 6.1 arch/x86/kvm/cpuid.c:282-283; Linux 7.1 arch/x86/kvm/cpuid.c:300-301; Xen arch/x86/cpuid.c:493-495; Intel SDM vol. 1 \
                table 21-2"),
        bit(11, "sep", "Fast system call pair SYSENTER/SYSEXIT").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(12, "mtrr", "Memory typing by physical range (MTRRs)").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(13, "pge", "Global page-table entries via CR4.PGE").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(14, "mca", "Machine-check architecture banks").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(15, "cmov", "Conditional move instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(16, "pat", "Page attribute table memory typing").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(17, "pse36", "4 MiB pages can map addresses above 4 GiB").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(18, "pn", "Pentium III processor serial number enabled").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg()
            .rule(OsControlled, Expected, Expected, "Kernels switch the serial number off through BBL_CR_CTL",
                "Linux 6.1 arch/x86/kernel/cpu/common.c squash_the_stupid_serial_number")
            .cause(GuestState, "Serial number flag is cleared when the OS disables the number",
                "Linux 6.1 arch/x86/kernel/cpu/common.c squash_the_stupid_serial_number"),
        bit(19, "clflush", "Cache-line flush instruction CLFLUSH").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(21, "ds", "Debug Store buffer for BTS and PEBS").libvirt(V9_0).qemu(V7_2).linux_as("dts").kvm(Conditional).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "Host KVM offers DS only where it can virtualize PEBS; guest may program the buffer",
                "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7834-7837")
            .cause(Firmware, "DS shown only when the host KVM can virtualize PEBS",
                "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7834-7837, vmx/capabilities.h:393-396; Linux 7.1 arch/x86/kvm/vmx/capabilities.h:403-407; Linux \
                6.1 arch/x86/events/intel/core.c:6471-6473 (Ice Lake server only); Linux 7.1 arch/x86/events/intel/core.c:8226, \
                arch/x86/events/intel/ds.c:3389-3390 (Sapphire Rapids on, PEBS format 5 on); Xen arch/x86/cpuid.c:283-292 (vPMU adds DS, DTES64 and \
                DS-CPL from the CPU it runs on)"),
        bit(22, "acpi", "Thermal and clock-modulation MSRs for ACPI").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).tcg(V7_2),
        bit(23, "mmx", "MMX integer vectors").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(24, "fxsr", "Fast FPU/SSE state save and restore").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(25, "sse", "SSE vector instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(26, "sse2", "SSE2 vector instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(27, "ss", "CPU snoops its own caches on memory-type conflicts").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(28, "ht", "EBX logical-processor count is meaningful").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).tcg(V10_2)
            .rule(Topology, Warning, Warning, "Only makes EBX[23:16] meaningful; follows -smp",
                "QEMU 7.2 target/i386/cpu.c:5262; Xen arch/x86/cpu-policy.c guest_common_max_feature_adjustments")
            .cause(Layout, "HT flag is forced on when a package has several threads", "QEMU 7.2 target/i386/cpu.c:5262"),
        bit(29, "tm", "Automatic thermal monitor clock throttling").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(30, "ia64", "Obsolete marker for IA-64 emulating x86").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(31, "pbe", "Pending-break wakeup signalling from stop-clock").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
    ]).shown(&[0, 1, 2, 4, 5, 6, 8, 15, 23, 24, 25, 26]),
    cpu(0x2, At(0), Eax, &[
        field(7, 0, "iterations", "Times to query; always 1 on real CPUs"),
        field(15, 8, "descriptor_1", "Cache or TLB descriptor byte"),
        field(23, 16, "descriptor_2", "Cache or TLB descriptor byte"),
        field(30, 24, "descriptor_3", "Cache or TLB descriptor byte"),
        field(31, 31, "eax_invalid", "Set when descriptors in EAX are invalid"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Legacy cache descriptors, sizing hints only",
            "QEMU 7.2 target/i386/cpu.c:5270-5272; Intel SDM vol. 1 ch. 21 leaf 02H"),
    ]).causes(&[
        cause(31, 8, Layout, "Legacy cache bytes are host values with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5270-5272"),
    ]),
    cpu(0x2, At(0), Ebx, &[
        field(7, 0, "descriptor_4", "Cache or TLB descriptor byte"),
        field(15, 8, "descriptor_5", "Cache or TLB descriptor byte"),
        field(23, 16, "descriptor_6", "Cache or TLB descriptor byte"),
        field(30, 24, "descriptor_7", "Cache or TLB descriptor byte"),
        field(31, 31, "ebx_invalid", "Set when descriptors in EBX are invalid"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Legacy cache descriptors, sizing hints only",
            "QEMU 7.2 target/i386/cpu.c:5270-5272; Intel SDM vol. 1 ch. 21 leaf 02H"),
    ]).causes(&[
        cause(31, 0, Layout, "Legacy cache bytes are host values with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5270-5272"),
    ]),
    cpu(0x2, At(0), Ecx, &[
        field(7, 0, "descriptor_8", "Cache or TLB descriptor byte"),
        field(15, 8, "descriptor_9", "Cache or TLB descriptor byte"),
        field(23, 16, "descriptor_10", "Cache or TLB descriptor byte"),
        field(30, 24, "descriptor_11", "Cache or TLB descriptor byte"),
        field(31, 31, "ecx_invalid", "Set when descriptors in ECX are invalid"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Legacy cache descriptors, sizing hints only",
            "QEMU 7.2 target/i386/cpu.c:5270-5272; Intel SDM vol. 1 ch. 21 leaf 02H"),
    ]).causes(&[
        cause(31, 0, Layout, "Legacy cache bytes are host values with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5270-5272"),
    ]),
    cpu(0x2, At(0), Edx, &[
        field(7, 0, "descriptor_12", "Cache or TLB descriptor byte"),
        field(15, 8, "descriptor_13", "Cache or TLB descriptor byte"),
        field(23, 16, "descriptor_14", "Cache or TLB descriptor byte"),
        field(30, 24, "descriptor_15", "Cache or TLB descriptor byte"),
        field(31, 31, "edx_invalid", "Set when descriptors in EDX are invalid"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Legacy cache descriptors, sizing hints only",
            "QEMU 7.2 target/i386/cpu.c:5270-5272; Intel SDM vol. 1 ch. 21 leaf 02H"),
    ]).causes(&[
        cause(31, 0, Layout, "Legacy cache bytes are host values with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5270-5272"),
    ]),
    cpu(0x3, At(0), Ecx, &[
        field(31, 0, "serial_0", "Serial number bits 0-31 (Pentium III)")
            .rule(Informational, Info, Info, "Serial number, same on every logical CPU of a package", "Intel SDM vol. 1 ch. 21 leaf 03H")
            .cause(Brand, "Processor serial number (Pentium III era), one per package", "Intel SDM vol. 1 ch. 21 leaf 03H"),
    ]),
    cpu(0x3, At(0), Edx, &[
        field(31, 0, "serial_1", "Serial number bits 32-63 (Pentium III)")
            .rule(Informational, Info, Info, "Serial number, same on every logical CPU of a package", "Intel SDM vol. 1 ch. 21 leaf 03H")
            .cause(Brand, "Processor serial number (Pentium III era), one per package", "Intel SDM vol. 1 ch. 21 leaf 03H"),
    ]),
    cpu(0x4, Any, Eax, &[
        field(4, 0, "cache_type", "0 none, 1 data, 2 instruction, 3 unified").unit(CACHE_TYPE)
            .rule(Topology, Warning, Warning, "A cache level appeared, vanished or moved; changes scheduling, not correctness",
                "Intel SDM vol. 1 ch. 21 leaf 04H; QEMU 7.2 target/i386/cpu.c:5287-5320"),
        field(7, 5, "cache_level", "Level, first is 1")
            .rule(Topology, Warning, Warning, "A cache level appeared, vanished or moved; changes scheduling, not correctness",
                "Intel SDM vol. 1 ch. 21 leaf 04H"),
        field(8, 8, "self_init", "Needs no software initialization"),
        field(9, 9, "fully_associative", "Cache has full associativity"),
        field(25, 14, "sharing_ids", "APIC id slots sharing this cache, minus one").unit(plus_one("APIC id slots"))
            .rule(Topology, Warning, Warning, "Sharing follows -smp or the host with cache passthrough", "QEMU 7.2 target/i386/cpu.c:5304-5307")
            .cause(Layout, "Sharing slots derive from -smp, or from the host with cache passthrough",
                "QEMU 7.2 target/i386/cpu.c:5304-5307; QEMU 10.2 target/i386/cpu.c:7975-7981"),
        field(31, 26, "core_ids", "Core id slots per package, minus one").unit(plus_one("core id slots"))
            .rule(Topology, Warning, Warning, "Core slots follow -smp; wrong package decoding in fresh guests",
                "QEMU 7.2 target/i386/cpu.c:5300-5303")
            .cause(Layout, "Core id slots derive from -smp", "QEMU 7.2 target/i386/cpu.c:5300-5303; QEMU 10.2 target/i386/cpu.c:7973-7974"),
    ]).rules(&[
        rule(9, 8, Informational, Info, Info, "Cache property, performance only", "Intel SDM vol. 1 ch. 21 leaf 04H"),
    ]),
    cpu(0x4, Any, Ebx, &[
        field(11, 0, "line_size", "Coherency line bytes, minus one").unit(plus_one("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Coherency line size is compiled into guest data layout and flush loops", "Intel SDM vol. 1 ch. 21 leaf 04H"),
        field(21, 12, "partitions", "Line partitions, minus one").unit(plus_one("")),
        field(31, 22, "ways", "Associativity, minus one").unit(plus_one("ways")),
    ]).rules(&[
        rule(31, 12, Informational, Info, Info, "Geometry is host data with host-cache-info=on; tuning only", "QEMU 7.2 target/i386/cpu.c:5290-5291"),
    ]).causes(&[
        cause(31, 0, Layout, "Cache geometry is host data with host-cache-info=on; differs per core on hybrid parts",
            "QEMU 7.2 target/i386/cpu.c:5290-5291; Intel SDM vol. 1 ch. 21 leaf 04H (Logical Processor domain)"),
    ]),
    cpu(0x4, Any, Ecx, &[
        field(31, 0, "sets", "Set count, minus one").unit(plus_one("sets"))
            .rule(Informational, Info, Info, "Set count, tuning only", "QEMU 7.2 target/i386/cpu.c:5290-5291")
            .cause(Layout, "Cache geometry is host data with host-cache-info=on; differs per core on hybrid parts",
                "QEMU 7.2 target/i386/cpu.c:5290-5291; Intel SDM vol. 1 ch. 21 leaf 04H (Logical Processor domain)"),
    ]),
    cpu(0x4, Any, Edx, &[
        field(0, 0, "wbinvd_not_lower", "WBINVD may miss sharers' lower caches")
            .rule(Equal, Warning, Warning, "Whether WBINVD reaches lower levels of other threads; flush scope changes",
                "Intel SDM vol. 1 ch. 21 leaf 04H"),
        field(1, 1, "inclusive", "Includes lower levels"),
        field(2, 2, "complex_index", "Hashed set indexing"),
    ]).rules(&[
        rule(2, 1, Informational, Info, Info, "Inclusion and hashing, performance only", "Intel SDM vol. 1 ch. 21 leaf 04H"),
    ]).causes(&[
        cause(2, 0, Layout, "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5290-5291"),
    ]),
    cpu(0x5, At(0), Eax, &[
        field(15, 0, "monitor_min", "Smallest monitored line, bytes").unit(of("bytes"))
            .rule(NotLess, Unsafe, Warning, "Store outside a smaller monitored line no longer wakes MWAIT",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50")
            .cause(Firmware, "MWAIT leaf is host data under -overcommit cpu-pm=on with -cpu host", "QEMU 7.2 target/i386/host-cpu.c:44-50,88-89"),
    ]),
    cpu(0x5, At(0), Ebx, &[
        field(15, 0, "monitor_max", "Largest monitored line, bytes").unit(of("bytes"))
            .rule(NotGreater, Info, Warning, "Larger monitored line brings false wake-ups only",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50")
            .cause(Firmware, "MWAIT leaf is host data under -overcommit cpu-pm=on with -cpu host", "QEMU 7.2 target/i386/host-cpu.c:44-50,88-89"),
    ]),
    cpu(0x5, At(0), Ecx, &[
        nameless(0, "MWAIT extensions and sub-state fields are enumerated").unsettable()
            .rule(Subset, Unsafe, Warning, "Constant in QEMU guests even without MONITOR; gates the sub-state fields",
                "QEMU 7.2 target/i386/cpu.c case 5; Intel SDM vol. 1 ch. 21 leaf 05H")
            .cause(Firmware, "Constant in QEMU guests; on bare metal not reported while leaf 1 MONITOR is clear",
                "QEMU 7.2 target/i386/cpu.c case 5; Intel SDM vol. 1 table 21-2"),
        nameless(1, "Masked interrupts can still end MWAIT").unsettable()
            .rule(Subset, Unsafe, Warning, "Idle loops wait with interrupts masked; without it the wake-up is lost",
                "Intel SDM vol. 1 ch. 21 leaf 05H; Linux 6.1 arch/x86/include/asm/mwait.h"),
    ]),
    cpu(0x5, At(0), Edx, &[
        field(3, 0, "c0_substates", "MWAIT sub-states for C0")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(7, 4, "c1_substates", "MWAIT sub-states for C1")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(11, 8, "c2_substates", "MWAIT sub-states for C2")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(15, 12, "c3_substates", "MWAIT sub-states for C3")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(19, 16, "c4_substates", "MWAIT sub-states for C4")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(23, 20, "c5_substates", "MWAIT sub-states for C5")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(27, 24, "c6_substates", "MWAIT sub-states for C6")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
        field(31, 28, "c7_substates", "MWAIT sub-states for C7")
            .rule(NotLess, Warning, Info, "Fewer sub-states: hints are rounded by hardware, idle power changes",
                "Intel SDM vol. 1 ch. 21 leaf 05H; QEMU 7.2 target/i386/host-cpu.c:44-50"),
    ]).causes(&[
        cause(31, 0, Firmware, "Host sub-states under cpu-pm=on; BIOS C-state limits change them", "QEMU 7.2 target/i386/host-cpu.c:44-50,88-89"),
    ]),
    cpu(0x6, At(0), Eax, &[
        bit(0, "dtherm", "On-die digital temperature sensor").unsettable().linux().kvm(Never),
        bit(1, "ida", "Opportunistic turbo frequencies enabled").unsettable().linux().kvm(Never)
            .rule(Subset, Warning, Warning, "Turbo follows MISC_ENABLE[38] on bare metal; frequency only", "Intel SDM vol. 1 ch. 21 leaf 06H")
            .cause(Firmware, "Turbo flag mirrors MISC_ENABLE[38] on bare metal; zero in QEMU guests", "Intel SDM vol. 1 ch. 21 leaf 06H"),
        bit(2, "arat", "APIC timer keeps running in deep idle").libvirt(V9_0).qemu(V7_2).linux().kvm(Emulated).tcg(V7_2)
            .rule(Subset, Unsafe, Warning, "Guest stopped using broadcast timers; lost wake-ups when idle stops the APIC timer",
                "Linux 6.1 arch/x86/kernel/apic/apic.c lapic_timer ARAT; Linux 6.1 arch/x86/kvm/cpuid.c"),
        bit(4, "pln", "Power-limit notification interrupts").unsettable().linux().kvm(Never),
        nameless(5, "Finer clock-modulation duty cycle steps").unsettable().kvm(Never),
        bit(6, "pts", "Package-level thermal status and interrupt").unsettable().linux().kvm(Never),
        bit(7, "hwp", "Hardware-controlled P-states (HWP) base MSRs").unsettable().linux().kvm(Never),
        bit(8, "hwp_notify", "HWP change notification interrupt").unsettable().linux().kvm(Never),
        bit(9, "hwp_act_window", "HWP activity-window field writable").unsettable().linux().kvm(Never),
        bit(10, "hwp_epp", "HWP energy/performance preference field writable").unsettable().linux().kvm(Never),
        bit(11, "hwp_pkg_req", "HWP package-scope request MSR").unsettable().linux().kvm(Never),
        nameless(13, "Hardware duty cycling MSRs").unsettable().kvm(Never),
        nameless(14, "Turbo Boost Max 3.0 favored cores").unsettable().kvm(Never),
        nameless(15, "HWP highest-performance change reporting").unsettable().kvm(Never),
        nameless(16, "HWP request override through PECI").unsettable().kvm(Never),
        nameless(17, "Flexible HWP request valid bits").unsettable().kvm(Never),
        nameless(18, "Fast MSR access mode for HWP requests").unsettable().kvm(Never),
        bit(19, "hfi", "Hardware feedback interface table").unsettable().linux().kvm(Never),
        nameless(20, "Idle siblings' HWP requests can be ignored").unsettable().kvm(Never),
        nameless(22, "IA32_HWP_CTL MSR exists").unsettable().kvm(Never),
        nameless(23, "Thread Director per-class feedback").unsettable().kvm(Never),
        nameless(24, "Bit 25 of thermal interrupt MSR implemented").unsettable().kvm(Never),
    ]),
    cpu(0x6, At(0), Ebx, &[
        field(3, 0, "dts_thresholds", "Programmable thermal thresholds")
            .rule(Informational, Info, Info, "Thermal threshold count, host management only", "Intel SDM vol. 1 ch. 21 leaf 06H"),
    ]),
    cpu(0x6, At(0), Ecx, &[
        bit(0, "aperfmperf", "Effective-frequency counters APERF and MPERF").unsettable().linux().kvm(Never),
        bit(3, "epb", "Energy/performance bias MSR").unsettable().linux().kvm(Never),
        field(15, 8, "td_classes", "Thread Director class count")
            .rule(NotLess, Warning, Warning, "Thread Director class count; guest tables are sized by it", "Intel SDM vol. 1 ch. 21 leaf 06H"),
    ]),
    cpu(0x6, At(0), Edx, &[
        nameless(0, "Feedback table reports performance capability").unsettable(),
        field(7, 0, "hfi_caps", "Bitmap of feedback table columns")
            .rule(Subset, Warning, Warning, "Columns of the feedback table", "Intel SDM vol. 1 ch. 21 leaf 06H"),
        nameless(1, "Feedback table reports energy-efficiency capability").unsettable(),
        field(11, 8, "hfi_table_pages", "Feedback table pages, minus one").unit(plus_one("pages of 4 KiB"))
            .rule(Equal, Warning, Warning, "Feedback table size the guest reserved", "Intel SDM vol. 1 ch. 21 leaf 06H"),
        field(31, 16, "hfi_row", "This CPU's feedback table row")
            .rule(PerVcpu, Expected, Expected, "Row of this CPU in the feedback table", "Intel SDM vol. 1 ch. 21 leaf 06H (Logical Processor domain)")
            .cause(EachVcpu, "Row of this CPU in the feedback table (bare metal)", "Intel SDM vol. 1 ch. 21 leaf 06H (Logical Processor domain)"),
    ]),
];
