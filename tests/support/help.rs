//! Every example that `--help` shows runs, and man pages and completions come from the same definition. Bound to both
//! packages; each tests its own program.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{root, scratch};

/// The program of the package that this is built for.
fn program() -> &'static Path {
    let (diff, probe) = (option_env!("CARGO_BIN_EXE_cpuid-diff"), option_env!("CARGO_BIN_EXE_cpuid-probe"));
    Path::new(diff.or(probe).expect("a program"))
}

fn help(command: &[&str]) -> String {
    let output = Command::new(program()).args(command).arg("--help").output().expect("runs");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// The commands that help lists.
fn commands() -> Vec<String> {
    let help = help(&[]);
    let lines = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
    let names =
        lines.filter(|l| l.starts_with("  ") && !l.starts_with("   ")).filter_map(|l| l.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_string).collect()
}

/// A command's own help begins with what the list of commands says of it.
#[test]
fn commands_are_described() {
    let list = help(&[]);
    for command in commands() {
        // Either may go on in a next line.
        let own = help(&[&command]).split_whitespace().collect::<Vec<_>>().join(" ");
        let listed = list.lines().find_map(|line| line.trim_start().strip_prefix(&*command)).expect("listed").trim();
        assert!(!listed.is_empty() && own.starts_with(listed), "{command}: {listed}");
    }
}

/// What is missing is named, and all that would do.
#[test]
fn boot_says_what_it_boots_from() {
    if !commands().iter().any(|command| command == "boot") {
        return;
    }
    let output = Command::new(program()).arg("boot").output().expect("runs");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("<--cpu <QEMU_CPU>|--cpu-xml <FILE>|--emit-image <FILE>>"), "{said}");
}

fn examples(command: &str) -> Vec<String> {
    let help = help(&[command]);
    help.lines()
        .skip_while(|l| *l != "Examples:")
        .skip(1)
        .map(|l| l.trim().to_string())
        .filter(|l| !l.is_empty())
        .collect()
}

/// Help lists every format that is read or written, once.
#[test]
fn formats_are_listed() {
    if !commands().iter().any(|command| command == "convert") {
        return;
    }
    let listed = |command: &str, name: &str| {
        let bullet = format!("- {name}:");
        help(&[command]).lines().filter(|line| line.trim_start().starts_with(&bullet)).count()
    };
    for name in ["text", "bare", "raw", "libvirt", "aida64"] {
        // compare reads all of them, and its --fix writes libvirt's.
        let compares = if name == "libvirt" { 2 } else { 1 };
        assert_eq!((listed("convert", name), listed("compare", name)), (2, compares), "{name}");
    }
    for name in ["xen", "cpuinfo", "firecracker"] {
        assert_eq!((listed("convert", name), listed("compare", name)), (1, 1), "{name}");
    }
}

/// What a file in an example holds.
fn fixture(name: &str) -> Option<Vec<u8>> {
    let sample = match name {
        "node1.json" => "haswell-node1.json",
        "node2.json" => "haswell-node2.json",
        "host.json" | "kvm.json" => "max.json",
        "node1.txt" => "reference-node1-leaf1.txt",
        "node2.txt" => "reference-node2-leaf1.txt",
        "pasted.diff" => "reference-leaf1.diff",
        "baseline.xml" | "vm.xml" | "web.xml" | "host1.xml" | "host2.xml" => "baseline.xml",
        "nodes.txt" => return Some(b"node1\nnode2\nnode3\nnode4\nnode5\n".to_vec()),
        "policy.toml" => {
            return Some(b"[[waiver]]\nfeature = \"avx2\"\naccept = \"unsafe\"\nreason = \"r\"\n".to_vec());
        }
        "qemu.log" => {
            return Some(b"qemu: warning: TCG doesn't support requested feature: CPUID.01H:EDX.vme [bit 1]\n".to_vec());
        }
        _ => return None,
    };
    Some(fs::read(root().join("samples").join(sample)).expect("a sample"))
}

/// A directory of hosts, captured just now, and what `fleet --summary` said of it.
fn hosts(directory: &Path) {
    fs::create_dir_all(directory).expect("made");
    let now = Command::new("date").args(["-u", "+%FT%TZ"]).output().expect("date").stdout;
    let now = String::from_utf8(now).expect("a date");
    for entry in fs::read_dir(root().join("samples/fleet")).expect("samples") {
        let path = entry.expect("a sample").path();
        let mut dump: serde_json::Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
        dump["provenance"]["captured_at"] = now.trim().into();
        // Two of them stand for older hosts, whose `max` lacks what was taken away.
        dump["provenance"]["boot"]["cpu"] = "max".into();
        fs::write(directory.join(path.file_name().expect("a name")), dump.to_string()).expect("written");
    }
    let summary = Command::new(program()).args(["fleet", "--summary"]).arg(directory).output().expect("it runs");
    fs::write(directory.with_file_name("last-week.json"), summary.stdout).expect("written");
}

/// Runs one example in a directory with the files that it reads, and none that it writes.
fn run(example: &str) -> Output {
    let directory = scratch();
    let words: Vec<&str> = example.split_whitespace().collect();
    for (i, word) in words.iter().enumerate() {
        let written = i > 0 && matches!(words[i - 1], ">" | "-o");
        if word.ends_with('/') {
            hosts(&directory.join(word));
        }
        if let Some(text) = fixture(word).filter(|_| !written) {
            fs::write(directory.join(word), text).expect("written");
        }
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program().parent().expect("a directory").display());
    let shell = Command::new("sh")
        .args(["-c", example])
        .current_dir(&directory)
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    fs::remove_dir_all(&directory).expect("removed");
    shell
}

#[test]
fn every_command_shows_examples_and_they_run() {
    let commands = commands();
    assert!(commands.len() > 3, "{commands:?}");
    for command in commands {
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{command} --help shows no example");
        for example in examples {
            let output = run(&example);
            let complaint = String::from_utf8_lossy(&output.stderr);
            // A machine without KVM cannot run these; the program then says so and what else there is.
            if output.status.code() == Some(2) && !Path::new("/dev/kvm").exists() && complaint.contains("/dev/kvm") {
                continue;
            }
            assert!(matches!(output.status.code(), Some(0 | 1)), "{example}: {:?}\n{complaint}", output.status);
        }
    }
}

#[test]
fn man_pages_and_completions_cover_every_command() {
    let name = program().file_name().and_then(|name| name.to_str()).expect("a name");
    let directory = scratch();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--quiet", "--package", name, "--example", &format!("{name}-man"), "--"])
        .arg(&directory)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bash = fs::read_to_string(directory.join("completions").join(format!("{name}.bash"))).expect("completions");
    for command in commands() {
        let page = directory.join("man").join(format!("{name}-{command}.1"));
        let page = fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        let example = examples(&command)[0].replace('-', "\\-");
        assert!(page.contains(&example), "no `{example}` in\n{page}");
        assert!(bash.contains(&command), "{command}");
    }
    assert!(directory.join("man").join(format!("{name}.1")).exists());
    fs::remove_dir_all(&directory).expect("removed");
}
