//! Units: how the number in a field is read.

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

/// A number in `unit`.
pub(super) const fn of(unit: &'static str) -> Unit {
    Unit::Scaled { times: 1, plus: 0, unit }
}

/// A number of `times` in `unit`.
pub(super) const fn times(times: u64, unit: &'static str) -> Unit {
    Unit::Scaled { times, plus: 0, unit }
}

/// One less than a number in `unit`.
pub(super) const fn plus_one(unit: &'static str) -> Unit {
    Unit::Scaled { times: 1, plus: 1, unit }
}

/// The types of caches (Intel SDM vol. 1 ch. 21 leaf 04H).
pub(super) const CACHE_TYPE: Unit = Unit::Words(&[(0, "none"), (1, "data"), (2, "instruction"), (3, "unified")]);

/// AMD's code for ways (APM vol. 3 appendix E Fn8000_0006).
pub(super) const WAYS: Unit = Unit::Words(&[
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

impl Unit {
    /// The unit itself, in listings: `* 8 bytes`, `+ 1 ways`, `0 none, 1 data`; nothing for a plain number.
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Scaled { times: 1, plus: 0, unit } => unit.to_string(),
            Self::Scaled { times: 1, plus, unit } => format!("+ {plus} {unit}").trim_end().to_string(),
            Self::Scaled { times, plus: 0, unit } => format!("* {times} {unit}"),
            Self::Scaled { times, plus, unit } => format!("* {times} + {plus} {unit}"),
            Self::PowerOfTwo(unit) => format!("2^n {unit}"),
            Self::Leaf => "leaf".to_string(),
            Self::Text => "text".to_string(),
            Self::Words(words) => {
                let words: Vec<String> = words.iter().map(|(code, word)| format!("{code:#x} {word}")).collect();
                words.join(", ")
            }
            Self::Bits(first) => format!("bits from {first}"),
        }
    }

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
                if set.is_empty() { "no bits".to_string() } else { format!("bits {}", set.join(" ")) }
            }
        }
    }
}

fn printable(byte: u8) -> String {
    if (0x20..0x7f).contains(&byte) { char::from(byte).to_string() } else { format!("\\x{byte:02x}") }
}

#[cfg(test)]
mod tests {
    use super::super::Knowledge;

    #[test]
    fn numbers_get_their_units() {
        let read = |name: &str, at: usize, value: u64| {
            let place = Knowledge::builtin().by_name(name)[at].place;
            Knowledge::builtin().row(place).unit.read(value)
        };
        assert_eq!(read("clflush_line", 0, 8), "64 bytes");
        assert_eq!(read("ways", 0, 7), "8 ways", "leaf 4");
        assert_eq!(read("ways", 1, 8), "8", "leaf 0x18");
        assert_eq!(read("tsc_khz", 0, 2_600_000), "2600000 kHz");
        assert_eq!(read("l2_assoc", 0, 6), "8 ways");
        assert_eq!(read("l1d_assoc", 0, 8), "8");
        assert_eq!(read("vendor_0", 0, 0x756e_6547), "\"Genu\"");
        assert_eq!(read("enclave_log2_64", 0, 36), "68719476736 bytes");
        assert_eq!(read("enclave_log2_64", 0, 200), "2^200 bytes");
    }
}
