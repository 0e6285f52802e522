//! Values with units: what the numbers of a row, and the registers of a leaf together, mean.

use cpuid_probe::Place;
use cpuid_probe::dump::VcpuDump;
use cpuid_probe::hypervisor::Owner;
use cpuid_probe::register::field;
use cpuid_probe::vendor::Signature;
use cpuid_probe::{LeafId, Register, Registers};

use crate::finding::Decoded;
use crate::knowledge::{Row, RuleKind, Unit};
use crate::view::join::Pair;

/// What a row's value means, where that says more than the number itself: `64 bytes`, `unified`, `2600000 kHz`.
#[must_use]
pub fn value(row: &Row, raw: u64) -> Option<String> {
    let unit = row.unit;
    let worth_saying = unit != Unit::Plain && (!row.bits.is_one() || matches!(unit, Unit::Bits(_)) && raw != 0);
    worth_saying.then(|| unit.read(raw))
}

/// Both values of a row, with units where the row has one.
#[must_use]
pub fn row(row: &Row, pair: Pair) -> Decoded {
    let khz = matches!(row.unit, Unit::Scaled { unit: "kHz", .. }) && row.rule == RuleKind::HostClock;
    let both = [pair.a, pair.b];
    if khz {
        return Decoded { khz: Some(both), ..Decoded::default() };
    }
    Decoded { words: both.map(|raw| raw.and_then(|raw| value(row, raw))), ..Decoded::default() }
}

/// What the registers of one place mean together, by name: the vendor, family and model, a cache's size, a clock.
///
/// `registers` are those of the place. For what takes several leaves see [`brand`].
#[must_use]
pub fn together(place: Place, registers: Registers) -> Vec<(&'static str, String)> {
    let r = registers;
    let Some(LeafId { leaf, subleaf }) = place.leaf() else { return Vec::new() };
    let subleaf = subleaf.unwrap_or_default();
    match (place.owner(), leaf) {
        (Owner::Cpu, 0) => vec![("vendor", Signature::vendor(r).to_string())],
        // Its other registers are no part of it.
        (Owner::Cpu, 1) if place.register().is_none_or(|register| register == Register::Eax) => {
            let (family, model, stepping) = signature(r.eax);
            vec![("cpu", format!("family {family}, model {model} ({model:#x}), stepping {stepping}"))]
        }
        (Owner::Cpu, 0x4 | 0x8000_001d) if field(r.eax, 4, 0) != 0 => vec![("cache", cache(r))],
        (Owner::Cpu, 0xd) if subleaf >= 2 && r.eax != 0 => {
            let set = if r.ecx & 1 == 0 { "XCR0" } else { "IA32_XSS" };
            let at = if r.ecx & 1 == 0 { format!(" at offset {}", r.ebx) } else { String::new() };
            vec![("component", format!("{set}[{subleaf}], {} bytes{at}", r.eax))]
        }
        (Owner::Cpu, 0x15) if r.eax != 0 && r.ebx != 0 => {
            let hz = u64::from(r.ecx) * u64::from(r.ebx) / u64::from(r.eax);
            let ratio = format!("{}/{} of the crystal", r.ebx, r.eax);
            vec![("tsc", if hz == 0 { ratio } else { format!("{hz} Hz ({ratio})") })]
        }
        (Owner::Cpu, _) => Vec::new(),
        (_, head) if head.is_multiple_of(0x100) => vec![("hypervisor", Signature::hypervisor(r).to_string())],
        _ => Vec::new(),
    }
}

/// Family, model and stepping from EAX of leaf 1 or 0x80000001.
///
/// The extended family counts where the base family is 15; the extended model where it is 6 or 15.
///
/// # Source
/// Intel SDM vol. 1 ch. 21 leaf 01H; AMD APM vol. 3 appendix E Fn0000_0001.
#[must_use]
pub const fn signature(eax: u32) -> (u32, u32, u32) {
    let base = field(eax, 11, 8);
    let family = if base == 15 { base + field(eax, 27, 20) } else { base };
    let high = if base == 6 || base == 15 { field(eax, 19, 16) << 4 } else { 0 };
    (family, high | field(eax, 7, 4), field(eax, 3, 0))
}

fn cache(r: Registers) -> String {
    let line = u64::from(field(r.ebx, 11, 0)) + 1;
    let partitions = u64::from(field(r.ebx, 21, 12)) + 1;
    let ways = u64::from(field(r.ebx, 31, 22)) + 1;
    let bytes = ways * partitions * line * (u64::from(r.ecx) + 1);
    let kind = match field(r.eax, 4, 0) {
        1 => " data",
        2 => " instruction",
        3 => " unified",
        _ => "",
    };
    let ways = if r.eax >> 9 & 1 == 1 { "fully associative".to_string() } else { format!("{ways} ways") };
    format!("L{}{kind}, {} KiB, {ways}, lines of {line} bytes", field(r.eax, 7, 5), bytes / 1024)
}

