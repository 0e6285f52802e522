//! Why a value may differ between two dumps. These rows explain and never judge.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

mod basic;
mod extended;
mod hypervisor;
mod other;

use super::Owner;
use super::table::Cause;

/// The rows that hold in leaves of `owner`: slices by ascending leaf, a leaf in one of them alone.
pub const fn of(owner: Owner) -> &'static [&'static [Cause]] {
    match owner {
        Owner::Cpu => &[basic::ROWS, extended::ROWS, other::ROWS],
        Owner::Kvm => &[hypervisor::ANY, hypervisor::KVM, hypervisor::CLOCK],
        Owner::HyperV => &[hypervisor::ANY, hypervisor::HYPERV],
        Owner::Xen => &[hypervisor::ANY, hypervisor::XEN],
        Owner::Vmware => &[hypervisor::ANY, hypervisor::CLOCK],
        Owner::OtherHypervisor => &[hypervisor::ANY],
    }
}
