//! What QEMU or libvirt would refuse, whatever the registers say: a pair like that is never called compatible.

use cpuid_probe::dump::Dump;
use cpuid_probe::{Place, Register};

use super::asked::refuses;
use crate::knowledge::Knowledge;
use crate::report::{By, Refused, Way};
use crate::view::clock::pinned_khz;
use crate::view::pairs::unlike_counts;
use crate::view::said::{ACCEL, MACHINE};
use crate::view::{DumpView, Role, Seen};

/// Everything that would be refused, as the provenances and the dumps show it.
///
/// # Source
/// QEMU 7.2 migration/savevm.c (machine type), hw/core/cpu-sysemu.c and target/i386/machine.c (vCPUs: a destination with
/// another number ends, and the source says "completed"), target/i386/kvm/kvm.c:2107-2118 (invtsc), target/i386/machine.c
/// (`cpu_post_load`: the TSC frequency that a user asked for), target/i386/sev.c (encrypted memory); libvirt 9.0
/// src/conf/domain_conf.c `virDomainDefCheckABIStability` (domain type), src/qemu/qemu_migration.c:1451-1476 (invtsc).
#[must_use]
pub fn refused(a: &DumpView<'_>, b: &DumpView<'_>, knowledge: &Knowledge) -> Vec<Refused> {
    let mut refused = Vec::new();
    let both = [Way::AToB, Way::BToA];
    let (of_a, of_b) = (a.dump, b.dump);
    let machines = [of_a, of_b].map(|dump| stated(dump, MACHINE));
    if let [Some(x), Some(y)] = machines
        && refuses(machines)
    {
        let reason = format!("the machine types differ ({x} and {y})");
        refused.extend(both.map(|way| Refused { by: By::Qemu, way, reason: reason.clone(), of_machine: true }));
    }
    let mut refuse = |by, ways: &[Way], reason: String| {
        let refusal = |way: &Way| Refused { by, way: *way, reason: reason.clone(), of_machine: false };
        refused.extend(ways.iter().map(refusal));
    };
    if let (Some(x), Some(y)) = (stated(of_a, ACCEL), stated(of_b, ACCEL))
        && x != y
    {
        let reason = format!("the accelerators differ ({x} and {y})");
        refuse(By::Libvirt, &both, reason.clone());
        refuse(By::Qemu, &[if x == "kvm" { Way::AToB } else { Way::BToA }], reason);
    }
    if let Some([x, y]) = unlike_counts(of_a, of_b) {
        refuse(By::Qemu, &both, format!("the numbers of vCPUs differ ({x} and {y})"));
    }
    if let [Some(x), Some(y)] = [of_a, of_b].map(pinned)
        && x != y
    {
        refuse(By::Qemu, &both, format!("the pinned TSC frequencies differ ({x} kHz and {y} kHz)"));
    }
    for (view, way) in [(a, Way::AToB), (b, Way::BToA)] {
        if is_sev(view) {
            refuse(By::Qemu, &[way], "guests whose memory SEV encrypts do not migrate".to_string());
        }
        let accel = stated(view.dump, ACCEL);
        if accel == Some("tcg") {
            continue;
        }
        if accel.is_some() && is_blocked(view, knowledge) && pinned(view.dump).is_none() {
            refuse(By::Qemu, &[way], "invtsc without a pinned TSC frequency blocks migration".to_string());
        }
        for blocker in blockers(view.dump) {
            refuse(By::Qemu, &[way], format!("{blocker} blocks migration"));
        }
    }
    refused
}

/// What a throw-away guest was started with, or a definition asks for.
fn stated<'a>(dump: &'a Dump, name: &str) -> Option<&'a str> {
    let of_boot = dump.provenance.boot.as_ref().and_then(|boot| match name {
        MACHINE => Some(boot.machine.as_str()),
        ACCEL => Some(boot.accel.as_str()),
        _ => None,
    });
    of_boot.or_else(|| dump.provenance.imported.as_ref()?.asks(name))
}

/// Properties that block migration under KVM: the host decides what they give.
///
/// # Source
/// QEMU 7.2 target/i386/kvm/kvm.c (`kvm_arch_init_vcpu`: hv_passthrough_mig_blocker, hv_no_nonarch_cs_mig_blocker).
const BLOCKERS: [&str; 4] =
    ["hv-passthrough", "hv-passthrough=on", "+hv-passthrough", "hv-no-nonarch-coresharing=auto"];

/// Those that a guest was started with, or that a definition asks for.
fn blockers(dump: &Dump) -> Vec<String> {
    let boot = dump.provenance.boot.iter().flat_map(|boot| boot.cpu.split(',')).map(str::to_string);
    let imported = dump.provenance.imported.iter().flat_map(|imported| &imported.asks);
    let asked = imported.map(|(name, value)| format!("{name}={value}"));
    boot.chain(asked).filter(|property| BLOCKERS.contains(&property.as_str())).collect()
}

/// Whether this is a guest with memory that AMD's SEV encrypts. QEMU shows it the SEV bits alone, without the bit of the
/// host's own encryption, and fills the leaf for no other guest; what passes the host's leaf on has both.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c:5851-5858 (the leaf), target/i386/sev.c `sev_launch_finish` ("SEV: Migration is not
/// implemented").
fn is_sev(view: &DumpView<'_>) -> bool {
    const LEAF: u32 = 0x8000_001f;
    let [host, guest] = [0, 1].map(|bit| view.values(Place::bit(LEAF, 0, Register::Eax, bit)));
    Role::of(view) == Role::Guest && guest.iter().any(|seen| seen.is_set()) && host.iter().any(|seen| seen.is_clear())
}

/// The guest has a feature that blocks live migration unless its TSC frequency is pinned.
#[must_use]
pub fn is_blocked(view: &DumpView<'_>, knowledge: &Knowledge) -> bool {
    knowledge.blockers().any(|place| view.values(place).iter().any(|seen| matches!(seen, Seen::Value(1))))
}

/// The TSC frequency that the `-cpu` argument or the definition pins, in kHz.
#[must_use]
pub fn pinned(dump: &Dump) -> Option<u64> {
    match &dump.provenance.boot {
        Some(boot) => pinned_khz(&boot.cpu),
        None => ["tsc-frequency", "tsc-freq"].into_iter().find_map(|name| {
            let asked = stated(dump, name)?;
            pinned_khz(&format!("{name}={asked}"))
        }),
    }
}
