//! Whose CPU a source describes: the bare host's, what a host can give, what a guest is to have, or what it has.

use cpuid_probe::dump::{Dump, Source, Whose};
use cpuid_probe::libvirt::cpu::{Cpu, Form};
use cpuid_probe::{Place, Register};

use super::{DumpView, Seen};

/// The part that a source plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the bare CPU has; no guest gets just this.
    Hardware,
    /// What a host can give a guest.
    Offer,
    /// What a guest is to have.
    Promise,
    /// What a guest read.
    Guest,
    /// An excerpt that does not say. It is compared as a guest's, and never taken for an offer.
    Unknown,
}

/// Leaf 1 ECX\[31\]: a hypervisor runs below.
const HYPERVISOR: Place = Place::bit(1, 0, Register::Ecx, 31);

impl Role {
    /// All, for the command line.
    pub const ALL: [Self; 4] = [Self::Hardware, Self::Offer, Self::Promise, Self::Guest];

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Offer => "offer",
            Self::Promise => "promise",
            Self::Guest => "guest",
            Self::Unknown => "unknown",
        }
    }

    /// The role of a dump: its source says it, else the format that it was read from, else the hypervisor bit.
    ///
    /// A dump without that bit is the hardware's, or that of a guest that hides its hypervisor.
    #[must_use]
    pub fn of(view: &DumpView<'_>) -> Self {
        if let Some(whose) = view.dump.provenance.imported.as_ref().and_then(|imported| imported.of) {
            return match whose {
                Whose::Hardware => Self::Hardware,
                Whose::Offer => Self::Offer,
                Whose::Promise => Self::Promise,
                Whose::Guest => Self::Guest,
                Whose::Unclear => Self::Unknown,
            };
        }
        match view.dump.provenance.source {
            Source::Boot => Self::Guest,
            Source::Kvm => Self::Offer,
            Source::Native | Source::Import => {
                let seen: Vec<Seen> = view.vcpus.iter().map(|vcpu| vcpu.see(HYPERVISOR)).collect();
                if seen.iter().any(|s| s.is_set()) {
                    Self::Guest
                } else if seen.iter().any(|s| s.is_clear()) {
                    Self::Hardware
                } else {
                    Self::Unknown
                }
            }
        }
    }

    /// Whether two inputs are of one kind: an excerpt that does not say goes with any but the hardware's.
    #[must_use]
    pub fn goes_with(self, other: Self) -> bool {
        self == other || [self, other].contains(&Self::Unknown) && ![self, other].contains(&Self::Hardware)
    }

    /// The role of a libvirt CPU.
    #[must_use]
    pub const fn of_cpu(cpu: &Cpu) -> Self {
        match cpu.form {
            Form::Host => Self::Hardware,
            Form::HostModel => Self::Offer,
            Form::Guest => Self::Promise,
        }
    }

    /// What a dump is held as against a baseline: no dump is a promise, and an excerpt that does not say is a guest's.
    #[must_use]
    pub const fn of_checked(self) -> Self {
        match self {
            Self::Promise | Self::Unknown => Self::Guest,
            other => other,
        }
    }
}

/// The role that the user states of an input: the last statement that means it, by its name or all of them.
#[must_use]
pub fn stated(roles: &[(Option<String>, Role)], is_called: impl Fn(&str) -> bool) -> Option<Role> {
    let is_meant = |of: &Option<String>| of.as_deref().is_none_or(&is_called);
    roles.iter().rev().find(|(of, _)| is_meant(of)).map(|(_, role)| *role)
}

/// The role of a dump by what it says of itself, where what a host can give is asked: a throw-away guest that was given all
/// of its host shows that.
#[must_use]
pub fn of_layer(dump: &Dump) -> Role {
    if shows_all_of_host(dump) { Role::Offer } else { Role::of(&DumpView::of(dump)) }
}

/// Whether a dump is of a throw-away guest that was given all that its host has, and so shows what the host can give.
#[must_use]
pub fn shows_all_of_host(dump: &Dump) -> bool {
    dump.provenance.boot.as_ref().is_some_and(|boot| ["host", "max"].contains(&boot.cpu.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Input, read};

    fn role(text: &str) -> Role {
        let Ok(Input::Dump(dump)) = read(text.as_bytes(), None) else { panic!("no dump: {text}") };
        Role::of(&DumpView::of(&dump))
    }

    #[test]
    fn the_hypervisor_bit_tells_a_guest_from_hardware() {
        assert_eq!(role("00000001 00000000: 000306c1 00000800 fffa3223 0f8bfbff\n"), Role::Guest);
        assert_eq!(role("00000001 00000000: 000306c1 00000800 7ffa3223 0f8bfbff\n"), Role::Hardware);
        assert_eq!(role("00000007 00000000: 00000000 00000800 7ffa3223 0f8bfbff\n"), Role::Unknown);
    }

    #[test]
    fn the_source_comes_first() {
        let framed = |source: &str| {
            let line = "00000001 00000000: 000306c1 00000800 7ffa3223 0f8bfbff\n";
            let mut dump = match read(line.as_bytes(), None) {
                Ok(Input::Dump(dump)) => *dump,
                _ => panic!("no dump"),
            };
            dump.provenance.source = Source::from_word(source).expect("a source");
            Role::of(&DumpView::of(&dump))
        };
        assert_eq!([framed("kvm"), framed("boot"), framed("native")], [Role::Offer, Role::Guest, Role::Hardware]);
    }
}
