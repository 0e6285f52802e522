//! A `-cpu` argument as what it names: a model, and settings.

use crate::cpu_map::{CpuMap, Features, qemu_differs};

/// A `-cpu` argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition<'a> {
    /// The model.
    pub model: &'a str,
    /// The settings in their order: a property and its value, `+name` and `-name` as `on` and `off`.
    pub settings: Vec<(String, &'a str)>,
}

/// A value of QEMU's; of a switch `on` or `off`, however it is written.
pub(super) fn switch(value: &str) -> &str {
    match value {
        "true" | "yes" => "on",
        "false" | "no" => "off",
        value => value,
    }
}

impl<'a> Definition<'a> {
    /// Takes an argument apart.
    ///
    /// # Source
    /// QEMU 7.2 target/i386/cpu.c (`x86_cpu_parse_featurestr`): `_` means `-`, a bare name is `on`.
    #[must_use]
    pub fn of(cpu: &'a str) -> Self {
        let mut words = cpu.split(',');
        let model = words.next().unwrap_or_default();
        let setting = |word: &'a str| {
            let (name, value) = match word.split_at_checked(1) {
                Some(("+", name)) => (name, "on"),
                Some(("-", name)) => (name, "off"),
                _ => word.split_once('=').unwrap_or((word, "on")),
            };
            (name.replace('_', "-"), switch(value))
        };
        Self { model, settings: words.filter(|word| !word.is_empty()).map(setting).collect() }
    }

    /// What a property is set to at last; `None` where the model decides.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&'a str> {
        self.settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// The names of what is set, each once.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.settings {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// The features of QEMU's model of this name; `None` where no row has it (`host`, `max`).
    #[must_use]
    pub fn of_model(&self, map: &CpuMap) -> Option<Features> {
        let model = map.model(self.model).ok()?;
        let (beyond, lacks) = qemu_differs(model.name);
        let all = &(&model.features | &model.added) | &map.features_named(&beyond);
        Some(&all - &map.features_named(&lacks))
    }

    /// The model takes what the host, or the emulator, has.
    #[must_use]
    pub fn is_all_there_is(&self) -> bool {
        ["host", "max"].contains(&self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_counts_in_any_spelling() {
        let cpu = Definition::of("Haswell,+avx2,-avx2,sse4_1=on,pcid,kvm=false");
        assert_eq!((cpu.model, cpu.setting("avx2"), cpu.setting("sse4-1")), ("Haswell", Some("off"), Some("on")));
        assert_eq!((cpu.setting("pcid"), cpu.setting("kvm"), cpu.setting("ds")), (Some("on"), Some("off"), None));
        assert_eq!(cpu.names(), ["avx2", "sse4-1", "pcid", "kvm"]);
    }
}
