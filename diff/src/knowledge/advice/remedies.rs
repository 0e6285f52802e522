//! Snippets to paste: how a feature is switched off or asked for, in libvirt XML and on QEMU's command line.

use super::Asked;
use crate::knowledge::{Guard, Owner, Row};

/// How to set a feature; `None` where neither libvirt nor QEMU has a name for it.
fn snippet(row: &Row, on: bool) -> Option<String> {
    let (policy, state) = if on { ("require", "on") } else { ("disable", "off") };
    let property = row.names.qemu;
    if let (Some(e), Some(property)) = (row.element, property) {
        let xml = if on { e.on } else { e.off };
        if xml.is_empty() {
            return Some(by_qemu(property, state, "libvirt can only switch it off"));
        }
        return Some(format!("`{xml}` in `{}` (QEMU: `{property}={state}` in `-cpu`)", e.within));
    }
    match (row.names.libvirt, property) {
        (Some(libvirt), Some(qemu)) => Some(format!(
            "`<feature policy='{policy}' name='{libvirt}'/>` in `<cpu>` (QEMU: `{qemu}={state}` in `-cpu`)"
        )),
        (Some(libvirt), None) => {
            let qemu = if row.not_in_qemu { "QEMU has no property for it" } else { "QEMU's property is not known" };
            Some(format!("`<feature policy='{policy}' name='{libvirt}'/>` in `<cpu>` ({qemu})"))
        }
        (None, Some(qemu)) => {
            let libvirt = if row.not_in_libvirt { "libvirt has no name for it" } else { "libvirt's name is not known" };
            Some(by_qemu(qemu, state, libvirt))
        }
        (None, None) => None,
    }
}

/// A setting that libvirt cannot make by itself: QEMU's own, and how it goes through libvirt. A global property reaches
/// every CPU model.
///
/// # Source
/// libvirt docs/drvqemu.rst, "Pass-through of arbitrary qemu commands"; QEMU docs, `-global`.
fn by_qemu(property: &str, state: &str, why: &str) -> String {
    format!(
        "`{property}={state}` in QEMU's `-cpu` ({why}; through it: `<qemu:commandline \
         xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-global'/><qemu:arg \
         value='x86_64-cpu.{property}={state}'/></qemu:commandline>` in `<domain>`)"
    )
}

/// How to switch a feature off.
pub(super) fn disable(row: &Row) -> Option<String> {
    snippet(row, false)
}

/// How to ask for a feature.
pub(super) fn require(row: &Row) -> Option<String> {
    snippet(row, true)
}

/// What to say of a bit of a hypervisor's interface that has no name: CPU models have no say in it.
const UNNAMED_OF_HYPERVISOR: &str = "no element or property sets this bit alone, it comes and goes with the others";

/// What to call a feature of the CPU that has no name.
const UNNAMED: &str = "use a CPU definition that cannot have it: a named model (`<cpu mode='custom'>`), or \
                       `<cpu mode='host-passthrough' migratable='on'/>` (`-cpu host,migratable=on`)";

/// What to do about a protection whose bit has no name.
const UNNAMED_PROTECTION: &str = "Bring microcode and kernels of all hosts to one level. No CPU definition names this bit. \
                                  Where one host cannot have it, keep it from every guest with a named model (`<cpu \
                                  mode='custom'>`) or `<cpu mode='host-passthrough' migratable='on'/>` (`-cpu \
                                  host,migratable=on`); the guests are then protected by slower means, if at all.";

/// `text` about a place of the CPU with its places for the row's own words filled in: `{disable}` and `{require}` for
/// snippets, `{hz}` for the lower of two frequencies.
pub(super) fn filled(text: &str, row: &Row, asked: Asked) -> String {
    filled_of(Owner::Cpu, text, row, asked)
}

/// The same for a place of `owner`.
pub(super) fn filled_of(owner: Owner, text: &str, row: &Row, asked: Asked) -> String {
    let hz = match asked {
        Asked::Differs { values: [Some(a), Some(b)] } if a != 0 && b != 0 => (a.min(b) * 1000).to_string(),
        _ => "HZ".to_string(),
    };
    let nameless = row.names.libvirt.is_none() && row.names.qemu.is_none();
    if nameless && owner == Owner::Cpu && row.guard == Some(Guard::Protection) && text.contains("{require}") {
        return UNNAMED_PROTECTION.to_string();
    }
    let unnamed = if owner == Owner::Cpu { UNNAMED } else { UNNAMED_OF_HYPERVISOR };
    text.replace("{disable}", &disable(row).unwrap_or_else(|| unnamed.to_string()))
        .replace("{require}", &require(row).unwrap_or_else(|| "no CPU definition can ask for it by name".to_string()))
        .replace("{hz}", &hz)
}
