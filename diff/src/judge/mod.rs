//! What is found between two dumps: the join yields differing places, each is judged, a collector merges and sorts.
//!
//! No I/O, no clock, no environment. A finding is never an error, and nothing is left out: what is set aside is listed
//! with its rule and reason, what could not be compared is listed as not captured.
//!
//! - [`rule`]: how bad one differing row is, in each direction. [`describe`]: what a finding says.
//! - [`per_vcpu`]: places that differ by vCPU, judged over all of them. [`within`]: one dump against itself.
//! - [`asked`]: what two definitions ask for beside registers. [`mod@refused`]: what QEMU or libvirt would refuse.
//! - [`collect`]: equal findings of several vCPUs are one. [`notes`]: what the provenances say.
//! - [`verdict`]: what follows from all of it.

pub mod asked;
pub mod collect;
pub mod describe;
pub mod notes;
pub mod per_vcpu;
pub mod refused;
pub mod rule;
pub mod verdict;
pub mod within;

use cpuid_probe::LeafId;
use cpuid_probe::dump::Source;
use cpuid_probe::hypervisor::{FIRST_BASE, Owner};

use crate::decode;
use crate::finding::Finding;
use crate::knowledge::{Accel, Knowledge, RuleKind};
use crate::view::join::{Difference, NotCaptured, join};
use crate::view::pairs::may_differ_in_count;
use crate::view::{DumpView, VcpuView};

use crate::report::Refused;

use collect::Collector;
use per_vcpu::PerVcpu;
use refused::{is_blocked, pinned, refused};
use rule::Directions;

/// What every judgement needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The rows.
    pub knowledge: &'a Knowledge,
    /// The directions asked for.
    pub directions: Directions,
    /// What made the guests' CPUs.
    pub accel: Accel,
    /// The CPUs are AMD's, or made after AMD's.
    pub on_amd: bool,
}

impl<'a> Context<'a> {
    /// What judging these inputs needs.
    #[must_use]
    pub fn new(knowledge: &'a Knowledge, directions: Directions, inputs: &[&DumpView<'_>]) -> Self {
        let dumps: Vec<_> = inputs.iter().map(|view| view.dump).collect();
        let on_amd = !inputs.is_empty() && inputs.iter().all(|view| view.is_amd());
        Self { knowledge, directions, accel: notes::accel(&dumps), on_amd }
    }
}

/// Everything a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// All findings, by place.
    pub findings: Vec<Finding>,
    /// What could not be compared, by input and place.
    pub not_captured: Vec<NotCaptured>,
    /// Sentences about the inputs.
    pub notes: Vec<String>,
    /// How many register sets were compared.
    pub compared: usize,
    /// What would be refused, whatever the registers say.
    pub refused: Vec<Refused>,
    /// Every captured vCPU of both inputs is complete.
    pub complete: bool,
    /// Feature MSRs were compared too.
    pub msrs: bool,
}

/// Compares two dumps in the directions asked for.
#[must_use]
pub fn compare(a: &DumpView<'_>, b: &DumpView<'_>, directions: Directions, knowledge: &Knowledge) -> Comparison {
    let context = Context::new(knowledge, directions, &[a, b]);
    let joined = join(a, b, knowledge);
    let mut collector = Collector::default();
    let mut per_vcpu = PerVcpu::new(a.dump, b.dump);
    for (vcpu, difference) in joined.differences {
        match difference {
            Difference::Row(d) if d.row.rule == RuleKind::PerVcpu => per_vcpu.note(d, vcpu),
            Difference::Row(d) => {
                let judgement = rule::judge(&d);
                let key = describe::key(&d, &judgement);
                collector.add(key, Some(vcpu), || describe::row(&context, &d, &judgement));
            }
            Difference::Terminator(place) => collector.put(describe::terminator(&context, place), Some(vcpu)),
            Difference::OverEnumerated(place, sides, unlike) => {
                collector.put(describe::over_enumerated(&context, place, sides, unlike), Some(vcpu));
            }
            Difference::Fault(place, side) => collector.put(describe::fault(&context, place, side), Some(vcpu)),
            Difference::Block(block) => {
                if let Some(finding) = describe::block(&context, &block) {
                    collector.put(finding, Some(vcpu));
                }
            }
        }
    }
    let unpinned = [a, b].map(|view| is_blocked(view, knowledge) && may_be_unpinned(view));
    let asked = [directions.a_to_b(), directions.b_to_a()];
    if unpinned.into_iter().zip(asked).any(|(unpinned, asked)| unpinned && asked) {
        collector.put(describe::unpinned(&context, unpinned), None);
    }
    per_vcpu.judge(a, b, &context, &mut collector);
    asked::check(a.dump, b.dump, &context, &mut collector);
    for (input, view) in [a, b].into_iter().enumerate() {
        within::check(input, view, &context, &mut collector);
    }
    let mut notes = notes::notes(a, b);
    notes.extend(within::check_states([a, b], &context, &mut collector));
    Comparison {
        findings: collector.into_sorted(),
        not_captured: joined.not_captured,
        notes,
        refused: refused(a, b, knowledge),
        compared: joined.compared,
        complete: a.is_complete() && b.is_complete() && !joined.msr_unread && !may_differ_in_count(a.dump, b.dump),
        msrs: a.has_msrs() && b.has_msrs(),
    }
}

/// Nothing says that this guest's TSC frequency is pinned. Of a throw-away guest its `-cpu` argument tells: under KVM it
/// would be refused, and an emulated one does not block. Other VMMs than QEMU move guests whatever invtsc says; a CPU with
/// the brand of one of QEMU's models is QEMU's, though somebody hid the frequencies (`vmware-cpuid-freq=off`).
fn may_be_unpinned(view: &DumpView<'_>) -> bool {
    let provenance = &view.dump.provenance;
    let of_qemu = view.vcpus.iter().any(|v| decode::brand(v.vcpu).is_some_and(|brand| decode::is_of_qemu(&brand)));
    let other_vmm = view.is_import() && view.vcpus.iter().all(is_without_frequency) && !of_qemu;
    let is_offer = provenance.source == Source::Kvm;
    provenance.boot.is_none() && !is_offer && pinned(view.dump).is_none() && !notes::is_tcg(view.dump) && !other_vmm
}

/// KVM's block is the first one and ends before the frequencies. QEMU tells them to every guest with invtsc whose first block
/// is KVM's, so this guest is another VMM's (Firecracker's, say).
///
/// # Source
/// QEMU 7.2 target/i386/kvm/kvm.c (kvm_arch_init_vcpu: vmware-cpuid-freq, which machine types up to 2.8 lack).
fn is_without_frequency(view: &VcpuView<'_>) -> bool {
    let head = view
        .vcpu
        .blocks()
        .find(|block| Owner::of_signature(&block.signature.0) == Owner::Kvm && block.base == FIRST_BASE);
    head.and_then(|block| view.vcpu.get(LeafId::new(block.base, 0)).map(|r| (block.base, r.eax)))
        .is_some_and(|(base, max)| max < base + FREQUENCIES)
}

/// The distance of the leaf with the TSC and APIC bus frequency from the base of KVM's block.
const FREQUENCIES: u32 = 0x10;
