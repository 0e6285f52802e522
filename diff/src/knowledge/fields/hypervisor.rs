//! Fields: hypervisor leaves.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::table::Sub::At;
use crate::knowledge::table::{Field, field, sorted};

/// The first leaf of any hypervisor's block.
#[rustfmt::skip]
pub(super) const ANY: &[Field] = &[
    field(0x4000_0000, At(0), Eax, 31, 0, "max_hv_leaf", "Largest hypervisor leaf; zero on old KVM"),
    field(0x4000_0000, At(0), Ebx, 31, 0, "hv_sig_0",    "Hypervisor text, characters 1 to 4"),
    field(0x4000_0000, At(0), Ecx, 31, 0, "hv_sig_1",    "Hypervisor text, characters 5 to 8"),
    field(0x4000_0000, At(0), Edx, 31, 0, "hv_sig_2",    "Hypervisor text, characters 9 to 12"),
];

/// A Hyper-V block.
#[rustfmt::skip]
pub(super) const HYPERV: &[Field] = &[
    field(0x4000_0001, At(0), Eax, 31,  0, "hv_interface",          "Hyper-V only: interface text Hv#1"),
    field(0x4000_0002, At(0), Eax, 31,  0, "hv_build",              "Hyper-V build number"),
    field(0x4000_0002, At(0), Ebx, 15,  0, "hv_minor",              "Hyper-V minor version"),
    field(0x4000_0002, At(0), Ebx, 31, 16, "hv_major",              "Hyper-V major version"),
    field(0x4000_0002, At(0), Ecx, 31,  0, "hv_service_pack",       "Hyper-V service pack"),
    field(0x4000_0002, At(0), Edx, 23,  0, "hv_service_number",     "Hyper-V service number"),
    field(0x4000_0002, At(0), Edx, 31, 24, "hv_service_branch",     "Hyper-V service branch"),
    field(0x4000_0003, At(0), Ecx,  3,  0, "hv_max_cstate",         "Hyper-V deepest idle state, root partition"),
    field(0x4000_0004, At(0), Ebx, 31,  0, "hv_spin_retries",       "Spins before notifying; all ones means never"),
    field(0x4000_0004, At(0), Ecx,  6,  0, "hv_phys_bits",          "Hyper-V physical address width, zero means not told"),
    field(0x4000_0005, At(0), Eax, 31,  0, "hv_max_vps",            "Hyper-V virtual processor limit"),
    field(0x4000_0005, At(0), Ebx, 31,  0, "hv_max_lps",            "Hyper-V logical processor limit"),
    field(0x4000_0005, At(0), Ecx, 31,  0, "hv_max_vectors",        "Hyper-V remappable interrupt vectors"),
    field(0x4000_0006, At(0), Eax, 13, 10, "hv_level",              "Hyper-V nesting level of this hypervisor"),
    field(0x4000_0006, At(0), Ebx,  7,  0, "hv_device_domain_bits", "Hyper-V device domain input width"),
    field(0x4000_0008, At(0), Eax, 31, 11, "hv_max_pasids",         "Hyper-V PASIDs per space"),
    field(0x4000_0008, At(0), Ebx, 31,  0, "hv_max_pasid_spaces",   "Hyper-V PASID space limit"),
    field(0x4000_0008, At(0), Ecx, 31,  0, "hv_max_prq_size",       "Hyper-V device page request queue limit"),
    field(0x4000_000a, At(0), Eax,  7,  0, "evmcs_low",             "Lowest enlightened VMCS version"),
    field(0x4000_000a, At(0), Eax, 15,  8, "evmcs_high",            "Highest enlightened VMCS version"),
    field(0x4000_000c, At(0), Ebx,  3,  0, "hv_isolation_type",     "0 none, 1 VBS, 2 SNP, 3 TDX"),
    field(0x4000_000c, At(0), Ebx, 11,  6, "hv_shared_gpa_bits",    "Position of shared guest memory boundary"),
    field(0x4000_0080, At(0), Ebx, 31,  0, "hv_debug_sig_0",        "Debugger block text, characters 1 to 4"),
    field(0x4000_0080, At(0), Ecx, 31,  0, "hv_debug_sig_1",        "Debugger block text, characters 5 to 8"),
    field(0x4000_0080, At(0), Edx, 31,  0, "hv_debug_sig_2",        "Debugger block text, characters 9 to 12"),
    field(0x4000_0081, At(0), Eax, 31,  0, "hv_debug_interface",    "Debugger interface text VS#1"),
];

/// The clock leaf of KVM and VMware blocks.
#[rustfmt::skip]
pub(super) const CLOCK: &[Field] = &[
    field(0x4000_0010, At(0), Eax, 31, 0, "tsc_khz", "Guest TSC frequency in kHz"),
    field(0x4000_0010, At(0), Ebx, 31, 0, "bus_khz", "Local APIC timer clock in kHz"),
];

/// A Xen block.
#[rustfmt::skip]
pub(super) const XEN: &[Field] = &[
    field(0x4000_0001, At(0), Eax, 15,  0, "xen_minor",          "Xen minor version"),
    field(0x4000_0001, At(0), Eax, 31, 16, "xen_major",          "Xen major version"),
    field(0x4000_0002, At(0), Eax, 31,  0, "hypercall_pages",    "Hypercall transfer pages"),
    field(0x4000_0002, At(0), Ebx, 31,  0, "msr_base",           "First Xen MSR number"),
    field(0x4000_0003, At(0), Ebx, 31,  0, "tsc_mode",           "TSC emulation mode 0-3"),
    field(0x4000_0003, At(0), Ecx, 31,  0, "guest_tsc_khz",      "Guest TSC frequency in kHz"),
    field(0x4000_0003, At(0), Edx, 31,  0, "tsc_incarnation",    "Times guest TSC was re-created, migrations"),
    field(0x4000_0003, At(1), Eax, 31,  0, "tsc_offset_low",     "TSC offset low half"),
    field(0x4000_0003, At(1), Ebx, 31,  0, "tsc_offset_high",    "TSC offset high half"),
    field(0x4000_0003, At(1), Ecx, 31,  0, "tsc_mul",            "Multiplier from TSC to nanoseconds"),
    field(0x4000_0003, At(1), Edx, 31,  0, "tsc_shift",          "Shift from TSC to nanoseconds"),
    field(0x4000_0003, At(2), Eax, 31,  0, "host_khz",           "Host TSC frequency in kHz"),
    field(0x4000_0004, At(0), Ebx, 31,  0, "vcpu_id",            "Xen vCPU number"),
    field(0x4000_0004, At(0), Ecx, 31,  0, "domain_id",          "Xen domain number"),
    field(0x4000_0005, At(0), Ebx,  7,  0, "machine_addr_width", "PV: widest machine address"),
];

sorted!(ANY, HYPERV, CLOCK, XEN);
