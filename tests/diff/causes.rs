//! Causes and fixes: which thing explains which findings, and that a fix does what it says, in guests booted with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::libvirt::Libvirt;
use crate::support::{root, scratch};
use cpuid_diff::assemble::{self, Named, Site};
use cpuid_diff::cause::CauseOf;
use cpuid_diff::finding::{Change, Finding};
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Severity;
use cpuid_diff::read::{self, Input};
use cpuid_diff::render::{Style, answer, markdown, table};
use cpuid_diff::report::Report;
use cpuid_probe::Registers;
use cpuid_probe::dump::{Dump, Source, VcpuDump};

fn read_dump(path: &Path) -> Dump {
    match read::read(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())), None) {
        Ok(Input::Dump(dump)) => *dump,
        other => panic!("{}: {other:?}", path.display()),
    }
}

fn sample(name: &str) -> Dump {
    read_dump(&root().join("samples").join(name))
}

fn compare(a: &Dump, b: &Dump) -> Report {
    let named = |name: &str, dump: &Dump| Named { name: name.to_string(), dump: dump.clone() };
    assemble::report(&named("a.json", a), &named("b.json", b), Directions::Both, None, &Site::default())
}

fn of(report: &Report) -> Vec<CauseOf> {
    report.causes.iter().map(|cause| cause.of).collect()
}

/// `dump` with a register changed on every vCPU.
fn with(dump: &Dump, leaf: u32, subleaf: u32, change: impl Fn(&mut Registers)) -> Dump {
    let mut changed = dump.clone();
    for v in &mut changed.vcpus {
        let mut other = VcpuDump::new(v.vcpu);
        for record in v.leaves() {
            let mut record = *record;
            if record.id.leaf == leaf && record.id.ecx() == subleaf {
                change(&mut record.registers);
            }
            other.insert(record).expect("each place once");
        }
        *v = other;
    }
    changed
}

fn find<'a>(report: &'a Report, id: &str) -> &'a Finding {
    report.findings.iter().find(|f| f.id() == id).unwrap_or_else(|| panic!("no {id}"))
}

const PLAIN: Style = Style { width: 100, colour: false, all: false, waivers: false };

#[test]
fn two_releases_of_qemu_differ_for_three_reasons() {
    let report = compare(&sample("icelake-q35-7.2.json"), &sample("icelake-q35-11.1.json"));
    assert_eq!(of(&report), [CauseOf::Machine, CauseOf::Version, CauseOf::State]);
    let [machine, version, state] = report.causes.as_slice() else { panic!("{:?}", report.causes) };
    for word in ["pc-q35-7.2", "pc-q35-11.1", "`x-vendor-cpuid-only-v2`", "`x-consistent-cache`"] {
        assert!(machine.text().contains(word), "{}", machine.text());
    }
    assert!(version.why.ends_with("QEMU 7.2 does not"), "{}", version.why);
    assert!(state.what.starts_with("AVX-512 state"), "{}", state.what);
    assert_eq!((version.clears, state.clears), (4, 9));
    // Every finding that counts has its cause, and none is about vendors.
    for f in report.findings.iter().filter(|f| f.severity != Severity::Expected) {
        assert!(f.cause_group().is_some(), "{}", f.id());
        assert!(!f.cause.as_deref().unwrap_or_default().contains("different vendors"), "{}", f.id());
    }
    let cleared: usize = report.causes.iter().map(|cause| cause.clears).sum();
    assert_eq!(cleared, report.findings.iter().filter(|f| f.severity != Severity::Expected).count());
    let text = table::render(&report, PLAIN);
    assert!(text.lines().count() <= 40, "{text}");
    let unfolded: usize = markdown::render(&report, false)
        .split("<details>")
        .enumerate()
        .map(|(i, part)| if i == 0 { part.len() } else { part.split("</details>").nth(1).map_or(0, str::len) })
        .sum();
    assert!(unfolded <= 8 * 1024, "{unfolded} bytes");
}

