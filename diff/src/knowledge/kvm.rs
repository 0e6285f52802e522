//! What KVM offers its guests, feature by feature.
//!
//! # Source
//! Linux 6.14 arch/x86/kvm/cpuid.c, `kvm_set_cpu_caps` and `__do_cpuid_func`; VERW_CLEAR and the TSA bits from Linux
//! 6.1.192 arch/x86/kvm/cpuid.c:752-780. Kernels before and after offer fewer and more; [`AS_OF`] says which this is.

use cpuid_probe::Register::{self, Eax, Ebx, Ecx, Edx};

use super::{Owner, Site};

/// The kernel that the lists were read from.
pub const AS_OF: &str = "Linux 6.14";

/// What KVM does about a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It offers the feature where the host's CPU and kernel have it.
    IfHost,
    /// It emulates the feature whatever the host has.
    Emulated,
    /// It offers the feature under conditions of its own: module parameters, other features, guest state.
    Conditional,
    /// It offers the feature to no guest.
    Never,
}

/// The features of one register; a bit in no list is offered to no guest.
struct Offered {
    leaf: u32,
    subleaf: u32,
    register: Register,
    host: &'static [u8],
    emulated: &'static [u8],
    conditional: &'static [u8],
}

const fn from_host(leaf: u32, subleaf: u32, register: Register, host: &'static [u8]) -> Offered {
    Offered { leaf, subleaf, register, host, emulated: &[], conditional: &[] }
}

#[rustfmt::skip]
const OFFERED: &[Offered] = &[
    Offered { leaf: 0x1, subleaf: 0, register: Ecx,
        host: &[0, 1, 9, 12, 13, 15, 17, 19, 20, 22, 23, 25, 26, 28, 29, 30], emulated: &[21, 24, 31], conditional: &[2, 3, 5, 27] },
    Offered { leaf: 0x1, subleaf: 0, register: Edx,
        host: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 19, 23, 24, 25, 26, 27], emulated: &[], conditional: &[21] },
    Offered { leaf: 0x6, subleaf: 0, register: Eax, host: &[], emulated: &[2], conditional: &[] },
    from_host(0x6, 0, Ecx, &[]),
    Offered { leaf: 0x7, subleaf: 0, register: Ebx,
        host: &[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 16, 17, 18, 19, 20, 21, 23, 24, 26, 27, 28, 29, 30, 31], emulated: &[1], conditional: &[14, 25] },
    Offered { leaf: 0x7, subleaf: 0, register: Ecx,
        host: &[1, 2, 6, 8, 9, 10, 11, 12, 14, 16, 22, 24, 25, 27, 28, 30], emulated: &[], conditional: &[3, 4, 5] },
    Offered { leaf: 0x7, subleaf: 0, register: Edx,
        host: &[2, 3, 4, 8, 10, 14, 16, 22, 23, 24, 25, 26, 27, 28, 31], emulated: &[29], conditional: &[] },
    from_host(0x7, 1, Eax, &[0, 1, 2, 4, 5, 7, 10, 11, 12, 21, 23, 26]),
    from_host(0x7, 1, Ebx, &[]),
    from_host(0x7, 1, Ecx, &[]),
    from_host(0x7, 1, Edx, &[4, 5, 8, 10, 14, 19]),
    from_host(0x7, 2, Edx, &[0, 1, 2, 3, 4, 5]),
    from_host(0xd, 1, Eax, &[0, 1, 2, 3, 4]),
    from_host(0x12, 0, Eax, &[0, 1, 11]),
    from_host(0x24, 0, Ebx, &[16, 17, 18]),
    Offered { leaf: 0x4000_0001, subleaf: 0, register: Eax,
        host: &[], emulated: &[0, 1, 3, 4, 6, 7, 9, 10, 11, 12, 13, 14, 24], conditional: &[5, 15] },
    Offered { leaf: 0x8000_0001, subleaf: 0, register: Ecx,
        host: &[0, 1, 4, 5, 6, 7, 8, 9, 11, 16, 21, 22], emulated: &[], conditional: &[2, 23] },
    from_host(0x8000_0001, 0, Edx, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 20, 22, 23, 24, 25, 26, 27, 29, 30, 31]),
    from_host(0x8000_0007, 0, Ebx, &[]),
    from_host(0x8000_0007, 0, Edx, &[8]),
    from_host(0x8000_0008, 0, Ebx, &[0, 2, 9, 12, 14, 15, 17, 24, 25, 26, 28, 30]),
    Offered { leaf: 0x8000_000a, subleaf: 0, register: Edx, host: &[], emulated: &[], conditional: &[0, 1, 3, 4, 5, 6, 10, 12, 15, 16, 25, 28] },
    Offered { leaf: 0x8000_001f, subleaf: 0, register: Eax, host: &[10], emulated: &[], conditional: &[0, 1, 3] },
    Offered { leaf: 0x8000_0021, subleaf: 0, register: Eax, host: &[0, 1, 2, 5, 6, 8, 27, 28, 29, 30], emulated: &[9], conditional: &[] },
    from_host(0x8000_0021, 0, Ecx, &[1, 2]),
    from_host(0x8000_0022, 0, Eax, &[0]),
    from_host(0xc000_0001, 0, Edx, &[2, 3, 6, 7, 8, 9, 10, 11, 12, 13]),
];

/// Leaves that KVM answers with zeros, whatever the host has.
const ZEROED: &[u32] =
    &[0x3, 0xf, 0x10, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x20, 0x21, 0x23, 0x27, 0x28, 0x8000_0020];

/// What KVM does about a feature; `None` where the lists do not say.
#[must_use]
pub fn offer(site: Site, bit: u8) -> Option<Offer> {
    if !matches!(site.owner, Owner::Cpu | Owner::Kvm) {
        return None;
    }
    if ZEROED.contains(&site.leaf) {
        return Some(Offer::Never);
    }
    let register =
        OFFERED.iter().find(|o| (o.leaf, o.subleaf, o.register) == (site.leaf, site.subleaf, site.register))?;
    Some(if register.host.contains(&bit) {
        Offer::IfHost
    } else if register.emulated.contains(&bit) {
        Offer::Emulated
    } else if register.conditional.contains(&bit) {
        Offer::Conditional
    } else {
        Offer::Never
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_in_one_list_and_in_range() {
        for o in OFFERED {
            let mut bits: Vec<u8> = [o.host, o.emulated, o.conditional].concat();
            bits.sort_unstable();
            let all = bits.len();
            bits.dedup();
            assert_eq!(bits.len(), all, "{:#x}.{} {}", o.leaf, o.subleaf, o.register);
            assert!(bits.iter().all(|b| *b < 32));
        }
    }

    #[test]
    fn host_bits_are_not_guest_bits() {
        let at = |register, bit| offer(Site { owner: Owner::Cpu, leaf: 1, subleaf: 0, register }, bit);
        assert_eq!(at(Ecx, 4), Some(Offer::Never), "ds_cpl");
        assert_eq!(at(Edx, 21), Some(Offer::Conditional), "ds");
        assert_eq!(at(Ecx, 21), Some(Offer::Emulated), "x2apic");
        assert_eq!(at(Ecx, 0), Some(Offer::IfHost), "pni");
    }
}
