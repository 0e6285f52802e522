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
    /// Two whole numbers in one unit.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // a rate of 2^53 Hz is none
    pub const fn of(a: u64, b: u64) -> Self {
        Self { a: a as f64, b: b as f64 }
    }

    /// Their distance in parts per million of the larger; infinite where one is zero.
    #[must_use]
    pub fn ppm(self) -> f64 {
        let larger = self.a.max(self.b);
        if self.a.min(self.b) <= 0.0 { f64::INFINITY } else { (self.a - self.b).abs() / larger * 1e6 }
    }

    /// Whether KVM runs a guest of the one rate at the other.
    #[must_use]
    pub fn within_tolerance(self) -> bool {
        self.ppm() <= TOLERANCE_PPM
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

/// An integer as QEMU takes it: decimal, or hexadecimal after `0x`.
pub fn integer(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A frequency as QEMU takes it, in Hz: a number, and perhaps a metric suffix.
pub fn hz(text: &str) -> Option<u64> {
    let scale = |suffix| match suffix {
        "k" | "K" => Some(1e3),
        "M" => Some(1e6),
        "G" => Some(1e9),
        _ => None,
    };
    match integer(text) {
        Some(hz) => Some(hz),
        None => {
            let (number, suffix) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let hz = number.parse::<f64>().ok()? * scale(suffix)?;
            (hz.is_finite() && (0.0..1e18).contains(&hz)).then_some(hz as u64)
        }
    }
}

/// The TSC frequency that a `-cpu` argument pins, in kHz. 0 pins none.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c (`x86_cpuid_set_tsc_freq`; `tsc-freq` is its older name).
#[must_use]
pub fn pinned_khz(cpu: &str) -> Option<u64> {
    let value = |part: &str| part.strip_prefix("tsc-frequency=").or(part.strip_prefix("tsc-freq=")).and_then(hz);
    let hz = cpu.split(',').rev().find_map(|part| part.starts_with("tsc-freq").then(|| value(part)))??;
    (hz > 0).then_some(hz / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequency_of_0_pins_none() {
        for (cpu, khz) in [
            ("host,tsc-frequency=2600000000", Some(2_600_000)),
            ("host,tsc-freq=2.6G,+invtsc", Some(2_600_000)),
            ("host,tsc-frequency=1G,tsc-frequency=0x77359400", Some(2_000_000)),
            ("host,tsc-frequency=0", None),
            ("host,tsc-frequency=fast", None),
            ("host,model-id=tsc-frequency", None),
            ("host", None),
        ] {
            assert_eq!(pinned_khz(cpu), khz, "{cpu}");
        }
    }
}
