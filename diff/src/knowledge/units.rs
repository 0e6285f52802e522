//! Units: how the number in a field is read.
//!
//! # Source
//! Intel SDM vol. 1 ch. 21, AMD APM vol. 3 appendix E, the leaves named; the fields' own descriptions.

/// How a field's number is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number without a unit.
    Plain,
    /// value · times + plus, in this unit (empty: none).
    Scaled {
        /// The factor.
        times: u64,
        /// What is added.
        plus: u64,
        /// The unit.
        unit: &'static str,
    },
    /// Two to the power of the value, in this unit.
    PowerOfTwo(&'static str),
    /// A leaf's number.
    Leaf,
    /// Four characters, the lowest byte first.
    Text,
    /// A code.
    Words(&'static [(u64, &'static str)]),
    /// The numbers of the bits that are set, counted from this one.
    Bits(u32),
}

/// The unit of the fields of some leaves with this name.
struct Row {
    first: u32,
    last: u32,
    name: &'static str,
    unit: Unit,
}

const fn unit(leaf: u32, name: &'static str, unit: Unit) -> Row {
    Row { first: leaf, last: leaf, name, unit }
}

const fn all(name: &'static str, unit: Unit) -> Row {
    Row { first: 0, last: u32::MAX, name, unit }
}

const fn of(unit: &'static str) -> Unit {
    Unit::Scaled { times: 1, plus: 0, unit }
}

const fn times(times: u64, unit: &'static str) -> Unit {
    Unit::Scaled { times, plus: 0, unit }
}

const fn plus_one(unit: &'static str) -> Unit {
    Unit::Scaled { times: 1, plus: 1, unit }
}

const CACHE_TYPE: Unit = Unit::Words(&[(0, "none"), (1, "data"), (2, "instruction"), (3, "unified")]);

/// AMD's code for ways (APM vol. 3 appendix E Fn8000_0006).
const WAYS: Unit = Unit::Words(&[
    (0, "off"),
    (1, "direct mapped"),
    (2, "2 ways"),
    (3, "3 ways"),
    (4, "4 ways"),
    (5, "6 ways"),
    (6, "8 ways"),
    (8, "16 ways"),
    (9, "see leaf 0x8000001d"),
    (10, "32 ways"),
    (11, "48 ways"),
    (12, "64 ways"),
    (13, "96 ways"),
    (14, "128 ways"),
    (15, "fully associative"),
]);

