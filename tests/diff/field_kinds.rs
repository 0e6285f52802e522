//! One row for each kind of case that the field brought: small inputs in the shapes of public reports, the question, and the
//! right answer.

use std::process::{Command, Stdio};

use crate::support::files::Files;

/// What was asked, and what the answer must be.
struct Case {
    kind: &'static str,
    /// The files, by name.
    files: &'static [(&'static str, &'static str)],
    /// The question; the names of files stand for their paths.
    ask: &'static str,
    code: i32,
    /// What the answer says, and what it does not.
    says: &'static [&'static str],
    never: &'static [&'static str],
}

const OFFER: &str = "<domainCapabilities><domain>kvm</domain><arch>x86_64</arch><cpu><mode name='host-model' supported='yes'>\
    <model fallback='forbid'>Broadwell-noTSX-IBRS</model><vendor>Intel</vendor><maxphysaddr mode='passthrough' limit='40'/></mode>\
    </cpu></domainCapabilities>";

const GUEST_1: &str = "00000001 00000000: 000306f2 00010800 fffa3203 178bfbff\n";

/// The records of that guest without pcid, and a mask that takes aes from it.
const VMX: &str = "displayName = \"vm\"\nguestCPUID.1 = \"000306f200010800fff83203178bfbff\"\ncpuid.1.ecx = \
    \"----:--0-:----:----:----:----:----:----\"\n";

/// Two hosts, as `grep -H` or a shell on many hosts prints them.
const DECODED_TWO: &str = "node1: CPU:\nnode1:    vendor_id = \"GenuineIntel\"\nnode1:    feature information (1/ecx):\nnode1:       AES \
    instruction                         = true\nnode1:    0x40000001 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 \
    edx=0x00000000\nnode2: CPU:\nnode2:    vendor_id = \"GenuineIntel\"\nnode2:    feature information (1/ecx):\nnode2:       AES \
    instruction                         = false\nnode2:    0x40000001 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 \
    edx=0x00000000\n";

