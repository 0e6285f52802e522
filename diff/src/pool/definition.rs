//! A common CPU as libvirt XML, and as QEMU's `-cpu` argument.

use std::fmt::Write;

use cpuid_probe::libvirt::cpu::{Cache, Policy, Topology};

use super::{Common, Width};
use crate::cpu_map::{CpuMap, FeatureId};

/// `<cpu>` as `virsh cpu-baseline` prints it.
///
/// `fallback='forbid'`: where QEMU does not know the model, libvirt says so instead of taking another.
#[must_use]
pub fn libvirt(common: &Common, map: &CpuMap) -> String {
    let mut out = format!("<cpu mode='custom' match='{}'>\n", common.matching.word());
    // Writing to a String cannot fail.
    let vendor_id = common.vendor_id.as_ref().map_or_else(String::new, |id| format!(" vendor_id='{}'", escaped(id)));
    let fallback = common.fallback.word();
    let _ = writeln!(out, "  <model fallback='{fallback}'{vendor_id}>{}</model>", escaped(common.model));
    if let Some(vendor) = common.vendor {
        let _ = writeln!(out, "  <vendor>{}</vendor>", escaped(vendor.name));
    }
    if let Some(Topology { sockets, dies, clusters, cores, threads }) = common.topology {
        let clusters = if clusters == 1 { String::new() } else { format!(" clusters='{clusters}'") };
        let _ = writeln!(
            out,
            "  <topology sockets='{sockets}' dies='{dies}'{clusters} cores='{cores}' threads='{threads}'/>"
        );
    }
    if let Some(Cache { level, mode }) = common.cache {
        let level = level.map_or_else(String::new, |level| format!(" level='{level}'"));
        let _ = writeln!(out, "  <cache{level} mode='{}'/>", mode.word());
    }
    let _ = match common.width {
        Some(Width::Limit(bits)) => writeln!(out, "  <maxphysaddr mode='passthrough' limit='{bits}'/>"),
        Some(Width::Exactly(bits) | Width::Read(bits)) => {
            writeln!(out, "  <maxphysaddr mode='emulate' bits='{bits}'/>")
        }
        None => Ok(()),
    };
    for (policy, id) in &common.listed {
        if let Some(feature) = map.features.get(*id) {
            let _ = writeln!(out, "  <feature policy='{}' name='{}'/>", policy.word(), escaped(feature.name));
        }
    }
    out.push_str("</cpu>\n");
    out
}

/// `MODEL,NAME=on,…,NAME=off,…`: libvirt's model is QEMU's, where QEMU's differs it is changed by name. Features that
/// the site's libvirt has no name for are in it: QEMU has. What is optional is not in it: QEMU has no such policy.
#[must_use]
pub fn qemu(common: &Common, map: &CpuMap) -> String {
    let mut out = common.model.to_string();
    let listed = |wanted: [Policy; 2]| common.listed.iter().filter(move |(p, _)| wanted.contains(p)).map(|(_, id)| *id);
    let on = listed([Policy::Require, Policy::Force]).chain(common.nameless.iter().copied());
    let off = listed([Policy::Disable, Policy::Forbid]);
    for (state, ids) in [("on", on.collect::<Vec<FeatureId>>()), ("off", off.collect())] {
        for property in ids.iter().filter_map(|id| map.features.get(*id)?.qemu) {
            let _ = write!(out, ",{property}={state}");
        }
    }
    let _ = match common.width {
        Some(Width::Exactly(bits) | Width::Read(bits)) => write!(out, ",phys-bits={bits}"),
        Some(Width::Limit(bits)) => write!(out, ",host-phys-bits=on,host-phys-bits-limit={bits}"),
        None => Ok(()),
    };
    if let Some(frequency) = common.tsc_frequency {
        let _ = write!(out, ",tsc-frequency={frequency}");
    }
    out.push('\n');
    out
}

/// Names come from a map that a site may have written.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;")
}