/// The first that fits counts. A field in no row is a plain number.
#[rustfmt::skip]
const UNITS: &[Row] = &[
    all("max_basic_leaf", Unit::Leaf),
    all("max_ext_leaf", Unit::Leaf),
    all("max_hv_leaf", Unit::Leaf),
    all("max_tmta_leaf", Unit::Leaf),
    all("max_centaur_leaf", Unit::Leaf),
    all("vendor_0", Unit::Text),
    all("vendor_1", Unit::Text),
    all("vendor_2", Unit::Text),
    all("hv_sig_0", Unit::Text),
    all("hv_sig_1", Unit::Text),
    all("hv_sig_2", Unit::Text),
    all("hv_interface", Unit::Text),
    all("hv_debug_sig_0", Unit::Text),
    all("hv_debug_sig_1", Unit::Text),
    all("hv_debug_sig_2", Unit::Text),
    all("hv_debug_interface", Unit::Text),
    all("tdx_sig_0", Unit::Text),
    all("tdx_sig_1", Unit::Text),
    all("tdx_sig_2", Unit::Text),
    unit(0x1, "cpu_type", Unit::Words(&[(0, "original"), (1, "OverDrive"), (2, "dual")])),
    unit(0x1, "clflush_line", times(8, "bytes")),
    all("cache_type", CACHE_TYPE),
    all("sharing_cpus", plus_one("CPUs")),
    all("sharing_ids", plus_one("APIC id slots")),
    all("core_ids", plus_one("core id slots")),
    all("line_size", plus_one("bytes")),
    all("partitions", plus_one("")),
    unit(0x4, "ways", plus_one("ways")),
    unit(0x8000_001d, "ways", plus_one("ways")),
    unit(0x4, "sets", plus_one("sets")),
    unit(0x8000_001d, "sets", plus_one("sets")),
    all("monitor_min", of("bytes")),
    all("monitor_max", of("bytes")),
    unit(0x6, "hfi_table_pages", plus_one("pages of 4 KiB")),
    all("gp_width", of("bits")),
    all("fixed_width", of("bits")),
    all("fixed_mask", Unit::Bits(0)),
    unit(0xb, "level_type", Unit::Words(&[(0, "invalid"), (1, "thread"), (2, "core")])),
    unit(0x1f, "level_type", Unit::Words(&[(0, "invalid"), (1, "thread"), (2, "core"), (3, "module"), (4, "tile"), (5, "die"), (6, "die group")])),
    unit(0x8000_0026, "level_type", Unit::Words(&[(0, "invalid"), (1, "core"), (2, "complex"), (3, "die"), (4, "socket")])),
    all("shift", of("bits")),
    all("level_cpus", of("CPUs")),
    all("xcr0_low", Unit::Bits(0)),
    all("xcr0_high", Unit::Bits(32)),
    all("xss_low", Unit::Bits(0)),
    all("xss_high", Unit::Bits(32)),
    all("xsave_size_enabled", of("bytes")),
    all("xsave_size_max", of("bytes")),
    all("xsaves_size", of("bytes")),
    all("comp_size", of("bytes")),
    all("comp_offset", of("bytes")),
    all("counter_width", Unit::Scaled { times: 1, plus: 24, unit: "bits" }),
    all("upscale", of("bytes")),
    all("resource_mask", Unit::Bits(0)),
    all("cbm_len", plus_one("bits")),
    all("mba_max_delay", plus_one("")),
    all("cba_levels", plus_one("levels")),
    all("enclave_log2_32", Unit::PowerOfTwo("bytes")),
    all("enclave_log2_64", Unit::PowerOfTwo("bytes")),
    all("mtc_periods", Unit::Bits(0)),
    all("cyc_thresholds", Unit::Bits(0)),
    all("psb_periods", Unit::Bits(0)),
    all("crystal_hz", of("Hz")),
    all("base_mhz", of("MHz")),
    all("max_mhz", of("MHz")),
    all("bus_mhz", of("MHz")),
    all("soc_brand_0", Unit::Text),
    all("soc_brand_1", Unit::Text),
    all("soc_brand_2", Unit::Text),
    all("soc_brand_3", Unit::Text),
    all("page_sizes", Unit::Bits(0)),
    all("tlb_type", Unit::Words(&[(0, "invalid"), (1, "data"), (2, "code"), (3, "unified"), (4, "load"), (5, "store")])),
    unit(0x1a, "core_type", Unit::Words(&[(0x20, "Atom"), (0x40, "Core")])),
    unit(0x8000_0026, "core_type", Unit::Words(&[(0, "performance"), (1, "efficiency")])),
    all("lbr_depths", Unit::Bits(0)),
    all("tile_bytes_total", of("bytes")),
    all("tile_bytes", of("bytes")),
    all("row_bytes", of("bytes")),
    all("tile_count", of("tiles")),
    all("max_rows", of("rows")),
    all("subleaf_mask", Unit::Bits(0)),
    all("gp_bitmap", Unit::Bits(0)),
    all("fixed_bitmap", Unit::Bits(0)),
    all("hv_phys_bits", of("bits")),
    all("hv_isolation_type", Unit::Words(&[(0, "none"), (1, "VBS"), (2, "SNP"), (3, "TDX")])),
    all("hv_spin_retries", Unit::Words(&[(0xffff_ffff, "never notify")])),
    all("tsc_khz", of("kHz")),
    all("bus_khz", of("kHz")),
    all("guest_tsc_khz", of("kHz")),
    all("host_khz", of("kHz")),
    Row { first: 0x8000_0002, last: 0x8000_0004, name: "brand_*", unit: Unit::Text },
    all("l1d_line", of("bytes")),
    all("l1i_line", of("bytes")),
    all("l2_line", of("bytes")),
    all("l3_line", of("bytes")),
    all("l1d_kb", of("KiB")),
    all("l1i_kb", of("KiB")),
    all("l2_kb", of("KiB")),
    all("l3_512kb", times(512, "KiB")),
    unit(0x8000_0005, "*_assoc", Unit::Words(&[(0xff, "fully associative")])),
    unit(0x8000_0006, "*_assoc", WAYS),
    unit(0x8000_0019, "*_assoc", WAYS),
    all("phys_bits", of("bits")),
    all("virt_bits", of("bits")),
    all("guest_phys_bits", of("bits")),
    all("threads_minus_1", plus_one("threads")),
    all("apic_id_size", of("bits")),
    all("perf_tsc_size", Unit::Words(&[(0, "40 bits"), (1, "48 bits"), (2, "56 bits"), (3, "64 bits")])),
    all("asid_count", of("ids")),
    all("threads_per_core", plus_one("threads")),
    unit(0x8000_001e, "nodes", plus_one("nodes")),
    all("phys_reduction", of("bits")),
    all("ucode_patch_size", times(16, "bytes")),
    all("rap_size", times(8, "entries")),
    all("active_umcs", Unit::Bits(0)),
    all("rmp_seg_min", Unit::PowerOfTwo("bytes")),
    all("rmp_seg_max", Unit::PowerOfTwo("bytes")),
    all("nominal_mhz", of("MHz")),
    all("current_mhz", of("MHz")),
    all("current_mv", of("mV")),
    all("current_percent", of("%")),
    Row { first: 0x8086_0003, last: 0x8086_0006, name: "info_*", unit: Unit::Text },
];

