//! `baseline --format PLATFORM`: each form read again, by a reader of its own, says what libvirt's form says; what a form
//! cannot say is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::platform::Platform;
use cpuid_diff::view::source::{self, Source};
use cpuid_probe::libvirt::read_cpus;

use crate::support::files::Files;

/// Exit code, standard output, standard error.
fn baseline(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
    let output = command.env("COLUMNS", "4000").arg("baseline").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A model, and what is on and off beside it, as places.
#[derive(Debug, Default, PartialEq, Eq)]
struct Says {
    model: String,
    listed: BTreeMap<usize, bool>,
    bits: Option<u32>,
}

impl Says {
    fn new(model: &str) -> Self {
        Self { model: model.to_string(), ..Self::default() }
    }

    /// `name`, `+name`, `-name`, in any world's spelling.
    fn flag(&mut self, map: &CpuMap, text: &str) {
        let (on, name) = match text.strip_prefix('-') {
            Some(name) => (false, name),
            None => (true, text.strip_prefix('+').unwrap_or(text)),
        };
        let id = map.feature(name).unwrap_or_else(|| panic!("no feature {name}"));
        assert!(self.listed.insert(id, on).is_none(), "{name} twice");
    }

    fn xml(map: &CpuMap, text: &str) -> Self {
        let cpu = read_cpus(text).unwrap().remove(0);
        let mut says = Self::new(cpu.model.as_deref().unwrap());
        for feature in &cpu.features {
            let sign = if feature.policy.word() == "disable" { "-" } else { "+" };
            says.flag(map, &format!("{sign}{}", feature.name));
        }
        says.bits = cpu.max_phys_addr.and_then(|width| width.bits);
        says
    }
}

/// Reads a form as its platform does.
fn read(platform: Platform, text: &str, map: &CpuMap) -> Says {
    let value = |key: &str| text.lines().find_map(|line| Some(line.trim().strip_prefix(key)?.trim().to_string()));
    let list = |says: &mut Says, flags: Option<String>, by: &[char]| {
        for flag in flags.unwrap_or_default().split(by).map(str::trim).filter(|flag| !flag.is_empty()) {
            says.flag(map, flag);
        }
    };
    match platform {
        Platform::Proxmox => {
            let mut says = Says::new(&value("reported-model ").unwrap());
            let flags = value("flags ");
            for flag in flags.iter().flat_map(|flags| flags.split(';')) {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                assert!(flag.starts_with(['+', '-']) && flag[1..].chars().all(plain), "{flag}");
            }
            list(&mut says, flags, &[';']);
            says.bits = value("phys-bits ").map(|bits| bits.parse().unwrap());
            assert!(value("cpu-model: ").unwrap().len() <= 40);
            says
        }
        Platform::Kubevirt => {
            let mut says = Says::new(&value("model: ").unwrap());
            let entries: Vec<&str> =
                text.lines().map(str::trim).filter(|l| l.starts_with("- name") || l.starts_with("policy")).collect();
            for entry in entries.chunks(2) {
                let name = entry[0].strip_prefix("- name: ").unwrap();
                let sign = if entry[1] == "policy: disable" { "-" } else { "+" };
                says.flag(map, &format!("{sign}{name}"));
            }
            says
        }
        Platform::Nova => {
            assert!(text.starts_with("[libvirt]\ncpu_mode = custom\n"));
            let mut says = Says::new(&value("cpu_models = ").unwrap());
            list(&mut says, value("cpu_model_extra_flags = "), &[',']);
            says
        }
        Platform::Ovirt => {
            let text = text.trim();
            let (model, flags) = text.split_once(',').unwrap_or((text, ""));
            let mut says = Says::new(model);
            list(&mut says, Some(flags.to_string()), &[',']);
            says
        }
        Platform::VirtInstall => {
            let (model, listed) = text.trim().strip_prefix("--cpu ").unwrap().split_once(",secure=off").unwrap();
            let mut says = Says::new(model);
            for option in listed.split(',').filter(|option| !option.is_empty()) {
                match option.split_once('=').unwrap() {
                    ("require", name) => says.flag(map, name),
                    ("disable", name) => says.flag(map, &format!("-{name}")),
                    _ => panic!("{option}"),
                }
            }
            says
        }
        Platform::Incus => {
            let value = |key: &str| value(&format!("incus cluster group set GROUP instances.vm.cpu.x86_64.{key}="));
            let mut says = Says::new(&value("baseline").unwrap());
            list(&mut says, value("flags"), &[',']);
            says
        }
        Platform::Cloudstack => {
            let mut says = Says::new(&value("guest.cpu.model=").unwrap());
            list(&mut says, value("guest.cpu.features="), &[' ']);
            says
        }
        Platform::Opennebula if text.starts_with("RAW") => {
            let data = text.split_once("DATA = \"").unwrap().1.rsplit_once('"').unwrap().0;
            Says::xml(map, &data.replace("\\\"", "\"").replace("\\\\", "\\"))
        }
        Platform::Opennebula => {
            let quoted = |key: &str| Some(text.split_once(&format!("{key} = \""))?.1.split_once('"')?.0.to_string());
            let mut says = Says::new(&quoted("MODEL").unwrap());
            list(&mut says, quoted("FEATURES"), &[',']);
            says
        }
        Platform::Firecracker => unreachable!("a template has no names"),
    }
}

const FEW: &str = "<cpu mode='custom' match='exact'><model fallback='forbid'>Nehalem</model>\
    <feature policy='require' name='pclmuldq'/><feature policy='require' name='vme'/></cpu>";
const MINUS: &str = "<cpu mode='custom' match='exact'><model fallback='forbid'>Skylake-Server-noTSX-IBRS</model>\
    <feature policy='require' name='vme'/><feature policy='require' name='sha-ni'/><feature policy='disable' name='sse4.2'/>\
    <feature policy='disable' name='lahf_lm'/></cpu>";

#[test]
fn every_form_is_read_back_to_the_same_definition() {
    let map = CpuMap::of(Knowledge::builtin());
    let files = Files::new();
    for (name, text) in [("few.xml", FEW), ("minus.xml", MINUS)] {
        let path = files.put(name, text);
        let (_, xml, _) = baseline(&[&path]);
        let expected = Says::xml(&map, &xml);
        for platform in Platform::ALL.into_iter().filter(|p| *p != Platform::Firecracker) {
            let (code, out, err) = baseline(&[&path, "--format", platform.word()]);
            assert_eq!(code, 0, "{}: {err}", platform.word());
            assert_eq!(read(platform, &out, &map), expected, "{}: {out}", platform.word());
        }
    }
}

#[test]
fn a_template_gives_what_the_definition_promises_and_nothing_else() {
    let map = CpuMap::of(Knowledge::builtin());
    let files = Files::new();
    let path = files.put("few.xml", FEW);
    let (code, out, err) = baseline(&[&path, "--format", "firecracker"]);
    assert_eq!(code, 0, "{err}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let mut on = BTreeSet::new();
    for modifier in json["cpuid_modifiers"].as_array().unwrap() {
        for register in modifier["modifiers"].as_array().unwrap() {
            let bitmap = register["bitmap"].as_str().unwrap().strip_prefix("0b").unwrap();
            assert_eq!(bitmap.len(), 32);
            for (at, _) in bitmap.chars().rev().enumerate().filter(|(_, c)| *c == '1') {
                on.insert(
                    format!("{}.{} {}[{at}]", modifier["leaf"], modifier["subleaf"], register["register"])
                        .replace('"', ""),
                );
            }
        }
    }
    let model = map.model("Nehalem").unwrap().features.iter().copied();
    let wanted = model.chain(["pclmuldq", "vme"].map(|name| map.feature(name).unwrap()));
    let wanted: BTreeSet<String> = wanted
        .map(|id| {
            let place = map.features[id].place;
            let (at, register) = (place.leaf().unwrap(), place.register().unwrap());
            format!("{:#x}.{:#x} {}[{}]", at.leaf, at.ecx(), register.name(), place.bits().unwrap().lo)
        })
        .collect();
    assert_eq!(on, wanted);
    // Our own reader takes it.
    assert!(matches!(source::read(out.as_bytes(), None), Ok(Source::Template(_))));
}

#[test]
fn what_a_form_cannot_say_is_refused_with_the_nearest_that_it_can() {
    let files = Files::new();
    let width = files.put("width.xml", &FEW.replace("</cpu>", "<maxphysaddr mode='emulate' bits='44'/></cpu>"));
    for platform in Platform::ALL {
        let (code, out, err) = baseline(&[&width, "--format", platform.word()]);
        let says_it = matches!(platform, Platform::Proxmox | Platform::Opennebula | Platform::Firecracker);
        assert_eq!(code, i32::from(!says_it), "{}: {err}", platform.word());
        assert_eq!(out.is_empty(), !says_it, "{}: {out}", platform.word());
        if !says_it {
            let why = format!("refused: {} cannot say how wide physical addresses are (44 bits)", platform.word());
            assert!(err.contains(&why) && err.contains("the nearest that it can:\n"), "{err}");
            assert!(err.contains("Nehalem"), "{err}");
        }
    }
    let map = CpuMap::of(Knowledge::builtin());
    let (_, out, _) = baseline(&[&width, "--format", "proxmox"]);
    assert_eq!(read(Platform::Proxmox, &out, &map).bits, Some(44));
    // A host's limit below QEMU's own 40 bits; none that is above.
    let limit = |bits: u32| {
        let host = format!(
            "<domainCapabilities><arch>x86_64</arch><cpu><mode name='host-model' supported='yes'>\
             <model>Nehalem</model><maxphysaddr mode='passthrough' limit='{bits}'/></mode></cpu></domainCapabilities>"
        );
        baseline(&[&files.put("host.xml", &host), "--format", "kubevirt"])
    };
    assert!(limit(39).2.contains("cannot say how wide physical addresses are (39 bits)"), "{}", limit(39).2);
    assert_eq!((limit(39).0, limit(46).0), (1, 0), "{}", limit(46).2);
    let optional = FEW.replace("policy='require' name='vme'", "policy='optional' name='vme'");
    let optional = files.put("optional.xml", &optional);
    let (code, out, err) = baseline(&[&optional, "--format", "nova"]);
    assert!(code == 1 && out.is_empty() && err.contains("nova cannot say that vme is optional"), "{err}");
    for (platform, word) in [("kubevirt", "policy: optional"), ("virt-install", ",optional=vme")] {
        let (code, out, err) = baseline(&[&optional, "--format", platform]);
        assert!(code == 0 && out.contains(word), "{out}{err}");
    }
}
