//! Why a promise was not kept, where more can be said than "the host does not have it", and what to do.

use super::evidence::Announcement;

/// Why guests lack certain features, and what helps.
struct CauseRow {
    /// libvirt's names, separated by blanks.
    features: &'static str,
    cause: &'static str,
    remedy: &'static str,
    source: &'static str,
}

const fn row(features: &'static str, cause: &'static str, remedy: &'static str, source: &'static str) -> CauseRow {
    CauseRow { features, cause, remedy, source }
}

const DISABLE: &str = "";

#[rustfmt::skip]
const ROWS: &[CauseRow] = &[
    row("pdcm",
        "QEMU drops pdcm without a word when the vCPU has no PMU (pmu=off, or a host whose KVM gives none), though \
         libvirt and QMP call it enabled; no log announces it",
        "give the guest a PMU (<features><pmu state='on'/></features>, on every node), or disable pdcm in the baseline",
        "QEMU 7.2 target/i386/cpu.c:5264-5266; Linux 6.1 arch/x86/kvm/vmx/vmx.c:7839-7840"),
    row("ds dtes64",
        "KVM offers DS and DTES64 only where its PMU can virtualize PEBS, which takes both a CPU generation and a host \
         kernel (Linux 6.1: Ice Lake server; 6.12: Sapphire Rapids and later too); that the hardware has DS is not enough",
        DISABLE,
        "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7834-7837, arch/x86/events/intel/core.c:6471-6473"),
    row("acpi dca ds_cpl est pbe smx tm tm2 xtpr cid",
        "KVM offers this to no guest, whatever the host has; a baseline from virsh capabilities lists it because that \
         shows the bare host",
        DISABLE,
        "Linux 6.1 arch/x86/kvm/cpuid.c (kvm_set_cpu_caps)"),
    row("monitor",
        "KVM does not offer MONITOR; QEMU adds it only where the guest may put the host's CPU to sleep",
        "disable monitor in the baseline, or start QEMU with -overcommit cpu-pm=on on every node",
        "Linux 6.1 arch/x86/kvm/cpuid.c (kvm_set_cpu_caps); QEMU 7.2 target/i386/host-cpu.c:44-50"),
    row("ht",
        "QEMU sets HT by the guest's topology alone: only where a socket has more than one thread or core",
        "give the guest a topology with several vCPUs a socket, or disable ht in the baseline",
        "QEMU 7.2 target/i386/cpu.c:5260-5262"),
    row("vmx svm",
        "nested virtualization is off in the host's KVM, or the guest was started without it",
        "enable nested virtualization on every node (kvm_intel nested=1, kvm_amd nested=1), or disable it in the baseline",
        "Linux 6.1 arch/x86/kvm/vmx/vmx.c (vmx_set_cpu_caps), arch/x86/kvm/svm/svm.c (svm_set_cpu_caps)"),
    row("hle rtm",
        "TSX disappears with microcode or a CPU model without it; a guest also hides it through TSX_CTRL",
        "use a -noTSX model, or disable hle and rtm in the baseline",
        "Linux 6.1 arch/x86/kvm/cpuid.c:1506-1510"),
    row("invtsc",
        "the host's TSC is not invariant, or QEMU left invtsc out of a migratable host CPU",
        "disable invtsc in the baseline; a guest that has it can be migrated only with a pinned TSC frequency",
        "QEMU 7.2 target/i386/cpu.c (unmigratable_flags), target/i386/kvm/kvm.c:2107-2118"),
];

/// Why a feature is missing, what to do, and what says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Why.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// What says so.
    pub source: Option<&'static str>,
}

/// Explains a promised feature that a guest lacks.
#[must_use]
pub fn missing(name: &str, announced: Option<&Announcement>) -> Explained {
    let disable = || {
        format!(
            "disable it in the baseline: <feature policy='disable' name='{name}'/>; or make the baseline from \
             virsh domcapabilities of every node (cpuid-diff baseline)"
        )
    };
    if let Some(row) = ROWS.iter().find(|row| row.features.split_whitespace().any(|f| f == name)) {
        let remedy = if row.remedy == DISABLE { disable() } else { row.remedy.to_string() };
        return Explained { cause: row.cause.to_string(), remedy, source: Some(row.source) };
    }
    let cause = match announced {
        Some(a) if a.line.contains("depends on other features") => {
            "QEMU took it away because a feature that it needs was not requested; its log names the bit"
        }
        Some(a) if a.line.contains("TCG") => "QEMU's emulation (TCG) does not have it; its log names the bit",
        Some(_) => "the host, as its KVM and QEMU offer it, does not have it; QEMU's log names the bit",
        None => {
            "unknown: the CPU, its microcode, the host's kernel, QEMU or the guest's definition took it away; trace \
             shows which layer (cpuid-diff trace)"
        }
    };
    Explained { cause: cause.to_string(), remedy: disable(), source: None }
}

/// Explains a feature that a guest has although it was disabled or forbidden, or that nobody promised.
#[must_use]
pub fn unwanted(name: &str, model: Option<&str>, qemu_adds: bool) -> Explained {
    let cause = match model {
        Some(model) if qemu_adds => {
            format!("QEMU's own {model} has it, libvirt's does not; libvirt passes on only changes to its own")
        }
        _ => "the guest was started with another definition, or QEMU or KVM adds it by itself".to_string(),
    };
    let remedy = format!(
        "to promise it: <feature policy='require' name='{name}'/>; to keep it away: <feature policy='disable' \
         name='{name}'/>"
    );
    Explained { cause, remedy, source: None }
}

#[cfg(test)]
mod tests {
    use super::super::map::CpuMap;
    use super::*;

    #[test]
    fn rows_name_known_features_once_and_say_everything() {
        let map = CpuMap::builtin();
        let names: Vec<&str> = ROWS.iter().flat_map(|row| row.features.split_whitespace()).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        assert!(names.iter().all(|name| map.feature(name).is_some()));
        assert!(ROWS.iter().all(|row| !row.cause.is_empty() && !row.source.is_empty()));
    }
}
