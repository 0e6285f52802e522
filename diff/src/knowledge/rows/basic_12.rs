//! Leaf 0x12: SGX.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x12, From(2), Eax, &[
        field(3, 0, "subleaf_type", "0 ends the list, 1 EPC section")
            .rule(Equal, Unsafe, Unsafe, "EPC list changed", "QEMU 7.2 target/i386/cpu.c:5558-5569"),
        field(31, 12, "epc_base_low", "Section base address bits 12-31")
            .rule(Equal, Unsafe, Unsafe, "Guest physical base of enclave memory is fixed at boot", "QEMU 7.2 target/i386/cpu.c:5558-5569")
            .cause(Firmware, "EPC base chosen by the machine memory map, the same for one configuration", "QEMU 7.2 target/i386/cpu.c:5558-5569"),
    ]),
    cpu(0x12, From(2), Ebx, &[
        field(19, 0, "epc_base_high", "Section base address bits 32-51")
            .rule(Equal, Unsafe, Unsafe, "Guest physical base of enclave memory is fixed at boot", "QEMU 7.2 target/i386/cpu.c:5558-5569")
            .cause(Firmware, "EPC base chosen by the machine memory map, the same for one configuration", "QEMU 7.2 target/i386/cpu.c:5558-5569"),
    ]),
    cpu(0x12, From(2), Ecx, &[
        field(3, 0, "epc_props", "Section protection encoding")
            .rule(Equal, Unsafe, Unsafe, "EPC protection kind, copied from the host", "QEMU 7.2 target/i386/cpu.c:5565,5568")
            .cause(Firmware, "EPC properties copied from the host's first section", "QEMU 7.2 target/i386/cpu.c:5565,5568"),
        field(31, 12, "epc_size_low", "Section size bits 12-31")
            .rule(Equal, Unsafe, Unsafe, "EPC size is fixed at boot", "QEMU 7.2 target/i386/cpu.c:5558-5569"),
    ]),
    cpu(0x12, From(2), Edx, &[
        field(19, 0, "epc_size_high", "Section size bits 32-51")
            .rule(Equal, Unsafe, Unsafe, "EPC size is fixed at boot", "QEMU 7.2 target/i386/cpu.c:5558-5569"),
    ]),
    cpu(0x12, At(0), Eax, &[
        bit(0, "sgx1", "Original SGX1 leaf set").libvirt(V9_0).qemu(V7_2).kvm(IfHost).not_in_tcg().needs(&["sgx"]),
        bit(1, "sgx2", "SGX2 dynamic enclave memory").libvirt(V9_0).qemu(V7_2).kvm(IfHost).not_in_tcg().needs(&["sgx"]),
        nameless(5, "ENCLV virtualization leaves").unsettable().kvm(Never),
        nameless(6, "ENCLS oversubscription leaves").unsettable().kvm(Never),
        nameless(7, "ENCLU EVERIFYREPORT2 leaf").unsettable().kvm(Never),
        nameless(10, "ENCLS EUPDATESVN leaf").unsettable().kvm(Never),
        bit(11, "sgx-edeccssa", "ENCLU EDECCSSA leaf").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().needs(&["sgx"]),
    ]),
    cpu(0x12, At(0), Ebx, &[
        bit(0, "sgx-exinfo", "Enclave faults recorded in EXINFO").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["sgx"]),
        field(31, 0, "miscselect", "Settable enclave MISCSELECT bits")
            .rule(Subset, Unsafe, Warning, "Enclaves built with a MISCSELECT bit cannot be created again", "Intel SDM vol. 1 ch. 21 leaf 12H"),
        nameless(1, "Enclave control-protection faults recorded").unsettable(),
    ]),
    cpu(0x12, At(0), Edx, &[
        field(7, 0, "enclave_log2_32", "Largest 32-bit enclave, log2 bytes").unit(Unit::PowerOfTwo("bytes"))
            .rule(NotLess, Unsafe, Info, "Largest enclave shrank", "Intel SDM vol. 1 ch. 21 leaf 12H; Linux 6.1 arch/x86/kvm/cpuid.c:1073-1105"),
        field(15, 8, "enclave_log2_64", "Largest 64-bit enclave, log2 bytes").unit(Unit::PowerOfTwo("bytes"))
            .rule(NotLess, Unsafe, Info, "Largest enclave shrank", "Intel SDM vol. 1 ch. 21 leaf 12H; Linux 6.1 arch/x86/kvm/cpuid.c:1073-1105"),
    ]),
    cpu(0x12, At(1), Eax, &[
        nameless(0, "Attribute INIT may be set").unsettable(),
        field(31, 0, "secs_attr_0", "Settable enclave attributes, bits 0-31")
            .rule(Subset, Unsafe, Warning, "Enclave attributes in use must stay allowed",
                "Intel SDM vol. 1 ch. 21 leaf 12H; Linux 6.1 arch/x86/kvm/cpuid.c:1073-1105"),
        bit(1, "sgx-debug", "Debug enclaves allowed").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["sgx"]),
        bit(2, "sgx-mode64", "64-bit enclaves allowed").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["sgx"]),
        bit(4, "sgx-provisionkey", "Provisioning key accessible").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["sgx"]),
        bit(5, "sgx-tokenkey", "Launch token key accessible").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["sgx"]),
        nameless(6, "CET usable inside enclaves").unsettable(),
        bit(7, "sgx-kss", "Key separation and sharing allowed").libvirt(V9_0).qemu(V7_2).not_in_tcg().needs(&["sgx"]),
        bit(10, "sgx-aex-notify", "Asynchronous-exit notification allowed").libvirt(V11_3).qemu(V10_2).not_in_tcg().needs(&["sgx"]),
    ]),
    cpu(0x12, At(1), Ebx, &[
        field(31, 0, "secs_attr_1", "Settable enclave attributes, bits 32-63")
            .rule(Subset, Unsafe, Warning, "Enclave attributes in use must stay allowed",
                "Intel SDM vol. 1 ch. 21 leaf 12H; Linux 6.1 arch/x86/kvm/cpuid.c:1073-1105"),
    ]),
    cpu(0x12, At(1), Ecx, &[
        field(31, 0, "xfrm_low", "Enclave XCR0 mask, low half")
            .rule(Subset, Unsafe, Warning, "Enclave XFRM bits follow XCR0; QEMU 7.2 derives them from XSS instead",
                "Linux 6.1 arch/x86/kvm/cpuid.c:321-326")
            .cause(Firmware, "Enclave XFRM is masked by the XCR0 bits the host KVM supports", "Linux 6.1 arch/x86/kvm/cpuid.c:321-326"),
    ]),
    cpu(0x12, At(1), Edx, &[
        field(31, 0, "xfrm_high", "Enclave XCR0 mask, high half")
            .rule(Subset, Unsafe, Warning, "Enclave XFRM bits follow XCR0; QEMU 7.2 derives them from XSS instead",
                "Linux 6.1 arch/x86/kvm/cpuid.c:321-326")
            .cause(Firmware, "Enclave XFRM is masked by the XCR0 bits the host KVM supports", "Linux 6.1 arch/x86/kvm/cpuid.c:321-326"),
    ]),
];
