//! Fleets that were once told yes, and must not be: a row for each kind, beside one that is yes.

use cpuid_probe::dump::{Boot, Dump, Source};
use cpuid_probe::{LeafId, json};
use serde_json::Value;

use crate::fleet::{Hosts, fleet, strings};
use crate::nodes::{COMMON, ICE_LAKE, Node};
use crate::support::files::Files;

/// Writes hosts, each into a file of its number.
fn hosts(texts: &[String]) -> Hosts {
    let files = Files::new();
    texts.iter().enumerate().for_each(|(i, text)| drop(files.put(&format!("h{i}"), text)));
    Hosts(files)
}

/// Two hosts with the same features, but for what is done to the second.
fn kvm(more: &str, second: fn(Node) -> Node) -> Hosts {
    let node = |label: &str| Node::intel(label, ICE_LAKE).with(more);
    hosts(&[node("a").json(), second(node("b")).json()])
}

/// What is said of hosts by their summary, which says as much as their files.
fn by_summary(hosts: &Hosts, options: &[&str]) -> (i32, String) {
    let (_, summary, _) = hosts.run(&["--summary"]);
    let files = Files::new();
    let (code, out, _) = fleet(&[&[files.put("summary.json", &summary).as_str()], options].concat());
    (code, out)
}

fn domain(kind: &str, before: &str, cpu: &str) -> String {
    format!("<domain type='{kind}'>{before}<cpu mode='custom'><model>Nehalem</model>{cpu}</cpu></domain>")
}

fn capabilities(arch: &str, most: u32, custom: &str, model: &str) -> String {
    format!(
        "<domainCapabilities><domain>kvm</domain><machine>pc-q35-9.0</machine><arch>{arch}</arch><vcpu max='{most}'/><cpu>\
         <mode name='host-model' supported='yes'><model fallback='forbid'>Skylake-Server-IBRS</model><vendor>Intel</vendor>\
         <maxphysaddr mode='passthrough' limit='46'/></mode><mode name='custom' supported='{custom}'>{model}</mode></cpu>\
         </domainCapabilities>"
    )
}

/// A guest that a throw-away QEMU made, of so many vCPUs.
fn guest(cpu: &str, more: &str, vcpus: usize) -> Dump {
    let lacking = vec![Vec::new(); vcpus - 1];
    let node = Node { source: Source::Boot, lacking, ..Node::intel("guest", ICE_LAKE).with(more) };
    let mut dump = node.dump();
    for (n, vcpu) in dump.vcpus.iter_mut().enumerate() {
        with_id(vcpu, u32::try_from(n).unwrap());
    }
    dump.provenance.vcpus_online = u32::try_from(vcpus).ok();
    dump.provenance.boot = Some(Boot {
        qemu: "9.0.2".into(),
        accel: "kvm".into(),
        machine: "pc-q35-9.0".into(),
        cpu: cpu.into(),
        ..Boot::default()
    });
    dump
}

fn with_id(vcpu: &mut cpuid_probe::dump::VcpuDump, id: u32) {
    let mut records: Vec<_> = vcpu.leaves().to_vec();
    let mut new = cpuid_probe::dump::VcpuDump::new(vcpu.vcpu);
    for record in &mut records {
        if record.id == LeafId::new(1, 0) {
            record.registers.ebx = record.registers.ebx & 0x00ff_ffff | id << 24;
        }
        new.insert(*record).unwrap();
    }
    vcpu.msrs().iter().for_each(|msr| new.insert_msr(*msr).unwrap());
    *vcpu = new;
}

/// The guests of two hosts.
fn guests(a: Dump, b: Dump) -> Hosts {
    let named = |mut dump: Dump, name: &str| {
        dump.provenance.label = Some(name.to_string());
        json::to_string(&dump)
    };
    hosts(&[named(a, "a"), named(b, "b")])
}

fn same(node: Node) -> Node {
    node
}

