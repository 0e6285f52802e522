//! `cpuid-probe watch`: its options here, and what it reports in Linux guests that really migrate.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::demo::{PROBE, last_pass, switch};
use crate::machine::qmp::Qmp;
use crate::machine::{Cpu, Definition, Machine};
use crate::support::guest::Guest;
use crate::support::tidy::bind;
use cpuid_diff::knowledge::{CauseKind, Knowledge, Owner, RuleKind, Severity, Sub};
use cpuid_probe::change;
use cpuid_probe::dump::{Dump, Gap, GapReason, Record, VcpuDump};
use cpuid_probe::place::BitRange;
use cpuid_probe::volatile::VOLATILE;
use cpuid_probe::{LeafId, Register, json};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

#[test]
fn what_a_watcher_leaves_out_is_what_the_differ_never_judges() {
    type Place = (Owner, u32, Option<u32>, Register);
    let mut expected: BTreeMap<Place, u64> = BTreeMap::new();
    for entry in Knowledge::builtin().entries() {
        let row = entry.row;
        let never = row.rule == RuleKind::OsControlled && [row.lost, row.gained] == [Severity::Expected; 2];
        let (true, Some(id), Some(register)) =
            (never || row.cause_kind == Some(CauseKind::Running), entry.place.leaf(), entry.place.register())
        else {
            continue;
        };
        let subleaf = match entry.subleaf {
            Sub::Any => None,
            Sub::At(n) => Some(n),
            other => panic!("{other}: give the watcher's table a form for it"),
        };
        *expected.entry((entry.place.owner(), id.leaf, subleaf, register)).or_default() |= row.bits.mask();
    }
    // Of leaf 0x1C, which nothing writes, the rows name some fields; the registers as wholes were seen to change.
    for register in Register::ALL {
        expected.insert((Owner::Cpu, 0x1c, Some(0), register), u32::MAX.into());
    }

    let owner = |block: Option<&'static [u8; 12]>| block.map_or(Owner::Cpu, Owner::of_signature);
    let table: Vec<(Place, u64)> = VOLATILE
        .iter()
        .map(|v| ((owner(v.block), v.leaf, v.subleaf, v.register), BitRange::new(v.hi, v.lo).mask()))
        .collect();
    let mut found: BTreeMap<Place, u64> = BTreeMap::new();
    for (place, mask) in &table {
        assert_eq!(found.get(place).map_or(0, |seen| seen & mask), 0, "each place once: {place:x?}");
        *found.entry(*place).or_default() |= mask;
    }
    assert_eq!(found, expected);
    assert!(VOLATILE.windows(2).all(|w| w[0].leaf <= w[1].leaf) && VOLATILE.iter().all(|v| !v.why.is_empty()));
}

