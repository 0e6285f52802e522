//! Apache CloudStack: agent.properties of every host of the pool, in libvirt's names.
//!
//! # Source
//! cloudstack agent/conf/agent.properties (`guest.cpu.mode`, `guest.cpu.model`, `guest.cpu.features`: names, with `-` those to
//! disable).

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let on = words.on.iter().map(|name| (*name).to_string());
    let features: Vec<String> = on.chain(words.off.iter().map(|name| format!("-{name}"))).collect();
    let mut out = format!("guest.cpu.mode=custom\nguest.cpu.model={}\n", words.model);
    if !features.is_empty() {
        out += &format!("guest.cpu.features={}\n", features.join(" "));
    }
    out
}
