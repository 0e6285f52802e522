//! A common CPU as libvirt XML, and as QEMU's `-cpu` argument.

use std::fmt::Write;

use super::{Common, Width};
use crate::cpu_map::{CpuMap, FeatureId};

/// `<cpu>` as `virsh cpu-baseline` prints it.
///
/// `fallback='forbid'`: where QEMU does not know the model, libvirt says so instead of taking another.
#[must_use]
pub fn libvirt(common: &Common, map: &CpuMap) -> String {
    let mut out = String::from("<cpu mode='custom' match='exact'>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  <model fallback='forbid'>{}</model>", escaped(common.model));
    if let Some(vendor) = common.vendor {
        let _ = writeln!(out, "  <vendor>{}</vendor>", escaped(vendor.name));
    }
    let _ = match common.width {
        Some(Width::Limit(bits)) => writeln!(out, "  <maxphysaddr mode='passthrough' limit='{bits}'/>"),
        Some(Width::Exactly(bits) | Width::Read(bits)) => {
            writeln!(out, "  <maxphysaddr mode='emulate' bits='{bits}'/>")
        }
        None => Ok(()),
    };
    for (policy, features) in [("require", &common.require), ("disable", &common.disable)] {
        for feature in features.iter().filter_map(|id| map.features.get(*id)) {
            let _ = writeln!(out, "  <feature policy='{policy}' name='{}'/>", escaped(feature.name));
        }
    }
    out.push_str("</cpu>\n");
    out
}

/// `MODEL,NAME=on,…,NAME=off,…`: libvirt's model is QEMU's, where QEMU's differs it is changed by name. Features that
/// the site's libvirt has no name for are in it: QEMU has.
#[must_use]
pub fn qemu(common: &Common, map: &CpuMap) -> String {
    let mut out = common.model.to_string();
    let on: Vec<FeatureId> = common.require.iter().chain(&common.nameless).copied().collect();
    for (state, features) in [("on", &on), ("off", &common.disable)] {
        for property in features.iter().filter_map(|id| map.features.get(*id)?.qemu) {
            let _ = write!(out, ",{property}={state}");
        }
    }
    if let Some(Width::Exactly(bits) | Width::Read(bits)) = common.width {
        let _ = write!(out, ",phys-bits={bits}");
    }
    out.push('\n');
    out
}

/// Names come from a map that a site may have written.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;")
}
