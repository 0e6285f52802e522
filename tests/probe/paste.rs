//! `cpuid-probe paste`: typed into the serial consoles of real guests, and what they print read back.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cpuid_probe::dump::{Dump, GapReason, Source};
use cpuid_probe::text::read_frame;
use object::elf::PT_LOAD;
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{LittleEndian, Object};

use crate::support::guest::{Console, Guest};
use crate::support::{root, scratch};

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

/// What a busybox shell shows when it waits for a command, behind `/` (1.35) or `~` (1.37).
const PROMPT: &str = " # ";
/// PID 1 stays busybox's; the shell that is typed at has a terminal of its own, as after a login. Neither /sys nor /tmp is
/// there.
const LOGIN: &str = "mkdir /dev /proc; mount -t devtmpfs none /dev; mount -t proc none /proc; setsid cttyhack ";

fn text_to_paste() -> String {
    let output = Command::new(PROBE).arg("paste").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn guest(cpu: &str, smp: &str, shell: &str) -> Guest {
    Guest::new(cpu, smp).shell(&format!("{LOGIN}{shell}\npoweroff -f\n")).file("bin/cpuid-probe", PROBE)
}

/// Runs `script` by a shell of this machine, with this directory as all of its PATH if there is one.
fn run_here(shell: &str, script: &str, path: Option<&Path>) -> Output {
    let mut command = Command::new(shell);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The lines from the frame's first to its last.
fn frame(console: &str) -> &str {
    let begin = console.find("cpuid-dump/1 begin").unwrap_or_else(|| panic!("no frame: {console}"));
    let end = console.find("cpuid-dump/1 end").unwrap_or_else(|| panic!("no end: {console}"));
    &console[begin..end + console[end..].find('\n').unwrap()]
}

/// Pastes; the dump must be what the probe itself prints in this guest, with the same exit code.
fn paste_and_compare(console: &mut Console, text: &str) -> (Dump, i32) {
    let pasted = console.run(text.trim_end());
    let ours = console.run("cpuid-probe --format text");
    assert_eq!(frame(&pasted.text), frame(&ours.text));
    assert_eq!(pasted.code, ours.code, "{}", pasted.text);
    let left = console.run("ls -d /cpuid-probe.* /dev/shm/cpuid-probe.* /tmp/cpuid-probe.*");
    assert_eq!(left.text.matches("No such file").count(), 3, "{}", left.text);
    // What a person copies is the whole console, with the typed lines in it.
    let dump = read_frame(&pasted.text).unwrap();
    assert_eq!(dump.provenance.source, Source::Native);
    (dump, pasted.code)
}

#[test]
fn the_text_is_short_and_holds_a_small_program_that_writes_to_no_memory_of_its_file() {
    let text = text_to_paste();
    assert!(text.len() <= 16 * 1024, "{} bytes", text.len());
    for line in text.lines() {
        assert!(line.len() <= 76 && line.bytes().all(|b| b == b' ' || b.is_ascii_graphic()), "{line}");
    }
    let (_, packed) = text.split_once("<<'END'\n").unwrap();
    let packed = packed.strip_suffix("\nEND\n").unwrap();
    let unpacked = run_here("/bin/sh", &format!("base64 -d <<'END' | gzip -d\n{packed}\nEND\n"), None);
    assert!(unpacked.status.success(), "{unpacked:?}");
    let program = unpacked.stdout;
    assert!(program.len() <= 24 * 1024, "{} bytes", program.len());
    let elf = ElfFile64::<LittleEndian>::parse(&*program).unwrap();
    assert!(elf.imports().unwrap().is_empty());
    let load: Vec<_> = elf.elf_program_headers().iter().filter(|p| p.p_type(LittleEndian) == PT_LOAD).collect();
    let [piece] = load[..] else { panic!("one piece to load, found {load:?}") };
    assert_eq!(piece.p_flags(LittleEndian), object::elf::PF_R | object::elf::PF_X);
    assert_eq!(piece.p_filesz(LittleEndian), piece.p_memsz(LittleEndian));
}

#[test]
fn typed_at_the_console_of_a_guest_it_prints_what_the_probe_does_there() {
    let text = text_to_paste();
    let mut console = guest("Haswell-noTSX", "4,sockets=2", "sh").console(PROMPT);
    // No /sys, no /tmp: the vCPUs are found all the same, and the working directory takes the program.
    for command in ["umount /proc", "mount -t proc none /proc"] {
        console.run(command);
        let (dump, code) = paste_and_compare(&mut console, &text);
        assert_eq!((dump.vcpus.len(), dump.is_complete(), code), (4, true, 0), "{command}");
    }

    console.run("mkdir /sys /tmp; mount -t sysfs none /sys; mount -t tmpfs -o noexec none /tmp");
    console.run("echo 0 > /sys/devices/system/cpu/cpu2/online");
    let (dump, code) = paste_and_compare(&mut console, &text);
    assert_eq!(dump.vcpus.iter().map(|v| v.vcpu).collect::<Vec<_>>(), [0, 1, 3]);
    assert!(dump.is_complete() && code == 0);

    // A vCPU that is online and out of reach is said to be, whoever lists it.
    console.run("mkdir /cg; mount -t cgroup2 none /cg; echo +cpuset > /cg/cgroup.subtree_control; mkdir /cg/a");
    console.run("echo 0-1 > /cg/a/cpuset.cpus; echo $$ > /cg/a/cgroup.procs");
    for command in ["ls /sys/devices/system/cpu/online", "umount /sys"] {
        assert_eq!(console.run(command).code, 0);
        let (dump, code) = paste_and_compare(&mut console, &text);
        assert_eq!(code, 1, "{command}");
        assert!(dump.vcpus[0].is_complete() && dump.vcpus[1].is_complete());
        assert!(dump.vcpus[2].leaves().is_empty());
        assert_eq!(dump.vcpus[2].gaps.iter().map(|g| g.reason).collect::<Vec<_>>(), [GapReason::Unreachable]);
    }
}

#[test]
fn what_stands_in_its_way_is_said() {
    let text = text_to_paste();
    let mut console = guest("qemu64", "1", "sh").console(PROMPT);
    let refused = |console: &mut Console, text: &str, words: &str| {
        let pasted = console.run(text.trim_end());
        assert!(!pasted.text.contains("cpuid-dump/1"), "{}", pasted.text);
        assert!(pasted.text.contains(&format!("\ncpuid-probe: {words}\n")), "{}", pasted.text);
        assert_eq!(pasted.code, 2, "{}", pasted.text);
    };
    let without_a_line: Vec<&str> = text.lines().enumerate().filter(|(n, _)| *n != 40).map(|(_, l)| l).collect();
    refused(&mut console, &without_a_line.join("\n"), "the text was damaged on its way");

    console.run("mkdir /tmp; mount -t tmpfs -o ro none /tmp; mount -o remount,ro /");
    refused(&mut console, &text, "no directory where a program can be written and run");
    console.run("mount -o remount,rw /");
    let (dump, _) = paste_and_compare(&mut console, &text);
    assert!(dump.is_complete());
}

/// Debian's shells and what they need; `scripts/test` runs on Debian.
const SHELLS: [(&str, &str); 5] = [
    ("bin/bash", "/bin/bash"),
    ("bin/dash", "/bin/dash"),
    ("lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2"),
    ("lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libc.so.6"),
    ("lib/x86_64-linux-gnu/libtinfo.so.6", "/lib/x86_64-linux-gnu/libtinfo.so.6"),
];

#[test]
fn bash_and_dash_take_it_too_and_say_where_gzip_or_base64_is_missing() {
    let text = text_to_paste();
    // bash edits lines itself; dash leaves that to the terminal, which holds 4095 characters.
    for (shell, prompt) in [("bash --noprofile --norc", "bash-"), ("dash -i", "# ")] {
        let mut guest = guest("max", "2", shell);
        for (name, from) in SHELLS {
            guest = guest.file(name, from);
        }
        let mut console = guest.console(prompt);
        let (dump, code) = paste_and_compare(&mut console, &text);
        assert_eq!((dump.vcpus.len(), dump.is_complete(), code), (2, true, 0), "{shell}");
        for tool in ["gzip", "base64"] {
            console.run(&format!("mv /bin/{tool} /{tool}; hash -r"));
            let pasted = console.run(text.trim_end());
            assert!(pasted.text.contains(&format!("\ncpuid-probe: this guest has no {tool}\n")), "{}", pasted.text);
            assert_eq!(pasted.code, 2, "{}", pasted.text);
            console.run(&format!("mv /{tool} /bin/{tool}"));
        }
    }
}

#[test]
fn the_page_shows_what_is_pasted_and_a_dump() {
    let page = fs::read_to_string(root().join("docs/paste.md")).unwrap();
    let text = text_to_paste();
    let (script, _) = text.split_once("<<'END'\n").unwrap();
    for line in script.lines() {
        assert!(page.contains(&format!("{line}\n")) || page.contains(&format!("{line}<<'END'\n")), "{line}");
    }
    assert!(read_frame(&page).unwrap().is_complete());
}

#[test]
fn the_shells_and_tools_of_this_machine_run_it() {
    let text = text_to_paste();
    for shell in ["/bin/sh", "/bin/bash"] {
        let output = run_here(shell, &text, None);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let dump = read_frame(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert!(dump.is_complete(), "{shell}");

        let empty = scratch();
        let output = run_here(shell, &text, Some(&empty));
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "\ncpuid-probe: this guest has no base64\n");
        fs::remove_dir_all(empty).unwrap();
    }
}
