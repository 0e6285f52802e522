//! What scripts/migrate-demo shows: guests that migrate live from one CPU definition to another.
#![allow(dead_code)]

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::process::Command;
use std::thread;
use std::time::Duration;

use cpuid_diff::assemble::{Named, Site, report};
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::render::{Style, table};
use cpuid_probe::change::Sighting;
use cpuid_probe::json;

use crate::machine::{Cpu, Definition, Machine};
use crate::support::guest::Guest;

/// The probe of this build.
pub const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

/// Keeps the guest's own shell alive where AVX2 vanishes; see probe/src/watch/libc_paths.rs.
const BASELINE_PATHS: &str = "glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned_Load,-AVX,-MOVBE,-ERMS,-SSE4_1,-SSE4_2,-SSSE3";

/// A migration to show.
pub struct Case {
    pub name: &'static str,
    pub what: &'static str,
    pub source: &'static str,
    pub destination: &'static str,
    /// Where it is not the source's.
    pub machine: Option<&'static str>,
}

/// The cases in which the guest is the boot image.
pub const CASES: &[Case] = &[
    Case {
        name: "lost",
        what: "a feature is lost",
        source: "Haswell-noTSX",
        destination: "Haswell-noTSX,-avx2",
        machine: None,
    },
    Case {
        name: "gained",
        what: "a feature is gained",
        source: "Haswell-noTSX,-avx2",
        destination: "Haswell-noTSX",
        machine: None,
    },
    Case {
        name: "identical",
        what: "the same CPU on both sides",
        source: "Haswell-noTSX",
        destination: "Haswell-noTSX",
        machine: None,
    },
    Case {
        name: "refused",
        what: "another machine type, which QEMU refuses by itself",
        source: "Haswell-noTSX",
        destination: "Haswell-noTSX",
        machine: Some("q35"),
    },
];

