//! Input that is not a dump, or a damaged one: exit code 2 and one line that names the file, the line and what was
//! expected.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use crate::support::files::Files;

/// What `compare` of a file with itself says on stderr, after its own name.
fn complaint(path: &(impl AsRef<Path> + ?Sized)) -> String {
    let path = path.as_ref();
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).arg("compare").arg(path).arg(path).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(2), "{}: {stdout}{stderr}", path.display());
    assert_eq!(stdout, "", "{}", path.display());
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    let complaint = lines[0].strip_prefix(&format!("cpuid-diff: {}:", path.display()));
    complaint.unwrap_or_else(|| panic!("no file name in: {stderr}")).to_string()
}

const LEAF_1: &str = "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n";
const RAW_1: &str = "   0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0xfffa3227 edx=0x0fabfbff\n";
const FRAME: &str = "cpuid-dump/1 begin vcpus=1 source=boot\nvcpu 0 lines=2\n\
                     00000000 00000000: 00000001 756e6547 6c65746e 49656e69\n\
                     00000001 00000000: 000306c1 00000800 7ffa3227 0fabfbff\ncpuid-dump/1 end lines=3 crc32=00000000\n";

#[test]
fn every_kind_of_bad_input_is_named() {
    let files = Files::new();
    let json = "{\n  \"schema\": \"cpuid-dump/1\",\n  \"provenance\": {";
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", b"".to_vec(), " empty"),
        ("blank", b" \r\n\n".to_vec(), " empty"),
        ("elf", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec(), " binary data"),
        ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".to_vec(), " compressed by gzip, and it cannot"),
        ("prose", b"Dear all,\nplease find attached\n".to_vec(), " not recognised"),
        ("truncated.json", json.into(), "3:17: the file is cut off"),
        ("wrong.json", json.replace("dump/1", "dump/9").into(), "2:"),
        ("short", LEAF_1.replace("0fabfbff", "0fabfbf").into(), "1: expected `LEAF SUBLEAF"),
        ("long", LEAF_1.replace("0fabfbff", "0fabfbff0").into(), "1: expected `LEAF SUBLEAF"),
        ("missing", LEAF_1.replace(" 0fabfbff", "").into(), "1: expected `LEAF SUBLEAF"),
        ("letter", LEAF_1.replace("0fabfbff", "0fabfbfg").into(), "1: expected `LEAF SUBLEAF"),
        ("noise", format!("{LEAF_1}hello\n").into(), "2: expected `LEAF SUBLEAF"),
        ("twice", format!("{LEAF_1}{}", LEAF_1.replace("3227", "3223")).into(), "2: leaf 0x00000001 comes twice"),
        ("order", RAW_1.replace("ebx=0x00000800 ecx", "ecx=0x00000800 ebx").into(), "1: expected `0xLEAF"),
        ("raw", format!("CPU 0:\n{RAW_1}   0x00000002 0x00: eax=0x1\n").into(), "3: expected `0xLEAF"),
        ("cut raw", format!("CPU 0:\n{RAW_1}CPU 1:\n").into(), "3: no register lines"),
        (
            "list.json",
            json.replace("{\n  \"schema\"", "{\"vcpus\": [5],\n  \"schema\"").into(),
            "1:12: invalid type: integer `5`, expected an object",
        ),
        (
            "no vCPU.json",
            json.replace("{\n  \"schema\"", "{\"vcpus\": [],\n  \"schema\"").into(),
            "1:12: 0 vCPUs, expected 1 to",
        ),
        (
            "frame of nothing",
            b"cpuid-dump/1 begin vcpus=0 source=native\ncpuid-dump/1 end lines=0 crc32=00000000\n".to_vec(),
            "1: expected `cpuid-dump/1 begin vcpus=N source=WORD`, N at least 1",
        ),
        ("crc", FRAME.into(), "5: the lines do not add up"),
        ("damaged frame", FRAME.replace("756e6547", "756e6547x").into(), "3: expected `LEAF SUBLEAF"),
        ("cut frame", FRAME.split("cpuid-dump/1 end").next().unwrap_or_default().into(), "4: the dump that began"),
        (
            "lost line",
            FRAME.replace("00000001 00000000: 000306c1 00000800 7ffa3227 0fabfbff\n", "").into(),
            "2: vcpu 0",
        ),
        (
            "unknown.xml",
            b"<cpu mode='custom'><model>EPYK</model></cpu>\n".to_vec(),
            " line 1, column 20: unknown CPU model",
        ),
        ("arm.json", b"{\"reg_modifiers\": []}\n".to_vec(), " the registers of an ARM CPU"),
        (
            "decoded",
            b"CPU:\n   vendor_id = \"AuthenticAMD\"\n   feature information (1/ecx):\n      AES instruction    = tru\n"
                .to_vec(),
            "4: expected a value as `cpuid` prints it; found `tru`",
        ),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec(), " compressed by xz, and it cannot"),
        ("bzip2", b"BZh91AY".to_vec(), " binary data, compressed by bzip2; unpack it"),
        ("xml", b"<cpudata arch='x86'>\n<cpuid eax_in='1'/>\n</cpudata>".to_vec(), "2:1: <cpuid> without eax='0x"),
    ];
    for (name, content, expected) in cases {
        let said = complaint(&files.put(name, &content));
        assert!(said.starts_with(expected), "{name}: {said}");
    }
}

