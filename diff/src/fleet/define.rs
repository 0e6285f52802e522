//! The definition of a pool: one `<cpu>` that every member can give, in names that every member knows, proved before it is
//! given.

use std::collections::BTreeSet;
use std::fmt;

use cpuid_probe::Place;

use super::facts::{Class, Host};
use super::offer::{Offer, Reason, Statement};
use super::place;
use super::vm::Vm;
use crate::cpu_map::CpuMap;
use crate::cpu_map::wide::Wide;
use crate::knowledge::{Knowledge, Version};
use crate::pool::{self, Input, Options, Origin, Says, Tsc, definition};
use crate::view::Role;
use crate::view::dump::PHYS_BITS;
use crate::view::source;
use crate::view::vintage::{Since, Vintage};

/// A pool's `<cpu>`.
#[derive(Clone, Debug)]
pub struct Definition {
    /// As libvirt XML.
    pub libvirt: String,
    /// As QEMU's `-cpu` argument.
    pub qemu: String,
    /// The model that both name.
    pub model: &'static str,
    /// What somebody has to look at.
    pub words: Vec<String>,
}

/// Why a pool has no definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Its hosts have no CPU in common.
    Nothing(String),
    /// One was made, and a host does not meet it.
    Unproved(String),
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing(why) => f.write_str(why),
            Self::Unproved(why) => write!(f, "the one that was made does not hold ({why}); please report this"),
        }
    }
}

/// A class of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// What is known of it.
    pub class: &'a Class,
    /// Names of its hosts, the first few.
    pub hosts: &'a [String],
    /// Its hosts.
    pub records: &'a [&'a Host],
    /// Versions of libvirt and QEMU that its hosts show.
    pub versions: &'a BTreeSet<(Option<Version>, Option<Version>)>,
    /// The slowest and the fastest TSC of its hosts, in kHz, where all say.
    pub tsc_khz: Option<(u64, u64)>,
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

/// The oldest libvirt and QEMU that can have written a list of names.
fn shown(class: &Class, knowledge: &Knowledge) -> (Version, Version) {
    let named = class.offer.places.iter().filter(|(_, statement)| matches!(statement, Statement::Value(_)));
    let vintage = Vintage::new(None, named.map(|(place, _)| Since::of(&knowledge.row(*place))));
    let old = CpuMap::libvirt_9_0(knowledge);
    let has_new_model = class.models.iter().any(|model| old.model(model).is_err());
    let libvirt = if has_new_model { vintage.libvirt.max(Version::new(11, 3)) } else { vintage.libvirt };
    (libvirt, vintage.qemu)
}

/// Whether an offer is a list of names.
#[must_use]
pub fn is_names_only(offer: &Offer) -> bool {
    offer.places.values().any(|statement| *statement == Statement::Unknown(Reason::NamesOnly))
}