/// The boot image.
pub fn image() -> Vec<u8> {
    let output = Command::new(PROBE).args(["boot", "--emit-image", "/dev/stdout"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The number of the last pass that a verbose watcher has ended, the boot image's or the Linux one. The switch may cut
/// the last line anywhere.
pub fn last_pass(console: &str) -> Option<u32> {
    let number = |line: &str| {
        let line = line.strip_prefix("cpuid-probe: ").unwrap_or(line);
        let (number, rest) = line.strip_prefix("pass ")?.split_once(": ")?;
        rest.contains("vCPUs").then(|| number.parse().ok())?
    };
    console.lines().rev().find_map(number)
}

/// The changes that a console reports, from the word `pass` on.
pub fn changes(console: &str) -> Vec<&str> {
    let change = |line: &'_ str| line.find("pass ").filter(|at| Sighting::parse(&line[*at..]).is_some());
    console.lines().filter_map(|line| Some(&line[change(line)?..])).collect()
}

/// Moves a guest that watches, and lets it end two full passes on the other side. The destination, and the last pass
/// that ended before the switch.
pub fn switch(source: &mut Machine, definition: &Definition, destination: &Cpu) -> (Machine, u32) {
    source.wait_for("pass", |console| last_pass(console).filter(|pass| *pass > 1));
    let mut destination = source.migrate(definition, destination).unwrap_or_else(|refusal| panic!("{refusal:?}"));
    let before = last_pass(source.console()).unwrap();
    // The first one may fall on the switch.
    destination.wait_for("passes", |console| last_pass(console).filter(|pass| *pass >= before + 3));
    (destination, before)
}

/// Shows one of [`CASES`].
pub fn show(case: &Case) -> String {
    let Case { name, what, source, destination, .. } = case;
    let mut out = format!("== {name}: {what}\n   -cpu {source}  to  -cpu {destination}");
    let definition = Definition::image(&image(), "watch=20 verbose");
    let there = case.machine.map_or_else(|| definition.clone(), |machine| definition.clone().machine(machine));
    let _ = writeln!(out, "{}", case.machine.map(|m| format!(" -machine {m}")).unwrap_or_default());

    let mut from = Machine::start(&definition, &Cpu::new(source, "1"));
    from.wait_for("pass", |console| last_pass(console).filter(|pass| *pass > 1));
    match from.migrate(&there, &Cpu::new(destination, "1")) {
        Err(refusal) => {
            let _ = writeln!(out, "QEMU, source:      migration failed, the guest is `{}` here", from.state());
            out += &said("QEMU, destination: ", &refusal.destination);
        }
        Ok(mut to) => {
            let before = last_pass(from.console()).unwrap();
            to.wait_for("passes", |console| last_pass(console).filter(|pass| *pass >= before + 3));
            let words = [from.words(), to.words()].concat();
            let words: Vec<&str> = words.lines().filter(|line| !is_about_tcg(line)).collect();
            let words = if words.is_empty() { "nothing else".to_string() } else { words.join("\n") };
            let _ = writeln!(out, "QEMU:      migration completed; it says {words}");
            let seen = changes(to.console());
            let without_pass = |line: &&str| line.split_once(" vcpu ").map(|(_, change)| format!("vcpu {change}"));
            let seen: Vec<String> = seen.iter().filter_map(without_pass).collect();
            let seen = if seen.is_empty() { "nothing changed".to_string() } else { seen.join("\n           ") };
            let _ = writeln!(out, "guest saw: {seen}");
        }
    }
    let _ = writeln!(out, "cpuid-diff compare, of boot dumps of both, had said:");
    out += &said("  | ", &predict((source, "pc"), (destination, case.machine.unwrap_or("pc"))));
    out
}

/// QEMU repeats at each start which features its emulation does not have.
fn is_about_tcg(line: &str) -> bool {
    line.contains("warning: TCG doesn't support requested feature")
}

/// Text, each line behind a mark.
fn said(mark: &str, text: &str) -> String {
    let lines = text.trim_end().lines().filter(|line| !is_about_tcg(line));
    lines.map(|line| format!("{mark}{line}").trim_end().to_string() + "\n").collect()
}

/// What the differ says of two definitions (`-cpu` and machine type), but for its inputs and explanations.
fn predict(source: (&str, &str), destination: (&str, &str)) -> String {
    let named = |name: &str, (cpu, machine): (&str, &str)| {
        let arguments = ["boot", "--accel", "tcg", "--cpu", cpu, "--machine", machine];
        let output = Command::new(PROBE).args(arguments).output().unwrap();
        assert!(output.status.success(), "{cpu}: {}", String::from_utf8_lossy(&output.stderr));
        let dump = json::from_str(&String::from_utf8_lossy(&output.stdout)).unwrap();
        Named { name: name.to_string(), dump }
    };
    let report =
        report(&named("source", source), &named("destination", destination), Directions::AToB, None, &Site::default());
    let text = table::render(&report, Style { width: 100, colour: false, all: false, waivers: false });
    // The verdict, and of each cause what it is and what it changes. The inputs are named above.
    let mut parts = text.split("\n\n");
    let mut told: Vec<&str> = parts.next().into_iter().flat_map(str::lines).collect();
    for part in parts.filter(|part| part.contains("\n  what ")) {
        told.extend(
            part.lines().take_while(|line| !["  consequence", "  cause", "  fix"].iter().any(|l| line.starts_with(l))),
        );
    }
    assert!(!told.is_empty(), "no verdict: {text}");
    told.iter().flat_map(|line| [line, "\n"]).collect()
}

/// What a Linux guest goes through.
pub struct LinuxCase {
    pub name: &'static str,
    pub what: &'static str,
    pub source: &'static str,
    pub destination: &'static str,
    /// What the guest's shell runs.
    script: &'static str,
    /// The line of its console at which it is migrated, and the one at which all has been seen.
    ready: &'static str,
    end: &'static str,
    /// The first line with each of these is shown.
    shown: &'static [&'static str],
}

/// The cases in which the guest runs Linux.
pub const LINUX_CASES: &[LinuxCase] = &[
    LinuxCase {
        name: "sigill",
        what: "a process that chose AVX2 at its start, and AVX2 is lost",
        source: "Haswell-noTSX",
        destination: "Haswell-noTSX,-avx2",
        script: "cpuid-probe watch --interval 50 2>/dev/null &
env -u GLIBC_TUNABLES sh -c 'while :; do echo old process: alive; sleep 0.2; done' & old=$!
wait $old; echo old process: exit code $?
env -u GLIBC_TUNABLES sh -c 'echo new process: alive'; echo end
",
        ready: "old process: alive\nold process: alive",
        end: "\nend",
        shown: &["0x0", "old process: exit", "Illegal", "new process"],
    },
    LinuxCase {
        name: "stale",
        what: "AVX2 is gained, and the kernel's list does not say so",
        source: "Haswell-noTSX,-avx2",
        destination: "Haswell-noTSX",
        script: "mount -t proc none /proc
list() { echo /proc/cpuinfo: avx2 on $(grep -c avx2 /proc/cpuinfo) vCPUs; }
list; cpuid-probe watch --interval 50 --until-change 2>/dev/null; list; echo end
",
        ready: "/proc/cpuinfo: ",
        end: "\nend",
        shown: &["0x0", "/proc/cpuinfo: "],
    },
    LinuxCase {
        name: "unnoticed",
        what: "another vendor's CPU, and the kernel goes on as if nothing had happened",
        source: "Haswell-noTSX",
        destination: "EPYC",
        script: "mount -t proc none /proc
cpuid-probe watch --interval 50 > /seen 2>/dev/null &
lines=$(dmesg | wc -l); echo ready; while ! [ -s /seen ]; do sleep 0.1; done; sleep 1
echo cpuid-probe watch: $(grep -c vcpu /seen) registers changed
echo /proc/cpuinfo: $(grep vendor_id /proc/cpuinfo)
echo kernel log: $(dmesg | tail -n +$((lines + 1)) | grep -ci 'amd\\|vendor\\|feature') new lines about it; echo end
",
        ready: "ready",
        end: "\nend",
        shown: &["watch:", "/proc/cpuinfo", "kernel log"],
    },
    LinuxCase {
        name: "panic",
        what: "the kernel loses an instruction that it patched into itself",
        source: "Haswell-noTSX",
        destination: "Nehalem",
        script: "echo ready; while :; do sleep 0.1; done
",
        ready: "ready",
        end: "Kernel panic",
        shown: &["invalid opcode", "RIP: 0010", "Kernel panic"],
    },
];

/// Shows one of [`LINUX_CASES`].
pub fn show_linux(case: &LinuxCase) -> String {
    let LinuxCase { name, what, source, destination, .. } = case;
    let script =
        format!("mkdir -p /dev /proc; mount -t devtmpfs none /dev\n{}while :; do sleep 1; done\n", case.script);
    let guest = Guest::new("", "").file("bin/cpuid-probe", PROBE).shell(&script);
    let definition = Definition::linux(&guest.environment("GLIBC_TUNABLES", BASELINE_PATHS));
    let mut from = Machine::start(&definition, &Cpu::new(source, "1"));
    from.wait_for(case.ready, |console| console.contains(case.ready).then_some(()));
    let mut to = from.migrate(&definition, &Cpu::new(destination, "1")).unwrap_or_else(|r| panic!("{r:?}"));
    to.wait_for(case.end, |console| console.contains(case.end).then_some(()));
    let mut out = format!("== {name}: {what}\n   -cpu {source}  to  -cpu {destination}\n");
    for (mark, console) in [("before | ", from.console()), ("after  | ", to.console())] {
        let mut shown: Vec<usize> =
            case.shown.iter().filter_map(|part| console.lines().position(|line| line.contains(part))).collect();
        shown.sort_unstable();
        let shown =
            console.lines().enumerate().filter(|(at, _)| shown.contains(at)).map(|(_, line)| without_time(line));
        out += &said(mark, &shown.collect::<Vec<_>>().join("\n"));
    }
    out
}

/// A line of the watcher's or the kernel's without what differs from run to run.
fn without_time(line: &str) -> &str {
    let kernel = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let watcher = line.find(" pass ").and_then(|_| line.find("vcpu ")).map(|at| &line[at..]);
    watcher.or(kernel.map(|(_, words)| words)).unwrap_or(line)
}

/// Migrates `count` times from AVX2 to none, with the boot image and with a Linux guest, and counts how often exactly
/// that was reported, by the second pass after the switch.
pub fn count(count: u32) -> String {
    const WITH: &str = "Haswell-noTSX";
    const WITHOUT: &str = "Haswell-noTSX,-avx2";
    const LOST: &str = "vcpu 0 0x00000007.0 EBX 000003a9 -> 00000389 (-5 avx2)";
    let [with, without] = [WITH, WITHOUT].map(|model| Cpu::new(model, "1"));
    let is_right = |console: &str, before: u32| {
        let right = |seen: &&str| (1..=2).any(|n| **seen == format!("pass {} {LOST}", before + n));
        matches!(changes(console)[..], [only] if right(&only))
    };
    let mut out = String::new();

    let definition = Definition::image(&image(), "watch=20 verbose");
    let mut right = 0;
    for i in 1..=count {
        let mut source = Machine::start(&definition, &with);
        let (mut destination, before) = switch(&mut source, &definition, &without);
        right += u32::from(is_right(destination.console(), before));
        progress("boot image", i, count);
    }
    let _ = writeln!(
        out,
        "boot image:  {right} of {count} reported, and nothing else, by the second pass after the switch"
    );

    // One guest, to and fro: it boots for seconds and migrates in half of one.
    let guest = Guest::new("", "").init(PROBE, "watch --interval 20 --verbose");
    let definition = Definition::linux(&guest);
    let mut machine = Machine::start(&definition, &with);
    let mut right = 0;
    for i in 1..=count {
        let (mut there, before) = switch(&mut machine, &definition, &without);
        right += u32::from(is_right(there.console(), before));
        progress("Linux guest", i, count);
        machine = switch(&mut there, &definition, &with).0;
    }
    let _ = writeln!(
        out,
        "Linux guest: {right} of {count} reported, and nothing else, by the second pass after the switch"
    );
    out
}

/// On a terminal: one line, written over, and gone at the end.
fn progress(what: &str, done: u32, of: u32) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
        if done < of {
            eprint!("{what}: {done} of {of}");
        }
    }
}

