//! `cpuid-probe dump` as a Linux program, in real guests: unmodified Debian kernels under QEMU's emulation.

use std::collections::BTreeSet;

use crate::support::guest::{Guest, Output};
use crate::support::places::{Places, places};
use cpuid_probe::coverage::Coverage;
use cpuid_probe::dump::{Dump, GapReason, Recorded, Source, VcpuDump};
use cpuid_probe::text::read_frame;
use cpuid_probe::{LeafId, Registers, json};

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

/// Heads that `cpuid -r` reads whether the range exists or not: no CPU here has any of them.
const HEADS: [(u32, u32); 4] = [(0x2000_0000, 0), (0x4000_0100, 0), (0x8086_0000, 0), (0xc000_0000, 0)];

/// A guest, and which places `cpuid -r` may report there beyond [`HEADS`].
struct Case {
    cpu: &'static str,
    smp: &'static str,
    beyond: &'static [(u32, u32)],
    why: &'static str,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { cpu: "qemu64", smp: "1", beyond: &[], why: "" },
    Case { cpu: "max", smp: "2", beyond: &CACHES, why: TOPOEXT },
    Case { cpu: "Haswell-noTSX", smp: "4,sockets=2", beyond: &[], why: "" },
    Case {
        cpu: "Icelake-Server", smp: "4,dies=2", beyond: &[(0x12, 1), (0x12, 2), (0x1b, 1), (0x1e, 1)],
        why: "read whether or not there is SGX (7 EBX[2]), PCONFIG (7 EDX[18]) and, by newer versions, AMX (7 EDX[24])",
    },
    Case { cpu: "EPYC", smp: "4,sockets=2", beyond: &CACHES, why: TOPOEXT },
];

/// Where AMD lists its caches.
const CACHES: [(u32, u32); 3] = [(0x8000_001d, 1), (0x8000_001d, 2), (0x8000_001d, 3)];
const TOPOEXT: &str =
    "QEMU fills 0x8000001D although 0x80000001 ECX[22], which says that it exists, is 0 under emulation";

/// QEMU 7.2's emulation writes nothing for this leaf (Architectural LBR), so the guest reads what lay on QEMU's stack.
const UNSTABLE: u32 = 0x1c;

/// What our dump holds beyond `cpuid -r`: the subleaf that ends a list of caches.
const ENDS: [u32; 2] = [0x4, 0x8000_001d];

#[test]
fn equals_debians_cpuid_register_for_register_in_the_same_guest() {
    for Case { cpu, smp, beyond, why } in CASES {
        let outputs = Guest::new(cpu, smp).file("bin/cpuid-probe", PROBE).run_script(&[
            "cpuid-probe --format raw 2>/dev/null",
            "cpuid -r",
            "cpuid-probe 2>/dev/null",
        ]);
        let ours = places(&outputs["cpuid-probe --format raw 2>/dev/null"].text);
        let theirs = places(&outputs["cpuid -r"].text);
        let dump = json_of(&outputs["cpuid-probe 2>/dev/null"]);
        let stable = |places: &Places| -> Places {
            places.iter().filter(|(place, _)| place.1 != UNSTABLE).map(|(place, r)| (*place, *r)).collect()
        };
        assert_eq!(stable(&ours), stable(&places_of(&dump)), "{cpu}: raw and JSON");

        let vcpus: BTreeSet<u32> = dump.vcpus.iter().map(|v| v.vcpu).collect();
        let of_both: Vec<_> = ours.keys().filter(|p| p.1 != UNSTABLE && theirs.contains_key(p)).collect();
        assert_eq!(of_both.iter().map(|(vcpu, ..)| *vcpu).collect::<BTreeSet<_>>(), vcpus, "{cpu}");
        assert!(of_both.len() >= 25 * vcpus.len(), "{cpu}: only {} places to compare", of_both.len());
        for place in of_both {
            assert_eq!(ours[place], theirs[place], "{cpu}: vCPU {}, {:x?}", place.0, (place.1, place.2));
        }
        for vcpu in vcpus {
            let only = |a: &Places, b: &Places| -> BTreeSet<(u32, u32)> {
                a.keys().filter(|place| place.0 == vcpu && !b.contains_key(place)).map(|p| (p.1, p.2)).collect()
            };
            let expected: BTreeSet<(u32, u32)> = HEADS.iter().chain(*beyond).copied().collect();
            // Which of them it reads is a matter of its version.
            let more: Vec<_> = only(&theirs, &ours).difference(&expected).copied().collect();
            assert_eq!(more, [], "{cpu}: only in `cpuid -r`, vCPU {vcpu}; expected: {why}");
            for (leaf, subleaf) in only(&ours, &theirs) {
                let ends = ENDS.contains(&leaf) && ours[&(vcpu, leaf, subleaf)] == Registers::ZERO;
                assert!(ends, "{cpu}: only in our dump, vCPU {vcpu}: {leaf:08x} {subleaf:08x}");
            }
        }
    }
}

