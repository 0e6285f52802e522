//! Single-bit features, one file a leaf family.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

mod basic_01;
mod basic_05;
mod basic_07;
mod basic_09;
mod basic_0d;
mod basic_0f;
mod basic_12;
mod basic_14;
mod basic_20;
mod extended_01;
mod extended_07;
mod extended_0a;
mod extended_1f;
mod extended_21;
mod hypervisor_clock;
mod hypervisor_hyperv;
mod hypervisor_kvm;
mod hypervisor_xen;
mod other;

use super::Owner;
use super::table::Feature;

/// The rows that hold in leaves of `owner`: slices by ascending leaf, a leaf in one of them alone.
pub(super) const fn of(owner: Owner) -> &'static [&'static [Feature]] {
    match owner {
        Owner::Cpu => &[
            basic_01::ROWS,
            basic_05::ROWS,
            basic_07::ROWS,
            basic_09::ROWS,
            basic_0d::ROWS,
            basic_0f::ROWS,
            basic_12::ROWS,
            basic_14::ROWS,
            basic_20::ROWS,
            extended_01::ROWS,
            extended_07::ROWS,
            extended_0a::ROWS,
            extended_1f::ROWS,
            extended_21::ROWS,
            other::ROWS,
        ],
        Owner::Kvm => &[hypervisor_kvm::ROWS, hypervisor_clock::ROWS],
        Owner::HyperV => &[hypervisor_hyperv::ROWS],
        Owner::Xen => &[hypervisor_xen::ROWS],
        Owner::Vmware => &[hypervisor_clock::ROWS],
        Owner::OtherHypervisor => &[],
    }
}
