//! `scripts/nodes` and `scripts/two-nodes`: hosts of several Debian releases on this machine, and the whole way with them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{left_out, root};
use rustix::process::{Pid, Signal, kill_process};

/// What runs in namespaces of these nodes is looked for by its command line, so one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Whether nodes of these releases come up without anything being installed.
fn prepared(releases: &[&str]) -> bool {
    let layer = |release: &&str| root().join(".cache/releases").join(release).join("layers/node/packages").exists();
    rustix::process::geteuid().is_root() && releases.iter().all(layer)
}

/// The processes whose command line has one of `words`.
fn processes(words: &[&str]) -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let lines = all.filter_map(|path| fs::read(path.join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| words.iter().any(|word| line.contains(word))).collect()
}

/// Where something of the roots is mounted, for this process.
fn mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mounts").unwrap();
    text.lines().filter(|line| line.contains(".cache/releases/")).map(String::from).collect()
}

#[test]
fn nodes_end_with_what_they_are_for_and_leave_nothing_behind() {
    if !prepared(&["bookworm"]) {
        return left_out("scripts/nodes: needs root, and the roots that it makes (scripts/nodes up -- true)");
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let script = root().join("scripts/nodes");
    let first = script.to_string_lossy().into_owned() + " place";
    let status =
        Command::new(&script).args(["up", "bookworm", "--", "bash", "-c", "ssh node1 exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7), "the command's exit code");

    for signal in [None, Some(Signal::INT), Some(Signal::TERM), Some(Signal::KILL)] {
        let marker = format!("cpuid-nodes-{}-{}", std::process::id(), signal.map_or(0, Signal::as_raw));
        // A daemon on the node, and the command itself, which ends at once where no signal ends it.
        let and_then = if signal.is_some() { format!("exec -a {marker} sleep 1000") } else { "true".into() };
        let daemon = format!("ssh node1 '(exec -a {marker} sleep 1000 >/dev/null 2>&1 &)'; echo ready; {and_then}");
        // Where the tests run in the background, a shell ignores SIGINT for them, and what they start.
        let mut command = Command::new("env");
        command.arg("--default-signal=INT").arg(&script).args(["up", "bookworm", "--", "bash", "-c", &daemon]);
        let mut running = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        if let Some(signal) = signal {
            kill_process(Pid::from_child(&running), signal).unwrap();
        }
        running.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !processes(&[&marker, &first]).is_empty() {
            assert!(Instant::now() < deadline, "{signal:?}: {:?}", processes(&[&marker, &first]));
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(mounts(), Vec::<String>::new());
        assert!(!Path::new("/run/nodes").exists() && !Path::new("/.outside").exists());
    }
}

/// The steps of the walk: the first line of each, and the lines that follow it.
fn steps(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let blocks = text.split("== ").skip(1).map(|block| block.split("```").next().unwrap_or_default());
    let lines = blocks.map(|block| block.trim_end().lines().collect::<Vec<_>>());
    lines.map(|lines| (lines[0], lines[1..].to_vec())).collect()
}

#[test]
fn the_walk_with_two_nodes_comes_out_as_the_page_says() {
    if !prepared(&["bookworm", "trixie"]) {
        return left_out("scripts/two-nodes: needs root, and the roots that it makes");
    }
    let programs = root().join("target/x86_64-unknown-linux-gnu/release");
    if !["cpuid-probe", "cpuid-diff"].iter().all(|name| programs.join(name).exists()) {
        return left_out("scripts/two-nodes: needs the release binaries");
    }
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(root().join("scripts/two-nodes"));
    let output = command.env("CPUID_BIN_DIR", programs).stdin(Stdio::null()).output().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}{errors}", output.status);

    let page = fs::read_to_string(root().join("docs/walkthrough.md")).unwrap();
    let (said, shown) = (steps(&said), steps(&page));
    assert_eq!(said.keys().collect::<Vec<_>>(), shown.keys().collect::<Vec<_>>());
    for (step, lines) in said {
        // What libvirt says of the machine's own CPU is that machine's.
        let of_any_machine = |lines: &[&str]| -> Vec<String> {
            let commands = |line: &&&str| !step.starts_with('a') || line.starts_with("$ virsh");
            lines.iter().filter(commands).map(|line| line.to_string()).collect()
        };
        assert_eq!(of_any_machine(&lines), of_any_machine(&shown[step]), "{step}");
    }
}