#[test]
fn a_vm_passes_only_where_it_starts_whole_and_moves() {
    const INVTSC: &str = "<feature policy='require' name='invtsc'/>";
    const PIN: &str = "<clock><timer name='tsc' frequency='2400000000'/></clock>";
    let usable = "<model usable='yes'>Nehalem</model>";
    let plain = domain("kvm", "", "");
    let narrow = |node: Node| node.number("phys_bits", 39);
    let two = |texts: [String; 2]| hosts(&texts);
    let names = |custom: &str, model: &str| two([0, 1].map(|_| capabilities("x86_64", 255, custom, model)));
    let clocked = || kvm("invtsc", same);
    let native =
        |more: &str| json::to_string(&Node { source: Source::Native, ..Node::intel("vm", ICE_LAKE).with(more) }.dump());
    let split = {
        let node = Node { source: Source::Native, lacking: vec![vec!["gfni"]], ..Node::intel("vm", ICE_LAKE) };
        node.json()
    };
    let emulated = {
        let mut dump = guest("Nehalem", "", 1);
        dump.provenance.boot.as_mut().unwrap().accel = "tcg".into();
        json::to_string(&dump)
    };
    let rows: Vec<(&str, Hosts, String, &str)> = vec![
        ("alike", kvm("", same), plain.clone(), ""),
        ("pinned", clocked(), domain("kvm", PIN, INVTSC), "do not say their rate"),
        ("unpinned", clocked(), domain("kvm", "", INVTSC), "invtsc without a pinned"),
        ("unpinned -cpu", clocked(), "-cpu Nehalem,invtsc=on".into(), "invtsc without a pinned"),
        (
            "unpinned dump",
            clocked(),
            json::to_string(&guest("Nehalem,invtsc=on", "invtsc", 1)),
            "invtsc without a pinned",
        ),
        ("native dump", clocked(), native("invtsc"), "no pinned frequency"),
        ("native dump without", kvm("", same), native(""), ""),
        ("passed on", kvm("", same), "-cpu Nehalem,hv-passthrough".into(), "hv-passthrough=on blocks migration"),
        ("emulated", kvm("", same), domain("qemu", "", ""), "the definition is for QEMU's emulation"),
        ("emulated dump", kvm("", same), emulated, "it runs under QEMU's emulation"),
        ("one vCPU's feature", kvm("", |n| n.without("gfni")), split, "the host lacks gfni"),
        (
            "enlightenment",
            kvm("", same),
            domain("kvm", "<features><hyperv><relaxed state='on'/></hyperv></features>", ""),
            "hv-relaxed",
        ),
        ("machine", kvm("", same), domain("kvm", "<os><type machine='pc-q35-9.1'>hvm</type></os>", ""), "pc-q35-9.1"),
        ("own width", kvm("", same), domain("kvm", "", "<maxphysaddr mode='passthrough'/>"), ""),
        (
            "own width, unlike",
            kvm("", narrow),
            domain("kvm", "", "<maxphysaddr mode='passthrough'/>"),
            "here 46 bits and there 39",
        ),
        (
            "own width, limit",
            kvm("", narrow),
            domain("kvm", "", "<maxphysaddr mode='passthrough' limit='42'/>"),
            "here 42 bits and there 39",
        ),
        (
            "own width, limit that both have",
            kvm("", narrow),
            domain("kvm", "", "<maxphysaddr mode='passthrough' limit='39'/>"),
            "",
        ),
        ("own width, -cpu", kvm("", narrow), "-cpu Nehalem,host-phys-bits=on".into(), "here 46 bits and there 39"),
        ("stated width", kvm("", narrow), domain("kvm", "", "<maxphysaddr mode='emulate' bits='39'/>"), ""),
        ("usable", names("yes", usable), plain.clone(), ""),
        (
            "not usable",
            names("yes", "<model usable='no'>Nehalem</model>"),
            plain.clone(),
            "cannot give all of the model Nehalem",
        ),
        ("not listed", names("yes", "<model usable='yes'>Westmere</model>"), plain.clone(), "does not list the model"),
        (
            "usable on one",
            two(["yes", "no"]
                .map(|u| capabilities("x86_64", 255, "yes", &format!("<model usable='{u}'>Nehalem</model>")))),
            plain.clone(),
            "cannot give all of the model Nehalem",
        ),
        ("no custom mode", names("no", ""), plain.clone(), "mode='custom'"),
        (
            "too many vCPUs",
            two([0, 1].map(|_| capabilities("x86_64", 4, "yes", usable))),
            domain("kvm", "<vcpu>8</vcpu>", ""),
            "at most that many vCPUs",
        ),
        (
            "other machine",
            names("yes", usable),
            domain("kvm", "<os><type machine='pc-q35-9.2'>hvm</type></os>", ""),
            "pc-q35-9.2",
        ),
        (
            "what each host adds",
            kvm("", same),
            "<cpu mode='custom' match='minimum'><model>Nehalem</model></cpu>".into(),
            "match='minimum' adds",
        ),
        ("a hazard there", kvm("", |n| n.with("RRSBA")), native(""), "RRSBA is there and not here"),
        ("a hazard that it was shown", kvm("RRSBA", same), native("RRSBA"), ""),
        (
            "more than it names",
            kvm("", same),
            "<cpu mode='custom' match='strict'><model>Nehalem</model></cpu>".into(),
            "match='strict', and the host has more",
        ),
        (
            "another vendor's model",
            two(["a", "b"].map(|label| Node::new(label, "AuthenticAMD", 0x00a2_0f10).with(COMMON).json())),
            plain.clone(),
            "",
        ),
        ("thousands of vCPUs", kvm("", same), domain("kvm", "<vcpu>4000</vcpu>", ""), "gives a guest 4000 vCPUs"),
        ("same machine", names("yes", usable), domain("kvm", "<os><type machine='pc-q35-9.0'>hvm</type></os>", ""), ""),
    ];
    for (row, hosts, vm, why) in rows {
        let files = Files::new();
        let path = files.put("vm", &vm);
        let (code, report) = hosts.json(&["--vm", &path]);
        assert_eq!(code, i32::from(!why.is_empty()), "{row}: {} {}", report["placements"], report["problems"]);
        let said: Vec<&str> =
            report["placements"].as_array().unwrap().iter().flat_map(|p| strings(&p["why"])).collect();
        assert!(said.join("\n").contains(why), "{row}: {said:?}");
        let (of_summary, out) = by_summary(&hosts, &["--vm", &path, "--format", "json"]);
        let again: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{row}: {e} {out}"));
        assert_eq!((of_summary, &again["placements"]), (code, &report["placements"]), "{row}");
    }
    let files = Files::new();
    let (code, _, err) = kvm("", same).run(&["--vm", &files.put("table", &Node::intel("a", ICE_LAKE).json())]);
    assert!(code == 2 && err.contains("a dump of the role offer"), "{err}");
    let (code, out, _) = two([0, 1].map(|_| capabilities("i686", 255, "yes", usable))).run(&[]);
    assert!(code == 2 && out.contains("i686"), "{out}");
}

