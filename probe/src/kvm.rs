//! `cpuid-probe kvm`: what this host's KVM could give any guest.
//!
//! # Source
//! Linux Documentation/virt/kvm/api.rst: KVM_GET_SUPPORTED_CPUID, KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSRS.

use std::process::ExitCode;

use anyhow::{Context, Result};
use cpuid_probe::dump::{Dump, MsrRecord, Record, Source, VcpuDump};
use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::{LeafId, Registers};
use kvm_bindings::{KVM_CPUID_FLAG_SIGNIFCANT_INDEX, Msrs, kvm_cpuid_entry2, kvm_msr_entry};
use kvm_ioctls::Kvm;

use crate::cli::{Format, KvmArgs};
use crate::{host, output};

/// As many entries as KVM ever returns (KVM_MAX_CPUID_ENTRIES in arch/x86/include/asm/kvm_host.h).
const MOST_ENTRIES: usize = 256;

/// Runs the command.
pub fn kvm(args: &KvmArgs) -> Result<ExitCode> {
    let kvm = Kvm::new().context("/dev/kvm: cannot open it")?;
    let mut vcpu = VcpuDump::new(0);
    let table = kvm.get_supported_cpuid(MOST_ENTRIES).context("KVM_GET_SUPPORTED_CPUID")?;
    for record in table.as_slice().iter().map(record) {
        // The same place twice is leaf 2 of kernels before 5.8, whose answers were meant as a sequence; the first is
        // what a guest reads first.
        let _ = vcpu.insert(record);
    }
    for msr in feature_msrs(&kvm)? {
        // Each index is in the table once, so no conflict is possible.
        let _ = vcpu.insert_msr(msr);
    }
    let mut dump = Dump::new(Source::Kvm);
    dump.vcpus.push(vcpu);
    host::stamp(&mut dump.provenance, args.output.label.as_ref());
    dump.note_hypervisors();
    output::deliver(&dump, &args.output, Format::Json)
}

fn record(entry: &kvm_cpuid_entry2) -> Record {
    let indexed = entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX != 0;
    let id = LeafId::new(entry.function, if indexed { entry.index } else { 0 });
    Record { id, registers: Registers::new(entry.eax, entry.ebx, entry.ecx, entry.edx) }
}

/// The feature MSRs that this KVM knows. KVM also lists MSRs that do not announce features (platform information, the
/// microcode revision).
fn feature_msrs(kvm: &Kvm) -> Result<Vec<MsrRecord>> {
    let known = kvm.get_msr_feature_index_list().context("KVM_GET_MSR_FEATURE_INDEX_LIST")?;
    let listed = FEATURE_MSRS.iter().map(|m| m.index).filter(|index| known.as_slice().contains(index));
    let read = |index| {
        let entry = kvm_msr_entry { index, ..Default::default() };
        let mut one = Msrs::from_entries(&[entry]).ok()?;
        // KVM says how many it could read.
        let count = kvm.get_msrs(&mut one).ok()?;
        one.as_slice().first().filter(|_| count == 1).map(|entry| entry.data)
    };
    Ok(listed.map(|index| MsrRecord { index, value: read(index) }).collect())
}