const CASES: &[Case] = &[
    Case {
        kind: "numbers: more address bits than the host's",
        files: &[
            ("offer", OFFER),
            (
                "vm",
                "<domain type='kvm'><cpu><model>Broadwell-noTSX-IBRS</model><maxphysaddr mode='emulate' bits='43'/></cpu></domain>",
            ),
        ],
        ask: "check offer --baseline vm",
        code: 1,
        says: &["not met", "43"],
        never: &[],
    },
    Case {
        kind: "numbers: an immunity without a property",
        files: &[
            ("host", "80000008 00000000: 00003030 60001005 00000000 00000000\n"),
            ("guest", "80000008 00000000: 00003030 40001005 00000000 00000000\n"),
        ],
        ask: "trace --host host --guest guest",
        code: 1,
        says: &["does not fit", "BTC_NO"],
        never: &[],
    },
    Case {
        kind: "numbers: guest_phys_bits of 0 are phys_bits",
        files: &[
            ("a", "80000008 00000000: 0000302e 00000000 00000000 00000000\n"),
            ("b", "80000008 00000000: 002e302e 00000000 00000000 00000000\n"),
        ],
        ask: "compare --partial a b",
        code: 0,
        says: &["undecided"],
        never: &["UNSAFE", "REVIEW"],
    },
    Case {
        kind: "promises: an excerpt agrees in all that matters",
        files: &[
            ("a", "8000001d 00000002: 00014143 01c0003f 000003ff 00000006\n"),
            ("b", "8000001d 00000002: 00014143 01c0003f 000003ff 00000002\n"),
        ],
        ask: "compare a b",
        code: 1,
        says: &["undecided", "too little"],
        never: &["compatible", ": safe"],
    },
    Case {
        kind: "promises: an optional feature that the host lacks",
        files: &[
            ("offer", OFFER),
            (
                "vm",
                "<domain type='kvm'><cpu><model>Broadwell-noTSX-IBRS</model><feature policy='optional' name='sha-ni'/></cpu></domain>",
            ),
        ],
        ask: "trace --kvm offer --baseline vm",
        code: 0,
        says: &["fits", "1 feature is optional, so guests of this definition may not be alike"],
        never: &["does not fit"],
    },
    Case {
        kind: "evidence: a log in JSON",
        files: &[
            ("guest", "00000007 00000000: 00000000 219c97a9 00000000 00000000\n"),
            ("vm", "<cpu><model>486</model><feature name='hle'/><feature name='rtm'/></cpu>"),
            (
                "log",
                "{\"component\":\"virt-launcher\",\"msg\":\"failed\",\"reason\":\"virError(Message='internal error: qemu unexpectedly closed the \
                 monitor: 2024-06-16T21:00:57.1Z qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit \
                 4]\\n2024-06-16T21:00:57.2Z qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.rtm [bit 11]\\n')\"}\n",
            ),
        ],
        ask: "check guest --baseline vm --qemu-log log --all",
        code: 1,
        says: &["log          qemu-kvm: warning", "CPUID.07H:EBX.rtm [bit 11]"],
        never: &["does not mention"],
    },
    Case {
        kind: "names: an old name",
        files: &[("vm", "<cpu><model>Cascadelake-Server</model><feature name='arch-facilities'/></cpu>")],
        ask: "show vm",
        code: 0,
        says: &["arch-capabilities"],
        never: &["does not know"],
    },
    Case {
        kind: "damage: two reports of AIDA64",
        files: &[(
            "two",
            "host1\nCPUID Registers (CPU #1):\n  CPUID 00000000  0000000A-756E6547-6C65746E-49656E69\n  CPUID 00000001  \
             00010676-00020800-0008E3FD-BFEBFBFF\nhost2\nCPUID Registers (CPU #1):\n  CPUID 00000000  \
             0000000A-756E6547-6C65746E-49656E69\n  CPUID 00000001  00010676-00020800-0008E39D-BFEBFBFF\n",
        )],
        ask: "convert two --to json",
        code: 2,
        says: &["two:6: another run than in line 2", "#2"],
        never: &[],
    },
    Case {
        kind: "damage: two hosts' policies of Xen's",
        files: &[(
            "two",
            "Source:\nHost policy: 1 leaves, 0 MSRs\n  00000001:ffffffff -> 000306f2:00100800:7ffefbff:bfebfbff\nTarget:\nHost policy: 1 \
             leaves, 0 MSRs\n  00000001:ffffffff -> 00050654:00200800:7ffefbff:bfebfbff\n",
        )],
        ask: "convert two --from xen:host --to json",
        code: 2,
        says: &["two:5: ", "again, first in line 2"],
        never: &[],
    },
    Case {
        kind: "damage: a part of one machine and a part of another",
        files: &[(
            "two",
            "guest on a1:\n   0x00000001 0x00: eax=0x000306f2 ebx=0x00010800 ecx=0xfffa3203 edx=0x178bfbff\nguest on b2:\n   0x00000007 0x00: \
             eax=0x00000000 ebx=0x000007a9 ecx=0x00000000 edx=0x00000000\n",
        )],
        ask: "convert two --to json",
        code: 2,
        says: &["two:"],
        never: &[],
    },
    Case {
        kind: "damage: a journal of two hosts",
        files: &[(
            "two",
            "Nov 26 10:00:01 n1 c[7]: 00000001 00000000: 000306f2 00010800 fffa3203 178bfbff\nNov 26 10:00:02 n2 c[7]: 00000007 00000000: \
             00000000 000007a9 00000000 00000000\n",
        )],
        ask: "convert two --to json",
        code: 2,
        says: &["two:2: ", "another machine", "#2"],
        never: &[],
    },
    Case {
        kind: "adversarial: the second block's maximum",
        files: &[
            (
                "a",
                "40000000 00000000: 40000001 7263694d 666f736f 76482074\n40000001 00000000: 31237648 00000000 00000000 00000000\n40000100 \
                 00000000: 40000101 4b4d564b 564b4d56 0000004d\n40000101 00000000: 01007afb 00000000 00000000 00000000\n",
            ),
            (
                "b",
                "40000000 00000000: 40000001 7263694d 666f736f 76482074\n40000001 00000000: 31237648 00000000 00000000 00000000\n40000100 \
                 00000000: 00000001 4b4d564b 564b4d56 0000004d\n40000101 00000000: 01007afb 00000000 00000000 00000000\n",
            ),
        ],
        ask: "compare --partial a b",
        code: 1,
        says: &["0x40000100"],
        never: &[],
    },
    Case {
        kind: "adversarial: an escape in a key",
        files: &[("a", "{\"schema\": \"cpuid-dump/1\", \"\\u001b[31mvcpus\": []}")],
        ask: "show a",
        code: 2,
        says: &["\\u{1b}"],
        never: &["\u{1b}"],
    },
    Case {
        kind: "adversarial: text behind the CPU",
        files: &[("guest", "00000001 00000000: 0 0 0 0\n"), ("vm", "<cpu><model>qemu64</model></cpu> and more")],
        ask: "trace --baseline vm --guest guest",
        code: 2,
        says: &["vm:1:"],
        never: &["fits"],
    },
    Case {
        kind: "statements: a mask of xl",
        files: &[
            ("guest", "00000001 00000000: 000306f2 00010800 fffa3203 178bfbff\n"),
            ("vm", "cpuid = [ \"0x1:ecx=xxxxxx0xxxxxxxxxxxxxxxxxxxxxxxxx\" ]\n"),
        ],
        ask: "check guest --baseline vm --partial",
        code: 1,
        says: &["not met", "aes"],
        never: &[],
    },
    Case {
        kind: "promises: records and masks of one .vmx file, as a baseline",
        files: &[("guest", GUEST_1), ("vm", VMX)],
        ask: "check guest --baseline vm --partial",
        code: 2,
        says: &["vm: holds CPUID records and CPUID masks", "--from vmx-masks or --from vmx"],
        never: &["met"],
    },
    Case {
        kind: "promises: the masks are chosen, for the input that has them",
        files: &[("guest", GUEST_1), ("vm", VMX)],
        ask: "check guest --baseline vm --partial --from vmx-masks",
        code: 1,
        says: &["not met", "aes"],
        never: &["pcid"],
    },
    Case {
        kind: "promises: the records are chosen",
        files: &[("guest", GUEST_1), ("vm", VMX)],
        ask: "trace --guest guest --baseline vm --from vmx",
        code: 0,
        says: &["gained at guest", "pcid"],
        never: &["aes"],
    },
    Case {
        kind: "promises: a dump says that the masks were not read",
        files: &[("guest", GUEST_1), ("vm", VMX)],
        ask: "compare vm guest --partial",
        code: 1,
        says: &["the file's CPUID masks were not read (--from vmx-masks reads them): cpuid.1.ecx"],
        never: &[],
    },
    Case {
        kind: "promises: a format of which no input is",
        files: &[("a", GUEST_1), ("b", GUEST_1)],
        ask: "compare a b --partial --from vmx-masks",
        code: 2,
        says: &["b: "],
        never: &["identical", "compatible"],
    },
    Case {
        kind: "damage: a word that is a digit short, and the digit below it",
        files: &[("a", "00000001 00000000: 000306f2 00010800 fffa3203 178bfbf\nf\n")],
        ask: "convert a --to json",
        code: 2,
        says: &["a:1: ", "each 8 hex digits"],
        never: &["178bfbff"],
    },
    Case {
        kind: "damage: decoded output of two hosts",
        files: &[("two", DECODED_TWO)],
        ask: "show two",
        code: 2,
        says: &["two:6: a line behind another prefix than line 1: another machine", "two#2"],
        never: &[],
    },
    Case {
        kind: "damage: decoded output of two hosts, one chosen by its name",
        files: &[("two", DECODED_TWO)],
        ask: "compare two#node1 two#node2 --partial",
        code: 1,
        says: &["aes"],
        never: &[],
    },
    Case {
        kind: "promises: a mask's subleaf whose base is not known",
        files: &[
            ("guest", GUEST_1),
            (
                "vm",
                "cpuid.1.ecx = \"----:----:----:----:----:----:----:---1\"\ncpuid.d.10.eax = \
                 \"0000:0000:0000:0000:0000:0000:0000:0000\"\n",
            ),
        ],
        ask: "check guest --baseline vm --partial",
        code: 2,
        says: &["vm:2: ", "a subleaf of 0 to 9"],
        never: &["met"],
    },
    Case {
        kind: "damage: a hunk that does not show which CPU it is of",
        files: &[(
            "d",
            "--- a\n+++ b\n@@ -1,2 +1,2 @@\n CPU 0:\n-   0x00000001 0x00: eax=0x000306f2 ebx=0x00010800 ecx=0xfffa3203 \
             edx=0x178bfbff\n+   0x00000001 0x00: eax=0x000306f2 ebx=0x00010800 ecx=0xfffa3203 edx=0x178bfbff\n@@ -40,1 +40,1 @@\n-   \
             0x00000007 0x00: eax=0x00000000 ebx=0x000007a9 ecx=0x00000000 edx=0x00000000\n+   0x00000007 0x00: eax=0x00000000 \
             ebx=0x000007ab ecx=0x00000000 edx=0x00000000\n",
        )],
        ask: "compare d --partial",
        code: 2,
        says: &["d:8: a hunk that does not show the heading of its CPU"],
        never: &["gains"],
    },
];

#[test]
fn every_kind_gets_its_answer() {
    let mut bad = Vec::new();
    for case in CASES {
        let files = Files::new();
        for (name, content) in case.files {
            files.put(name, content);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
        command.args(case.ask.split(' ')).current_dir(&files.0).env("COLUMNS", "1000").stdin(Stdio::null());
        let output = command.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().expect("an exit code");
        let lacks: Vec<_> = case.says.iter().filter(|words| !text.contains(**words)).collect();
        let has: Vec<_> = case.never.iter().filter(|words| text.contains(**words)).collect();
        if code != case.code || !lacks.is_empty() || !has.is_empty() {
            bad.push(format!("{}: exit {code}, lacks {lacks:?}, has {has:?}:\n{text}", case.kind));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
