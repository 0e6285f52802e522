//! What a source's statements are worth: whose CPU they describe.

use cpuid_probe::dump::{Dump, Source};
use cpuid_probe::libvirt::cpu::{Cpu, Form};
use cpuid_probe::{Place, Register};

use super::{DumpView, Seen};

/// Whose CPU a source describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The bare CPU; no guest gets just this.
    Hardware,
    /// What a host can give a guest.
    Offer,
    /// What a guest is to have.
    Promise,
    /// What a guest read.
    Guest,
}

impl Role {
    /// All.
    pub const ALL: [Self; 4] = [Self::Hardware, Self::Offer, Self::Promise, Self::Guest];

    /// The word in reports and of `--as`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Offer => "offer",
            Self::Promise => "promise",
            Self::Guest => "guest",
        }
    }

    /// The role of a dump: by its source, then by the hypervisor bit. Without leaf 1 nothing is known, and it is taken for a
    /// guest's.
    #[must_use]
    pub fn of_dump(view: &DumpView<'_>) -> Self {
        match view.dump.provenance.source {
            Source::Kvm => Self::Offer,
            Source::Boot => Self::Guest,
            Source::Native | Source::Import if shows_no_hypervisor(view) => Self::Hardware,
            Source::Native | Source::Import => Self::Guest,
        }
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
}

/// Whether a dump is of a throw-away guest that was given all that its host has, and so shows what the host can give.
#[must_use]
pub fn shows_all_of_host(dump: &Dump) -> bool {
    dump.provenance.boot.as_ref().is_some_and(|boot| ["host", "max"].contains(&boot.cpu.as_str()))
}

/// The bit that no bare CPU sets.
const HYPERVISOR: Place = Place::bit(1, 0, Register::Ecx, 31);

fn shows_no_hypervisor(view: &DumpView<'_>) -> bool {
    !view.vcpus.is_empty() && view.vcpus.iter().all(|vcpu| vcpu.see(HYPERVISOR) == Seen::Value(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Input, read};

    fn role(text: &str) -> Role {
        let Ok(Input::Dump(dump)) = read(text.as_bytes(), None) else { panic!("no dump: {text}") };
        Role::of_dump(&DumpView::of(&dump))
    }

    #[test]
    fn the_hypervisor_bit_tells_a_guest_from_hardware() {
        assert_eq!(role("00000001 00000000: 000306c1 00000800 fffa3223 0f8bfbff\n"), Role::Guest);
        assert_eq!(role("00000001 00000000: 000306c1 00000800 7ffa3223 0f8bfbff\n"), Role::Hardware);
        assert_eq!(role("00000007 00000000: 00000000 00000800 7ffa3223 0f8bfbff\n"), Role::Guest, "nothing is known");
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
            Role::of_dump(&DumpView::of(&dump))
        };
        assert_eq!([framed("kvm"), framed("boot"), framed("native")], [Role::Offer, Role::Guest, Role::Hardware]);
    }
}
