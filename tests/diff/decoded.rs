//! The decoded output of `cpuid`, asked of the tool that is installed: what is read of it is what it decoded.

use std::io::Write;
use std::process::{Command, Stdio};

use cpuid_diff::read::{self, Input};
use cpuid_diff::write::writer;
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::{LeafId, Register, Registers};

use crate::support::files::Files;
use crate::support::root;

/// What `cpuid` prints of raw dumps, a text for each CPU.
fn decode(raw: &str) -> Vec<String> {
    let mut child = Command::new("cpuid")
        .args(["-f", "/dev/stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Debian's package `cpuid` is installed (scripts/test does)");
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(raw.as_bytes()).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split("\nCPU ").map(|cpu| format!("CPU {}\n", cpu.trim_start_matches("CPU ").trim_end())).collect()
}

fn read(text: &str) -> Dump {
    match read::read(text.as_bytes(), None) {
        Ok(Input::Dump(dump)) if dump.vcpus[0].is_statements() => *dump,
        other => panic!("{other:?}\n{text}"),
    }
}

/// The first vCPU of a sample, which the tool numbers as we do.
fn sample(name: &str) -> Dump {
    let bytes = std::fs::read(root().join("samples").join(name)).unwrap();
    let Ok(Input::Dump(mut dump)) = read::read(&bytes, None) else { panic!("{name}") };
    dump.vcpus.truncate(1);
    dump.vcpus[0].vcpu = 0;
    *dump
}

/// Lines that say what other lines say, too, and those of leaf 2, of which no bit is read.
fn lines(text: &str) -> Vec<&str> {
    const OTHER: [&str; 6] =
        ["(", "CPU ", "brand id ", "processor serial number", "number of sets (s)", "microcode patch size"];
    text.lines().map(str::trim).filter(|line| !OTHER.iter().any(|other| line.starts_with(other))).collect()
}

/// Whether a register holds characters, which a flipped bit makes others than the tool prints.
fn is_text(leaf: u32) -> bool {
    matches!(leaf, 0 | 0x4000_0000 | 0x4000_0100 | 0x8000_0000 | 0x8000_0002..=0x8000_0004)
}

/// What is said and is not so.
fn wrong(said: &VcpuDump, truth: &VcpuDump) -> Option<String> {
    said.leaves().iter().find_map(|record| {
        let is = truth.get(record.id).unwrap_or(Registers::ZERO);
        let differs = |register: &Register| {
            (is.get(*register) ^ record.registers.get(*register)) & said.known(record.id, *register) != 0
        };
        let register = Register::ALL.into_iter().find(differs)?;
        Some(format!("{} {register}: {:?} for {is:?}", record.id, record.registers))
    })
}

/// Each bit of a raw dump that changes what the tool prints is read, and is that bit.
#[test]
fn each_bit_that_it_shows_is_read() {
    let (mut flips, mut shown) = (0, 0);
    for (name, first) in [("icelake-q35-11.1.json", 0), ("epyc-milan.json", 3), ("max.json", 7)] {
        let base = sample(name);
        let plain = decode(&(writer("raw").unwrap().write)(&base)).swap_remove(0);
        let before = read(&plain);
        assert_eq!(wrong(&before.vcpus[0], &base.vcpus[0]), None, "{name}");
        let limits = before.provenance.imported.as_ref().map(|imported| imported.limits.join("; ")).unwrap_or_default();
        assert!(!limits.contains("not understood"), "{name}: {limits}");
        // Every 11th bit: each bit number of each register comes up.
        let places: Vec<(LeafId, Register, u32)> = base.vcpus[0]
            .leaves()
            .iter()
            .filter(|record| !is_text(record.id.leaf) && !matches!(record.id.leaf, 2 | 3))
            .flat_map(|record| Register::ALL.map(|register| (record.id, register)))
            .flat_map(|(id, register)| (0..32).map(move |bit| (id, register, bit)))
            .skip(first)
            .step_by(11)
            .collect();
        let mut flipped = Dump { vcpus: Vec::new(), ..base.clone() };
        for (number, (id, register, bit)) in (0..).zip(&places) {
            let mut vcpu = VcpuDump::new(number);
            for record in base.vcpus[0].leaves() {
                let mut record = *record;
                if record.id == *id {
                    record.registers[*register] ^= 1 << bit;
                }
                vcpu.insert(record).unwrap();
            }
            flipped.vcpus.push(vcpu);
        }
        let texts = decode(&(writer("raw").unwrap().write)(&flipped));
        assert_eq!(texts.len(), places.len(), "{name}");
        for ((text, truth), (id, register, bit)) in texts.iter().zip(&flipped.vcpus).zip(&places) {
            let place = format!("{name}: {id} {register}[{bit}]");
            let after = read(text);
            assert_eq!(wrong(&after.vcpus[0], truth), None, "{place}");
            flips += 1;
            if lines(text) != lines(&plain) {
                let knows = |dump: &Dump| dump.vcpus[0].known(*id, *register) >> bit & 1 == 1;
                assert!(knows(&after) || knows(&before), "{place} is shown and not read:\n{text}");
                shown += 1;
            }
        }
    }
    assert!(flips > 700 && shown * 4 > flips, "{shown} of {flips}");
}

/// What a run prints, both streams, and its exit code.
fn run(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
    let output = command.args(arguments).env("COLUMNS", "1000").stdin(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("an exit code"), text)
}

#[test]
fn two_guests_that_differ_in_it_differ() {
    let files = Files::new();
    let raw = (writer("raw").unwrap().write)(&sample("icelake-q35-11.1.json"));
    let text = decode(&raw).swap_remove(0);
    let a = files.put("a.txt", &text);
    let (code, said) = run(&["compare", &a, &a]);
    assert!(code == 1 && said.contains("undecided"), "{said}");
    for (line, name) in [
        ("AES instruction                         = true", "aes"),
        ("SMAP: supervisor mode access prevention  = true", "smap"),
        ("AVX2: advanced vector extensions 2       = true", "avx2"),
    ] {
        let less = text.replace(line, &line.replace("true", "false"));
        assert_ne!(less, text, "{line}");
        let (code, said) = run(&["compare", &a, &files.put("b.txt", &less)]);
        assert!(code == 1 && said.contains(name) && said.contains("UNSAFE"), "{said}");
        // Not said is no difference, and no agreement.
        let (code, said) = run(&["compare", &a, &files.put("c.txt", &text.replace(line, ""))]);
        assert!(code == 1 && !said.contains("UNSAFE") && said.contains("undecided"), "{said}");
        let wants =
            files.put("vm.xml", &format!("<cpu mode='custom'><model>486</model><feature name='{name}'/></cpu>"));
        let (code, said) = run(&["check", &files.put("b.txt", &less), "--baseline", &wants]);
        assert!(code == 1 && said.contains("not met"), "{said}");
    }
    let (code, said) = run(&["convert", &a, "--to", "json"]);
    assert!(code == 2 && said.contains("holds no registers"), "{said}");
    let (code, said) = run(&["show", &a]);
    assert!(code < 2 && said.contains("TCGTCGTCGTCG"), "{said}");
}
