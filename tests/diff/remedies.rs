//! Remedies, tried out: libvirt accepts every XML snippet and turns it into the QEMU setting that stands beside it;
//! QEMU takes what libvirt has no name for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::libvirt::Libvirt;
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::knowledge::{Asked, Entry};

/// An XML snippet, the elements it goes into, and the QEMU settings that are said to be the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Snippet {
    within: String,
    xml: Vec<String>,
    settings: Vec<String>,
}

/// Every remedy there is.
fn remedies() -> BTreeSet<String> {
    let knowledge = Knowledge::builtin();
    let asked = [Asked::Differs { values: [Some(2_600_000); 2] }, Asked::Missing, Asked::Extra, Asked::Explain];
    let told = |entry: Entry| asked.map(|asked| knowledge.advice(entry.place, &entry.row, asked, false).remedy);
    knowledge.entries().into_iter().flat_map(told).collect()
}

/// The snippets of a remedy: code that is XML with attributes, then the element it goes into, then QEMU's settings.
fn snippets(remedy: &str, hz: &str) -> Vec<Snippet> {
    let (mut found, mut xml, mut within) = (Vec::new(), Vec::new(), None);
    for code in remedy.split('`').skip(1).step_by(2) {
        let code = code.replace("'N'", "'46'").replace("=N", "=46").replace("2600000000", hz).replace("HZ", hz);
        if code.starts_with("<qemu:") {
            // What libvirt has no name for: the other test.
            continue;
        }
        if code.starts_with('<') && code.ends_with("/>") || code.contains("</") {
            xml.push(code);
        } else if code.starts_with('<') && !code.contains('=') && !xml.is_empty() {
            within = Some(code);
        } else if let Some(within) = within.take() {
            if code.contains('=') && !code.contains(' ') {
                let settings = code.split(',').map(str::to_string).collect();
                found.push(Snippet { within, xml: xml.clone(), settings });
            }
            xml.clear();
        } else if !code.starts_with('<') {
            xml.clear();
        }
    }
    found
}

/// A domain with `xml` in the elements `within`.
fn domain(kind: &str, within: &str, xml: &str) -> String {
    let inner = |element: &str| if within.starts_with(&format!("<{element}>")) { xml } else { "" };
    // libvirt 12.8 wants them with <stimer>.
    let (needs, timer) = if xml.contains("<stimer ") {
        ("<vpindex state='on'/><synic state='on'/>", "<timer name='hypervclock' present='yes'/>")
    } else {
        ("", "")
    };
    let nested = within.strip_prefix("<features>").filter(|rest| !rest.is_empty()).map(|open| {
        let name = open.trim_matches(['<', '>']);
        format!("<{name}>{needs}{xml}</{name}>")
    });
    format!(
        "<domain type='{kind}'><name>remedy</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<features><acpi/>{}</features>
<cpu mode='custom' match='exact' check='none'><model fallback='forbid'>qemu64</model>{}</cpu>
<clock offset='utc'>{}{timer}</clock>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator></devices></domain>\n",
        nested.as_deref().unwrap_or_else(|| inner("features")),
        inner("cpu"),
        inner("clock"),
    )
}

/// The settings of `-cpu` that libvirt derives from a domain.
fn cpu_settings(libvirt: &Libvirt, file: &Path, domain: &str) -> Result<BTreeSet<String>, String> {
    fs::write(file, domain).expect("a scratch file");
    let output = libvirt.virsh(&["domxml-to-native", "qemu-argv", &file.to_string_lossy()]);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_string());
    }
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let cpu = line.split("-cpu ").nth(1).unwrap_or_default();
    let cpu = cpu.split_whitespace().next().unwrap_or_default();
    Ok(cpu.split(',').map(|s| s.trim_matches('\'').to_string()).collect())
}

/// Elements of `<hyperv>` that came after libvirt 9.0.
const NEWER_ELEMENTS: &[&str] = &["emsr_bitmap", "xmm_input", "extended", "tlbflush state='on'><direct"];

