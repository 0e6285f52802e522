//! virt-install: the argument of --cpu, in libvirt's names; `virt-xml VM --edit --cpu …,clearxml=yes` takes it too.
//!
//! # Source
//! virtinst 4.1 cli.py (`ParserCPU._convert_old_feature_options`: `+name` is policy *force*, which gives guests what their host has not;
//! each policy has a key of its own), domain/cpu.py (`set_model`: unless `secure=off`, which has to be known before, the
//! mitigations of the host at hand are added, and guests of two hosts differ).

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let listed = words.listed.iter().map(|(policy, name)| format!(",{}={name}", policy.word()));
    format!("--cpu {},secure=off{}\n", words.model, listed.collect::<String>())
}
