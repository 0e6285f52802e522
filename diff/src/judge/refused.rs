//! What QEMU or libvirt would refuse, whatever the registers say: a pair like that is never called compatible.

use cpuid_probe::dump::Dump;

use crate::knowledge::Knowledge;
use crate::report::{By, Refused, Way};
use crate::view::clock::pinned_khz;
use crate::view::pairs::has_all_vcpus;
use crate::view::{DumpView, Seen};

/// Everything that would be refused, as the provenances and the dumps show it.
///
/// # Source
/// QEMU 7.2 migration/savevm.c (machine type), hw/core/cpu-sysemu.c and target/i386/machine.c (vCPUs: a destination with
/// another number ends, and the source says "completed"), target/i386/kvm/kvm.c:2107-2118 (invtsc); libvirt 9.0
/// src/conf/domain_conf.c `virDomainDefCheckABIStability` (domain type), src/qemu/qemu_migration.c:1451-1476 (invtsc).
#[must_use]
pub fn refused(a: &DumpView<'_>, b: &DumpView<'_>, knowledge: &Knowledge) -> Vec<Refused> {
    let mut refused = Vec::new();
    let mut refuse = |by, ways: &[Way], reason: String| {
        refused.extend(ways.iter().map(|way| Refused { by, way: *way, reason: reason.clone() }));
    };
    let both = [Way::AToB, Way::BToA];
    let (of_a, of_b) = (a.dump, b.dump);
    if let (Some(x), Some(y)) = (&of_a.provenance.boot, &of_b.provenance.boot) {
        if x.machine != y.machine {
            refuse(By::Qemu, &both, format!("the machine types differ ({} and {})", x.machine, y.machine));
        }
        if x.accel != y.accel {
            let reason = format!("the accelerators differ ({} and {})", x.accel, y.accel);
            refuse(By::Libvirt, &both, reason.clone());
            let from_kvm = if x.accel == "kvm" { Way::AToB } else { Way::BToA };
            refuse(By::Qemu, &[from_kvm], reason);
        }
    }
    if has_all_vcpus(of_a) && has_all_vcpus(of_b) && of_a.vcpus.len() != of_b.vcpus.len() {
        let reason = format!("the numbers of vCPUs differ ({} and {})", of_a.vcpus.len(), of_b.vcpus.len());
        refuse(By::Qemu, &both, reason);
    }
    for (view, way) in [(a, Way::AToB), (b, Way::BToA)] {
        let boot = view.dump.provenance.boot.as_ref();
        if boot.is_some_and(|boot| boot.accel == "kvm") && is_blocked(view, knowledge) && !is_pinned(view.dump) {
            refuse(By::Qemu, &[way], "invtsc without a pinned TSC frequency blocks migration".to_string());
        }
    }
    refused
}

/// The guest has a feature that blocks live migration unless its TSC frequency is pinned.
#[must_use]
pub fn is_blocked(view: &DumpView<'_>, knowledge: &Knowledge) -> bool {
    let mut blockers = knowledge.features().filter(|(_, row)| row.blocks_migration);
    blockers.any(|(place, _)| view.values(place).iter().any(|seen| matches!(seen, Seen::Value(1))))
}

/// The `-cpu` argument pins the TSC frequency.
#[must_use]
pub fn is_pinned(dump: &Dump) -> bool {
    dump.provenance.boot.as_ref().is_some_and(|boot| pinned_khz(&boot.cpu).is_some())
}
