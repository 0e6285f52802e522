//! Frequencies that leaves report, for the rule `host-clock`.

use cpuid_probe::{Place, Register, Registers};

/// KVM runs a guest at another rate than the host's only within this tolerance, in parts per million.
///
/// # Source
/// Linux arch/x86/kvm/x86.c `tsc_tolerance_ppm`.
pub const TOLERANCE_PPM: f64 = 250.0;

/// Where a frequency is not simply the register's number: EAX is the denominator and EBX the numerator of the ratio of
/// TSC and crystal clock, ECX the crystal's rate in Hz (Intel SDM leaf 15H). Comparing the registers would misjudge
/// two ways to write one rate.
const RATIO_LEAVES: &[u32] = &[0x15];

/// Two frequencies in one unit, where both are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clocks {
    /// The first dump's.
    pub a: f64,
    /// The second dump's.
    pub b: f64,
}

impl Clocks {
    /// Their distance in parts per million of the larger; infinite where one is zero.
    #[must_use]
    pub fn ppm(self) -> f64 {
        let larger = self.a.max(self.b);
        if self.a.min(self.b) <= 0.0 { f64::INFINITY } else { (self.a - self.b).abs() / larger * 1e6 }
    }
}

/// The rates that a whole leaf reports together; `None` where the register stands alone, as the crystal's rate does where
/// both sides tell it: some guests run their APIC timer by it.
#[must_use]
pub fn frequencies(place: Place, a: Registers, b: Registers) -> Option<Clocks> {
    let leaf = place.leaf()?.leaf;
    if !RATIO_LEAVES.contains(&leaf) || place.register() == Some(Register::Ecx) && a.ecx != 0 && b.ecx != 0 {
        return None;
    }
    // Where neither side tells its crystal's rate, the ratio alone is compared; where one does, the other reads as 0.
    let crystal = a.ecx != 0 || b.ecx != 0;
    let rate = |r: Registers| {
        let ratio = if r.eax == 0 { 0.0 } else { f64::from(r.ebx) / f64::from(r.eax) };
        if crystal { ratio * f64::from(r.ecx) } else { ratio }
    };
    Some(Clocks { a: rate(a), b: rate(b) })
}
