//! The definition of a pool: one `<cpu>` that every member can give, in names that every member knows, proved before it is
//! given.

use std::collections::BTreeSet;

use cpuid_probe::Place;

use super::facts::Class;
use super::offer::{Offer, Reason, Statement};
use crate::cpu_map::CpuMap;
use crate::cpu_map::wide::Wide;
use crate::knowledge::{Knowledge, Version};
use crate::pool::{self, Common, Input, Options, Origin, Pool, Says, Tsc, definition};
use crate::view::Role;
use crate::view::dump::PHYS_BITS;

/// A pool's `<cpu>`.
#[derive(Clone, Debug)]
pub struct Definition {
    /// As libvirt XML.
    pub libvirt: String,
    /// As QEMU's `-cpu` argument.
    pub qemu: String,
    /// What somebody has to look at.
    pub words: Vec<String>,
    /// The common CPU itself, and the names that it is written in.
    pub common: Common,
    /// The map of these names.
    pub wide: Wide,
}

/// A class of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// What is known of it.
    pub class: &'a Class,
    /// Names of its hosts, the first few.
    pub hosts: &'a [String],
    /// Versions of libvirt and QEMU that its hosts show.
    pub versions: &'a BTreeSet<(Option<Version>, Option<Version>)>,
    /// The slowest and the fastest TSC of its hosts, in kHz, where all say.
    pub tsc_khz: Option<(u64, u64)>,
}

/// The two numbers that a version begins with: `QEMU emulator version 7.2.22 (…)` is 7.2.
#[must_use]
pub fn version(text: &str) -> Option<Version> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[start..].split(|c: char| !c.is_ascii_digit());
    Some(Version::new(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The oldest libvirt and QEMU of which the names may be used.
fn oldest(members: &[Member<'_>], knowledge: &Knowledge) -> (Option<Version>, Option<Version>) {
    let (mut libvirt, mut qemu): (Option<Version>, Option<Version>) = (None, None);
    let lower = |known: &mut Option<Version>, v: Option<Version>| {
        if let Some(v) = v {
            *known = Some(known.map_or(v, |known| known.min(v)));
        }
    };
    for member in members {
        for (of_libvirt, of_qemu) in member.versions {
            lower(&mut libvirt, *of_libvirt);
            lower(&mut qemu, *of_qemu);
        }
        if is_names_only(&member.class.offer) {
            let (shown_libvirt, shown_qemu) = shown(member.class, knowledge);
            lower(&mut libvirt, Some(shown_libvirt));
            lower(&mut qemu, Some(shown_qemu));
        }
    }
    (libvirt, qemu)
}

/// The oldest libvirt and QEMU that can have written a list of names: 9.0 and 7.2, unless it has newer names.
fn shown(class: &Class, knowledge: &Knowledge) -> (Version, Version) {
    let (mut libvirt, mut qemu) = (Version::new(9, 0), Version::new(7, 2));
    for (place, statement) in &class.offer.places {
        if matches!(statement, Statement::Value(_)) {
            let row = knowledge.row(*place);
            libvirt = row.libvirt_since.map_or(libvirt, |v| v.max(libvirt));
            qemu = row.qemu_since.map_or(qemu, |v| v.max(qemu));
        }
    }
    let old = CpuMap::libvirt_9_0(knowledge);
    if class.models.iter().any(|model| old.model(model).is_err()) {
        libvirt = libvirt.max(Version::new(11, 3));
    }
    (libvirt, qemu)
}

/// Whether an offer is a list of names.
#[must_use]
pub fn is_names_only(offer: &Offer) -> bool {
    offer.places.values().any(|statement| *statement == Statement::Unknown(Reason::NamesOnly))
}

/// The definition of a pool.
///
/// # Errors
/// There is no CPU in common, or the result does not hold.
pub fn define(members: &[Member<'_>], knowledge: &Knowledge) -> Result<Definition, String> {
    let (libvirt, qemu) = oldest(members, knowledge);
    let wide = Wide::new(CpuMap::known_to(libvirt, qemu, knowledge), knowledge);
    let inputs: Vec<Input> = members.iter().flat_map(|member| inputs(member, &wide)).collect();
    let common = |options| {
        let mut pool = Pool::new(&wide, knowledge);
        inputs.iter().cloned().for_each(|input| pool.add(input));
        pool.common(options).map_err(|e| e.to_string())
    };
    let mut for_libvirt = common(Options::default())?;
    let mut for_qemu = common(Options { qemu: true, ..Options::default() })?;
    // The width is one of the pool's numbers: pinned where members differ in it.
    let widths: BTreeSet<Option<u64>> = members.iter().map(|m| m.class.offer.at(PHYS_BITS)).collect();
    if widths.len() == 1 {
        for common in [&mut for_libvirt, &mut for_qemu] {
            common.width = common.width.filter(|width| matches!(width, pool::Width::Limit(_)));
        }
    }
    let xml = definition::libvirt(&for_libvirt, &wide.map);
    pool::prove(&xml, &for_libvirt, &wide)?;
    Ok(Definition {
        libvirt: xml,
        qemu: definition::qemu(&for_qemu, &wide.map).trim_end().to_string(),
        words: for_libvirt.words.clone(),
        common: for_qemu,
        wide,
    })
}

/// A class as inputs of a common CPU: one, or two where its hosts' clocks differ.
fn inputs(member: &Member<'_>, wide: &Wide) -> Vec<Input> {
    let Class { offer, signatures, models, .. } = member.class;
    let signatures: Vec<u32> = signatures.iter().copied().collect();
    let models: Vec<String> = models.iter().cloned().collect();
    let names_only = is_names_only(offer);
    let width = offer.at(PHYS_BITS).and_then(|bits| u32::try_from(bits).ok()).filter(|bits| *bits > 0);
    let origin = Origin {
        role: Role::Offer,
        names_only,
        vendor: offer.vendor.as_deref(),
        signatures: &signatures,
        models: &models,
        width,
    };
    let says = Says::of_class(|place: Place| offer.known(place), origin, &wide.map);
    let tsc = |khz: u64| Some(Tsc { frequency: khz.saturating_mul(1000), scaling: false });
    let clocks = match member.tsc_khz {
        None => vec![None],
        Some((low, high)) if low == high => vec![tsc(low)],
        Some((low, high)) => vec![tsc(low), tsc(high)],
    };
    let mut names = member.hosts.iter();
    let name = names.next().cloned().unwrap_or_default();
    let first = clocks.iter().map(|tsc| Input::of_class(name.clone(), says.clone(), *tsc));
    // Further hosts only lend their names.
    let others = names.map(|name| Input::of_class(name.clone(), says.clone(), clocks[0]));
    first.chain(others).collect()
}