#[test]
fn libvirt_makes_the_qemu_setting_of_every_snippet() {
    let libvirt = Libvirt::start();
    let file = crate::support::scratch().join("domain.xml");
    let kind = if libvirt.ask(&["capabilities"]).contains("<domain type='kvm'") { "kvm" } else { "qemu" };
    let known = CpuMap::libvirt_9_0(Knowledge::builtin());
    let newest = CpuMap::of(Knowledge::builtin());

    // libvirt refuses a TSC frequency that this host cannot give.
    let capabilities = libvirt.ask(&["capabilities"]);
    let counter = capabilities.split("<counter name='tsc' frequency='").nth(1).and_then(|rest| rest.split('\'').next());
    let hz = counter.unwrap_or("2600000000");
    let all: BTreeSet<Snippet> = remedies().iter().flat_map(|r| snippets(r, hz)).collect();
    assert!(all.len() > 300, "only {} snippets were found", all.len());
    let (mut tried, mut newer, mut wrong) = (0, BTreeSet::new(), Vec::new());
    // Feature policies go in one domain by the hundred; each other snippet gets a domain of its own.
    let mut policies: BTreeMap<&str, (String, BTreeSet<String>)> = BTreeMap::new();
    for snippet in &all {
        let names: Vec<&str> = snippet
            .xml
            .iter()
            .filter_map(|x| x.strip_prefix("<feature ")?.split("name='").nth(1)?.split('\'').next())
            .collect();
        if names.len() == snippet.xml.len() {
            assert!(names.iter().all(|n| newest.feature(n).is_some()), "{snippet:?}: libvirt has no such feature");
            if names.iter().any(|n| known.feature(n).is_none()) {
                newer.extend(names);
                continue;
            }
            let policy = if snippet.xml[0].contains("'require'") { "require" } else { "disable" };
            let (xml, settings) = policies.entry(policy).or_default();
            for one in snippet.xml.iter().filter(|one| !xml.contains(one.as_str())).cloned().collect::<Vec<_>>() {
                xml.push_str(&one);
            }
            settings.extend(snippet.settings.iter().cloned());
            tried += 1;
            continue;
        }
        if NEWER_ELEMENTS.iter().any(|e| snippet.xml.concat().contains(e)) {
            newer.insert(snippet.xml[0].as_str());
            continue;
        }
        tried += 1;
        match cpu_settings(&libvirt, &file, &domain(kind, &snippet.within, &snippet.xml.concat())) {
            Err(error) => wrong.push(format!("{snippet:?}: {error}")),
            Ok(settings) => {
                // What is off by default may simply not be there.
                let told = |s: &String| {
                    let off = s
                        .strip_suffix("=off")
                        .is_some_and(|name| !settings.iter().any(|s| s.starts_with(&format!("{name}="))));
                    settings.contains(s) || off
                };
                if !snippet.settings.iter().all(told) {
                    wrong.push(format!("{snippet:?}: libvirt says {settings:?}"));
                }
            }
        }
    }
    for (policy, (xml, wanted)) in policies {
        match cpu_settings(&libvirt, &file, &domain(kind, "<cpu>", &xml)) {
            Err(error) => wrong.push(format!("{policy}: {error}")),
            Ok(settings) => wrong.extend(wanted.difference(&settings).map(|s| format!("{policy}: no {s}"))),
        }
    }
    println!("{tried} snippets tried, {} are for a newer libvirt: {newer:?}", newer.len());
    assert!(wrong.is_empty(), "{} snippets:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn qemu_takes_as_a_global_what_libvirt_has_no_name_for() {
    let settings: BTreeSet<String> = remedies()
        .iter()
        .flat_map(|r| {
            r.split("x86_64-cpu.")
                .skip(1)
                .filter_map(|rest| rest.split('\'').next())
                .map(str::to_string)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(settings.len() > 15, "{settings:?}");
    let mut newer = Vec::new();
    for setting in &settings {
        let (name, value) = setting.split_once('=').expect("NAME=VALUE");
        let mut qemu = Command::new("qemu-system-x86_64")
            .args(["-S", "-nodefaults", "-display", "none", "-accel", "tcg", "-cpu", "qemu64", "-qmp", "stdio"])
            .args(["-global", &format!("x86_64-cpu.{setting}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("qemu-system-x86_64 (scripts/test installs it)");
        let ask = format!(
            "{{\"execute\":\"qmp_capabilities\"}}\n{{\"execute\":\"qom-get\",\"arguments\":{{\"path\":\"/machine/unattached/device[0]\",\
             \"property\":\"{name}\"}}}}\n{{\"execute\":\"quit\"}}\n"
        );
        // A QEMU that does not know the property ends before it reads.
        let _ = qemu.stdin.take().expect("a pipe").write_all(ask.as_bytes());
        let output = qemu.wait_with_output().expect("QEMU ends");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let is = |state: bool| said.contains(&format!("{{\"return\": {state}}}"));
        if said.contains(&format!("Property 'qemu64-x86_64-cpu.{name}' not found")) {
            newer.push(setting);
        } else if !is(value == "on") {
            // TCG may not have what is asked for, but it must know it.
            assert!(value == "on" && is(false), "{setting}: {said}");
        }
    }
    assert!(newer.len() < settings.len() / 2, "this QEMU does not know {newer:?}");
}