#[test]
fn all_forms_say_the_same_and_two_runs_differ_only_in_their_time() {
    let outputs = Guest::new("Skylake-Client", "2").file("bin/cpuid-probe", PROBE).run_script(&[
        "cpuid-probe --label node1",
        "sleep 1; cpuid-probe dump --label node1",
        "cpuid-probe --format raw",
        "cpuid-probe --format text",
        "cpuid-probe --cpus 1 --format raw",
        "taskset 1 cpuid-probe --format raw",
        "cpuid-probe -o /dump.json; cat /dump.json; cpuid-probe -o /dump.json",
        "cpuid-probe --cpus 1,7",
        "cpuid-probe --msrs --format raw",
        "mkdir /proc /sys; mount -t proc none /proc; mount -t sysfs none /sys; cpuid-probe",
        "echo 0 > /sys/devices/system/cpu/cpu1/online; cpuid-probe",
    ]);
    assert!(outputs.values().filter(|o| o.code == 0).count() == 9, "{outputs:#?}");
    let dump = json_of(&outputs["cpuid-probe --label node1"]);
    assert!(dump.is_complete());
    assert_eq!(dump.vcpus.len(), 2);
    for v in &dump.vcpus {
        assert_eq!(VcpuDump::capture(v.vcpu, &mut Recorded::new(v)), *v, "replayed through the walker");
        assert_eq!(Coverage::of(v).over_enumerated().count(), 0);
    }
    let provenance = &dump.provenance;
    assert_eq!(provenance.tool.as_deref(), Some(concat!("cpuid-probe ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(provenance.label.as_deref(), Some("node1"));
    assert_eq!((provenance.source, provenance.vcpus_online), (Source::Native, Some(2)));
    assert_eq!(provenance.hypervisor, ["TCGTCGTCGTCG"]);
    assert_eq!(provenance.microcode, None, "there is no /proc");
    assert!(provenance.kernel.as_ref().is_some_and(|k| k.ends_with("-cloud-amd64")), "{provenance:?}");

    let mut later = json_of(&outputs["sleep 1; cpuid-probe dump --label node1"]);
    assert_ne!(later.provenance.captured_at, provenance.captured_at);
    later.provenance.captured_at.clone_from(&provenance.captured_at);
    assert_eq!(json::to_string(&later), json::to_string(&dump));

    let raw = &outputs["cpuid-probe --format raw"];
    assert_eq!(places(&raw.text), places_of(&dump));
    assert_eq!(read_frame(&outputs["cpuid-probe --format text"].text).unwrap().vcpus, dump.vcpus);
    assert_eq!(outputs["taskset 1 cpuid-probe --format raw"].text, raw.text, "it moves to every vCPU by itself");
    let one = places(&outputs["cpuid-probe --cpus 1 --format raw"].text);
    assert_eq!(one, places(&raw.text).into_iter().filter(|(place, _)| place.0 == 1).collect());

    let twice = &outputs["cpuid-probe -o /dump.json; cat /dump.json; cpuid-probe -o /dump.json"];
    assert_eq!(twice.code, 2);
    assert!(twice.text.ends_with("cpuid-probe: /dump.json: exists already; --force replaces it\n"), "{twice:?}");
    let (written, _) = twice.text.split_once("cpuid-probe:").unwrap();
    assert_eq!(json::from_str(written).unwrap().vcpus, dump.vcpus);

    let offline = &outputs["cpuid-probe --cpus 1,7"];
    assert_eq!((offline.text.as_str(), offline.code), ("cpuid-probe: --cpus 1,7: not online: 7; online: 0-1\n", 2));

    let msrs = &outputs["cpuid-probe --msrs --format raw"];
    let (first, rest) = msrs.text.split_once('\n').unwrap();
    assert!(first.starts_with("cpuid-probe: /dev/cpu/0/msr: No such file") && rest == raw.text, "{}", msrs.text);

    let mounted = "mkdir /proc /sys; mount -t proc none /proc; mount -t sysfs none /sys; cpuid-probe";
    let mounted = json_of(&outputs[mounted]);
    assert_eq!((&mounted.vcpus, mounted.provenance.vcpus_online), (&dump.vcpus, Some(2)));
    assert!(mounted.provenance.microcode.is_some_and(|m| m.starts_with("0x")));

    let unplugged = json_of(&outputs["echo 0 > /sys/devices/system/cpu/cpu1/online; cpuid-probe"]);
    assert_eq!(unplugged.vcpus.iter().map(|v| v.vcpu).collect::<Vec<_>>(), [0]);
    assert_eq!(unplugged.provenance.vcpus_online, Some(1));
}

#[test]
fn without_a_second_thread_the_first_reads_every_vcpu() {
    let confined = "mkdir /sys /cg; mount -t sysfs none /sys; mount -t cgroup2 none /cg; \
                    echo +pids > /cg/cgroup.subtree_control; mkdir /cg/a; echo 1 > /cg/a/pids.max; \
                    (echo 0 > /cg/a/cgroup.procs; exec cpuid-probe --format text)";
    let outputs = Guest::new("qemu64", "3").file("bin/cpuid-probe", PROBE).run_script(&[confined]);
    assert_eq!(outputs[confined].code, 0, "{outputs:?}");
    assert_eq!(read_frame(&outputs[confined].text).unwrap().vcpus.len(), 3);
}

#[test]
fn a_vcpu_out_of_reach_is_a_gap() {
    let confined = "mkdir /sys /cg; mount -t sysfs none /sys; mount -t cgroup2 none /cg; \
                    echo +cpuset > /cg/cgroup.subtree_control; mkdir /cg/a; echo 0 > /cg/a/cpuset.cpus; \
                    echo $$ > /cg/a/cgroup.procs; cpuid-probe --format text";
    let outputs = Guest::new("qemu64", "2").file("bin/cpuid-probe", PROBE).run_script(&[confined]);
    assert_eq!(outputs[confined].code, 1, "{outputs:?}");
    let dump = read_frame(&outputs[confined].text).unwrap();
    assert!(dump.vcpus[0].is_complete());
    assert!(dump.vcpus[1].leaves().is_empty() && !dump.vcpus[1].is_complete());
    assert_eq!(
        dump.vcpus[1].gaps.iter().map(|g| (g.id, g.reason)).collect::<Vec<_>>(),
        [(LeafId::new(0, 0), GapReason::Unreachable)]
    );
}

#[test]
fn runs_as_pid_1_of_an_empty_initramfs_and_switches_off() {
    for cpu in ["qemu64", "max"] {
        let console = Guest::new(cpu, "2").run_init(PROBE, "");
        assert!(console.contains("reboot: Power down"), "{console}");
        let text = read_frame(&console).unwrap();
        assert_eq!((text.vcpus.len(), text.is_complete()), (2, true), "{cpu}");

        let console = Guest::new(cpu, "2").run_init(PROBE, "dump --format json --label node1");
        let dump = json_in(&console);
        assert_eq!(dump.vcpus, text.vcpus, "{cpu}");
        assert_eq!(dump.provenance.label.as_deref(), Some("node1"));
    }
}

fn json_of(output: &Output) -> Dump {
    assert_eq!(output.code, 0, "{output:?}");
    json::from_str(&output.text).unwrap_or_else(|e| panic!("{e}\n{}", output.text))
}

/// The JSON object between the first line `{` and the first line `}`.
fn json_in(console: &str) -> Dump {
    let lines: Vec<&str> = console.lines().skip_while(|line| *line != "{").collect();
    let end = lines.iter().position(|line| *line == "}").unwrap_or_else(|| panic!("{console}"));
    json::from_str(&lines[..=end].join("\n")).unwrap()
}

fn places_of(dump: &Dump) -> Places {
    let of = |v: &VcpuDump| -> Vec<_> {
        v.leaves().iter().map(|r| ((v.vcpu, r.id.leaf, r.id.ecx()), r.registers)).collect()
    };
    dump.vcpus.iter().flat_map(of).collect()
}