/// Up to 10.0, QEMU's machine types set nothing that this model shows.
#[test]
fn two_releases_of_qemu_may_differ_for_two_reasons() {
    let report = compare(&sample("icelake-q35-7.2.json"), &sample("icelake-qemu-10.0.json"));
    assert_eq!(of(&report), [CauseOf::Version, CauseOf::State]);
    assert_eq!(report.causes.iter().map(|cause| cause.clears).collect::<Vec<_>>(), [4, 9]);
    assert!(report.causes[0].why.ends_with("QEMU 7.2 does not"), "{}", report.causes[0].why);
    assert_eq!(answer::verdict(&report)[0].word, "REFUSED by QEMU");
    assert!(table::render(&report, PLAIN).lines().count() <= 40);
}

#[test]
fn machine_types_on_one_qemu_differ_in_properties() {
    let report = compare(&sample("icelake-q35-10.0.json"), &sample("icelake-q35-10.1.json"));
    let [machine] = report.causes.as_slice() else { panic!("{:?}", report.causes) };
    assert!(machine.why.contains("`x-vendor-cpuid-only-v2`") && machine.why.contains("`x-consistent-cache`"));
    assert!(!machine.inferred && machine.clears == report.findings.len(), "{machine:?}");
    let text = table::render(&report, PLAIN);
    assert!(!text.replace("x-vendor-cpuid-only-v2", "").contains("vendor"), "{text}");
    // The other direction of time is the same cause.
    let report = compare(&sample("icelake-q35-10.1.json"), &sample("icelake-q35-10.0.json"));
    assert_eq!(report.causes.iter().map(|cause| cause.clears).collect::<Vec<_>>(), [report.findings.len()]);
}

/// `dump` of this machine type, with what its QEMU told of it.
fn of_machine(dump: &Dump, machine: &str, compat: Option<&[&str]>) -> Dump {
    let mut dump = dump.clone();
    let boot = dump.provenance.boot.as_mut().expect("a boot");
    boot.machine = machine.to_string();
    boot.compat = compat.map(|compat| compat.iter().map(|set| set.parse().expect("TYPE.PROPERTY=VALUE")).collect());
    dump
}

/// What QEMU told of its machine types comes before what the rows say of them.
#[test]
fn what_a_machine_type_sets_is_qemus_word() {
    const BOTH: &[&str] = &["x86_64-cpu.x-consistent-cache=false", "x86_64-cpu.x-vendor-cpuid-only-v2=false"];
    let (old, new) = (sample("icelake-q35-10.0.json"), sample("icelake-q35-10.1.json"));
    let all = compare(&old, &new).findings.len();
    for (machines, told, properties) in [
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(BOTH), Some(&[][..])], 2),
        // A build that backports one of them: its word counts, not the row's.
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(&BOTH[..1]), Some(&[])], 1),
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(BOTH), Some(BOTH)], 0),
        // Of several values the last counts; a model's own are no other model's.
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(&[BOTH[0], "x86_64-cpu.x-consistent-cache=on"]), Some(&[])], 1),
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(&["EPYC-x86_64-cpu.x-consistent-cache=off", BOTH[1]]), Some(&[])], 1),
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(&["Icelake-Server-x86_64-cpu.x-consistent-cache=off"]), Some(&[])], 1),
        // A distribution's names have no version that a row knows.
        (["pc-q35-rhel9.6.0", "pc-q35-rhel10.0.0"], [Some(BOTH), Some(&[])], 2),
        (["pc-q35-rhel9.6.0", "pc-q35-rhel10.0.0"], [None, None], 0),
        // Only one told: the rows say what the other sets.
        (["pc-q35-10.0", "pc-q35-10.1"], [None, Some(&[])], 2),
        (["pc-q35-10.0", "pc-q35-10.1"], [Some(BOTH), None], 2),
    ] {
        let of_old = of_machine(&old, machines[0], told[0]);
        let of_new = of_machine(&new, machines[1], told[1]);
        for report in [compare(&of_old, &of_new), compare(&of_new, &of_old)] {
            let why = report.causes.first().map_or("", |cause| cause.why.as_str());
            assert_eq!(why.matches('`').count(), 2 * properties, "{machines:?} {told:?}: {:?}", report.causes);
            let cleared: usize = report.causes.iter().map(|cause| cause.clears).sum();
            assert_eq!(cleared == all, properties == 2, "{machines:?} {told:?}: {cleared} of {all}");
        }
    }
    // A QEMU that is older than a property does not tell it, and all that it runs is as if it were set.
    let mut older = of_machine(&old, "pc-q35-9.2", Some(&[]));
    older.provenance.boot.as_mut().expect("a boot").qemu = "10.0.2".to_string();
    let report = compare(&older, &of_machine(&new, "pc-q35-10.1", Some(&[])));
    assert!(report.causes[0].why.matches('`').count() == 4, "{:?}", report.causes);
    let report = compare(&older, &of_machine(&old, "pc-q35-10.0", Some(BOTH)));
    assert_eq!(of(&report), [], "nothing differs");
}