#[test]
fn a_model_of_no_vendor_stays_on_hosts_of_one() {
    const KVM64: &str = "apic clflush cmov cx16 cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep \
                         sse sse2 syscall tsc vme";
    let host = |label: &str, vendor: &str| Node::new(label, vendor, 0x00a2_0f10).with(KVM64).json();
    let hosts = hosts(&[host("a", "GenuineIntel"), host("b", "GenuineIntel"), host("c", "AuthenticAMD")]);
    let files = Files::new();
    let vm = files.put("vm", "-cpu kvm64");
    let (_, report) = hosts.json(&["--vm", &vm]);
    for placement in report["placements"].as_array().unwrap() {
        assert_eq!(
            (&placement["starts"], placement["moves_to"].as_array().unwrap().len()),
            (&"yes".into(), 0),
            "{placement}"
        );
        assert!(strings(&placement["why"]).concat().contains("its vendor is each host's own"), "{placement}");
    }
}

#[test]
fn guests_move_as_compare_says() {
    let one = |cpu: &str| guest(cpu, "", 1);
    let of = |online: u32| {
        let mut dump = one("Nehalem");
        dump.provenance.vcpus_online = Some(online);
        dump
    };
    let ids = |ids: [u32; 2]| {
        let mut dump = guest("Nehalem", "", 2);
        dump.vcpus.iter_mut().zip(ids).for_each(|(vcpu, id)| with_id(vcpu, id));
        dump
    };
    let first_alone = |features: &str| {
        let mut dump = guest("Nehalem", features, 2);
        dump.vcpus[1] = guest("Nehalem", "", 2).vcpus[1].clone();
        dump
    };
    let native = |more: &str| {
        let mut dump = guest("", more, 1);
        dump.provenance.source = Source::Native;
        dump.provenance.boot = None;
        dump
    };
    let with = |leaf: u32, edx: u32| {
        let mut dump = guest("Nehalem", "", 1);
        let mut vcpu = cpuid_probe::dump::VcpuDump::new(0);
        for mut record in dump.vcpus[0].leaves().to_vec() {
            record.registers.edx ^= if record.id.leaf == leaf { edx } else { 0 };
            vcpu.insert(record).unwrap();
        }
        dump.vcpus[0].msrs().iter().for_each(|msr| vcpu.insert_msr(*msr).unwrap());
        dump.vcpus = vec![vcpu];
        dump
    };
    let (unpinned, passed_on) = (guest("Nehalem,invtsc=on", "invtsc", 1), one("Nehalem,hv-passthrough"));
    let rows = [
        ("alike", one("Nehalem"), one("Nehalem"), ""),
        ("two vCPUs", ids([0, 1]), ids([0, 1]), ""),
        ("the other way round", ids([0, 1]), ids([1, 0]), ""),
        ("other ids", ids([0, 1]), ids([0, 2]), "0 of 2 directions"),
        ("on the first vCPU alone", first_alone("mpx"), first_alone(""), "0 of 2 directions"),
        ("pins", one("Nehalem,tsc-frequency=2600000000"), one("Nehalem,tsc-frequency=2100000000"), "0 of 2 directions"),
        ("numbers of vCPUs", of(4), of(8), "0 of 2 directions"),
        ("unpinned", unpinned.clone(), unpinned, "invtsc without a pinned TSC frequency"),
        ("unpinned, native", native("invtsc"), native("invtsc"), "no pinned frequency"),
        ("native", native(""), native(""), ""),
        ("passed on", passed_on.clone(), passed_on, "hv-passthrough blocks migration"),
        ("a bit among the caches", with(0x8000_0006, 0), with(0x8000_0006, 1 << 16), "1 of 2 directions"),
        ("the APIC", with(1, 0), with(1, 1 << 9), "1 of 2 directions"),
    ];
    for (row, a, b, why) in rows {
        let hosts = guests(a, b);
        let (code, out, _) = hosts.run(&[]);
        assert_eq!(code, i32::from(!why.is_empty()), "{row}: {out}");
        let line = out.lines().next().unwrap();
        assert!(line.contains(if why.is_empty() { "read the same everywhere" } else { why }), "{row}: {out}");
        let again = by_summary(&hosts, &[]);
        assert_eq!((again.0, again.1.lines().next()), (code, Some(line)), "{row}");
    }
    // What is asked about pools, guests do not answer.
    let (code, out, _) = guests(one("Nehalem"), one("Nehalem")).run(&["--require", "avx2"]);
    assert!(code == 2 && out.contains("--require: pools are made of what hosts offer"), "{out}");
}