/// The definition of a pool.
///
/// # Errors
/// There is no CPU in common, or a member does not meet the one that was made.
pub fn define(members: &[Member<'_>], knowledge: &Knowledge) -> Result<Definition, Undefined> {
    let (libvirt, qemu) = oldest(members, knowledge);
    let wide = Wide::new(CpuMap::known_to(libvirt, qemu, knowledge), knowledge);
    let inputs: Vec<Input> = members.iter().flat_map(|member| inputs(member, &wide)).collect();
    let common = |qemu| {
        let options = Options { qemu, ..Options::default() };
        pool::common(&inputs, &wide, knowledge, options).map_err(|e| Undefined::Nothing(e.to_string()))
    };
    let (mut for_libvirt, mut for_qemu) = (common(false)?, common(true)?);
    // The width is one of the pool's numbers: pinned where members differ in it.
    let widths: BTreeSet<Option<u64>> = members.iter().map(|m| m.class.offer.at(PHYS_BITS)).collect();
    if widths.len() == 1 {
        for common in [&mut for_libvirt, &mut for_qemu] {
            common.width = common.width.filter(|width| matches!(width, pool::Width::Limit(_)));
        }
    }
    let mut definition = Definition {
        libvirt: definition::libvirt(&for_libvirt, &wide.map),
        qemu: definition::qemu(&for_qemu, &wide.map).trim_end().to_string(),
        model: for_libvirt.model,
        words: std::mem::take(&mut for_libvirt.words),
    };
    pool::prove(&definition.libvirt, &for_libvirt, &wide).map_err(Undefined::Unproved)?;
    for text in [&definition.libvirt, &definition.qemu] {
        for doubt in prove(text, members, &wide.map, knowledge).map_err(Undefined::Unproved)? {
            if !definition.words.contains(&doubt) {
                definition.words.push(doubt);
            }
        }
    }
    Ok(definition)
}

/// Reads a definition like one that somebody wants to place: no member may be known to lack what it needs. What its hosts
/// say against it beside features, such as of its model, somebody has to look at.
///
/// # Errors
/// A text that is not understood, or the first member that lacks something, and what.
fn prove(text: &str, members: &[Member<'_>], map: &CpuMap, knowledge: &Knowledge) -> Result<Vec<String>, String> {
    let source = source::read(text.as_bytes(), None).map_err(|e| e.to_string())?;
    let mut doubts = Vec::new();
    for vm in Vm::new("the pool's definition", &source, map, knowledge)? {
        for member in members {
            let (no, _) = place::on_offer(&member.class.offer, &vm, knowledge);
            if let Some(why) = no.first() {
                return Err(format!("{}: {why}", member.hosts.first().map_or("a host", String::as_str)));
            }
        }
        let hosts = members.iter().flat_map(|member| member.records).copied();
        let (no, unknown) = place::beside(hosts, &vm, true, knowledge);
        if let Some(why) = no.into_iter().next() {
            return Err(why);
        }
        doubts.extend(unknown);
    }
    Ok(doubts)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A class of one host that offers these features.
    fn class(features: &[&str], knowledge: &Knowledge) -> Class {
        let map = CpuMap::of(knowledge);
        let place = |name: &&str| map.features[map.feature(name).expect("a name")].place;
        let places: BTreeMap<Place, Statement> = features.iter().map(|f| (place(f), Statement::Value(1))).collect();
        let offer = Offer { vendor: Some("GenuineIntel".to_string()), places, ..Offer::default() };
        Class { offer, signatures: BTreeSet::from([0x0005_0657]), ..Class::default() }
    }

    #[test]
    fn a_definition_is_held_against_every_member() {
        let knowledge = Knowledge::builtin();
        let wide = Wide::new(CpuMap::of(knowledge), knowledge);
        let [both, one] = [&["sse2", "aes", "umip"][..], &["sse2", "aes"]].map(|features| class(features, knowledge));
        let versions = BTreeSet::new();
        let hosts = ["node1", "node2"].map(|name| vec![name.to_string()]);
        let member = |class, hosts| Member { class, hosts, records: &[], versions: &versions, tsc_khz: None };
        let members = [member(&both, hosts[0].as_slice()), member(&one, hosts[1].as_slice())];
        let made = define(&members, knowledge).expect("a definition");
        let prove = |text: &str| prove(text, &members, &wide.map, knowledge);
        assert_eq!([prove(&made.libvirt), prove(&made.qemu)], [Ok(Vec::new()), Ok(Vec::new())]);
        // One promise more, which only the first member keeps.
        let more = "<feature policy='require' name='umip'/></cpu>";
        let lacks = Err("node2: the host lacks umip".to_string());
        assert_eq!(prove(&made.libvirt.replace("</cpu>", more)), lacks);
        assert_eq!(prove(&format!("{},umip=on", made.qemu)), lacks);
        let amd = "<model fallback='forbid'>EPYC</model><vendor>AMD</vendor>";
        let amd = prove(&format!("<cpu mode='custom' match='exact'>{amd}</cpu>"));
        assert_eq!(amd, Err("node1: it is for AuthenticAMD, the host is GenuineIntel".to_string()));
    }
}