/// How the field called `name` in `leaf` is read.
#[must_use]
pub fn unit_of(leaf: u32, name: &str) -> Unit {
    let fits = |r: &&Row| {
        let called = match (r.name.strip_suffix('*'), r.name.strip_prefix('*')) {
            (Some(start), _) => name.starts_with(start),
            (_, Some(end)) => name.ends_with(end),
            _ => name == r.name,
        };
        called && r.first <= leaf && leaf <= r.last
    };
    UNITS.iter().find(fits).map_or(Unit::Plain, |r| r.unit)
}

impl Unit {
    /// The number in words: `64 bytes`, `unified`, `0x0000000d`; a plain number is itself.
    #[must_use]
    pub fn read(self, value: u64) -> String {
        let with = |number: String, unit: &str| if unit.is_empty() { number } else { format!("{number} {unit}") };
        match self {
            Self::Plain => value.to_string(),
            Self::Scaled { times, plus, unit } => with((value * times + plus).to_string(), unit),
            Self::PowerOfTwo(unit) => match 1u64.checked_shl(u32::try_from(value).unwrap_or(u32::MAX)) {
                Some(number) => with(number.to_string(), unit),
                None => format!("2^{value} {unit}"),
            },
            Self::Leaf => format!("{value:#010x}"),
            Self::Text => {
                let bytes = value.to_le_bytes();
                let text: String = bytes[..4].iter().filter(|b| **b != 0).map(|b| printable(*b)).collect();
                format!("\"{text}\"")
            }
            Self::Words(words) => {
                words.iter().find(|(code, _)| *code == value).map_or(value.to_string(), |(_, word)| (*word).to_string())
            }
            Self::Bits(first) => {
                let set: Vec<String> =
                    (0..32).filter(|b| value >> b & 1 == 1).map(|b| (first + b).to_string()).collect();
                if set.is_empty() { "none".to_string() } else { format!("bits {}", set.join(" ")) }
            }
        }
    }
}

fn printable(byte: u8) -> String {
    if (0x20..0x7f).contains(&byte) { char::from(byte).to_string() } else { format!("\\x{byte:02x}") }
}

#[cfg(test)]
mod tests {
    use super::super::{entries, names::Place};
    use super::*;

    #[test]
    fn every_unit_is_some_fields() {
        let fields: Vec<(u32, &str)> = entries()
            .into_iter()
            .filter_map(|e| match (e.place, e.row.name) {
                (Place::Cpuid { at, .. }, Some(name)) if e.kind == "field" => Some((at.leaf, name)),
                _ => None,
            })
            .collect();
        for row in UNITS {
            let used = fields.iter().any(|(leaf, name)| {
                row.first <= *leaf && *leaf <= row.last && name.contains(row.name.trim_matches('*'))
            });
            assert!(used, "no field is called {}", row.name);
        }
    }

    #[test]
    fn numbers_get_their_units() {
        assert_eq!(unit_of(0x1, "clflush_line").read(8), "64 bytes");
        assert_eq!(unit_of(0x4, "ways").read(7), "8 ways");
        assert_eq!(unit_of(0x18, "ways").read(8), "8");
        assert_eq!(unit_of(0x4000_0010, "tsc_khz").read(2_600_000), "2600000 kHz");
        assert_eq!(unit_of(0x8000_0006, "l2_assoc").read(6), "8 ways");
        assert_eq!(unit_of(0x8000_0005, "l1d_assoc").read(8), "8");
        assert_eq!(unit_of(0, "vendor_0").read(0x756e_6547), "\"Genu\"");
        assert_eq!(unit_of(0xd, "xcr0_low").read(7), "bits 0 1 2");
        assert_eq!(unit_of(0x12, "enclave_log2_64").read(36), "68719476736 bytes");
        assert_eq!(unit_of(0x12, "enclave_log2_64").read(200), "2^200 bytes");
    }
}