#[test]
fn what_is_no_longer_said_has_changed() {
    let one = |cpu: &str| guest(cpu, "", 1);
    let of = |online: u32| {
        let mut dump = guest("Nehalem", "", 2);
        dump.provenance.vcpus_online = Some(online);
        dump
    };
    let native = || {
        let mut dump = one("Nehalem");
        dump.provenance.source = Source::Native;
        dump.provenance.boot = None;
        dump
    };
    let emulated = |accel: &str| {
        let mut dump = one("host");
        dump.provenance.boot.as_mut().unwrap().accel = accel.into();
        json::to_string(&dump)
    };
    let model = |usable: &str| capabilities("x86_64", 255, "yes", &format!("<model usable='{usable}'>Nehalem</model>"));
    let texts = |dump: Dump| json::to_string(&dump);
    for (row, was, is, what) in [
        ("nothing", texts(of(2)), texts(of(2)), ""),
        ("number of vCPUs", texts(of(2)), texts(of(4)), "number of vCPUs 2 -> not said"),
        ("more vCPUs", texts(of(4)), texts(of(8)), "4 -> 8"),
        ("machine type", texts(one("Nehalem")), texts(native()), "machine type pc-q35-9.0 -> not said"),
        (
            "pin",
            texts(one("Nehalem,tsc-frequency=2.6G")),
            texts(one("Nehalem,tsc-frequency=2.1G")),
            "pinned TSC frequency",
        ),
        ("accelerator", emulated("kvm"), emulated("tcg"), "accelerator kvm -> tcg"),
        ("role", texts(one("Nehalem")), Node::intel("guest", ICE_LAKE).json(), "role guest -> offer"),
        ("usable", model("yes"), model("no"), "model Nehalem usable: no"),
        (
            "rate",
            Node::intel("a", ICE_LAKE).tsc(2_600_000).json(),
            Node::intel("a", ICE_LAKE).json(),
            "TSC 2600000 kHz -> not said",
        ),
    ] {
        let (before, after) = (hosts(&[was]), hosts(&[is]));
        let (code, report) = after.json(&["--since", &before.path()]);
        let changes: Vec<&str> =
            report["drift"].as_array().unwrap().iter().flat_map(|d| strings(&d["changes"])).collect();
        assert_eq!(changes.is_empty(), what.is_empty(), "{row}: {changes:?}");
        assert!(changes.join("\n").contains(what), "{row}: {changes:?}");
        assert!(what.is_empty() || code == 1, "{row}: {code}");
    }
}

