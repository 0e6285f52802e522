//! `scripts/on-release`: a command in a root of another Debian release, of which nothing is left.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{left_out, root};
use rustix::process::{Pid, Signal, kill_process};

/// A release whose root is there already, and where nothing runs just now.
fn release() -> Option<String> {
    let roots = root().join(".cache/releases");
    let names = fs::read_dir(&roots).into_iter().flatten().flatten().map(|e| e.file_name().into_string().unwrap());
    names.into_iter().find(|name| {
        let is_free = || Command::new("flock").arg("-n").arg(roots.join(name).join("lock")).arg("true").status();
        roots.join(name).join("base").is_dir() && is_free().unwrap().success()
    })
}

/// Where something is mounted, for this process.
fn mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mounts").unwrap();
    text.lines().filter(|line| line.contains(".cache/releases/")).map(String::from).collect()
}

/// The processes whose command line has `word`.
fn processes(word: &str) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    all.filter(|p| fs::read(p.join("cmdline")).is_ok_and(|c| String::from_utf8_lossy(&c).contains(word))).collect()
}

#[test]
fn what_runs_in_another_release_leaves_nothing_behind() {
    let Some(name) = release().filter(|_| rustix::process::geteuid().is_root()) else {
        return left_out("scripts/on-release: needs root, and a root that it has made before");
    };
    let on_release = |script: &str| {
        let mut command = Command::new(root().join("scripts/on-release"));
        command.args([&name, "bash", "-c", script]).stdin(Stdio::null());
        command
    };
    let output = on_release("touch /left; . /etc/os-release; echo $ID; test -f Cargo.toml && exit 7").output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(7), &b"debian\n"[..]), "{output:?}");
    assert!(on_release("test ! -e /left && unshare --mount true && cargo --version").status().unwrap().success());
    assert_eq!(mounts(), Vec::<String>::new());

    for signal in [Signal::TERM, Signal::KILL] {
        // A daemon too: its parent is gone when the script is killed.
        let marker = format!("cpuid-on-release-{}-{}", std::process::id(), signal.as_raw());
        let script = format!("(exec -a {marker} sleep 1000 &); echo ready; exec -a {marker} sleep 1000");
        let mut running = on_release(&script).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(running.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        kill_process(Pid::from_child(&running), signal).unwrap();
        running.wait().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !processes(&marker).is_empty() {
            assert!(Instant::now() < deadline, "{signal:?}: {:?}", processes(&marker));
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(mounts(), Vec::<String>::new());
        assert!(!Path::new("/.outside").exists());
    }
}