/// `cpuid-probe watch` on this machine.
fn watch(arguments: &[&str]) -> Output {
    Command::new(PROBE).arg("watch").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A dump of this machine with one bit of one register changed.
fn altered(directory: &Path) -> (String, Record, Record) {
    let dump = Command::new(PROBE).arg("dump").output().unwrap();
    let Dump { provenance, vcpus } = json::from_str(text(&dump.stdout)).unwrap();
    let mut now = None;
    let mut before = None;
    let vcpus = vcpus.iter().map(|v| {
        let mut copy = VcpuDump::new(v.vcpu);
        for record in v.leaves() {
            let mut record = *record;
            if v.vcpu == 0 && record.id == LeafId::new(1, 0) {
                now = Some(record);
                record.registers.edx ^= 1 << 21;
                before = Some(record);
            }
            copy.insert(record).unwrap();
        }
        copy
    });
    let dump = Dump { provenance, vcpus: vcpus.collect() };
    let file = directory.join("baseline.json");
    fs::write(&file, json::to_string(&dump)).unwrap();
    (file.display().to_string(), before.unwrap(), now.unwrap())
}

#[test]
fn nothing_changes_under_a_machine_that_stays() {
    let output = watch(&["--count", "3", "--interval", "1", "--verbose"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    let stderr = text(&output.stderr);
    assert_eq!(stderr.lines().filter(|line| line.starts_with("cpuid-probe: pass ")).count(), 3, "{stderr}");
    assert!(stderr.contains(" register sets; a pass every 1 ms, "), "{stderr}");
    assert!(stderr.contains("cpuid-probe: 3 passes, 0 changed registers; "), "{stderr}");
    assert_eq!(watch(&["--max-seconds", "0"]).status.code(), Some(0));
    let far = u64::MAX.to_string();
    assert_eq!(watch(&["--max-seconds", &far, "--interval", &far, "--count", "1"]).status.code(), Some(0));
}

#[test]
fn a_baseline_is_what_the_first_pass_is_compared_with() {
    let directory = crate::support::scratch();
    let (baseline, before, now) = altered(&directory);
    let (old, new) = (before.registers.edx, now.registers.edx);
    let dumps = directory.join("dumps");
    let dump_dir = dumps.display().to_string();

    let output = watch(&["--baseline", &baseline, "--count", "3", "--interval", "1", "--dump-dir", &dump_dir]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let line = text(&output.stdout).trim_end();
    let sign = if old > new { '-' } else { '+' };
    let expected = format!(" pass 1 vcpu 0 0x00000001 EDX {old:08x} -> {new:08x} ({sign}21)");
    assert!(line.ends_with(&expected) && line.lines().count() == 1, "{line}");
    let read = |name| json::from_str(&fs::read_to_string(dumps.join(name)).unwrap()).unwrap();
    let place = |dump: &Dump| dump.vcpus[0].get(LeafId::new(1, 0)).unwrap().edx;
    assert_eq!((place(&read("01-before.json")), place(&read("01-after.json"))), (old, new));
    assert_eq!(fs::read_dir(&dumps).unwrap().count(), 2, "it is reported once");

    let again = watch(&["--baseline", &baseline, "--dump-dir", &dump_dir]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("01-before.json: exists already"), "{}", text(&again.stderr));

    let output = watch(&["--baseline", &baseline, "--until-change", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(BTreeSet::from_iter(keys), BTreeSet::from(KEYS));
    let value = |number: u32| format!("{number:#010x}");
    assert_eq!((&line["old"], &line["new"]), (&value(old).into(), &value(new).into()));
    assert_eq!((&line["leaf"], &line["subleaf"]), (&"0x00000001".into(), &Value::Null));
    fs::remove_dir_all(directory).unwrap();
}

const KEYS: [&str; 8] = ["leaf", "new", "old", "pass", "register", "subleaf", "time", "vcpu"];

/// A program that signals end, even if whoever runs this test has them ignored.
fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal").arg(path);
    command
}

fn wait_until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !what() {
        assert!(Instant::now() < deadline, "not within 60 s");
        thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: Signal, process: &Child) {
    kill_process(Pid::from_child(process), signal).unwrap();
}

#[test]
fn told_to_stop_it_ends_with_its_summary() {
    let directory = crate::support::scratch();
    let (baseline, ..) = altered(&directory);
    for (arguments, signal, code) in [
        (&["--interval", "100000"][..], Signal::INT, 0),
        (&["--interval", "1"], Signal::TERM, 0),
        (&["--interval", "100000", "--baseline", &baseline], Signal::TERM, 1),
    ] {
        let mut command = program(PROBE);
        command.args(["watch", "--verbose"]).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = bind(&mut command).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with("cpuid-probe: pass 1: ")));
        send(signal, &child);
        let last = lines.last().unwrap();
        assert!(last.contains(&format!(" passes, {code} changed registers; ")), "{last}");
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?} {signal:?}");
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let script =
        "trap '' INT; \"$0\" watch --interval 100 --count 3 & kill -s INT $!; sleep 0.1; kill -s INT $!; wait $!";
    let output = Command::new("sh").args(["-c", script, PROBE]).output().unwrap();
    assert!(text(&output.stderr).contains("cpuid-probe: 3 passes, "), "{}", text(&output.stderr));
}

#[test]
fn a_change_is_shown_though_its_dumps_cannot_be_written() {
    let directory = crate::support::scratch();
    let (baseline, ..) = altered(&directory);
    let dumps = directory.join("dumps");
    // Where the second dump should go is something else.
    fs::create_dir_all(dumps.join("01-after.json")).unwrap();
    let output = watch(&["--baseline", &baseline, "--count", "2", "--dump-dir", &dumps.display().to_string()]);
    assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(2), 1));
    assert!(text(&output.stderr).contains("01-after.json: is a directory"), "{}", text(&output.stderr));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn trouble_is_2() {
    let directory = crate::support::scratch();
    let file = directory.join("no dump");
    fs::write(&file, "00000001 00000000: 0 0 0 0\n").unwrap();
    let file = file.display().to_string();
    // One leaf, as somebody would paste it; two vCPUs, one of which could not be read.
    let excerpt = directory.join("excerpt").display().to_string();
    let part = directory.join("part").display().to_string();
    let dump = Command::new(PROBE).arg("dump").output().unwrap();
    let Dump { provenance, vcpus } = json::from_str(text(&dump.stdout)).unwrap();
    let mut leaf = VcpuDump::new(0);
    for record in vcpus[0].leaves().iter().filter(|r| !(2..=0xffff).contains(&r.id.leaf)) {
        leaf.insert(*record).unwrap();
    }
    let mut unread = VcpuDump::new(1);
    unread.gaps.push(Gap { id: LeafId::new(0, 0), reason: GapReason::Unreachable });
    for (file, vcpus) in [(&excerpt, vec![leaf]), (&part, vec![vcpus[0].clone(), unread])] {
        fs::write(file, json::to_string(&Dump { provenance: provenance.clone(), vcpus })).unwrap();
    }
    for (arguments, words) in [
        (&["--baseline", "/nonexistent"][..], "/nonexistent: "),
        (&["--baseline", &excerpt], "expected a complete dump to compare with; vCPU 0 lacks 0x00000002, "),
        (&["--baseline", &part], "expected a complete dump to compare with; vCPU 1 was not read"),
        (&["--baseline", &file], "no dump: "),
        (&["--dump-dir", &file], "no dump: "),
        (&["--interval", "x"], "--interval"),
    ] {
        let output = watch(arguments);
        let stderr = text(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(words), "{arguments:?}: {stderr}");
    }
    fs::remove_dir_all(directory).unwrap();
}

/// The changes that a console reports, without the passes that saw them.
fn changes(console: &str) -> Vec<&str> {
    crate::demo::changes(console).iter().filter_map(|line| Some(line.split_once(" vcpu ")?.1)).collect()
}

/// Migrates a Linux guest that watches from one CPU to another. What it reported there, ten passes later.
fn migrate(guest: &Guest, source: &Cpu, destination: &Cpu) -> String {
    let definition = Definition::linux(guest);
    let mut source = Machine::start(&definition, source);
    let (mut destination, before) = switch(&mut source, &definition, destination);
    assert!(changes(source.console()).is_empty(), "{}", source.console());
    destination.wait_for("passes", |console| last_pass(console).filter(|pass| *pass > before + 10));
    let passes =
        crate::demo::changes(destination.console()).into_iter().filter_map(|line| line.split(' ').nth(1)?.parse().ok());
    let passes: BTreeSet<u32> = passes.collect();
    assert!(passes.iter().all(|pass| (before + 1..=before + 2).contains(pass)), "{passes:?} after {before}");
    destination.console().to_string()
}

/// The dump of a freshly booted guest under emulation.
fn booted(cpu: &str) -> Dump {
    let output = Command::new(PROBE).args(["boot", "--accel", "tcg", "--cpu", cpu]).output().unwrap();
    assert!(output.status.success(), "{cpu}: {}", text(&output.stderr));
    json::from_str(text(&output.stdout)).unwrap()
}

/// It reports what lies between two guests that boot with the two definitions, whatever else this QEMU gives them.
#[test]
fn it_survives_losing_the_features_its_libc_starts_with() {
    for Loss { model, lost, bits } in LOSSES {
        // As PID 1: no /proc, no /sys.
        let guest = Guest::new("", "").init(PROBE, "watch --interval 20 --verbose");
        let without = format!("{model},{lost}");
        let console = migrate(&guest, &Cpu::new(model, "1"), &Cpu::new(&without, "1"));
        let [before, after] = [*model, &without].map(booted);
        let mut lines = Vec::new();
        let [before, after] = [&before, &after].map(|dump| dump.vcpus[0].leaves());
        change::changes(before, after, &mut |change| lines.push(format!("0 {change}")));
        assert_eq!(changes(&console), lines, "{console}");
        for (register, bit) in *bits {
            let is_it = |line: &&String| {
                let bits = line.strip_prefix(&format!("0 {register} ")).and_then(|rest| rest.split(['(', ')']).nth(1));
                bits.is_some_and(|bits| bits.split(' ').any(|b| b == *bit))
            };
            assert!(lines.iter().any(|line| is_it(&line)), "{without}: no {bit} of {register} in {lines:?}");
        }
    }
}

/// A model, and what it loses. What Linux itself was patched to use stays: POPCNT in 6.12, and SSSE3, by which its random
/// number generator mixes interrupts in once a second or so (blake2s).
struct Loss {
    model: &'static str,
    lost: &'static str,
    /// Bits that go with it, by register.
    bits: &'static [(&'static str, &'static str)],
}

#[rustfmt::skip]
const LOSSES: &[Loss] = &[
    Loss { model: "Haswell-noTSX", lost: "-avx2", bits: &[("0x00000007.0 EBX", "-5")] },
    Loss { model: "Haswell-noTSX", lost: "-avx,-avx2", bits: &[
        ("0x00000001 ECX", "-28"), ("0x00000007.0 EBX", "-5"), ("0x0000000d.0 EAX", "-2"), ("0x0000000d.2 EAX", "-8"),
    ] },
    Loss { model: "max", lost: "-avx,-avx2,-sse4.1,-sse4.2", bits: &[
        ("0x00000001 ECX", "-19"), ("0x00000001 ECX", "-20"),
        ("0x00000001 ECX", "-28"), ("0x00000007.0 EBX", "-5"), ("0x0000000d.0 EAX", "-2"),
    ] },
];

#[test]
fn with_every_option_it_survives_too_and_a_boot_dump_is_a_baseline() {
    let (source, destination) = (Cpu::new("Haswell-noTSX", "2"), Cpu::new("Haswell-noTSX,-avx2", "2"));
    let directory = crate::support::scratch();
    let baseline = directory.join("baseline.json");
    let boot = Command::new(PROBE)
        .args(["boot", "--accel", "tcg", "--cpu", &source.model, "--smp", &source.smp, "-o"])
        .arg(&baseline)
        .output()
        .unwrap();
    assert!(boot.status.success(), "{}", text(&boot.stderr));
    let words = "watch --interval 20 --verbose --baseline /baseline.json --dump-dir /dumps --format json";
    let guest = Guest::new("", "").file("baseline.json", &baseline).init(PROBE, words);
    fs::remove_dir_all(directory).unwrap();
    let console = migrate(&guest, &source, &destination);
    let lines: Vec<Value> = console.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(lines.len(), 2, "{console}");
    for (vcpu, line) in lines.iter().enumerate() {
        assert_eq!(line["vcpu"], vcpu, "{line}");
        assert_eq!((&line["leaf"], &line["subleaf"]), (&"0x00000007".into(), &"0x00000000".into()));
        assert_eq!((&line["register"], &line["old"]), (&"ebx".into(), &"0x000003a9".into()));
        assert_eq!(line["new"], "0x00000389");
    }
}

#[test]
fn vcpus_that_come_and_go_are_no_change() {
    let script = "mkdir -p /dev /sys; mount -t devtmpfs none /dev; mount -t sysfs none /sys
cpu1=/sys/devices/system/cpu/cpu1/online; said() { until grep -q \"$1\" /log; do sleep 0.1; done; }
cpuid-probe watch --verbose --interval 50 2>/log & said sets; echo 0 > $cpu1; said offline; echo 1 > $cpu1; said came
until tail -n 1 /log | grep -q ': 2 vCPUs'; do sleep 0.1; done # Linux 7.2 lists it before a thread may run there.
kill $!; wait $!; code=$?; cat /log; (exit $code)";
    let outputs = Guest::new("Haswell-noTSX", "2").file("bin/cpuid-probe", PROBE).run_script(&[script]);
    let output = &outputs[script];
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.text.contains(" passes, 0 changed registers; "), "{output:?}");
    // On its way it is out of reach for a moment, in a slow guest for two passes, which is said too.
    let notes = output.text.lines().filter(|line| line.contains("vCPU 1 ") && !line.contains(" out of reach"));
    let expected = ["cpuid-probe: vCPU 1 went offline", "cpuid-probe: vCPU 1 came online"];
    assert_eq!(notes.collect::<Vec<_>>(), expected, "{output:?}");
}

#[test]
fn a_vcpu_out_of_reach_is_said_and_is_trouble() {
    let setup = "mkdir -p /dev /sys; mount -t devtmpfs none /dev; mount -t sysfs none /sys; mkdir -p /cg; mount -t cgroup2 none /cg
echo +cpuset > /cg/cgroup.subtree_control; mkdir /cg/one; echo 0 > /cg/one/cpuset.cpus";
    let watch = "(echo 0 > /cg/one/cgroup.procs; exec cpuid-probe watch --interval 50 --count 3)";
    let for_a_while = "said() { until grep -q \"$1\" /log; do sleep 0.1; done; }
(echo 0 > /cg/one/cgroup.procs; exec cpuid-probe watch --interval 50 2>/log) & said 'is out of reach'
echo 0-1 > /cg/one/cpuset.cpus; said 'any more'; kill $!; wait $!; code=$?; cat /log; (exit $code)";
    let guest = Guest::new("Haswell-noTSX", "2").file("bin/cpuid-probe", PROBE);
    let outputs = guest.run_script(&[setup, watch, for_a_while]);
    let notes = |command: &str| -> Vec<String> {
        let lines = outputs[command].text.lines().filter(|line| line.contains("reach"));
        lines.map(|line| line.split_once("; not").map_or(line, |(_, rest)| rest).to_string()).collect()
    };
    let lost = "cpuid-probe: vCPU 1 is out of reach (a cpuset without it?), and is not watched";
    assert_eq!(notes(watch), [lost, " watched, because out of reach: vCPU 1"], "{outputs:?}");
    assert_eq!(outputs[watch].code, 2, "{outputs:?}");
    assert_eq!(notes(for_a_while), [lost, "cpuid-probe: vCPU 1 is not out of reach any more"], "{outputs:?}");
    assert_eq!(outputs[for_a_while].code, 0, "{outputs:?}");
}

#[test]
fn a_guest_that_was_not_watched_is_trouble() {
    let watch = |cpu: &str, arguments: &[&str]| {
        let arguments = [&["boot", "--accel", "tcg", "--cpu", cpu, "--smp", "2", "--watch"], arguments].concat();
        let output = Command::new(PROBE).args(arguments).output().unwrap();
        let last = text(&output.stderr).lines().last().unwrap_or_default().to_string();
        (output.status.code(), last)
    };
    let (code, last) = watch("qemu64", &["--max-seconds", "0"]);
    assert_eq!((code, last.contains("has not written its dump")), (Some(2), true), "{last}");
    let directory = crate::support::scratch();
    let from = format!("unix:{}", directory.join("stream").display());
    let (code, last) = watch("qemu64", &["--max-seconds", "0", "--incoming", &from]);
    assert_eq!((code, last.contains("no guest has arrived")), (Some(2), true), "{last}");
    fs::remove_dir_all(directory).unwrap();
    // Without an APIC nobody can start the other vCPU.
    let (code, last) = watch("qemu64,-apic", &["--max-seconds", "5"]);
    assert_eq!((code, last.contains("0 changed registers; not watched: 1 of 2 vCPUs")), (Some(2), true), "{last}");
}

/// QEMU processes with `text` on their command line.
fn qemus(text: &str) -> usize {
    let lines = fs::read_dir("/proc").unwrap().filter_map(|e| fs::read(e.ok()?.path().join("cmdline")).ok());
    let lines = lines.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let is_ours = |line: &String| {
        line.split('\0').next().is_some_and(|program| program.contains("qemu-system")) && line.contains(text)
    };
    lines.filter(is_ours).count()
}

#[test]
fn boot_watch_follows_a_guest_from_one_host_to_the_next() {
    let directory = crate::support::scratch();
    let path = |name: &str| directory.join(name).display().to_string();
    let start = |cpu: &str, arguments: &[&str]| {
        let mut command = program(PROBE);
        command.args(["boot", "--accel", "tcg", "--cpu", cpu, "--smp", "2", "--watch"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        bind(&mut command).spawn().unwrap()
    };
    let (qmp, stream, dump) = (path("qmp"), path("stream"), path("source.json"));
    let source = start("Haswell-noTSX", &["--qmp", &qmp, "-o", &dump]);
    let destination = start("Haswell-noTSX,-avx2", &["--incoming", &format!("unix:{stream}"), "--until-change"]);
    wait_until(|| Path::new(&dump).exists() && Path::new(&stream).exists());
    let connection = UnixStream::connect(&qmp).unwrap();
    let mut qmp = Qmp::connect(connection, Instant::now() + Duration::from_secs(60)).unwrap();
    qmp.execute("migrate", serde_json::json!({ "uri": format!("unix:{stream}") })).unwrap();

    let output = source.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let words = "cpuid-probe: the guest has migrated away\ncpuid-probe: 0 changed registers\n";
    assert!(text(&output.stderr).ends_with(words), "{}", text(&output.stderr));
    let output = destination.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let lost = "0x00000007.0 EBX 000003a9 -> 00000389 (-5 avx2)";
    assert_eq!(changes(text(&output.stdout)), [format!("0 {lost}"), format!("1 {lost}")]);
    assert_eq!(json::from_str(&fs::read_to_string(&dump).unwrap()).unwrap().vcpus.len(), 2);

    // Told to stop, it ends as if it had come to its end. Nothing is left behind, also when it is killed.
    let name = directory.display().to_string();
    for (signal, name_of_signal, code) in
        [(Signal::INT, "INT", Some(0)), (Signal::TERM, "TERM", Some(0)), (Signal::KILL, "KILL", None)]
    {
        let (qmp, dump) = (path(name_of_signal), path(&format!("{name_of_signal}.json")));
        let told = start("Haswell-noTSX", &["--qmp", &qmp, "-o", &dump]);
        wait_until(|| Path::new(&dump).exists());
        assert_eq!(qemus(&name), 1);
        send(signal, &told);
        let output = told.wait_with_output().unwrap();
        assert_eq!(output.status.code(), code, "{signal:?}: {}", text(&output.stderr));
        let ends = text(&output.stderr).ends_with("\ncpuid-probe: 0 changed registers\n");
        assert_eq!(ends, code.is_some(), "{}", text(&output.stderr));
        // Who is killed takes no socket away; QEMU may, as it ends.
        assert!(code.is_none() || !Path::new(&qmp).exists(), "the socket after {signal:?}");
        wait_until(|| qemus(&name) == 0);
    }
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_killed_test_leaves_nothing_behind() {
    const TO_BE_KILLED: &str = "CPUID_TEST_TO_BE_KILLED";
    if env::var_os(TO_BE_KILLED).is_some() {
        let directory = crate::support::scratch();
        let definition = Definition::image(&crate::demo::image(), &format!("watch=20 verbose {}", directory.display()));
        let cpu = Cpu::new("Haswell-noTSX", "1");
        let mut source = Machine::start(&definition, &cpu);
        let _destination = switch(&mut source, &definition, &cpu);
        println!("\n{}", directory.display());
        return thread::sleep(Duration::from_secs(60));
    }
    let this = env::current_exe().unwrap();
    let sh = Path::new("sh");
    // The test itself; and what has started it, as cargo has this one.
    let (int, term, kill) = (Signal::INT, Signal::TERM, Signal::KILL);
    for (signal, parent) in [(int, None), (term, None), (kill, None), (term, Some(sh)), (kill, Some(sh))] {
        let mut command = program(parent.unwrap_or(&this));
        if parent.is_some() {
            command.args(["-c", "\"$0\" \"$@\"; exit"]).arg(&this);
        }
        command.args(["--exact", "--nocapture", "watch::a_killed_test_leaves_nothing_behind"]).env(TO_BE_KILLED, "yes");
        let mut child = bind(command.stdout(Stdio::piped())).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let directory = lines.find(|line| line.contains("/cpuid-test-")).unwrap();
        assert_eq!((qemus(&directory), Path::new(&directory).exists()), (2, true), "{signal:?}");
        send(signal, &child);
        child.wait().unwrap();
        wait_until(|| qemus(&directory) == 0 && !Path::new(&directory).exists());
    }
}
