//! Leaf 0xd: XSAVE state.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0xd, From(2), Eax, &[
        field(31, 0, "comp_size", "Bytes of this state component").unit(of("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Component size is frozen in saved images in guest memory",
                "QEMU 7.2 target/i386/kvm/kvm-cpu.c:84-120; Intel SDM vol. 1 ch. 21 leaf 0DH"),
    ]),
    cpu(0xd, From(2), Ebx, &[
        field(31, 0, "comp_offset", "Standard-format offset; zero for supervisor state").unit(of("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Component offset is frozen in saved images; Intel and AMD place PKRU differently",
                "QEMU 7.2 target/i386/kvm/kvm-cpu.c:84-120"),
    ]),
    cpu(0xd, From(2), Ecx, &[
        field(0, 0, "comp_supervisor", "Belongs to IA32_XSS rather than XCR0")
            .rule(Equal, Unsafe, Unsafe, "User or supervisor ownership decides the register and format", "Intel SDM vol. 1 ch. 21 leaf 0DH"),
        field(1, 1, "comp_align64", "Compacted form aligns to 64 bytes")
            .rule(Equal, Unsafe, Unsafe, "Alignment moves later components in compacted images", "Intel SDM vol. 1 ch. 21 leaf 0DH"),
        field(2, 2, "comp_xfd", "Can fault through XFD")
            .rule(Equal, Unsafe, Unsafe, "XFD fault capability; lazy allocation relies on it",
                "Intel SDM vol. 1 ch. 21 leaf 0DH; Linux 6.1 arch/x86/kernel/fpu/xstate.c"),
    ]),
    cpu(0xd, At(0), Eax, &[
        nameless(0, "XCR0 x87 component").unsettable().migratable(Yes),
        field(31, 0, "xcr0_low", "Settable XCR0 bits 0-31").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "XCR0 bits in use must stay settable; XSETBV and state load fail otherwise",
                "Linux 6.1 arch/x86/kvm/x86.c:1082-1125; Linux 6.1 arch/x86/kernel/fpu/core.c:424"),
        nameless(1, "XCR0 SSE (XMM) component").unsettable().migratable(Yes),
        nameless(2, "XCR0 AVX upper-YMM component").unsettable().migratable(Yes),
        nameless(3, "XCR0 MPX bound registers component").unsettable().migratable(Yes),
        nameless(4, "XCR0 MPX configuration component").unsettable().migratable(Yes),
        nameless(5, "XCR0 AVX-512 mask registers component").unsettable().migratable(Yes),
        nameless(6, "XCR0 AVX-512 upper ZMM0-15 component").unsettable().migratable(Yes),
        nameless(7, "XCR0 AVX-512 ZMM16-31 component").unsettable().migratable(Yes),
        nameless(9, "XCR0 protection-key rights component").unsettable().migratable(Yes),
        nameless(17, "XCR0 AMX tile configuration component").unsettable().migratable(Yes),
        nameless(18, "XCR0 AMX tile data component").unsettable().migratable(Yes),
        nameless(19, "XCR0 APX extended registers component").unsettable().migratable(Yes),
    ]),
    cpu(0xd, At(0), Ebx, &[
        field(31, 0, "xsave_size_enabled", "Area bytes for features enabled in XCR0").unit(of("bytes"))
            .rule(OsControlled, Expected, Expected, "Size for XCR0 as set now", "Linux 6.1 arch/x86/kvm/cpuid.c:291-293")
            .cause(GuestState, "Area size for features currently enabled in XCR0",
                "Linux 6.1 arch/x86/kvm/cpuid.c:291-293; Linux 7.1 arch/x86/kvm/cpuid.c:315-317; QEMU 7.2 target/i386/cpu.c:5508 (TCG); Xen \
                arch/x86/cpuid.c:472-474; Intel SDM vol. 1 table 21-1"),
    ]),
    cpu(0xd, At(0), Ecx, &[
        field(31, 0, "xsave_size_max", "Area bytes for all settable XCR0 bits").unit(of("bytes"))
            .rule(NotLess, Unsafe, Warning, "Shrinking means components or offsets changed; programs size buffers by it",
                "Intel SDM vol. 1 ch. 21 leaf 0DH; Linux 6.1 arch/x86/kernel/fpu/xstate.c"),
    ]),
    cpu(0xd, At(0), Edx, &[
        field(31, 0, "xcr0_high", "Settable XCR0 bits 32-63").unit(Unit::Bits(32))
            .rule(Subset, Unsafe, Warning, "XCR0 bits in use must stay settable; XSETBV and state load fail otherwise",
                "Linux 6.1 arch/x86/kvm/x86.c:1082-1125; Linux 6.1 arch/x86/kernel/fpu/core.c:424"),
        nameless(30, "XCR0[62] AMD lightweight profiling component").unsettable(),
    ]),
    cpu(0xd, At(1), Eax, &[
        bit(0, "xsaveopt", "XSAVEOPT skips unmodified state").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(1, "xsavec", "XSAVEC and compacted XRSTOR").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(2, "xgetbv1", "XGETBV index 1 reports in-use state").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(3, "xsaves", "XSAVES/XRSTORS and IA32_XSS").libvirt(V9_0).qemu(V7_2).linux().migratable(No).kvm(IfHost).not_in_tcg().isa(),
        bit(4, "xfd", "Extended feature disable MSR (XFD)").libvirt(V9_0).qemu(V7_2).kvm(IfHost).not_in_tcg(),
    ]).rules(&[
        rule(4, 0, Subset, Unsafe, Warning, "XSAVE variants are patched in at boot; losing one is an invalid opcode",
            "Linux 6.1 arch/x86/kernel/fpu/xstate.h; Linux 6.1 arch/x86/kvm/cpuid.c:682"),
    ]),
    cpu(0xd, At(1), Ebx, &[
        field(31, 0, "xsaves_size", "Compacted bytes for XCR0 plus IA32_XSS").unit(of("bytes"))
            .rule(OsControlled, Expected, Expected, "Compacted size for XCR0 and XSS as set now; KVM before 7.1 ignored XSS",
                "Linux 6.1 arch/x86/kvm/cpuid.c:295-298; Linux 7.1 arch/x86/kvm/cpuid.c:319-323")
            .cause(GuestState, "Compacted size for XCR0|XSS now enabled; KVM 6.1 and 6.12 ignore XSS",
                "Linux 6.1 arch/x86/kvm/cpuid.c:295-298; Linux 7.1 arch/x86/kvm/cpuid.c:319-323; Xen arch/x86/cpuid.c:476-480; Intel SDM vol. 1 \
                table 21-1"),
    ]),
    cpu(0xd, At(1), Ecx, &[
        field(31, 0, "xss_low", "Settable IA32_XSS bits 0-31").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "XSS components in use must stay settable",
                "Linux 7.1 arch/x86/kvm/cpuid.c:319-323; Intel SDM vol. 1 ch. 21 leaf 0DH"),
        nameless(8, "IA32_XSS processor-trace component").unsettable(),
        nameless(10, "IA32_XSS PASID component").unsettable(),
        nameless(11, "IA32_XSS CET user component").unsettable().migratable(Yes),
        nameless(12, "IA32_XSS CET supervisor component").unsettable().migratable(Yes),
        nameless(13, "IA32_XSS hardware duty-cycle component").unsettable(),
        nameless(14, "IA32_XSS user-interrupt component").unsettable(),
        nameless(15, "IA32_XSS architectural LBR component").unsettable().migratable(Yes),
        nameless(16, "IA32_XSS HWP request component").unsettable(),
    ]),
    cpu(0xd, At(1), Edx, &[
        field(31, 0, "xss_high", "Settable IA32_XSS bits 32-63").unit(Unit::Bits(32))
            .rule(Subset, Unsafe, Warning, "XSS components in use must stay settable",
                "Linux 7.1 arch/x86/kvm/cpuid.c:319-323; Intel SDM vol. 1 ch. 21 leaf 0DH"),
    ]),
];
