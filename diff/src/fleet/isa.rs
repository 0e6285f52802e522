//! The levels of the x86-64 psABI, which compilers and distributions build for.
//!
//! # Source
//! x86-64 psABI 1.0, section 3.1.1 "Processor Architecture", in libvirt's names. SCE is CPUID's `syscall`, OSFXSR and OSXSAVE
//! follow from fxsr and xsave.

use std::sync::OnceLock;

use cpuid_probe::Place;
use cpuid_probe::hypervisor::Owner;

use super::offer::Offer;
use crate::knowledge::Knowledge;

const LEVELS: [&[&str]; 4] = [
    &["cmov", "cx8", "fpu", "fxsr", "mmx", "syscall", "sse", "sse2", "lm"],
    &["cx16", "lahf_lm", "popcnt", "pni", "sse4.1", "sse4.2", "ssse3"],
    &["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"],
    &["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
];

/// The places of each level, found once.
fn places() -> &'static [Vec<Option<Place>>; 4] {
    static PLACES: OnceLock<[Vec<Option<Place>>; 4]> = OnceLock::new();
    PLACES.get_or_init(|| {
        let own = |name: &&str| {
            let mut found = Knowledge::builtin().by_name(name).into_iter().map(|m| m.place);
            found.find(|place| place.owner() == Owner::Cpu)
        };
        LEVELS.map(|names| names.iter().map(own).collect())
    })
}

/// The highest level whose features are all there; `None` where none is, or what decides is unknown.
#[must_use]
pub fn level(offer: &Offer) -> Option<u8> {
    let has = |place: &Option<Place>| place.is_some_and(|place| offer.at(place) == Some(1));
    let reached = places().iter().take_while(|places| places.iter().all(has)).count();
    u8::try_from(reached).ok().filter(|level| *level > 0)
}

/// `x86-64-v3`.
#[must_use]
pub fn word(level: Option<u8>) -> Option<String> {
    level.map(|level| format!("x86-64-v{level}"))
}

/// The level that a text asks for.
#[must_use]
pub fn parse(text: &str) -> Option<u8> {
    let level: u8 = text.strip_prefix("x86-64-v")?.parse().ok()?;
    (1..=4).contains(&level).then_some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_one_bit() {
        assert!(places().iter().flatten().all(Option::is_some));
        assert_eq!((parse("x86-64-v3"), parse("x86-64-v5"), parse("avx")), (Some(3), None, None));
    }
}
