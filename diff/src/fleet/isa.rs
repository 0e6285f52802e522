//! The levels of the x86-64 psABI, which compilers and distributions build for, of an offer.

use std::sync::OnceLock;

use cpuid_probe::Place;
use cpuid_probe::hypervisor::Owner;

use super::offer::Offer;
use crate::knowledge::Knowledge;
use crate::read::levels;

/// The places of each level, found once.
fn places() -> &'static [Vec<Option<Place>>; levels::COUNT] {
    static PLACES: OnceLock<[Vec<Option<Place>>; levels::COUNT]> = OnceLock::new();
    PLACES.get_or_init(|| {
        let own = |name: &str| {
            let mut found = Knowledge::builtin().by_name(name).into_iter().map(|m| m.place);
            found.find(|place| place.owner() == Owner::Cpu)
        };
        std::array::from_fn(|before| levels::beyond(before + 1).map(own).collect())
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