#[test]
fn a_bit_that_differs_besides_stands_alone() {
    let (old, new) = (sample("icelake-q35-7.2.json"), sample("icelake-q35-11.1.json"));
    let plain = compare(&old, &new);
    // avx2, which both versions emulate; a bit that no row names.
    for (leaf, id, change) in [
        (7, "0x00000007.0x00000000:ebx:5", (|r: &mut Registers| r.ebx ^= 1 << 5) as fn(&mut Registers)),
        (7, "0x00000007.0x00000000:ecx:26", |r| r.ecx ^= 1 << 26),
    ] {
        for report in [compare(&with(&old, leaf, 0, change), &new), compare(&old, &with(&new, leaf, 0, change))] {
            let f = find(&report, id);
            assert_eq!((f.cause_group(), f.causes.as_slice()), (None, [].as_slice()), "{id}");
            let clears = |report: &Report| report.causes.iter().map(|cause| cause.clears).collect::<Vec<_>>();
            assert_eq!(clears(&report), clears(&plain), "{id}");
            assert!(table::render(&report, PLAIN).contains(f.name.as_deref().unwrap_or("ECX[26]")), "{id}");
        }
    }
    let backwards = compare(&with(&old, 1, 0, |r| r.ecx |= 1 << 21), &with(&new, 1, 0, |r| r.ecx &= !(1 << 21)));
    assert_eq!(find(&backwards, "0x00000001:ecx:21").causes, [] as [usize; 0], "an older QEMU has it, a newer not");
}

#[test]
fn several_candidates_are_named_and_none_is_chosen() {
    let side = |kernel: &str, microcode: &str, ds: u32| {
        let mut dump = Dump::new(Source::Kvm);
        let mut source = |leaf: u32, _: u32| {
            Some(match leaf {
                0 => Registers::new(1, 0x756e_6547, 0x6c65_746e, 0x4965_6e69),
                1 => Registers::new(0x606a6, 0x800, 0x8000_0000 | 1 << 31, 0x0f8b_fbff & !(1 << 21) | ds << 21),
                0x8000_0000 => Registers::new(0x8000_0000, 0, 0, 0),
                _ => Registers::ZERO,
            })
        };
        dump.vcpus.push(VcpuDump::capture(0, &mut source));
        dump.provenance.kernel = Some(kernel.to_string());
        dump.provenance.microcode = Some(microcode.to_string());
        dump
    };
    let one = compare(&side("6.1.0", "0x1", 0), &side("6.12.0", "0x1", 1));
    let f = find(&one, "0x00000001:edx:21");
    assert_eq!((f.cause_group(), one.causes[0].inferred, one.causes[0].clears), (Some(0), true, 1));
    assert!(table::render(&one, PLAIN).contains("(inferred)"));
    let none = compare(&side("6.1.0", "0x1", 0), &side("6.1.0", "0x1", 1));
    assert_eq!((none.causes.len(), find(&none, "0x00000001:edx:21").cause_group()), (0, None));
    // A guest's own kernel is not its host's.
    let mut guests = [side("6.1.0", "0x1", 0), side("6.12.0", "0x1", 1)];
    for dump in &mut guests {
        dump.provenance.source = Source::Native;
    }
    assert!(compare(&guests[0], &guests[1]).causes.is_empty());

    let two = compare(&side("6.1.0", "0x1", 0), &side("6.12.0", "0x2", 1));
    let f = find(&two, "0x00000001:edx:21");
    let layered = f.causes.len();
    assert_eq!(f.cause_group(), if layered == 1 { Some(0) } else { None });
    let text = f.cause.as_deref().unwrap_or_default();
    assert!(layered == 1 || text.contains("host kernel") && text.contains("microcode"), "{text}");
}

