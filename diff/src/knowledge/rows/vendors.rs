//! Leaves of Transmeta, and of Centaur and Zhaoxin.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x8086_0000, At(0), Eax, &[
        field(31, 0, "max_tmta_leaf", "Largest Transmeta leaf number").unit(Unit::Leaf)
            .rule(NotLess, Warning, Warning, "Transmeta range", "Linux 6.1 arch/x86/kernel/cpu/transmeta.c:14-19"),
    ]),
    cpu(0x8086_0000, At(0), Ebx, &[
        field(31, 0, "vendor_0", "Transmeta vendor text, characters 1 to 4").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Transmeta vendor text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860000"),
    ]),
    cpu(0x8086_0000, At(0), Ecx, &[
        field(31, 0, "vendor_2", "Transmeta vendor text, characters 9 to 12").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Transmeta vendor text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860000"),
    ]),
    cpu(0x8086_0000, At(0), Edx, &[
        field(31, 0, "vendor_1", "Transmeta vendor text, characters 5 to 8").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Transmeta vendor text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860000"),
    ]),
    cpu(0x8086_0001, At(0), Eax, &[
        field(31, 0, "signature", "Transmeta family, model and stepping")
            .rule(Identity, Unsafe, Unsafe, "Transmeta signature", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860001"),
    ]),
    cpu(0x8086_0001, At(0), Ebx, &[
        field(31, 0, "hw_revision", "Transmeta hardware revision")
            .rule(Informational, Info, Info, "Transmeta revision and nominal clock", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860001"),
    ]),
    cpu(0x8086_0001, At(0), Ecx, &[
        field(31, 0, "nominal_mhz", "Transmeta nominal clock").unit(of("MHz"))
            .rule(Informational, Info, Info, "Transmeta revision and nominal clock", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860001"),
    ]),
    cpu(0x8086_0001, At(0), Edx, &[
        bit(0, "recovery", "Running on recovery code-morphing software").unsettable().linux(),
        bit(1, "longrun", "LongRun power management").unsettable().linux(),
        bit(3, "lrti", "LongRun states listed in a table").unsettable().linux(),
    ]),
    cpu(0x8086_0002, At(0), Eax, &[
        field(31, 0, "hw_revision_2", "Transmeta processor revision, newer parts")
            .rule(Informational, Info, Info, "Transmeta software revision", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860002"),
    ]),
    cpu(0x8086_0002, At(0), Ebx, &[
        field(31, 0, "cms_revision", "Code-morphing software revision")
            .rule(Informational, Info, Info, "Transmeta software revision", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860002"),
    ]),
    cpu(0x8086_0002, At(0), Ecx, &[
        field(31, 0, "cms_revision_mask", "Code-morphing revision, third component")
            .rule(Informational, Info, Info, "Transmeta software revision", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860002"),
    ]),
    cpu(0x8086_0003, At(0), Eax, &[
        field(31, 0, "info_0", "Transmeta information text bytes 0-3").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    ]),
    cpu(0x8086_0003, At(0), Ebx, &[
        field(31, 0, "info_1", "Transmeta information text bytes 4-7").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    ]),
    cpu(0x8086_0003, At(0), Ecx, &[
        field(31, 0, "info_2", "Transmeta information text bytes 8-11").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    ]),
    cpu(0x8086_0003, At(0), Edx, &[
        field(31, 0, "info_3", "Transmeta information text bytes 12-15").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    ]),
    cpu(0x8086_0004, At(0), Eax, &[
        field(31, 0, "info_4", "Transmeta information text bytes 16-19").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    ]),
    cpu(0x8086_0004, At(0), Ebx, &[
        field(31, 0, "info_5", "Transmeta information text bytes 20-23").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    ]),
    cpu(0x8086_0004, At(0), Ecx, &[
        field(31, 0, "info_6", "Transmeta information text bytes 24-27").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    ]),
    cpu(0x8086_0004, At(0), Edx, &[
        field(31, 0, "info_7", "Transmeta information text bytes 28-31").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    ]),
    cpu(0x8086_0005, At(0), Eax, &[
        field(31, 0, "info_8", "Transmeta information text bytes 32-35").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    ]),
    cpu(0x8086_0005, At(0), Ebx, &[
        field(31, 0, "info_9", "Transmeta information text bytes 36-39").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    ]),
    cpu(0x8086_0005, At(0), Ecx, &[
        field(31, 0, "info_10", "Transmeta information text bytes 40-43").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    ]),
    cpu(0x8086_0005, At(0), Edx, &[
        field(31, 0, "info_11", "Transmeta information text bytes 44-47").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    ]),
    cpu(0x8086_0006, At(0), Eax, &[
        field(31, 0, "info_12", "Transmeta information text bytes 48-51").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    ]),
    cpu(0x8086_0006, At(0), Ebx, &[
        field(31, 0, "info_13", "Transmeta information text bytes 52-55").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    ]),
    cpu(0x8086_0006, At(0), Ecx, &[
        field(31, 0, "info_14", "Transmeta information text bytes 56-59").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    ]),
    cpu(0x8086_0006, At(0), Edx, &[
        field(31, 0, "info_15", "Transmeta information text bytes 60-63").unit(Unit::Text)
            .rule(Informational, Info, Info, "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    ]),
    cpu(0x8086_0007, At(0), Eax, &[
        field(31, 0, "current_mhz", "Transmeta clock right now").unit(of("MHz"))
            .rule(Informational, Info, Info, "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007")
            .cause(Running, "Transmeta current clock", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    ]),
    cpu(0x8086_0007, At(0), Ebx, &[
        field(31, 0, "current_mv", "Transmeta voltage right now").unit(of("mV"))
            .rule(Informational, Info, Info, "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007")
            .cause(Running, "Transmeta current voltage", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    ]),
    cpu(0x8086_0007, At(0), Ecx, &[
        field(31, 0, "current_percent", "Transmeta performance right now").unit(of("%"))
            .rule(Informational, Info, Info, "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007")
            .cause(Running, "Transmeta current performance", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    ]),
    cpu(0x8086_0007, At(0), Edx, &[
        field(31, 0, "current_gate_fs", "Transmeta gate delay right now")
            .rule(Informational, Info, Info, "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007")
            .cause(Running, "Transmeta current gate delay", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    ]),
    cpu(0xc000_0000, At(0), Eax, &[
        field(31, 0, "max_centaur_leaf", "Largest Centaur leaf number").unit(Unit::Leaf)
            .rule(NotLess, Unsafe, Warning, "Centaur range shrank", "Linux 6.1 arch/x86/kernel/cpu/centaur.c:27"),
    ]),
    cpu(0xc000_0001, At(0), Edx, &[
        nameless(0, "SM2 engine present").unsettable().kvm(Never),
        nameless(1, "SM2 engine enabled").unsettable().kvm(Never),
        bit(2, "xstore", "PadLock random generator present").libvirt(V12_8).qemu(V7_2).linux_as("rng").kvm(IfHost).not_in_tcg().isa(),
        bit(3, "xstore-en", "PadLock random generator enabled").libvirt(V12_8).qemu(V7_2).linux_as("rng_en").kvm(IfHost).not_in_tcg(),
        nameless(4, "SM3/SM4 engine present").unsettable().kvm(Never),
        nameless(5, "SM3/SM4 engine enabled").unsettable().kvm(Never),
        bit(6, "xcrypt", "PadLock cipher engine present").libvirt(V12_8).qemu(V7_2).linux_as("ace").kvm(IfHost).not_in_tcg().isa(),
        bit(7, "xcrypt-en", "PadLock cipher engine enabled").libvirt(V12_8).qemu(V7_2).linux_as("ace_en").kvm(IfHost).not_in_tcg(),
        bit(8, "ace2", "Second-generation cipher engine present").libvirt(V12_8).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(9, "ace2-en", "Second-generation cipher engine enabled").libvirt(V12_8).qemu(V7_2).linux_as("ace2_en").kvm(IfHost).not_in_tcg(),
        bit(10, "phe", "PadLock hash engine present").libvirt(V12_8).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(11, "phe-en", "PadLock hash engine enabled").libvirt(V12_8).qemu(V7_2).linux_as("phe_en").kvm(IfHost).not_in_tcg(),
        bit(12, "pmm", "PadLock Montgomery multiplier present").libvirt(V12_8).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(13, "pmm-en", "PadLock Montgomery multiplier enabled").libvirt(V12_8).qemu(V7_2).linux_as("pmm_en").kvm(IfHost).not_in_tcg(),
        nameless(16, "Automatic voltage adjustment present").unsettable().kvm(Never),
        nameless(17, "Automatic voltage adjustment enabled").unsettable().kvm(Never),
        nameless(20, "Third-generation thermal monitor present").unsettable().kvm(Never),
        nameless(21, "Third-generation thermal monitor enabled").unsettable().kvm(Never),
        nameless(25, "Second-generation hash engine present").unsettable().kvm(Never),
        nameless(26, "Second-generation hash engine enabled").unsettable().kvm(Never),
        nameless(27, "RSA engine present").unsettable().kvm(Never),
        nameless(28, "RSA engine enabled").unsettable().kvm(Never),
    ]),
];
