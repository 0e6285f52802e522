//! A common CPU in sentences: what was done, and what it costs whom.

use super::{Common, Policy, Settled};
use crate::cpu_map::FeatureId;
use crate::cpu_map::wide::Wide;
use crate::knowledge::Knowledge;
use crate::list;
use crate::view::Role;

/// How many names a sentence lists of those that lose the same.
const NAMES: usize = 8;

impl Common {
    /// Every input can give the result, and nobody has to look.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.words.is_empty()
    }

    /// What was done and what it costs, in lines: first what somebody has to look at. `qemu` says that the result is a
    /// `-cpu` argument, which can name what the site's libvirt cannot.
    #[must_use]
    pub fn explain(&self, wide: &Wide, knowledge: &Knowledge, qemu: bool) -> Vec<String> {
        let map = &wide.map;
        let names = |ids: &[FeatureId]| {
            let names: Vec<&str> = ids.iter().filter_map(|id| map.features.get(*id)).map(|f| f.name).collect();
            names.join(" ")
        };
        let mut lines = self.words.clone();
        lines.push(self.summary());
        for (class, losses) in self.classes.iter().zip(&self.losses) {
            let more = class.names.len().saturating_sub(NAMES);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let who = class.names.iter().take(NAMES).cloned().collect::<Vec<_>>().join(", ");
            let give = if class.names.len() == 1 { "gives" } else { "give" };
            lines.push(match losses.len() {
                0 => format!("{who}{more} {give} up nothing"),
                n => format!("{who}{more} {give} up {n}: {}", names(losses)),
            });
        }
        if let Some(hz) = self.tsc_frequency {
            lines.push(format!(
                "pin the TSC frequency, or no guest that has invtsc can be live-migrated: <timer name='tsc' \
                 frequency='{hz}'/> in <clock> of the domain (QEMU: tsc-frequency={hz} in -cpu)"
            ));
        }
        for id in &self.unmigratable {
            let name = names(&[*id]);
            let blocks = map.features.get(*id).is_some_and(|f| knowledge.row(f.place).blocks_migration);
            let why = if blocks {
                "a guest that has it cannot be live-migrated without a pinned TSC frequency (<timer name='tsc' \
                 frequency='…'/>); --keep-unmigratable keeps it where every input says a frequency that suits all"
            } else {
                "libvirt calls it unmigratable, and virsh cpu-baseline --migratable leaves it out too; QEMU 7.2 and newer \
                 migrate it; --keep-unmigratable keeps it"
            };
            lines.push(format!("left out: {name}: {why}"));
        }
        for feature in self.nameless.iter().filter_map(|id| map.features.get(*id)) {
            let property = feature.qemu.map_or_else(|| "no QEMU property".to_string(), |p| format!("QEMU: {p}=on"));
            lines.push(if qemu {
                format!("included, though {} does not know it: {} ({property})", wide.site.origin, feature.name)
            } else {
                format!("left out: {}: {} does not know it ({property})", feature.name, wide.site.origin)
            });
        }
        for (settled, what) in [
            (Settled::ByTheGuest, "the guest's model, topology or state decides"),
            (Settled::No, "no definition settles"),
        ] {
            let places = self.differing.iter().filter(|d| d.settled == settled);
            let names: Vec<String> =
                places.map(|d| d.row.name.map_or_else(|| d.place.to_string(), str::to_string)).collect();
            match names.len() {
                0 => {}
                1 => lines.push(format!("note: the inputs also differ in 1 place that {what}: {}", names[0])),
                n => lines.push(format!(
                    "note: the inputs also differ in {n} places that {what}: {}",
                    list::first(&names, NAMES)
                )),
            }
        }
        for class in &self.classes {
            let each = if class.names.len() == 1 { "" } else { "each of " };
            let who = list::first(&class.names, NAMES);
            lines.extend(class.says.notes.iter().map(|note| format!("note: {each}{who} {note}")));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines.push(self.silence());
        lines
    }

    /// What the result is, in one line.
    fn summary(&self) -> String {
        let count = |wanted: [Policy; 2]| self.listed.iter().filter(|(policy, _)| wanted.contains(policy)).count();
        let hardware = self.classes.iter().any(|class| class.says.role == Role::Hardware);
        let beside = match (count([Policy::Require, Policy::Force]), count([Policy::Disable, Policy::Forbid])) {
            (0, 0) => " as it is".to_string(),
            (1, less) => format!(" plus 1 feature, minus {less},"),
            (more, less) => format!(" plus {more} features, minus {less},"),
        };
        format!(
            "{}{beside} is what {} input{} {}; checked against each",
            self.model,
            self.inputs,
            if self.inputs == 1 { "" } else { "s" },
            match (hardware, self.inputs) {
                (false, _) => "can give",
                (true, 1) => "has",
                (true, _) => "have",
            }
        )
    }

    /// What a `<cpu>` says nothing of, whatever the inputs have.
    fn silence(&self) -> String {
        let with = self.classes.iter().filter(|class| class.says.hyperv);
        let with: Vec<String> = with.flat_map(|class| class.names.iter().cloned()).collect();
        let seen = match with.len() {
            0 => String::new(),
            1 => format!(" ({} has some)", with[0]),
            _ => format!(" ({} have some)", list::first(&with, NAMES)),
        };
        format!(
            "note: the result says nothing of Hyper-V enlightenments{seen}, KVM's own features, the PMU, the machine type \
             and timers; give every guest the same"
        )
    }
}
