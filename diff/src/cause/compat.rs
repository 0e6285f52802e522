//! What two machine types set on their CPUs: as each QEMU told at the capture; where it did not tell, as the rows say.

use cpuid_probe::dump::Boot;

use super::definition::{Definition, switch};
use super::properties::COMPAT;
use crate::knowledge::Version;
use crate::view::vintage::{machine_version, qemu_version};

/// The machine type of one side.
struct Machine<'a> {
    boot: &'a Boot,
    model: &'a str,
    /// The versions of QEMU and of the machine type, where they have one that the rows know.
    qemu: Option<Version>,
    version: Option<Version>,
}

impl<'a> Machine<'a> {
    fn of(boot: &'a Boot) -> Self {
        let version = machine_version(&boot.machine).map(|(_, version)| version);
        Self { boot, model: Definition::of(&boot.cpu).model, qemu: qemu_version(&boot.qemu), version }
    }

    /// What QEMU told, as property and value.
    fn told(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let applies = |cpu: &str| match cpu.strip_suffix("x86_64-cpu").or_else(|| cpu.strip_suffix("i386-cpu")) {
            Some("") => true,
            of => of.and_then(|of| of.strip_suffix('-')) == Some(self.model),
        };
        let all = self.boot.compat.iter().flatten();
        all.filter(move |set| applies(&set.cpu)).map(|set| (set.property.as_str(), switch(&set.value)))
    }

    /// The value that a property is set to, `None` inside where it is left alone; `None` where neither QEMU nor a row tells.
    fn value(&self, property: &str, other: &Self) -> Option<Option<&'a str>> {
        if let Some((_, value)) = self.told().filter(|(name, _)| *name == property).last() {
            return Some(Some(value));
        }
        let told = self.boot.compat.is_some();
        let of_model = |model: &str| model.is_empty() || model == self.model;
        match COMPAT.iter().find(|row| row.property == property && of_model(row.model)) {
            Some(row) if told && self.qemu.is_some_and(|qemu| row.until < qemu) => Some(None),
            // This QEMU is older than the property: all that it runs is as if it were set.
            Some(row) if told => Some(Some(row.value)),
            Some(row) => self.version.map(|version| (version <= row.until).then_some(row.value)),
            // A QEMU that told, and knows what the other one knows.
            None => (told && self.qemu >= other.qemu).then_some(None),
        }
    }
}

/// The properties that two machine types set differently, each with both values.
pub(super) fn differing([a, b]: [&Boot; 2]) -> Vec<(&str, [Option<&str>; 2])> {
    let sides = [Machine::of(a), Machine::of(b)];
    let [a, b] = &sides;
    let mut names: Vec<&str> = sides.iter().flat_map(Machine::told).map(|(name, _)| name).collect();
    names.extend(COMPAT.iter().map(|row| row.property));
    let mut differ: Vec<(&str, [Option<&str>; 2])> = Vec::new();
    for name in names {
        if let (Some(of_a), Some(of_b)) = (a.value(name, b), b.value(name, a))
            && of_a != of_b
            && differ.iter().all(|(known, _)| *known != name)
        {
            differ.push((name, [of_a, of_b]));
        }
    }
    differ
}