/// What losing a feature does is no consequence of gaining it, and one direction has no word for both.
#[test]
fn the_direction_asked_for_decides_the_words() {
    let named = |name: &str| Named { name: name.to_string(), dump: sample(name) };
    let (a, b) = (named("haswell-node1.json"), named("haswell-node2.json"));
    for (directions, word, loses) in [(Directions::AToB, "UNSAFE", true), (Directions::BToA, "REVIEW", false)] {
        let report = assemble::report(&a, &b, directions, None, &Site::default());
        let lines = answer::verdict(&report);
        assert_eq!((lines.len(), lines[0].word), (1, word), "{lines:?}");
        assert_eq!(report.findings[0].consequence.is_some(), loses);
        let text = table::render(&report, PLAIN);
        assert_eq!(text.contains("#UD"), loses, "{text}");
        assert!(!text.contains("incompatible") && !text.contains("one-way"), "{text}");
    }
}

#[test]
fn what_is_refused_is_the_first_word() {
    let (q35, mut other) = (sample("icelake-q35-7.2.json"), sample("icelake-q35-7.2.json"));
    other.provenance.boot.as_mut().expect("a boot").machine = "pc-i440fx-7.2".to_string();
    let report = compare(&q35, &other);
    let text = table::render(&report, PLAIN);
    assert!(text.starts_with("REFUSED by QEMU: "), "{text}");
    for word in ["SAFE", "safe", "identical", "IDENTICAL", "compatible"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

/// What a throw-away guest sees here, with these arguments of `boot`.
fn boot(directory: &Path, name: &str, arguments: &[&str]) -> Dump {
    let file = directory.join(format!("{name}.json"));
    let probe = Path::new(env!("CARGO_BIN_EXE_cpuid-diff")).with_file_name("cpuid-probe");
    let output = Command::new(probe)
        .args(["boot", "--accel", "tcg", "--force", "-o"])
        .arg(&file)
        .args(arguments)
        .output()
        .expect("cpuid-probe runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    read_dump(&file)
}

/// Pairs of definitions, each with `-machine` and `-cpu`.
const PAIRS: [[(&str, &str); 2]; 16] = [
    [("pc", "Haswell-noTSX"), ("pc", "Haswell-noTSX,-avx2")],
    [("pc", "Haswell-noTSX,+pdpe1gb,+3dnow"), ("pc", "Haswell-noTSX,-aes,-fma")],
    [("pc", "Nehalem"), ("pc", "SandyBridge")],
    [("pc", "Haswell"), ("pc", "Skylake-Client")],
    [("q35", "Cascadelake-Server"), ("q35", "Icelake-Server")],
    [("q35", "Skylake-Server"), ("q35", "Icelake-Server")],
    [("pc", "EPYC"), ("pc", "EPYC-Milan")],
    [("pc", "EPYC"), ("pc", "EPYC-Rome")],
    [("q35", "Opteron_G3"), ("q35", "Opteron_G5")],
    [("pc", "Westmere"), ("pc", "IvyBridge")],
    [("pc", "qemu64"), ("pc", "qemu64,-svm,+aes")],
    [("pc", "Haswell-noTSX,-xsave"), ("pc", "Haswell-noTSX")],
    [("pc", "Haswell-noTSX,phys-bits=40"), ("pc", "Haswell-noTSX,phys-bits=42,-rdrand")],
    [("q35", "Snowridge"), ("q35", "Denverton")],
    // What libvirt has no word for goes past it.
    [("q35", "Haswell-noTSX,l3-cache=off,-avx2"), ("q35", "Haswell-noTSX,l3-cache=off")],
    [("q35", "max"), ("q35", "max,-avx,-sha-ni")],
];

/// Holds a fix against libvirt's own schema, and has libvirt define it. The machine type of a pair need not be known to the
/// QEMU that is installed here.
fn libvirt_takes(libvirt: &Libvirt, file: &Path, fix: &str) {
    let xml = if fix.starts_with("<domain") {
        fix.to_string()
    } else {
        format!(
            "<domain type='qemu'><name>fix</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='pc'>hvm</type></os>{fix}</domain>"
        )
    };
    fs::write(file, &xml).expect("a scratch file");
    let file = file.to_string_lossy();
    let valid = Command::new("virt-xml-validate").arg(&*file).output().expect("virt-xml-validate runs");
    assert!(valid.status.success(), "{}\n{xml}", String::from_utf8_lossy(&valid.stderr));
    libvirt.ask(&["define", &file]);
    libvirt.ask(&["undefine", "fix"]);
}

/// Both sides are booted with the fix and compared again: nothing that it claims to clear is left. Against what each side
/// was, it takes away what it says that the side gives up, and adds nothing. libvirt takes it, too.
#[test]
fn fixes_do_what_they_say() {
    let libvirt = Libvirt::start();
    let directory = scratch();
    for (n, pair) in PAIRS.iter().enumerate() {
        let sides = [0, 1].map(|side| {
            let (machine, cpu) = pair[side];
            boot(&directory, &format!("{n}-{side}"), &["--machine", machine, "--cpu", cpu])
        });
        let report = compare(&sides[0], &sides[1]);
        let fix = report.fix.as_ref().expect("a comparison");
        assert!(!fix.clears.is_empty(), "{pair:?}");
        let open = |f: &&Finding| matches!(f.severity, Severity::Unsafe | Severity::Warning);
        let claimed: BTreeSet<String> = fix.clears.iter().map(|i| report.findings[*i].id()).collect();
        let left: Vec<String> =
            report.findings.iter().filter(open).map(Finding::id).filter(|id| !claimed.contains(id)).collect();
        assert!(
            left.is_empty() || !fix.remains.is_empty() || !fix.others.is_empty(),
            "{pair:?}: {left:?} is left without a word"
        );
        let xml = directory.join(format!("{n}.xml"));
        fs::write(&xml, fix.libvirt()).expect("a scratch file");
        libvirt_takes(&libvirt, &directory.join(format!("{n}-domain.xml")), &fix.libvirt());
        let cpu = fix.qemu();
        let cpu = cpu.trim().rsplit(' ').next().unwrap_or_default();
        let fixed = [0, 1].map(|side| {
            let machine = fix.machine.as_deref().unwrap_or(pair[side].0);
            let by_libvirt = boot(
                &directory,
                &format!("{n}-{side}-fixed"),
                &["--machine", machine, "--smp", "1", "--cpu-xml", &xml.to_string_lossy()],
            );
            let by_qemu =
                boot(&directory, &format!("{n}-{side}-qemu"), &["--machine", machine, "--smp", "1", "--cpu", cpu]);
            let forms = compare(&by_libvirt, &by_qemu);
            let differ: Vec<String> = forms.findings.iter().filter(open).map(Finding::id).collect();
            assert!(differ.is_empty(), "{pair:?}: libvirt's form and QEMU's differ: {differ:?}");
            by_libvirt
        });
        let after = compare(&fixed[0], &fixed[1]);
        let left: Vec<String> = after.findings.iter().map(Finding::id).filter(|id| claimed.contains(id)).collect();
        assert!(left.is_empty(), "{pair:?}: {left:?}");
        for (side, before) in sides.iter().enumerate() {
            let moved = compare(before, &fixed[side]);
            for f in moved.findings.iter().filter(open).filter(|f| answer::is_feature(f)) {
                let name = f.name.as_deref().unwrap_or_default();
                let change = f.a_to_b.map(|judged| judged.change);
                let given = fix.gives_up[side].contains(&name);
                assert!(change == Some(Change::Lost) && given, "{pair:?}: {name} {change:?} in {side}");
            }
        }
    }
}

/// The fix for two releases of QEMU, booted on this one, sees what it saw on the newer: that guest is recorded.
#[test]
fn the_fix_for_two_releases_makes_them_identical() {
    let report = compare(&sample("icelake-q35-7.2.json"), &sample("icelake-q35-11.1.json"));
    let fix = report.fix.as_ref().expect("a comparison");
    assert_eq!(fix.dropped.len(), 10, "{:?}", fix.dropped);
    assert!(fix.dropped.iter().all(|name| name.starts_with("avx512")), "{:?}", fix.dropped);
    assert_eq!((fix.gives_up[0].len(), fix.gives_up[1].len(), fix.remains.len() + fix.others.len()), (0, 4, 0));
    let directory = scratch();
    let xml = directory.join("releases.xml");
    fs::write(&xml, fix.libvirt()).expect("a scratch file");
    let here = boot(&directory, "releases", &["--cpu-xml", &xml.to_string_lossy()]);
    let again = compare(&here, &sample("icelake-q35-11.1-fixed.json"));
    assert_eq!(again.findings.iter().map(Finding::id).collect::<Vec<_>>(), [] as [String; 0]);
    assert_eq!(answer::verdict(&again)[0].word, "IDENTICAL");
}

/// The same of pairs that are recorded, across releases of QEMU too.
#[test]
fn libvirt_takes_the_fixes_of_samples() {
    let libvirt = Libvirt::start();
    let directory = scratch();
    let pairs = [
        ("icelake-q35-7.2.json", "icelake-q35-11.1.json"),
        ("icelake-q35-10.0.json", "icelake-q35-7.2.json"),
        ("icelake-qemu-10.0.json", "icelake-q35-7.2.json"),
        ("haswell-node1.json", "haswell-node2.json"),
        ("nehalem.json", "sandybridge.json"),
        ("epyc-milan.json", "epyc-4-vcpus.json"),
    ];
    for (a, b) in pairs {
        let report = compare(&sample(a), &sample(b));
        libvirt_takes(&libvirt, &directory.join("fix.xml"), &report.fix.as_ref().expect("a comparison").libvirt());
    }
}

#[test]
fn a_fix_names_what_it_cannot_do() {
    let vendors = compare(&sample("epyc-4-vcpus.json"), &sample("icelake-4-vcpus.json"));
    let fix = vendors.fix.as_ref().expect("a comparison");
    assert!(fix.is_empty() && fix.remains[0].contains("vendors"), "{fix:?}");
    // A protection is not taken away to make two guests alike.
    let guest = sample("haswell-node1.json");
    let guarded = with(&guest, 7, 0, |r| r.edx |= 1 << 26);
    let report = compare(&guest, &guarded);
    let fix = report.fix.as_ref().expect("a comparison");
    assert!(fix.switches.is_empty() && fix.clears.is_empty(), "{fix:?}");
    assert!(fix.remains[0].contains("A lacks protections: spec-ctrl"), "{:?}", fix.remains);
    assert!(!fix.libvirt().contains("spec-ctrl"));
    // arch-capabilities is none on AMD: its paragraph says to take it off, and nobody says to update a host for it.
    for (name, is_protection) in [("epyc-milan.json", false), ("haswell-node1.json", true)] {
        let guest = sample(name);
        let report = compare(&guest, &with(&guest, 7, 0, |r| r.edx |= 1 << 29));
        let remains = report.fix.as_ref().expect("a comparison").remains.concat();
        assert_eq!(remains.contains("A lacks protections: arch-capabilities"), is_protection, "{name}: {remains}");
    }
}

/// The short form of the reference case: what to paste into both definitions, in one piece each.
#[test]
fn the_reference_cases_fix_is_one_fragment() {
    let report = compare(&sample("reference-node1.txt"), &sample("reference-node2.txt"));
    let text = table::render(&report, PLAIN);
    let both = "`<feature policy='disable' name='dtes64'/><feature policy='disable' name='ds'/>` in `<cpu>`";
    assert!(text.contains(both) && text.contains("<timer name='tsc' frequency='2599997000'/>"), "{text}");
    for width in [80, 100] {
        let text = table::render(&report, Style { width, ..PLAIN });
        assert!(text.lines().count() <= 25, "{} lines\n{text}", text.lines().count());
    }
}
