//! Leaves 0x14 to 0x1f: tracing, clocks, TLBs, Key Locker, hybrid CPUs, LBRs, AMX, the topology.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x14, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x14 subleaf")
            .rule(NotLess, Unsafe, Warning, "Shrinking hides trace capabilities in use",
                "Intel SDM vol. 1 ch. 21 leaf 14H; QEMU 7.2 target/i386/cpu.c:5601-5628"),
    ]),
    cpu(0x14, At(0), Ebx, &[
        nameless(0, "Trace filtering by CR3").unsettable(),
        nameless(1, "Cycle-accurate tracing, configurable sync packets").unsettable(),
        nameless(2, "Trace filtering by instruction address").unsettable(),
        nameless(3, "MTC timing packets").unsettable(),
        nameless(4, "PTWRITE instruction").unsettable(),
        nameless(5, "Power event packets").unsettable(),
        nameless(6, "Pending PSB/PMI preserved across disable").unsettable(),
        nameless(7, "Event packets").unsettable(),
        nameless(8, "TNT packets can be suppressed").unsettable(),
        nameless(9, "Trigger tracing").unsettable(),
    ]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Trace controls in use must stay settable or RTIT_CTL restore faults",
            "Linux 6.1 arch/x86/kvm/vmx/vmx.c update_intel_pt_cfg; Intel SDM vol. 1 ch. 21 leaf 14H"),
    ]),
    cpu(0x14, At(0), Ecx, &[
        nameless(0, "Table-of-pages output").unsettable(),
        nameless(1, "Multiple entries per output table").unsettable(),
        nameless(2, "Trace output into one contiguous buffer").unsettable(),
        nameless(3, "Trace transport output").unsettable(),
        bit(31, "intel-pt-lip", "Trace IPs are linear addresses").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["intel-pt"]),
    ]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Trace controls in use must stay settable or RTIT_CTL restore faults",
            "Linux 6.1 arch/x86/kvm/vmx/vmx.c update_intel_pt_cfg; Intel SDM vol. 1 ch. 21 leaf 14H"),
    ]),
    cpu(0x14, At(1), Eax, &[
        field(2, 0, "addr_ranges", "Address filter ranges")
            .rule(NotLess, Unsafe, Warning, "Address range MSRs in use vanish", "Linux 6.1 arch/x86/kvm/vmx/vmx.c update_intel_pt_cfg"),
        field(10, 8, "trigger_cfgs", "Trigger configuration MSRs")
            .rule(NotLess, Unsafe, Warning, "Trigger MSRs in use vanish", "Intel SDM vol. 1 ch. 21 leaf 14H"),
        field(31, 16, "mtc_periods", "Bitmap of MTC period encodings").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Chosen period encoding must stay valid", "Intel SDM vol. 1 ch. 21 leaf 14H"),
    ]),
    cpu(0x14, At(1), Ebx, &[
        field(15, 0, "cyc_thresholds", "Bitmap of cycle threshold encodings").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Chosen threshold encoding must stay valid", "Intel SDM vol. 1 ch. 21 leaf 14H"),
        field(31, 16, "psb_periods", "Bitmap of PSB frequency encodings").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Chosen frequency encoding must stay valid", "Intel SDM vol. 1 ch. 21 leaf 14H"),
    ]),
    cpu(0x15, At(0), Eax, &[
        field(31, 0, "tsc_denominator", "TSC to crystal ratio, divisor")
            .rule(HostClock, Warning, Warning, "Compare ECX*EBX/EAX, not the registers; guest fixed its TSC rate at boot",
                "Intel SDM vol. 1 ch. 21 leaf 15H; Linux 6.1 arch/x86/kernel/tsc.c native_calibrate_tsc")
            .cause(Frequency, "TSC ratio of the host part; QEMU/KVM return zero, other VMMs may pass it through",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Intel SDM vol. 1 ch. 21 leaf 15H"),
    ]),
    cpu(0x15, At(0), Ebx, &[
        field(31, 0, "tsc_numerator", "TSC to crystal ratio, multiplier")
            .rule(HostClock, Warning, Warning, "Compare ECX*EBX/EAX, not the registers; guest fixed its TSC rate at boot",
                "Intel SDM vol. 1 ch. 21 leaf 15H; Linux 6.1 arch/x86/kernel/tsc.c native_calibrate_tsc")
            .cause(Frequency, "TSC ratio of the host part; QEMU/KVM return zero, other VMMs may pass it through",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Intel SDM vol. 1 ch. 21 leaf 15H"),
    ]),
    cpu(0x15, At(0), Ecx, &[
        field(31, 0, "crystal_hz", "Crystal frequency in Hz, may be zero").unit(of("Hz"))
            .rule(HostClock, Warning, Warning, "Crystal rate; also the APIC timer rate in some guests",
                "Intel SDM vol. 1 ch. 21 leaf 15H; Linux 6.1 arch/x86/kernel/tsc.c native_calibrate_tsc")
            .cause(Frequency, "Crystal frequency of the host part; QEMU/KVM return zero",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Intel SDM vol. 1 ch. 21 leaf 15H"),
    ]),
    cpu(0x16, At(0), Eax, &[
        field(15, 0, "base_mhz", "Advertised base frequency").unit(of("MHz"))
            .rule(HostClock, Warning, Warning, "Advertised clock; guests use it when leaf 15H gives no crystal",
                "Linux 6.1 arch/x86/kernel/tsc.c native_calibrate_tsc")
            .cause(Frequency, "Advertised frequency of the host SKU; QEMU/KVM return zero",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Intel SDM vol. 1 ch. 21 leaf 16H (Logical Processor domain)"),
    ]),
    cpu(0x16, At(0), Ebx, &[
        field(15, 0, "max_mhz", "Advertised maximum frequency").unit(of("MHz"))
            .rule(Informational, Info, Info, "Advertised maximum clock, display only", "Intel SDM vol. 1 ch. 21 leaf 16H")
            .cause(Frequency, "Advertised frequency of the host SKU; QEMU/KVM return zero",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Intel SDM vol. 1 ch. 21 leaf 16H (Logical Processor domain)"),
    ]),
    cpu(0x16, At(0), Ecx, &[
        field(15, 0, "bus_mhz", "Advertised reference clock").unit(of("MHz"))
            .rule(Informational, Info, Info, "Advertised bus clock, display only", "Intel SDM vol. 1 ch. 21 leaf 16H")
            .cause(Frequency, "Advertised frequency of the host SKU; QEMU/KVM return zero",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Intel SDM vol. 1 ch. 21 leaf 16H (Logical Processor domain)"),
    ]),
    cpu(0x17, Span(1, 3), Eax, &[
        field(31, 0, "soc_brand_0", "SoC name text, part 1 of 4").unit(Unit::Text)
            .rule(Informational, Info, Info, "SoC brand text", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, Span(1, 3), Ebx, &[
        field(31, 0, "soc_brand_1", "SoC name text, part 2 of 4").unit(Unit::Text)
            .rule(Informational, Info, Info, "SoC brand text", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, Span(1, 3), Ecx, &[
        field(31, 0, "soc_brand_2", "SoC name text, part 3 of 4").unit(Unit::Text)
            .rule(Informational, Info, Info, "SoC brand text", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, Span(1, 3), Edx, &[
        field(31, 0, "soc_brand_3", "SoC name text, part 4 of 4").unit(Unit::Text)
            .rule(Informational, Info, Info, "SoC brand text", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x17 subleaf")
            .rule(Informational, Info, Info, "SoC naming leaf", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, At(0), Ebx, &[
        field(15, 0, "soc_vendor", "SoC vendor number"),
        field(16, 16, "soc_scheme", "Vendor number from industry registry"),
    ]).rules(&[
        rule(16, 0, Informational, Info, Info, "SoC naming leaf", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, At(0), Ecx, &[
        field(31, 0, "soc_project", "SoC project number")
            .rule(Informational, Info, Info, "SoC naming leaf", "Intel SDM vol. 1 ch. 21 leaf 17H"),
    ]),
    cpu(0x17, At(0), Edx, &[
        field(31, 0, "soc_stepping", "SoC stepping")
            .rule(Informational, Info, Info, "SoC naming leaf", "Intel SDM vol. 1 ch. 21 leaf 17H")
            .cause(Firmware, "SoC stepping is per package", "Intel SDM vol. 1 ch. 21 leaf 17H (Package domain)"),
    ]),
    cpu(0x18, Any, Ebx, &[
        field(3, 0, "page_sizes", "Bitmap: 4K, 2M, 4M, 1G entries").unit(Unit::Bits(0)),
        field(10, 8, "partitioning", "How sharers split the structure"),
        field(31, 16, "ways", "Associativity"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "TLB geometry, tuning only", "Intel SDM vol. 1 ch. 21 leaf 18H"),
    ]).causes(&[
        cause(31, 0, Layout, "TLB geometry differs by core type on hybrid parts", "Intel SDM vol. 1 ch. 21 leaf 18H (Logical Processor domain)"),
    ]),
    cpu(0x18, Any, Ecx, &[
        field(31, 0, "sets", "Set count")
            .rule(Informational, Info, Info, "TLB geometry, tuning only", "Intel SDM vol. 1 ch. 21 leaf 18H")
            .cause(Layout, "TLB geometry differs by core type on hybrid parts", "Intel SDM vol. 1 ch. 21 leaf 18H (Logical Processor domain)"),
    ]),
    cpu(0x18, Any, Edx, &[
        field(4, 0, "tlb_type", "0 invalid, 1-5 data, code, unified, load, store")
            .unit(Unit::Words(&[(0, "invalid"), (1, "data"), (2, "code"), (3, "unified"), (4, "load"), (5, "store")])),
        field(7, 5, "tlb_level", "Level, first is 1"),
        field(8, 8, "fully_associative", "Translation structure has full associativity"),
        field(25, 14, "sharing_ids", "APIC id slots sharing it, minus one").unit(plus_one("APIC id slots")),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "TLB geometry, tuning only", "Intel SDM vol. 1 ch. 21 leaf 18H"),
    ]).causes(&[
        cause(31, 0, Layout, "TLB geometry differs by core type on hybrid parts", "Intel SDM vol. 1 ch. 21 leaf 18H (Logical Processor domain)"),
    ]),
    cpu(0x18, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x18 subleaf")
            .rule(Informational, Info, Info, "TLB geometry, tuning only", "Intel SDM vol. 1 ch. 21 leaf 18H"),
    ]),
    cpu(0x19, At(0), Eax, &[
        nameless(0, "Handles restrictable to ring 0").unsettable().kvm(Never),
        nameless(1, "Handles can forbid encryption").unsettable().kvm(Never),
        nameless(2, "Handles can forbid decryption").unsettable().kvm(Never),
    ]),
    cpu(0x19, At(0), Ebx, &[
        nameless(0, "AES Key Locker active; follows CR4.KL").unsettable().kvm(Never)
            .rule(OsControlled, Expected, Expected, "Follows CR4.KL; availability is 7.0.ECX[23], which is a subset bit",
                "Intel SDM vol. 1 table 21-1")
            .cause(GuestState, "AESKLE needs CR4.KL and firmware activation", "Intel SDM vol. 1 table 21-1"),
        nameless(2, "Wide AES Key Locker instructions").unsettable().kvm(Never),
        nameless(4, "Wrapping key backup MSRs").unsettable().kvm(Never),
    ]),
    cpu(0x19, At(0), Ecx, &[
        nameless(0, "Wrapping key may refuse backup").unsettable().kvm(Never),
        nameless(1, "Wrapping key can be randomized").unsettable().kvm(Never),
    ]),
    cpu(0x1a, At(0), Eax, &[
        field(23, 0, "native_model", "Core design number")
            .rule(PerVcpu, Warning, Warning, "Design number differs by core kind; the multiset over vCPUs must match",
                "Intel SDM vol. 1 ch. 21 leaf 1AH"),
        field(31, 24, "core_type", "0x20 Atom, 0x40 Core").unit(Unit::Words(&[(0x20, "Atom"), (0x40, "Core")]))
            .rule(PerVcpu, Warning, Warning, "Core kind selects PMU tables; the multiset over vCPUs must match",
                "Intel SDM vol. 1 ch. 21 leaf 1AH; Linux 6.1 arch/x86/events/intel/core.c"),
    ]).causes(&[
        cause(31, 0, EachVcpu, "Core type and design differ between P and E cores", "Intel SDM vol. 1 ch. 21 leaf 1AH (Logical Processor domain)"),
    ]),
    cpu(0x1b, Any, Eax, &[field(11, 0, "subleaf_type", "0 ends the list, 1 target ids")]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "Encryption targets; not virtualized by KVM",
            "Intel SDM vol. 1 ch. 21 leaf 1BH; Linux 6.1 arch/x86/kvm/cpuid.c:1284"),
    ]),
    cpu(0x1b, Any, Ebx, &[
        field(31, 0, "target_0", "PCONFIG target id or zero")
            .rule(Equal, Warning, Warning, "Encryption targets; not virtualized by KVM",
                "Intel SDM vol. 1 ch. 21 leaf 1BH; Linux 6.1 arch/x86/kvm/cpuid.c:1284"),
    ]),
    cpu(0x1b, Any, Ecx, &[
        field(31, 0, "target_1", "PCONFIG target id or zero")
            .rule(Equal, Warning, Warning, "Encryption targets; not virtualized by KVM",
                "Intel SDM vol. 1 ch. 21 leaf 1BH; Linux 6.1 arch/x86/kvm/cpuid.c:1284"),
    ]),
    cpu(0x1b, Any, Edx, &[
        field(31, 0, "target_2", "PCONFIG target id or zero")
            .rule(Equal, Warning, Warning, "Encryption targets; not virtualized by KVM",
                "Intel SDM vol. 1 ch. 21 leaf 1BH; Linux 6.1 arch/x86/kvm/cpuid.c:1284"),
    ]),
    cpu(0x1c, At(0), Eax, &[
        field(7, 0, "lbr_depths", "Bit n allows depth 8(n+1)").unit(Unit::Bits(0))
            .rule(Equal, Unsafe, Unsafe, "LBR depth is programmed state; a depth not offered faults",
                "Intel SDM vol. 1 ch. 21 leaf 1CH; QEMU 7.2 target/i386/cpu.c:5448-5453"),
        nameless(30, "LBRs may be lost in deep idle").unsettable().kvm(Never)
            .rule(Hazard, Info, Warning, "One means records may be lost in deep idle", "Intel SDM vol. 1 ch. 21 leaf 1CH"),
        nameless(31, "LBR addresses are linear").unsettable().kvm(Never)
            .rule(Equal, Unsafe, Unsafe, "Recorded addresses change meaning, linear or effective", "Intel SDM vol. 1 ch. 21 leaf 1CH"),
    ]).rules(&[
        rule(31, 0, Equal, Unsafe, Unsafe, "Meaningful only with 7.0.EDX[19]; QEMU leaves stale data otherwise",
            "Intel SDM vol. 1 ch. 21 leaf 1CH; QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256"),
    ]).causes(&[
        cause(31, 0, Firmware,
            "LBR leaf is the host KVM data when arch-lbr and pmu are on; otherwise QEMU TCG leaves it unset and stale stack data shows",
            "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256; Intel SDM vol. 1 ch. 21 leaf 1CH EAX[31] (Logical \
            Processor domain)"),
    ]),
    cpu(0x1c, At(0), Ebx, &[
        nameless(0, "LBR filtering by privilege").unsettable().kvm(Never),
        nameless(1, "LBR filtering by branch type").unsettable().kvm(Never),
        nameless(2, "LBR call-stack mode").unsettable().kvm(Never),
    ]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Meaningful only with 7.0.EDX[19]; QEMU leaves stale data otherwise",
            "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256"),
    ]).causes(&[
        cause(31, 0, Running, "Unset by QEMU TCG without arch-lbr: stale stack data",
            "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256"),
    ]),
    cpu(0x1c, At(0), Ecx, &[
        nameless(0, "LBR records mispredictions").unsettable().kvm(Never),
        nameless(1, "LBR records elapsed cycles").unsettable().kvm(Never),
        nameless(2, "LBR records branch type").unsettable().kvm(Never),
        field(19, 16, "lbr_event_counters", "Counters able to log into LBR")
            .rule(Subset, Warning, Warning, "Counters able to log into LBR", "Intel SDM vol. 1 ch. 21 leaf 1CH"),
    ]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Meaningful only with 7.0.EDX[19]; QEMU leaves stale data otherwise",
            "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256"),
    ]).causes(&[
        cause(31, 0, Running, "Unset by QEMU TCG without arch-lbr: stale stack data",
            "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256"),
    ]),
    cpu(0x1c, At(0), Edx, &[]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Meaningful only with 7.0.EDX[19]; QEMU leaves stale data otherwise",
            "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256"),
    ]),
    cpu(0x1d, From(1), Eax, &[
        field(15, 0, "tile_bytes_total", "Bytes over all tiles").unit(of("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Tile geometry is frozen in code and saved state", "Intel SDM vol. 1 ch. 21 leaf 1DH"),
        field(31, 16, "tile_bytes", "Bytes in one tile").unit(of("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Tile geometry is frozen in code and saved state", "Intel SDM vol. 1 ch. 21 leaf 1DH"),
    ]),
    cpu(0x1d, From(1), Ebx, &[
        field(15, 0, "row_bytes", "Bytes in one row").unit(of("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Tile geometry is frozen in code and saved state", "Intel SDM vol. 1 ch. 21 leaf 1DH"),
        field(31, 16, "tile_count", "Tile registers").unit(of("tiles"))
            .rule(Equal, Unsafe, Unsafe, "Tile geometry is frozen in code and saved state", "Intel SDM vol. 1 ch. 21 leaf 1DH"),
    ]),
    cpu(0x1d, From(1), Ecx, &[
        field(15, 0, "max_rows", "Rows per tile").unit(of("rows"))
            .rule(Equal, Unsafe, Unsafe, "Tile geometry is frozen in code and saved state", "Intel SDM vol. 1 ch. 21 leaf 1DH"),
    ]),
    cpu(0x1d, At(0), Eax, &[
        field(31, 0, "max_palette", "Largest tile palette and subleaf")
            .rule(NotLess, Unsafe, Warning, "Tile palettes in use must stay", "Intel SDM vol. 1 ch. 21 leaf 1DH"),
    ]),
    cpu(0x1e, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x1e subleaf (newer parts)")
            .rule(NotLess, Unsafe, Warning, "Shrinking hides AMX feature bits", "Linux 7.1 arch/x86/kvm/cpuid.c:1651-1670"),
    ]),
    cpu(0x1e, At(0), Ebx, &[
        field(7, 0, "tmul_maxk", "Largest inner dimension")
            .rule(NotLess, Unsafe, Warning, "Multiplier dimension; larger tile configurations fault", "Intel SDM vol. 1 ch. 21 leaf 1EH"),
        field(23, 8, "tmul_maxn", "Largest column bytes")
            .rule(NotLess, Unsafe, Warning, "Multiplier dimension; larger tile configurations fault", "Intel SDM vol. 1 ch. 21 leaf 1EH"),
    ]),
    cpu(0x1e, At(1), Eax, &[
        bit(0, "amx-int8-alias", "Repeat of AMX-INT8 flag").libvirt(V12_8).qemu(V11_1).not_in_tcg(),
        bit(1, "amx-bf16-alias", "Repeat of AMX-BF16 flag").libvirt(V12_8).qemu(V11_1).not_in_tcg(),
        bit(2, "amx-complex-alias", "Repeat of AMX-COMPLEX flag").libvirt(V12_8).qemu(V11_1).not_in_tcg(),
        bit(3, "amx-fp16-alias", "Repeat of AMX-FP16 flag").libvirt(V12_8).qemu(V11_1).not_in_tcg(),
        bit(4, "amx-fp8", "AMX 8-bit floating-point multiply").libvirt(V12_8).qemu(V11_1).not_in_tcg().isa(),
        bit(6, "amx-tf32", "AMX TensorFloat-32 multiply").libvirt(V12_8).qemu(V11_1).not_in_tcg().isa(),
        bit(7, "amx-avx512", "AMX moves between tiles and AVX-512").libvirt(V12_8).qemu(V11_1).not_in_tcg().isa(),
        bit(8, "amx-movrs", "AMX read-shared tile loads").libvirt(V12_8).qemu(V11_1).not_in_tcg().isa(),
    ]),
    cpu(0x1f, Any, Eax, &[
        field(4, 0, "shift", "APIC id shift to next level").unit(of("bits"))
            .rule(Topology, Warning, Warning, "APIC id decoding follows -smp; differs only with the command line",
                "QEMU 7.2 target/i386/cpu.c:5466-5476")
            .cause(Layout, "Shift follows -smp", "QEMU 7.2 target/i386/cpu.c:5466,5471,5476; QEMU 10.2 target/i386/cpu.c:441-496"),
    ]),
    cpu(0x1f, Any, Ebx, &[
        field(15, 0, "level_cpus", "CPUs at this level, display only").unit(of("CPUs"))
            .rule(Topology, Warning, Warning, "Count at the level follows -smp; display only", "QEMU 7.2 target/i386/cpu.c:5467-5477")
            .cause(Layout, "CPU count follows -smp; display only", "QEMU 7.2 target/i386/cpu.c:5467,5472,5477; Intel SDM vol. 1 ch. 21 leaf 1FH"),
    ]),
    cpu(0x1f, Any, Ecx, &[
        field(7, 0, "level_index", "Echo of input subleaf")
            .rule(Informational, Info, Info, "Echo of the subleaf asked for", "Intel SDM vol. 1 ch. 21 leaf 1FH")
            .cause(Running, "Echo of the subleaf asked for", "QEMU 7.2 target/i386/cpu.c:5462; Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527"),
        field(15, 8, "level_type", "1 thread 2 core 3 module 4 tile 5 die 6 dieGrp")
            .unit(Unit::Words(&[(0, "invalid"), (1, "thread"), (2, "core"), (3, "module"), (4, "tile"), (5, "die"), (6, "die group")]))
            .rule(Topology, Warning, Warning, "Level list changed; APIC id decoding changes with it", "Intel SDM vol. 1 ch. 21 leaf 1FH"),
    ]),
    cpu(0x1f, Any, Edx, &[
        field(31, 0, "x2apic_id", "Full APIC id of this CPU")
            .rule(PerVcpu, Expected, Expected, "x2APIC id; unique per vCPU, same set in both dumps", "Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527")
            .cause(EachVcpu, "x2APIC id",
                "QEMU 7.2 target/i386/cpu.c:5463; Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527; Intel SDM vol. 1 ch. 21 leaf 1FH"),
    ]),
];
