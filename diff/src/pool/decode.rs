//! libvirt's decoding: which CPU model, with which changes, describes a set of features best.
//!
//! # Source
//! libvirt 9.0.0 and 11.3.0 src/cpu/cpu_x86.c (`x86Decode`, `x86DecodeUseCandidate`, `x86DataFilterTSX`). The models
//! that it chooses are those of `virsh capabilities` and `virsh cpu-baseline`.

use cpuid_probe::{Place, Register};

use crate::cpu_map::{CpuMap, Features, Model, Signature, Vendor};

/// For whom a model is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A host: features beyond the model may be listed, none taken away.
    Host,
    /// A guest: features may be listed to require and to disable.
    Guest,
}

/// What is known of the CPU whose features are decoded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// Its vendor.
    pub vendor: Option<Vendor>,
    /// Family, model and stepping.
    pub signature: Option<Signature>,
    /// Models to prefer.
    pub preferred: &'a [&'a str],
}

/// A CPU as a model with changes.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    /// The model.
    pub model: &'a Model,
    /// Features beyond the model's.
    pub require: Features,
    /// Features of the model that the CPU does not have.
    pub disable: Features,
}

/// Hardware lock elision and transactional memory.
const TSX: [Place; 2] = [Place::bit(7, 0, Register::Ebx, 4), Place::bit(7, 0, Register::Ebx, 11)];

/// The features without TSX, where the CPU is one of those whose TSX does not work.
///
/// # Source
/// `x86DataFilterTSX`: Intel family 6, model 60, 69, 70, or 63 before stepping 4.
#[must_use]
pub fn without_broken_tsx(
    map: &CpuMap,
    mut features: Features,
    vendor: Option<Vendor>,
    signature: Option<Signature>,
) -> Features {
    let broken = vendor.is_some_and(|v| v.text.is_intel())
        && signature.is_some_and(|s| match (s.family, s.model) {
            (6, 60 | 69 | 70) => true,
            (6, 63) => s.stepping < 4,
            _ => false,
        });
    if broken {
        for id in TSX.iter().filter_map(|place| map.feature_at(*place)) {
            features.remove(&id);
        }
    }
    features
}

/// The model that libvirt would choose for `features`. `None` only where the map has no model for the purpose.
#[must_use]
pub fn decode<'a>(map: &'a CpuMap, features: &Features, purpose: Purpose, hints: Hints<'_>) -> Option<Decoded<'a>> {
    let all = map.models.iter().collect();
    let candidate = |model| Candidate::new(model, features, &Features::new(), purpose, hints);
    best(all, &candidate, purpose, hints)
}

/// What is known of the inputs of a common CPU, which libvirt does not look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nearest<'a> {
    /// Features of which an input says nothing: a model may bring them.
    pub unsure: &'a Features,
    /// The families of the inputs; none: any.
    pub families: &'a [u32],
    /// The signatures of the inputs that are dumps.
    pub signatures: &'a [Signature],
}

impl Nearest<'_> {
    /// The model for a guest that has `features`: the one that all inputs name, else the one that libvirt would choose
    /// among those of the inputs' families, where there is one; of the inputs' own CPUs before others.
    pub(super) fn decode<'a>(self, map: &'a CpuMap, features: &Features, hints: Hints<'_>) -> Option<Decoded<'a>> {
        let purpose = Purpose::Guest;
        let candidate = |model: &'a Model| {
            let any = self.signatures.iter().any(|s| model.matches(*s));
            let matches_signature = (!self.signatures.is_empty()).then_some(any);
            Candidate { matches_signature, ..Candidate::new(model, features, self.unsure, purpose, hints) }
        };
        if let [name] = hints.preferred
            && let Ok(model) = map.model(name)
        {
            return Some(candidate(model).decoded);
        }
        let (family, others): (Vec<&Model>, Vec<&Model>) =
            map.models.iter().partition(|model| model.signatures.iter().any(|s| self.families.contains(&s.family)));
        best(family, &candidate, purpose, hints).or_else(|| best(others, &candidate, purpose, hints))
    }
}

/// The best of `models`, which are in the order of the map.
fn best<'a>(
    models: Vec<&'a Model>,
    candidate: &dyn Fn(&'a Model) -> Candidate<'a>,
    purpose: Purpose,
    hints: Hints<'_>,
) -> Option<Decoded<'a>> {
    let mut best: Option<Candidate<'a>> = None;
    for model in models.into_iter().rev() {
        if let (Some(a), Some(b)) = (hints.vendor, model.vendor)
            && a != b
        {
            continue;
        }
        let candidate = candidate(model);
        if !candidate.allowed(purpose) {
            continue;
        }
        if hints.preferred == [model.name] {
            return Some(candidate.decoded);
        }
        if best.as_ref().is_none_or(|best| candidate.better_than(best, purpose)) {
            best = Some(candidate);
        }
    }
    best.map(|best| best.decoded)
}

/// A model in the running.
struct Candidate<'a> {
    decoded: Decoded<'a>,
    preferred: bool,
    /// `None` where the CPU's signature is not known.
    matches_signature: Option<bool>,
    points: usize,
    penalty: usize,
}

impl<'a> Candidate<'a> {
    fn new(model: &'a Model, features: &Features, unsure: &Features, purpose: Purpose, hints: Hints<'_>) -> Self {
        let require: Features = features.difference(&model.features).copied().collect();
        let mut disable: Features = model.features.difference(features).copied().collect();
        if purpose == Purpose::Guest {
            // QEMU's model no longer has these; libvirt says so for the sake of an older QEMU, whose model has.
            disable.extend(model.removed.difference(&require));
        }
        let brought = disable.intersection(unsure).count();
        disable = &disable - unsure;
        let listed = require.len() + disable.len();
        let (points, penalty) = match purpose {
            Purpose::Host => (listed, 0),
            Purpose::Guest => guest_points(listed, disable.len()),
        };
        Self {
            decoded: Decoded { model, require, disable },
            preferred: hints.preferred.contains(&model.name),
            matches_signature: hints.signature.map(|s| model.matches(s)),
            // What nobody knows of costs as much as what has to be listed.
            points: points + brought,
            penalty,
        }
    }

    fn allowed(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Host => self.decoded.model.decode_host && self.decoded.disable.is_empty(),
            Purpose::Guest => self.decoded.model.decode_guest,
        }
    }

    fn better_than(&self, best: &Self, purpose: Purpose) -> bool {
        match (best.matches_signature, self.matches_signature) {
            (Some(true), Some(false)) => return false,
            (Some(false), Some(true)) => return true,
            _ => {}
        }
        let fewer = self.points < best.points || (self.points == best.points && self.penalty < best.penalty);
        fewer || (purpose == Purpose::Guest && self.preferred && self.penalty < best.penalty)
    }
}

/// How far a guest is from a model: what it requires, and 2, 3, 4 … for what it disables.
///
/// libvirt scans the list with a bound that it lowers at each disabled feature. As those stand at the end of the list,
/// only the first half of them is met.
fn guest_points(listed: usize, disabled: usize) -> (usize, usize) {
    let met = disabled.div_ceil(2);
    let penalty = (2..2 + met).sum::<usize>();
    (listed - met + penalty, penalty)
}
