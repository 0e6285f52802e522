//! How a difference is judged: rule, severities, reason, source. These rows decide.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

mod basic;
mod extended;
mod hypervisor;
mod other;

use super::Owner;
use super::table::Rule;

/// The rows that hold in leaves of `owner`: slices by ascending leaf, a leaf in one of them alone.
pub const fn of(owner: Owner) -> &'static [&'static [Rule]] {
    match owner {
        Owner::Cpu => &[basic::ROWS, extended::ROWS, other::ROWS],
        Owner::Kvm => &[hypervisor::ANY, hypervisor::KVM, hypervisor::CLOCK],
        Owner::HyperV => &[hypervisor::ANY, hypervisor::HYPERV],
        Owner::Xen => &[hypervisor::XEN],
        Owner::Vmware => &[hypervisor::ANY, hypervisor::CLOCK],
        Owner::OtherHypervisor => &[hypervisor::ANY],
    }
}
