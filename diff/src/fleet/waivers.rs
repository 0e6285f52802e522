//! A site's policy in a fleet: which losses of running guests a person has reviewed and accepts.
//!
//! Waivers are for moves alone. A pool's definition holds on each of its hosts without any, and what a host refuses to start
//! no waiver starts.

use cpuid_probe::Place;

use super::Fleet;
use super::offer;
use super::prepare::is_meant;
use crate::finding::{Finding, Judged, Waived};
use crate::knowledge::{Knowledge, Severity};
use crate::policy::{Day, Policy, Uses};

/// Something that the policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Where it is.
    pub place: Option<Place>,
    /// What it is called.
    pub name: String,
    /// How bad it is, by whom it is accepted and how long.
    pub waived: Waived,
}

impl Accepted {
    /// What the policy accepts of findings; `None` for one that it does not, or that needs none.
    pub(super) fn of(finding: &Finding, knowledge: &Knowledge) -> Option<Self> {
        let waived = finding.waived.clone().filter(|waived| waived.severity <= Severity::Warning)?;
        let place = finding.place();
        let named = || finding.name.as_deref().map_or_else(|| finding.id(), str::to_string);
        let name = place.filter(|place| place.bits().is_some()).map(|place| offer::name(place, knowledge));
        Some(Self { place, name: name.unwrap_or_else(named), waived })
    }
}

/// A policy at work, or none.
#[derive(Debug)]
pub(super) struct Waivers<'a> {
    site: Option<(&'a Policy, Day)>,
    uses: Uses,
    knowledge: &'a Knowledge,
}

impl<'a> Waivers<'a> {
    pub(super) fn new(site: Option<&'a (Policy, Day)>, knowledge: &'a Knowledge) -> Self {
        Self { site: site.map(|(policy, day)| (policy, *day)), uses: Uses::default(), knowledge }
    }

    /// Marks what is accepted of findings. `is_meant` says whether a waiver for hosts of these names, or of none, is meant.
    pub(super) fn apply(&mut self, findings: &mut [Finding], is_meant: &dyn Fn(&[String]) -> bool) {
        if let Some((policy, day)) = self.site {
            policy.apply(findings, day, &mut self.uses, &|names, _| is_meant(names));
        }
    }

    /// What of these places is accepted, and what is not.
    pub(super) fn look(
        &mut self,
        places: impl Iterator<Item = (Place, Severity)>,
        is_meant: &dyn Fn(&[String]) -> bool,
    ) -> (Vec<Accepted>, Vec<(Place, Severity)>) {
        let places: Vec<(Place, Severity)> = places.collect();
        if self.site.is_none() || places.is_empty() {
            return (Vec::new(), places);
        }
        let finding = |(place, severity): &(Place, Severity)| {
            let change = crate::finding::Change::Changed;
            let judged = Judged { change, severity: *severity };
            Finding::of_row(*place, &self.knowledge.row(*place)).judged(Some(judged), None)
        };
        let mut findings: Vec<Finding> = places.iter().map(finding).collect();
        self.apply(&mut findings, is_meant);
        let accepted = findings.iter().filter_map(|f| Accepted::of(f, self.knowledge)).collect();
        let open = places.into_iter().zip(&findings).filter(|(_, f)| f.waived.is_none()).map(|(place, _)| place);
        (accepted, open.collect())
    }

    /// What is to be said of the policy; nothing where there is none.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.site.map(|(policy, day)| policy.remarks(&self.uses, day)).unwrap_or_default()
    }
}

/// The worst of what is not accepted.
pub(super) fn worst(open: &[(Place, Severity)]) -> Option<Severity> {
    open.iter().map(|(_, severity)| *severity).min()
}

/// Whether a waiver for hosts of these names is meant for a move from a class to another, which stand for all their hosts. One
/// name: it is all that there is of one class. Several: they hold every host of both.
pub(super) fn is_for(names: &[String], fleet: &Fleet, classes: [usize; 2]) -> bool {
    let is_listed = |host: &usize| names.iter().any(|name| is_meant(name, &fleet.hosts[*host].name));
    let mut listed = classes.iter().map(|class| fleet.classes[*class].hosts.iter().all(is_listed));
    match names.len() {
        0 => true,
        1 => listed.any(|all| all),
        _ => listed.all(|all| all),
    }
}