#[test]
fn what_is_no_file_is_named() {
    let files = Files::new();
    assert!(complaint(&files.0).contains("is a directory"));
    assert!(complaint(&files.0.join("nowhere")).contains("cannot open"));
    let sparse = files.0.join("sparse");
    File::create(&sparse).unwrap().set_len(2 << 30).unwrap();
    assert!(complaint(&sparse).contains("larger than 256 MiB"));
}

/// A dump may say of itself what it likes: in no report does it write a line, or a control character, of its own.
#[test]
fn no_text_of_an_input_looks_like_the_reports_own() {
    let files = Files::new();
    let sample = fs::read_to_string(crate::support::root().join("samples/haswell-node1.json")).unwrap();
    let mut dump: serde_json::Value = serde_json::from_str(&sample).unwrap();
    dump["provenance"]["label"] = "node\n\nidentical: safe both ways\n\u{1b}[2J\u{202e}".into();
    dump["provenance"]["boot"]["machine"] = "pc\ncompatible".into();
    let hostile = files.put("hostile.json", &dump.to_string());
    let other = crate::support::root().join("samples/epyc-milan.json");
    for format in ["table", "markdown", "html", "unified"] {
        let arguments = ["compare", "--format", format];
        let diff = |inputs: [&Path; 2]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
            String::from_utf8(command.args(arguments).args(inputs).output().unwrap().stdout).unwrap()
        };
        let said = diff([Path::new(&hostile), &other]);
        let forged = |line: &str| ["identical", "compatible"].iter().any(|word| line.trim().starts_with(word));
        assert!(!said.lines().any(forged), "{format}: {said}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{format}: {said}");
    }
    dump["provenance"]["\u{1b}]0;title\nidentical: safe"] = "x".into();
    dump["vcpus"][0]["\u{1b}]0;title\nidentical: safe"] = "x".into();
    let said = complaint(&files.put("key.json", &dump.to_string()));
    assert!(said.contains("\\u{1b}"), "{said}");
}

/// Reports of two machines in one file are no two CPUs of one machine: the second is named with the line of the first.
#[test]
fn two_machines_in_one_file_are_refused() {
    let files = Files::new();
    let raw = |family: u32, ecx: u32| {
        format!(
            "CPU:\n   0x00000000 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n   0x00000001 \
             0x00: eax={family:#010x} ebx=0x00010800 ecx={ecx:#010x} edx=0x178bfbff\n"
        )
    };
    let numbered = |text: String, n: u32| text.replace("CPU:", &format!("CPU {n}:"));
    let aida = |ecx: &str| {
        format!(
            "CPUID Registers (CPU #1):\nCPUID 00000000  00000001-756E6547-6C65746E-49656E69\n\
             CPUID 00000001  00010676-00020800-{ecx}-BFEBFBFF\n"
        )
    };
    let kcpuid = "Basic Leafs :\n================\n\
                  0x00000000: EAX=0x00000001, EBX=0x68747541, ECX=0x444d4163, EDX=0x69746e65\n\
                  0x00000001: EAX=0x00600f20, EBX=0x00080800, ECX=0x3e98320b, EDX=0x178bfbff\n";
    let haswell = raw(0x306f2, 0x7ffa_3203);
    for (name, text, said) in [
        ("runs", format!("node1\n{haswell}node2\n{haswell}"), "6: another run than in line 2"),
        (
            "models",
            numbered(haswell.clone(), 0) + &numbered(raw(0xc06f2, 0x7ffa_3203), 1),
            "4: a CPU of another machine than in line 1",
        ),
        ("aida", aida("0008E3FD") + &aida("0008E3F9"), "4: another run than in line 1"),
        ("kcpuid", format!("{kcpuid}{kcpuid}"), "7: another run than in line 3"),
    ] {
        let complaint = complaint(&files.put(name, &text));
        assert!(complaint.starts_with(said), "{name}: {complaint}");
    }
    let convert = |text: String, from: &str| {
        let path = files.put("accepted", &text);
        Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
            .arg("convert")
            .arg(path)
            .args(["--to", "json", "--from", from])
            .output()
            .unwrap()
    };
    // One machine: other steppings, and a system that has set OSXSAVE on one CPU.
    let one = numbered(haswell.clone(), 0) + &numbered(raw(0x306f1, 0x77fa_3203), 1);
    assert!(convert(one, "raw").status.success());
    let policy = "Raw policy: 1 leaves, 0 MSRs\n  00000001:ffffffff -> 000306f2:00100800:7ffefbff:bfebfbff\n";
    let twice = convert(format!("{policy}{policy}"), "xen:raw");
    let stderr = String::from_utf8(twice.stderr).unwrap();
    assert!(twice.status.code() == Some(2) && stderr.contains(":3: `Raw policy:"), "{stderr}");
}
