//! Snippets to paste: how a feature is switched off or asked for, in libvirt XML and on QEMU's command line.

use super::Asked;
use crate::knowledge::Row;

/// A QEMU property that libvirt sets through an element of its own.
struct Element {
    property: &'static str,
    /// Where it goes.
    within: &'static str,
    off: &'static str,
    /// Empty where libvirt can only switch it off.
    on: &'static str,
}

const fn element(property: &'static str, within: &'static str, off: &'static str, on: &'static str) -> Element {
    Element { property, within, off, on }
}

/// # Source
/// libvirt docs/formatdomain.rst, "Hypervisor features" and "Time keeping"; QEMU docs/system/i386/hyperv.rst and
/// kvm-pv.rst.
#[rustfmt::skip]
const ELEMENTS: &[Element] = &[
    element("hv-relaxed",         "<features><hyperv>", "<relaxed state='off'/>", "<relaxed state='on'/>"),
    element("hv-vapic",           "<features><hyperv>", "<vapic state='off'/>", "<vapic state='on'/>"),
    element("hv-vpindex",         "<features><hyperv>", "<vpindex state='off'/>", "<vpindex state='on'/>"),
    element("hv-runtime",         "<features><hyperv>", "<runtime state='off'/>", "<runtime state='on'/>"),
    element("hv-synic",           "<features><hyperv>", "<synic state='off'/>", "<synic state='on'/>"),
    element("hv-stimer",          "<features><hyperv>", "<stimer state='off'/>", "<stimer state='on'/>"),
    element("hv-stimer-direct",   "<features><hyperv>", "<stimer state='on'><direct state='off'/></stimer>", "<stimer state='on'><direct state='on'/></stimer>"),
    element("hv-reset",           "<features><hyperv>", "<reset state='off'/>", "<reset state='on'/>"),
    element("hv-frequencies",     "<features><hyperv>", "<frequencies state='off'/>", "<frequencies state='on'/>"),
    element("hv-reenlightenment", "<features><hyperv>", "<reenlightenment state='off'/>", "<reenlightenment state='on'/>"),
    element("hv-tlbflush",        "<features><hyperv>", "<tlbflush state='off'/>", "<tlbflush state='on'/>"),
    element("hv-tlbflush-ext",    "<features><hyperv>", "<tlbflush state='on'><extended state='off'/></tlbflush>", "<tlbflush state='on'><extended state='on'/></tlbflush>"),
    element("hv-tlbflush-direct", "<features><hyperv>", "<tlbflush state='on'><direct state='off'/></tlbflush>", "<tlbflush state='on'><direct state='on'/></tlbflush>"),
    element("hv-ipi",             "<features><hyperv>", "<ipi state='off'/>", "<ipi state='on'/>"),
    element("hv-evmcs",           "<features><hyperv>", "<evmcs state='off'/>", "<evmcs state='on'/>"),
    element("hv-avic",            "<features><hyperv>", "<avic state='off'/>", "<avic state='on'/>"),
    element("hv-emsr-bitmap",     "<features><hyperv>", "<emsr_bitmap state='off'/>", "<emsr_bitmap state='on'/>"),
    element("hv-xmm-input",       "<features><hyperv>", "<xmm_input state='off'/>", "<xmm_input state='on'/>"),
    element("hv-time",            "<clock>", "<timer name='hypervclock' present='no'/>", "<timer name='hypervclock' present='yes'/>"),
    element("kvmclock",           "<clock>", "<timer name='kvmclock' present='no'/>", "<timer name='kvmclock' present='yes'/>"),
    element("kvm-pv-eoi",         "<features>", "<apic eoi='off'/>", "<apic eoi='on'/>"),
    element("kvm-pv-unhalt",      "<features>", "<pvspinlock state='off'/>", "<pvspinlock state='on'/>"),
    element("kvm-hint-dedicated", "<features><kvm>", "<hint-dedicated state='off'/>", "<hint-dedicated state='on'/>"),
    element("kvm-poll-control",   "<features><kvm>", "<poll-control state='off'/>", "<poll-control state='on'/>"),
    element("kvm-pv-ipi",         "<features><kvm>", "<pv-ipi state='off'/>", ""),
];

/// How to set a feature; `None` where neither libvirt nor QEMU has a name for it.
fn snippet(row: &Row, on: bool) -> Option<String> {
    let (policy, state) = if on { ("require", "on") } else { ("disable", "off") };
    let property = row.names.qemu;
    if let Some(e) = ELEMENTS.iter().find(|e| Some(e.property) == property) {
        let xml = if on { e.on } else { e.off };
        if xml.is_empty() {
            return Some(by_qemu(e.property, state, "libvirt can only switch it off"));
        }
        return Some(format!("`{xml}` in `{}` (QEMU: `{}={state}` in `-cpu`)", e.within, e.property));
    }
    match (row.names.libvirt, property) {
        (Some(libvirt), Some(qemu)) => Some(format!(
            "`<feature policy='{policy}' name='{libvirt}'/>` in `<cpu>` (QEMU: `{qemu}={state}` in `-cpu`)"
        )),
        (Some(libvirt), None) => {
            Some(format!("`<feature policy='{policy}' name='{libvirt}'/>` in `<cpu>` (QEMU has no property for it)"))
        }
        (None, Some(qemu)) => Some(by_qemu(qemu, state, "libvirt has no name for it")),
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

/// What a feature that nobody names is to be called.
const UNNAMED: &str = "a CPU definition that cannot have it: a named model (`<cpu mode='custom'>`), or \
                       `<cpu mode='host-passthrough' migratable='on'/>` (`-cpu host,migratable=on`)";

/// `text` with its places for the row's own words filled in: `{disable}` and `{require}` for snippets, `{hz}` for the
/// lower of two frequencies.
pub(super) fn filled(text: &str, row: &Row, asked: Asked) -> String {
    let hz = match asked {
        Asked::Differs { values: [Some(a), Some(b)] } if a != 0 && b != 0 => (a.min(b) * 1000).to_string(),
        _ => "HZ".to_string(),
    };
    text.replace("{disable}", &disable(row).unwrap_or_else(|| UNNAMED.to_string()))
        .replace("{require}", &require(row).unwrap_or_else(|| "no CPU definition can ask for it by name".to_string()))
        .replace("{hz}", &hz)
}