/// Watches for `seconds` at the default interval, and migrates to the same CPU in the middle.
pub fn soak(seconds: u64) -> String {
    // Icelake-Server has the leaf that QEMU's emulation leaves unset; several vCPUs have several APIC ids.
    let cpu = Cpu::new("Icelake-Server", "2,sockets=1,cores=2");
    let half = Duration::from_millis(seconds * 500);
    let image = Definition::image(&image(), "watch verbose");
    let linux = Definition::linux(&Guest::new("", "").init(PROBE, "watch --verbose"));
    let mut out = String::new();
    let mut guests = [("boot image", image), ("Linux guest", linux)].map(|(name, definition)| {
        let machine = Machine::start(&definition, &cpu);
        (name, definition, machine)
    });
    for (_, _, machine) in &mut guests {
        machine.wait_for("pass", last_pass);
    }
    thread::sleep(half);
    let mut moved = guests.map(|(name, definition, mut source)| {
        let (destination, _) = switch(&mut source, &definition, &cpu);
        (name, source, destination)
    });
    thread::sleep(half);
    for (name, source, destination) in &mut moved {
        let seen = changes(source.console()).len() + changes(destination.console()).len();
        let passes = last_pass(destination.console()).unwrap();
        let _ = writeln!(out, "{name}: {passes} passes in {seconds} s, one migration, {seen} changes reported");
    }
    out
}

