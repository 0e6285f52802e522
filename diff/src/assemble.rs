//! From a comparison to a report.

use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::text::write_record;

use crate::compare::judge::Directions;
use crate::compare::verdict::{summary, verdict};
use crate::compare::{Comparison, compare};
use crate::report::{Input, Report, SCHEMA};

/// A dump and what the user calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The file's name, as given.
    pub name: String,
    /// The dump.
    pub dump: Dump,
}

/// Compares two dumps and reports it.
#[must_use]
pub fn report(a: &Named, b: &Named, directions: Directions) -> Report {
    let Comparison { findings, not_captured, notes, compared, complete, msrs } = compare(&a.dump, &b.dump, directions);
    Report {
        schema: SCHEMA,
        inputs: vec![input(a), input(b)],
        verdict: verdict(&findings, directions, complete, msrs),
        notes,
        summary: summary(&findings),
        findings,
        not_captured,
        compared,
        dumps: vec![a.dump.clone(), b.dump.clone()],
    }
}

/// What a report says of an input.
#[must_use]
pub fn input(named: &Named) -> Input {
    let Named { name, dump } = named;
    let first = dump.vcpus.first();
    let boot = dump.provenance.boot.as_ref();
    Input {
        name: name.clone(),
        label: dump.provenance.label.clone(),
        source: dump.provenance.source.word().to_string(),
        accel: boot.map(|boot| boot.accel.clone()),
        vendor: first.and_then(VcpuDump::vendor).map(|v| v.to_string()),
        cpu: boot.map(|boot| boot.cpu.clone()).or_else(|| first.and_then(brand)),
        hypervisor: first.map(|v| v.blocks().map(|b| b.signature.to_string()).collect()).unwrap_or_default(),
        vcpus: dump.vcpus.len(),
        vcpus_online: dump.provenance.vcpus_online,
        complete: dump.is_complete(),
    }
}

/// The brand text of leaves 0x80000002 to 0x80000004 (Intel SDM leaf 80000002H).
fn brand(vcpu: &VcpuDump) -> Option<String> {
    let mut text = String::new();
    for leaf in 0x8000_0002..=0x8000_0004 {
        let r = vcpu.get(LeafId::new(leaf, 0))?;
        for byte in [r.eax, r.ebx, r.ecx, r.edx].into_iter().flat_map(u32::to_le_bytes) {
            if (0x20..0x7f).contains(&byte) {
                text.push(char::from(byte));
            }
        }
    }
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// A dump as bare lines, which a unified diff can be made of. Several vCPUs are told apart by a comment line.
#[must_use]
pub fn canonical(dump: &Dump) -> String {
    let mut out = String::new();
    for v in &dump.vcpus {
        if dump.vcpus.len() > 1 {
            out.push_str(&format!("# vcpu {}\n", v.vcpu));
        }
        for record in v.leaves() {
            // Writing to a String cannot fail.
            let _ = write_record(&mut out, record);
        }
    }
    out
}