/// The brand text: 48 characters in leaves 0x80000002 to 0x80000004, up to the first NUL, without blanks around it. A
/// character that is not printable ASCII becomes `?`. `None` where a leaf is missing or the text is empty.
///
/// # Source
/// Intel SDM leaf 80000002H.
#[must_use]
pub fn brand(vcpu: &VcpuDump) -> Option<String> {
    let mut bytes = Vec::new();
    for leaf in BRAND {
        let r = vcpu.get(LeafId::new(leaf, 0))?;
        bytes.extend([r.eax, r.ebx, r.ecx, r.edx].into_iter().flat_map(u32::to_le_bytes));
    }
    let printable = |b: u8| if (0x20..0x7f).contains(&b) { char::from(b) } else { '?' };
    let text: String = bytes.into_iter().take_while(|b| *b != 0).map(printable).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// The leaves of the brand text, 16 characters each.
pub const BRAND: [u32; 3] = [0x8000_0002, 0x8000_0003, 0x8000_0004];

/// Whether a brand is that of one of QEMU's named models, and so no CPU's that was sold.
///
/// # Source
/// QEMU 7.2 to 11.1 target/i386/cpu.c (`model_id` of `builtin_x86_defs`).
#[must_use]
pub fn is_of_qemu(brand: &str) -> bool {
    const HEADS: [&str; 14] = [
        "QEMU Virtual CPU",
        "Common KVM processor",
        "Intel Xeon Processor (",
        "Intel Core Processor (",
        "Intel Atom Processor (",
        "Intel Xeon E312xx",
        "Intel Xeon E3-12xx",
        "Intel Core i7 9xx",
        "Intel Core 2 Duo P9xxx",
        "Intel Celeron_4x0",
        "Westmere E56xx",
        "AMD EPYC Processor",
        "AMD EPYC-",
        "Hygon Dhyana Processor",
    ];
    let is_opteron =
        brand.starts_with("AMD Opteron") && (brand.contains(" class CPU") || brand.contains("Class Opteron"));
    is_opteron || HEADS.iter().any(|head| brand.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemus_models_have_brands_of_their_own() {
        for brand in ["AMD EPYC-Milan Processor", "Intel Xeon Processor (Cascadelake)", "AMD Opteron 63xx class CPU"] {
            assert!(is_of_qemu(brand), "{brand}");
        }
        for brand in ["AMD EPYC", "AMD EPYC 7763 64-Core Processor", "Intel(R) Xeon(R) Processor @ 2.90GHz"] {
            assert!(!is_of_qemu(brand), "{brand}");
        }
    }

    #[test]
    fn family_and_model_are_put_together() {
        assert_eq!(signature(0x0003_06c1), (6, 60, 1), "Haswell");
        assert_eq!(signature(0x0080_0f12), (23, 1, 2), "EPYC");
        assert_eq!(signature(0x0000_0f61), (15, 6, 1), "a Pentium 4");
        assert_eq!(signature(0x0000_0543), (5, 4, 3), "a Pentium");
    }

    #[test]
    fn a_part_of_a_bitmap_keeps_its_numbers() {
        let read = |bit: u8, raw| {
            let place = Place::bit(0xd, 0, cpuid_probe::Register::Eax, bit);
            value(&crate::knowledge::Knowledge::builtin().row(place), raw)
        };
        assert_eq!(read(12, 0b101).as_deref(), Some("bits 10 12"));
        assert_eq!(read(8, 1).as_deref(), Some("bits 8"));
        assert_eq!(read(2, 1), None, "a feature's bit is itself");
    }

    #[test]
    fn caches_and_clocks_are_computed() {
        let l1 = Registers::new(0x1c00_4121, 0x01c0_003f, 0x3f, 0);
        assert_eq!(
            together(Place::cpuid(4, 0, cpuid_probe::Register::Eax, 31, 0), l1),
            [("cache", "L1 data, 32 KiB, 8 ways, lines of 64 bytes".to_string())]
        );
        let clock = Place::cpuid(0x15, 0, cpuid_probe::Register::Eax, 31, 0);
        let tsc = Registers::new(2, 216, 24_000_000, 0);
        assert_eq!(together(clock, tsc), [("tsc", "2592000000 Hz (216/2 of the crystal)".to_string())]);
        assert!(together(clock, Registers::ZERO).is_empty());
    }
}