/// What watching costs inside a Linux guest, as the kernel there accounts it.
pub fn cost(seconds: u64) -> String {
    let mut out =
        "vCPUs  CPU time of `cpuid-probe watch`, in % of one vCPU (default interval, no change)\n".to_string();
    for vcpus in ["1", "2", "4"] {
        let script = format!(
            "mkdir -p /dev /proc; mount -t devtmpfs none /dev; mount -t proc none /proc; mkdir -p /sys
mount -t sysfs none /sys; cpuid-probe watch & watcher=$!
sleep 2; set -- $(cat /proc/$watcher/schedstat) $(cat /proc/uptime); used=$1 since=$4
sleep {seconds}; set -- $(cat /proc/$watcher/schedstat) $(cat /proc/uptime)
echo cost: $used $1 $since $4
"
        );
        let guest = Guest::new("Haswell-noTSX", vcpus).file("bin/cpuid-probe", PROBE).shell(&script);
        let mut machine = Machine::start(&Definition::linux(&guest), &Cpu::new("Haswell-noTSX", vcpus));
        let line = machine.wait_for("figures", |console| {
            let (_, line) = console.split_once("cost: ")?;
            Some(line.split_once('\n')?.0.to_string())
        });
        let figures: Vec<f64> = line.split_whitespace().map(|word| word.parse().unwrap()).collect();
        let [before, after, from, to] = figures[..] else { panic!("{line}") };
        let share = (after - before) / 1e9 / (to - from) * 100.0;
        let pass =
            machine.console().lines().find(|line| line.contains("register sets")).unwrap_or_default().to_string();
        let _ = writeln!(out, "{vcpus:>5}  {share:.2}      ({})", pass.trim_start_matches("cpuid-probe: "));
    }
    out
}
