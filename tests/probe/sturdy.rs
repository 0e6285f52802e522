//! `cpuid-probe` where others mean it ill: foreign text, foreign programs, wrappers, floods, full and closed channels.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cpuid_probe::dump::Dump;
use cpuid_probe::json;
use cpuid_probe::printable::printable;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::boot::{assert_gone, boot, names, need_qemu};
use crate::support::scratch;

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

fn stderr_of(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// A shell script to be given as `--qemu`.
fn wrapper(directory: &Path, script: &str) -> String {
    let path = directory.join("wrapper");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_string()
}

/// `sh -c SCRIPT`, in which `$P` is the probe. What does not end by itself ends after a minute, with exit code 124.
fn shell(script: &str) -> Output {
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "60", "sh", "-c", script]).env("P", PROBE).stdin(Stdio::null());
    command.output().unwrap()
}

// What is printed.

/// ESC, a line break with words that look like ours, a C1 control, a right-to-left override and a zero-width space.
const FOREIGN: &str = "a\u{1b}[31m\ncpuid-probe: all is well\u{9b}\u{202e}\u{200b}";
const SHOWN: &str = r"a\u{1b}[31m\ncpuid-probe: all is well\u{9b}\u{202e}\u{200b}";

#[test]
fn foreign_text_is_shown_and_does_nothing() {
    let directory = scratch();
    let at = |name: &str| directory.join(name).to_str().unwrap().to_string();
    let file = at(FOREIGN);
    fs::write(&file, format!("{{\"schema\": \"cpuid-dump/1\", {}: 1}}", serde_json::to_string(FOREIGN).unwrap()))
        .unwrap();
    let xml = at("x.xml");
    fs::write(&xml, "<cpu mode='custom'><model>a&#10;cpuid-probe: all is well&#x202e;&#x200b;</model></cpu>").unwrap();
    let no_xml = at("no.xml");
    fs::write(&no_xml, format!("<cpu>{}", &FOREIGN[1..])).unwrap();
    let qemu = wrapper(&directory, &format!("printf '%s' 'qemu: {FOREIGN}' >&2; exit 1"));
    for arguments in [
        &["boot", "--accel", "tcg", "--cpu", FOREIGN][..],
        &["boot", "--accel", "tcg", "--cpu", "EPYC", "--qemu", FOREIGN],
        &["boot", "--accel", "tcg", "--cpu", "EPYC", "--qemu", &qemu],
        &["boot", "--accel", "tcg", "--cpu-xml", FOREIGN],
        &["boot", "--accel", "tcg", "--cpu-xml", &xml],
        &["boot", "--accel", "tcg", "--cpu-xml", &no_xml],
        &["boot", "--accel", "tcg", "--cpu-xml", &file],
        &["dump", "--cpus", FOREIGN],
        &["dump", "-o", &file],
        &["dump", FOREIGN],
        &["dump", "--format", FOREIGN],
        &["watch", "--count", "1", "--baseline", &file],
        &["watch", "--count", "1", "--baseline", FOREIGN],
    ] {
        let output = Command::new(PROBE).args(arguments).stdin(Stdio::null()).output().unwrap();
        let stderr = stderr_of(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(!stderr.is_empty(), "{arguments:?}");
        for line in stderr.lines() {
            assert_eq!(printable(line, usize::MAX), line, "{arguments:?}: {stderr}");
            assert!(!line.starts_with("cpuid-probe: all is well"), "{arguments:?}: {stderr}");
        }
        let named = [SHOWN, r"all is well\u{9b}\u{202e}\u{200b}", r"all is well\u{202e}\u{200b}", "no.xml: ", "schema"];
        assert!(named.iter().any(|words| stderr.contains(words)), "{arguments:?}: {stderr}");
    }
    // Not even a name that is no text.
    let name = directory.join(OsStr::from_bytes(b"\xff\x1b"));
    let output = Command::new(PROBE).args(["watch", "--count", "1", "--baseline"]).arg(&name).output().unwrap();
    assert!(stderr_of(&output).contains(r"\u{1b}"), "{}", stderr_of(&output));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn long_foreign_text_is_cut() {
    let directory = scratch();
    let qemu = wrapper(
        &directory,
        "i=0; while [ $i -lt 500 ]; do echo $i; i=$((i+1)); done >&2; printf %09999d 1 >&2; exit 1",
    );
    let output = boot(&["--accel", "tcg", "--cpu", "EPYC", "--qemu", &qemu]);
    let stderr = stderr_of(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("\n  … and 481 more lines\n") && stderr.len() < 1000, "{stderr}");
    let long = "x".repeat(100_000);
    let stderr = stderr_of(&boot(&["--accel", "tcg", "--cpu", &long]));
    assert!(stderr.contains("x…: ") && stderr.len() < 10_000, "{stderr}");
    fs::remove_dir_all(directory).unwrap();
}

// What is started.

#[test]
fn a_file_starts_no_program_but_an_installed_qemu() {
    let directory = scratch();
    let evil = wrapper(&directory, &format!("touch {}", directory.join("started").display()));
    let name = Path::new(&evil).file_name().unwrap().to_str().unwrap();
    for (emulator, words) in [
        (evil.as_str(), "--qemu"),
        (&format!("./{name}"), "--qemu"),
        (name, "--qemu"),
        (&format!("/usr/bin/..{evil}"), "--qemu"),
        (&format!("/usr/bin/../..{evil}"), "--qemu"),
        ("/usr/bin/./qemu-system-x86_64", "--qemu"),
        ("/usr/bin/env", "--qemu"),
        ("qemu-system-x86_64", "--qemu"),
        ("/usr/bin/qemu-nosuch", "is not here"),
    ] {
        let xml = directory.join("vm.xml");
        let domain = format!(
            "<domain type='qemu'><os><type arch='x86_64' machine='pc'>hvm</type></os>\
             <cpu mode='custom'><model>qemu64</model></cpu><devices><emulator>{emulator}</emulator></devices></domain>"
        );
        fs::write(&xml, domain).unwrap();
        let output =
            Command::new(PROBE).args(["boot", "--cpu-xml", "vm.xml"]).current_dir(&directory).output().unwrap();
        let stderr = stderr_of(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{emulator}: {stderr}");
        assert!(stderr.contains(words) && stderr.contains(emulator), "{emulator}: {stderr}");
        assert_eq!(names(&directory), ["vm.xml", "wrapper"], "{emulator}");
        // It is the user who says which.
        let mine = boot(&["--cpu-xml", xml.to_str().unwrap(), "--qemu", "qemu-system-x86_64"]);
        assert!(mine.status.success(), "{emulator}: {}", stderr_of(&mine));
    }
    fs::remove_dir_all(directory).unwrap();
}

// What is left behind.

/// A `-cpu` argument that no other process has, and words of it.
fn unique(directory: &Path) -> (String, String) {
    let id = directory.file_name().unwrap().to_str().unwrap().to_string();
    (format!("EPYC,model-id={id}"), id)
}

/// The processes with these words in their command line, other than `but`.
fn running(words: &str, but: u32) -> Vec<Pid> {
    let has = |pid: &u32| {
        let words_of = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != but && String::from_utf8_lossy(&words_of).contains(words)
    };
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok()).filter(has);
    pids.filter_map(|pid| Pid::from_raw(pid.cast_signed())).collect()
}

/// Wrappers that do not become QEMU; the last two leave the probe's family and its process group.
const WRAPPERS: [(&str, &str); 4] = [
    ("a child", "qemu-system-x86_64 \"$@\""),
    ("a child of a child", "sh -c 'qemu-system-x86_64 \"$@\"; exit $?' sh \"$@\"; exit $?"),
    ("in the background", "exec 3<&0; qemu-system-x86_64 \"$@\" <&3 & exit 0"),
    (
        "in a session of its own",
        "exec 3<&0; setsid -f sh -c 'qemu-system-x86_64 \"$@\" <&3; exit 1' sh \"$@\"; sleep 1000",
    ),
];

fn wait_for_qemu(words: &str, but: u32) -> Vec<Pid> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_qemu = |pid: &Pid| {
        let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
        name.starts_with("qemu-system")
    };
    loop {
        let all = running(words, but);
        if all.iter().any(is_qemu) {
            return all;
        }
        assert!(Instant::now() < deadline, "no QEMU was started");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_wrapper_that_does_not_become_qemu_ends_with_the_guest() {
    for (what, script) in WRAPPERS {
        let directory = scratch();
        let qemu = wrapper(&directory, script);
        let (cpu, id) = unique(&directory);
        let output = boot(&["--accel", "tcg", "--cpu", &cpu, "--qemu", &qemu]);
        let stderr = stderr_of(&output);
        assert!(output.status.success(), "{what}: {stderr}");
        let dump = json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
        assert!(dump.is_complete(), "{what}");
        // At once: the probe waits for it.
        assert_eq!(running(&id, 0), [], "{what}");
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn however_the_probe_ends_so_does_all_that_it_started() {
    for (what, script) in WRAPPERS {
        for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
            let directory = scratch();
            let qemu = wrapper(&directory, script);
            let (cpu, id) = unique(&directory);
            // Where the tests run in the background of a script, SIGINT is ignored, and the probe would keep it so.
            let mut probe = Command::new("env");
            probe.args(["--default-signal=INT", PROBE, "boot", "--accel", "tcg", "--watch"]);
            probe.args(["--cpu", &cpu, "--qemu", &qemu]);
            let mut probe = probe.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let started = wait_for_qemu(&id, probe.id());
            kill_process(Pid::from_child(&probe), signal).unwrap();
            probe.wait().unwrap();
            for pid in started {
                assert_gone(pid);
            }
            assert_eq!(running(&id, 0), [], "{what}, {signal:?}");
            fs::remove_dir_all(directory).unwrap();
        }
    }
}

#[test]
fn a_guest_that_is_given_up_takes_its_wrapper_along() {
    for (what, script) in WRAPPERS {
        let directory = scratch();
        // No guest: QEMU waits for somebody to connect.
        let qemu = wrapper(&directory, &script.replace("\"$@\"", "\"$@\" -S"));
        let (cpu, id) = unique(&directory);
        let output = boot(&["--accel", "tcg", "--timeout", "2", "--cpu", &cpu, "--qemu", &qemu]);
        assert_eq!(output.status.code(), Some(2), "{what}");
        assert_eq!(running(&id, 0), [], "{what}: {}", stderr_of(&output));
        fs::remove_dir_all(directory).unwrap();
    }
}

/// A guest that is watched, with a QMP socket.
fn watched(socket: &Path, cpu: &str) -> Child {
    need_qemu();
    let mut probe = Command::new(PROBE);
    probe.args(["boot", "--accel", "tcg", "--watch", "--cpu", cpu, "--qmp"]).arg(socket);
    probe.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn the_qmp_socket_goes_too() {
    for signal in [Signal::KILL, Signal::TERM] {
        let directory = scratch();
        let socket = directory.join("qmp");
        let (cpu, id) = unique(&directory);
        let mut probe = watched(&socket, &cpu);
        let started = wait_for_qemu(&id, probe.id());
        let deadline = Instant::now() + Duration::from_secs(60);
        while !socket.exists() {
            assert!(Instant::now() < deadline, "no socket");
            thread::sleep(Duration::from_millis(5));
        }
        kill_process(Pid::from_child(&probe), signal).unwrap();
        probe.wait().unwrap();
        for pid in started {
            assert_gone(pid);
        }
        assert_eq!(names(&directory), Vec::<String>::new(), "{signal:?}");
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn a_file_in_the_place_of_the_qmp_socket_stays() {
    let directory = scratch();
    let file = directory.join("qmp");
    fs::write(&file, "mine").unwrap();
    let mut arguments = vec!["--accel", "tcg", "--cpu", "EPYC", "--watch", "--max-seconds", "1", "--qmp"];
    arguments.push(file.to_str().unwrap());
    let output = boot(&arguments);
    assert_eq!(output.status.code(), Some(2), "{}", stderr_of(&output));
    assert!(stderr_of(&output).contains("qmp: exists already"), "{}", stderr_of(&output));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    fs::remove_dir_all(directory).unwrap();
}

// Floods.

/// Where the heap of the probe may grow to in these tests, in bytes.
const HEAP: u32 = 128 << 20;

#[test]
fn a_flood_on_any_channel_ends_in_time_and_in_bounds() {
    let greeting = r#"echo '{"QMP": {"version": {"qemu": {"major": 1, "minor": 2, "micro": 3}}}}'"#;
    let flood = "it sends more and more";
    let late = "within 2 s";
    for (script, words) in [
        ("exec tr '\\0' x < /dev/zero", flood),
        ("exec yes", "expected a QMP message, found `y`"),
        ("exec yes '{\"event\": \"x\"}'", flood),
        (&format!("{greeting}; exec yes '{{\"event\": \"x\"}}'"), flood),
        (&format!("{greeting}; while :; do printf x; sleep 0.1; done"), late),
        (&format!("{greeting}; while :; do echo '{{\"event\": \"x\"}}'; sleep 0.1; done"), late),
        ("while :; do printf x; sleep 0.1; done", late),
        ("head -c 400000000 /dev/zero >&2; exit 1", "QEMU ended early (exit status: 1)"),
        ("exec yes >&2", "QEMU ended early (signal: 9"),
        ("exec 3>&1; exec yes >&2", late),
        ("yes >&2 & exec yes '{\"event\": \"x\"}'", flood),
    ] {
        let directory = scratch();
        let qemu = wrapper(&directory, script);
        let output =
            shell(&format!("exec prlimit --data={HEAP} \"$P\" boot --accel tcg --cpu EPYC --timeout 2 --qemu {qemu}"));
        let stderr = stderr_of(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{script}: {stderr}");
        assert!(stderr.contains(words) && stderr.len() < 10_000, "{script}: {stderr}");
        assert_eq!(running(&qemu, 0), [], "{script}");
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn a_real_guest_is_read_while_standard_error_is_flooded() {
    let directory = scratch();
    let qemu = wrapper(&directory, "seq -f 'qemu: %.0f' 200000 >&2; yes >&2 & exec qemu-system-x86_64 \"$@\"");
    let output = boot(&["--accel", "tcg", "--cpu", "EPYC,+ds", "--qemu", &qemu]);
    assert!(output.status.success(), "{}", stderr_of(&output));
    let dump: Dump = json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    assert!(dump.is_complete());
    assert_eq!(running(&qemu, 0), []);
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn no_timeout_is_too_long() {
    let output = boot(&["--accel", "tcg", "--cpu", "EPYC", "--timeout", "18446744073709551615"]);
    assert!(output.status.success(), "{}", stderr_of(&output));
}

// Channels that are full or closed.

#[test]
fn what_nobody_can_read_is_no_success() {
    need_qemu();
    let incomplete = "\"$P\" boot --accel tcg --cpu EPYC,-apic --smp 2";
    for (script, code) in [
        // Nothing is said, and all is well.
        ("\"$P\" >/dev/null 2>&-", 0),
        ("\"$P\" >/dev/null 2>/dev/full", 0),
        ("\"$P\" >/dev/null 2>/dev/null", 0),
        ("\"$P\" >/dev/full", 2),
        ("\"$P\" >&-", 2),
        ("\"$P\" >/dev/full 2>/dev/full", 2),
        ("\"$P\" >&- 2>&-", 2),
        ("\"$P\" --help >/dev/full", 2),
        ("\"$P\" --version >&-", 2),
        ("\"$P\" --nosuch 2>/dev/full", 2),
        ("\"$P\" --nosuch 2>&-", 2),
        ("\"$P\" watch --count 1 2>/dev/null", 0),
        ("\"$P\" watch --count 1 2>/dev/full", 2),
        ("\"$P\" watch --count 1 2>&-", 2),
        ("\"$P\" watch --count 1 -v 2>/dev/full >/dev/full", 2),
        (&format!("{incomplete} >/dev/null 2>/dev/full"), 1),
        (&format!("{incomplete} >/dev/full 2>/dev/full"), 2),
        (&format!("{incomplete} >/dev/null 2>&-"), 1),
        // A reader that has gone: `:` reads nothing.
        ("mkfifo $D/fifo; { exec 3<$D/fifo; exec 3<&-; } & exec 4>$D/fifo; wait; \"$P\" >&4", 2),
        ("mkfifo $D/fifo2; { exec 3<$D/fifo2; exec 3<&-; } & exec 4>$D/fifo2; wait; \"$P\" watch --count 1 2>&4", 2),
    ] {
        let directory = scratch();
        let output = shell(&format!("D={}; {script}", directory.display()));
        assert_eq!(output.status.code(), Some(code), "{script}: {}", stderr_of(&output));
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn an_incomplete_dump_says_what_it_lacks() {
    let directory = scratch();
    let apart = ["--accel", "tcg", "--cpu", "EPYC,-apic", "--smp", "3"];
    let output = boot(&apart);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stderr_of(&output), "cpuid-probe: the dump is incomplete: vCPU 1-2 was not read\n");
    let output = boot(&[&apart[..], &["-o", directory.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let stderr = stderr_of(&output);
    assert!(stderr.contains("01-EPYC.json: the dump is incomplete: vCPU 1-2 was not read\n"), "{stderr}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_dumb_terminal_gets_plain_text() {
    need_qemu();
    let run = |term: &str| {
        let directory = scratch();
        let boot = format!("$P boot --accel tcg --cpu Nehalem --cpu EPYC -o {}", directory.display());
        let output = shell(&format!("{term} script -qec '{boot}' /dev/null"));
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(names(&directory), ["01-Nehalem.json", "02-EPYC.json"]);
        fs::remove_dir_all(directory).unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("TERM=xterm").contains("\u{1b}[K"));
    for term in ["TERM=dumb", "env -u TERM"] {
        assert_eq!(run(term), "", "{term}");
    }
}

// Where it may not pin.

/// Runs `command` on these CPUs, and has the kernel refuse any other choice with EPERM, as sandboxes do.
#[allow(unsafe_code)]
fn without_affinity(command: &mut Command, mask: CpuSet) -> &mut Command {
    const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code: code as u16, jt, jf, k }
    }
    let mut filter = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_sched_setaffinity as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let confine = move || {
        sched_setaffinity(None, &mask)?;
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: the program lives until the calls have copied it.
        let refused = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
                || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) != 0
        };
        if refused { Err(std::io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: three system calls between fork and exec.
    unsafe { command.pre_exec(confine) }
}

#[test]
fn where_it_may_not_pin_it_reads_the_vcpu_that_it_is_on() {
    let ours = sched_getaffinity(None).unwrap();
    let cpus: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| ours.is_set(*cpu)).collect();
    let one = |cpu: &usize| {
        let mut mask = CpuSet::new();
        mask.set(*cpu);
        mask
    };
    // Where it may run anywhere, it cannot know where it will be.
    for (mask, here) in cpus.iter().map(|cpu| (one(cpu), Some(*cpu as u32))).chain([(ours, None)]) {
        let output = without_affinity(&mut Command::new(PROBE), mask).output().unwrap();
        let stderr = stderr_of(&output);
        let dump = json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
        let (read, unread): (Vec<_>, Vec<_>) = dump.vcpus.iter().partition(|v| !v.leaves().is_empty());
        assert!(!read.is_empty() && read.iter().all(|v| v.is_complete()), "{stderr}");
        if let Some(here) = here {
            assert_eq!(read.iter().map(|v| v.vcpu).collect::<Vec<_>>(), [here], "{stderr}");
            let words = format!("may not choose a vCPU (Operation not permitted (os error 1)): read vCPU {here}");
            assert!(stderr.contains(&words), "{stderr}");
        }
        assert_eq!(output.status.code(), Some(i32::from(!unread.is_empty())), "{stderr}");
        assert_eq!(unread.is_empty(), !stderr.contains("was not read"), "{stderr}");
    }
}

// Where a file goes.

#[test]
fn a_replaced_file_keeps_its_mode_and_a_link_its_target() {
    let directory = scratch();
    let (file, link) = (directory.join("file"), directory.join("link"));
    fs::write(&file, "old").unwrap();
    symlink("file", &link).unwrap();
    for mode in [0o600, 0o644, 0o640] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        for path in [&link, &file] {
            let output = Command::new(PROBE).args(["--cpus", "0", "--force", "-o"]).arg(path).output().unwrap();
            assert!(output.status.success(), "{}", stderr_of(&output));
            assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, mode, "{}", path.display());
            assert!(json::from_str(&fs::read_to_string(&file).unwrap()).unwrap().is_complete());
            assert_eq!(fs::read_link(&link).unwrap(), PathBuf::from("file"));
        }
    }
    assert_eq!(names(&directory), ["file", "link"]);
    // A link to nothing: without --force it is somebody's, with it the file comes to be where the link says.
    fs::remove_file(&file).unwrap();
    let output = Command::new(PROBE).args(["--cpus", "0", "-o"]).arg(&link).output().unwrap();
    assert_eq!((output.status.code(), names(&directory)), (Some(2), vec!["link".to_string()]));
    let output = Command::new(PROBE).args(["--cpus", "0", "--force", "-o"]).arg(&link).output().unwrap();
    assert!(output.status.success(), "{}", stderr_of(&output));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && fs::symlink_metadata(&file).unwrap().is_file());
    // A link to itself.
    fs::remove_file(&file).unwrap();
    symlink("link", &file).unwrap();
    let output = Command::new(PROBE).args(["--cpus", "0", "--force", "-o"]).arg(&link).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr_of(&output).contains("too many symbolic links"), "{}", stderr_of(&output));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_strangers_link_in_a_directory_for_all_is_not_followed() {
    let directory = scratch();
    let (open, secret) = (directory.join("tmp"), directory.join("secret"));
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).unwrap();
    fs::write(&secret, "mine").unwrap();
    let link = open.join("dump.json");
    symlink(&secret, &link).unwrap();
    let write = || Command::new(PROBE).args(["--cpus", "0", "--force", "-o"]).arg(&link).output().unwrap();
    if std::os::unix::fs::lchown(&link, Some(12345), Some(12345)).is_err() {
        crate::support::left_out("a stranger's link needs root to make it");
    } else {
        let output = write();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr_of(&output).contains("is a link of another user (uid 12345)"), "{}", stderr_of(&output));
        assert_eq!(fs::read_to_string(&secret).unwrap(), "mine");
        std::os::unix::fs::lchown(&link, Some(fs::metadata(&directory).unwrap().uid()), None).unwrap();
    }
    // Ours is followed.
    assert!(write().status.success());
    assert_ne!(fs::read_to_string(&secret).unwrap(), "mine");
    fs::remove_dir_all(directory).unwrap();
}

// What the guest read.

#[test]
fn a_kvm_that_does_not_apply_definitions_is_named() {
    if !Path::new("/dev/kvm").exists() {
        crate::support::left_out("a_kvm_that_does_not_apply_definitions_is_named: no /dev/kvm here");
        return;
    }
    // What QEMU defines is the same under emulation, but for what a host lacks.
    let cpu = "qemu64";
    let output = boot(&["--accel", "kvm", "--cpu", cpu, "--timeout", "120"]);
    let stderr = stderr_of(&output);
    assert!(output.status.success(), "{stderr}");
    let dump: Dump = json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    let has_avx2 = dump.vcpus[0].get(cpuid_probe::LeafId::new(7, 0)).is_some_and(|r| r.ebx >> 5 & 1 == 1);
    let words = "did not read what QEMU defined";
    let noted = dump.provenance.boot.unwrap().warnings.iter().any(|w| w.text.contains(words));
    assert_eq!((stderr.contains(words), noted), (has_avx2, has_avx2), "{stderr}");

    let emulated = boot(&["--accel", "tcg", "--cpu", cpu]);
    assert_eq!(stderr_of(&emulated), "");
}
