//! Leaves 0xf and 0x10: resource monitoring and allocation.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0xf, At(0), Ebx, &[
        field(31, 0, "max_rmid", "Largest RMID of any type")
            .rule(NotLess, Warning, Info, "Monitoring ids in use may vanish; not virtualized by KVM",
                "Intel SDM vol. 1 ch. 21 leaf 0FH; Linux 6.1 arch/x86/kvm/cpuid.c:1284"),
    ]),
    cpu(0xf, At(0), Edx, &[bit(1, "cqm_llc", "L3 resource monitoring; subleaf 1 valid").unsettable().linux().kvm(Never)]),
    cpu(0xf, At(1), Eax, &[
        field(7, 0, "counter_width", "Counter width beyond 24 bits").unit(Unit::Scaled { times: 1, plus: 24, unit: "bits" })
            .rule(Equal, Warning, Warning, "Counter wrap arithmetic uses this width", "Intel SDM vol. 1 ch. 21 leaf 0FH"),
        nameless(8, "QM_CTR bit 61 flags counter overflow").unsettable().kvm(Never),
        nameless(9, "Non-CPU agents have occupancy monitoring").unsettable().kvm(Never),
        nameless(10, "Non-CPU agents have bandwidth monitoring").unsettable().kvm(Never),
    ]),
    cpu(0xf, At(1), Ebx, &[
        field(31, 0, "upscale", "Multiplier from counter to bytes").unit(of("bytes"))
            .rule(Equal, Warning, Warning, "Factor from counter to bytes", "Intel SDM vol. 1 ch. 21 leaf 0FH"),
    ]),
    cpu(0xf, At(1), Ecx, &[
        field(31, 0, "l3_max_rmid", "Largest RMID for L3")
            .rule(NotLess, Warning, Info, "Monitoring ids in use may vanish", "Intel SDM vol. 1 ch. 21 leaf 0FH"),
    ]),
    cpu(0xf, At(1), Edx, &[
        bit(0, "cqm_occup_llc", "L3 occupancy can be monitored").unsettable().linux().kvm(Never),
        bit(1, "mbm_total", "Total memory bandwidth can be monitored").libvirt(V9_0).not_in_qemu().linux_as("cqm_mbm_total").kvm(Never).not_judged()
            .not_listed(),
        bit(2, "mbm_local", "Local memory bandwidth can be monitored").libvirt(V9_0).not_in_qemu().linux_as("cqm_mbm_local").kvm(Never).not_judged()
            .not_listed(),
    ]),
    cpu(0x10, Span(1, 2), Eax, &[
        field(4, 0, "cbm_len", "Capacity mask bits, minus one").unit(plus_one("bits"))
            .rule(Equal, Warning, Warning, "Capacity masks in use are sized by it", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, Span(1, 2), Ebx, &[
        field(31, 0, "shared_mask", "Mask bits other agents may use")
            .rule(Informational, Info, Info, "Which cache ways other agents share", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, Span(1, 2), Edx, &[
        field(15, 0, "max_clos", "Largest class of service")
            .rule(NotLess, Warning, Info, "Classes in use may vanish", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, At(0), Ebx, &[
        field(31, 0, "resource_mask", "Bitmap of valid allocation subleaves").unit(Unit::Bits(0))
            .rule(Subset, Warning, Warning, "Allocation resources the guest may manage; not virtualized by KVM",
                "Intel SDM vol. 1 ch. 21 leaf 10H; Linux 6.1 arch/x86/kvm/cpuid.c:1284"),
        bit(1, "cat_l3", "L3 cache allocation; subleaf 1 valid").unsettable().linux().kvm(Never),
        bit(2, "cat_l2", "L2 cache allocation; subleaf 2 valid").unsettable().linux().kvm(Never),
        bit(3, MBA, "Memory bandwidth allocation; subleaf 3 valid").unsettable().linux().kvm(Never),
        nameless(5, "Cache bandwidth allocation; subleaf 5 valid").unsettable().kvm(Never),
        nameless(6, "Resource priority control; subleaf 6 valid").unsettable().kvm(Never),
    ]),
    cpu(0x10, At(1), Ecx, &[
        nameless(1, "L3 allocation covers non-CPU agents").unsettable().kvm(Never),
        bit(2, "cdp_l3", "L3 code/data prioritization").unsettable().linux().kvm(Never),
        nameless(3, "L3 masks may be non-contiguous").unsettable().kvm(Never),
    ]),
    cpu(0x10, At(2), Ecx, &[
        bit(2, "cdp_l2", "L2 code/data prioritization").unsettable().linux().kvm(Never),
        nameless(3, "L2 masks may be non-contiguous").unsettable().kvm(Never),
    ]),
    cpu(0x10, At(3), Eax, &[
        field(11, 0, "mba_max_delay", "Largest throttle value, minus one").unit(plus_one(""))
            .rule(Equal, Warning, Warning, "Throttle values are scaled by it", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, At(3), Ecx, &[
        nameless(0, "Bandwidth throttle settable per thread").unsettable().kvm(Never),
        nameless(2, "Throttle response is linear").unsettable().kvm(Never),
    ]),
    cpu(0x10, At(3), Edx, &[
        field(15, 0, "mba_max_clos", "Largest class of service")
            .rule(NotLess, Warning, Info, "Classes in use may vanish", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, At(5), Eax, &[
        field(7, 0, "cba_levels", "Throttle levels, minus one").unit(plus_one("levels"))
            .rule(Equal, Warning, Warning, "Throttle values are scaled by it", "Intel SDM vol. 1 ch. 21 leaf 10H"),
        field(11, 8, "cba_scope", "1 means per logical processor")
            .rule(Equal, Warning, Warning, "Scope of the throttle register", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, At(5), Ecx, &[nameless(3, "Cache bandwidth throttle roughly linear").unsettable().kvm(Never)]),
    cpu(0x10, At(5), Edx, &[
        field(15, 0, "cba_max_clos", "Largest class of service")
            .rule(NotLess, Warning, Info, "Classes in use may vanish", "Intel SDM vol. 1 ch. 21 leaf 10H"),
    ]),
    cpu(0x10, At(6), Eax, &[
        nameless(0, "Resource priority settable per thread").unsettable().kvm(Never),
        nameless(1, "Resource priority settable per package").unsettable().kvm(Never),
    ]),
];