#[test]
fn a_question_that_nothing_answers_is_no_yes() {
    let all = || kvm("", same);
    for (options, exit, text) in [
        (&[][..], 0, "one pool"),
        (&["--min-hosts", "2"], 0, "one pool"),
        (&["--min-hosts", "3"], 1, "no pools of at least 3 hosts"),
        (&["--as", "a=offer"], 0, "one pool"),
        (&["--as", "nobody=guest"], 2, "--as nobody=guest: no host is called so"),
    ] {
        let (code, out, _) = all().run(options);
        assert!(code == exit && out.contains(text), "{options:?}: {code} {out}");
    }
    // A list of names is what a host offers, whatever is said of it.
    let (code, out, _) = hosts(&[capabilities("x86_64", 255, "yes", "")]).run(&["--as", "guest"]);
    assert!(code == 2 && out.contains("--as cannot make something else"), "{out}");
    // Two files of one host that tell two rates.
    let node = |khz: u32| Node::intel("a", ICE_LAKE).tsc(khz).json();
    let (code, out, _) = hosts(&[node(2_600_000), node(2_100_000)]).run(&[]);
    assert!(code == 2 && out.contains("TSC 2600000 kHz and 2100000 kHz"), "{out}");
    // An old file beside a new one of the same host, whichever comes first.
    for at in [["2020", "2026"], ["2026", "2020"]] {
        let file = |year: &str| Node::intel("a", ICE_LAKE).json().replace("2026-01-01T", &format!("{year}-01-01T"));
        let (code, out, _) = hosts(&at.map(file)).run(&["--max-age", "7", "--as-of", "2026-01-05"]);
        assert!(code == 2 && out.contains("was captured on 2020-01-01"), "{out}");
    }
    // A pool whose definition no host of it starts.
    for (custom, model, words) in [
        ("no", "", "mode='custom'"),
        ("yes", "<model usable='yes'>Westmere</model>", "does not list the model Skylake-Server-IBRS"),
    ] {
        let hosts = hosts(&[0, 1].map(|_| capabilities("x86_64", 255, custom, model)));
        let (code, out, _) = hosts.run(&[]);
        let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == 1 && out.contains(words) && out.contains("look at the notes of pool 1"), "{out}");
    }
}
