//! Collecting findings: equal ones of several vCPUs are one, and all come out by place.

use std::collections::BTreeMap;

use crate::finding::{Finding, Subject, Values};
use crate::knowledge::Severity;

/// Findings that agree in all of this are one finding, seen on several vCPUs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// What they are about.
    pub subject: Subject,
    /// The input they are about, where they are about one.
    pub input: Option<usize>,
    /// The values.
    pub values: Values,
    /// How bad they are in each direction.
    pub severities: [Severity; 2],
}

/// The findings so far.
#[derive(Debug, Default)]
pub struct Collector(BTreeMap<Key, Finding>);

impl Collector {
    /// Adds a finding on a vCPU; `find` writes it where no equal one is known. Most vCPUs differ as the first does, and
    /// only one of them needs all the words.
    pub fn add(&mut self, key: Key, vcpu: Option<u32>, find: impl FnOnce() -> Finding) {
        let finding = self.0.entry(key).or_insert_with_key(|key| Finding { values: key.values.clone(), ..find() });
        finding.vcpus.extend(vcpu);
    }

    /// Adds a finding, or its vCPU to an equal one.
    pub fn put(&mut self, finding: Finding, vcpu: Option<u32>) {
        let key = Key {
            subject: finding.subject.clone(),
            input: finding.input,
            values: finding.values.clone(),
            severities: [finding.severity; 2],
        };
        self.add(key, vcpu, || finding);
    }

    /// All of them, by place.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.0.into_values().collect();
        for finding in &mut findings {
            finding.vcpus.sort_unstable();
            finding.vcpus.dedup();
        }
        findings
    }
}
