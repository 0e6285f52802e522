//! Firecracker: guest CPU fingerprints as dumps, and CPU templates as masked expectations.
//!
//! Both are lists of `{leaf, subleaf, modifiers: [{register, bitmap}]}` and `{addr, bitmap}`. A bitmap is `0b` and
//! digits; in a template `x` leaves a bit as it is, and bits that are not written are left as they are, too.
//!
//! Source: Firecracker docs/cpu_templates/cpu-templates.md and schema.json, src/vmm/src/cpu_config/templates_serde.rs.

use std::collections::BTreeMap;
use std::fmt;

use cpuid_probe::dump::{Dump, MsrRecord};
use cpuid_probe::{LeafId, Register, Registers};
use serde::de::{Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::builder::Builder;
use super::{Input, Read, ReadError, Reader, json};
use crate::view::template::{self as view, Masked};

/// The name of the format of fingerprints.
pub const NAME: &str = "firecracker";

pub(super) const READER: Reader =
    Reader { name: NAME, about: "Firecracker CPU fingerprints", recognise, read: Read::One(read) };

const LIMIT: &str = "a Firecracker fingerprint holds one vCPU, and the leaves that KVM lists";

/// A CPU template: the bits of a guest's CPUID and MSRs that it sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Registers, in the order of the file.
    pub cpuid: Vec<(LeafId, Register, Masked)>,
    /// MSRs, in the order of the file.
    pub msrs: Vec<(u32, Masked)>,
}

/// A fingerprint has the modifiers in `guest_cpu_config`, a template and `template dump` at the top.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct File {
    firecracker_version: Option<String>,
    kernel_version: Option<String>,
    microcode_version: Option<String>,
    guest_cpu_config: Option<Config>,
    #[serde(default)]
    cpuid_modifiers: Vec<Leaf>,
    #[serde(default)]
    msr_modifiers: Vec<Msr>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Config {
    #[serde(default)]
    cpuid_modifiers: Vec<Leaf>,
    #[serde(default)]
    msr_modifiers: Vec<Msr>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Leaf {
    leaf: Number,
    subleaf: Number,
    modifiers: Vec<Modifier>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Modifier {
    register: RegisterName,
    bitmap: Bitmap,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Msr {
    addr: Number,
    bitmap: Bitmap,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Number(u32);

impl TryFrom<String> for Number {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let number = match text.strip_prefix("0x") {
            Some(hex) => super::line::short_hex(hex),
            None => match text.strip_prefix("0b") {
                Some(digits) => u32::from_str_radix(digits, 2).ok(),
                None => text.parse().ok(),
            },
        };
        number.map(Self).ok_or_else(|| {
            format!("`{}`, expected 0x and 1 to 8 hex digits, or 0b and 1 to 32 binary ones", super::shorten(&text))
        })
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct RegisterName(Register);

impl TryFrom<String> for RegisterName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let register = Register::from_name(&text);
        register.map(Self).ok_or_else(|| format!("register `{}`, expected eax, ebx, ecx or edx", super::shorten(&text)))
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Bitmap(Masked);

impl TryFrom<String> for Bitmap {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let digits = text.strip_prefix("0b")?;
            let (mut value, mut mask, mut count) = (0u64, 0u64, 0);
            for digit in digits.bytes().filter(|b| *b != b'_') {
                let (bit, care) = match digit {
                    b'0' => (0, 1),
                    b'1' => (1, 1),
                    b'x' => (0, 0),
                    _ => return None,
                };
                (value, mask, count) = (value << 1 | bit, mask << 1 | care, count + 1);
                if count > 64 {
                    return None;
                }
            }
            (count > 0).then_some(Masked { value, mask })
        };
        read()
            .map(Self)
            .ok_or_else(|| format!("bitmap `{}`, expected 0b and up to 64 of 0, 1 and x", super::shorten(&text)))
    }
}

/// What Firecracker modifies of a guest on x86.
pub(crate) const X86: [&str; 3] = ["cpuid_modifiers", "msr_modifiers", "kvm_capabilities"];
/// Keys that only aarch64 files have. Files of ARM CPUs are recognised so that the error can say what they are.
pub(crate) const ARM: [&str; 2] = ["reg_modifiers", "vcpu_features"];

fn recognise(text: &str) -> bool {
    text.trim_start().starts_with('{') && X86.iter().chain(&ARM).chain([&TREE]).any(|key| has(text, key))
        || text.starts_with(MSRS)
}

/// Whether a key is in a text.
fn has(text: &str, key: &str) -> bool {
    text.contains(&format!("\"{key}\""))
}

fn parse(text: &str) -> Result<File, ReadError> {
    if ARM.iter().any(|key| has(text, key)) && !has(text, X86[0]) {
        return Err(ReadError::whole("the registers of an ARM CPU; expected x86 CPUID"));
    }
    let mut file: File = serde_json::from_str(text).map_err(|e| json::error(&e))?;
    if let Some(config) = file.guest_cpu_config.take() {
        if !file.cpuid_modifiers.is_empty() || !file.msr_modifiers.is_empty() {
            let message =
                "modifiers in `guest_cpu_config` and beside it: a fingerprint and a template; keep one of them";
            return Err(ReadError::whole(message));
        }
        (file.cpuid_modifiers, file.msr_modifiers) = (config.cpuid_modifiers, config.msr_modifiers);
    }
    Ok(file)
}

/// Reads a CPU template (or a fingerprint as one that decides every bit).
///
/// # Errors
/// JSON that does not have this form, with its position; bits above bit 31 of a register.
pub fn template(text: &str) -> Result<Template, ReadError> {
    let file = parse(text)?;
    let mut template = Template::default();
    for leaf in &file.cpuid_modifiers {
        let id = LeafId::new(leaf.leaf.0, leaf.subleaf.0);
        for Modifier { register: RegisterName(register), bitmap: Bitmap(masked) } in &leaf.modifiers {
            if masked.mask > u64::from(u32::MAX) {
                return Err(ReadError::whole(format!("leaf {id} {register}: a bitmap of more than 32 bits")));
            }
            template.cpuid.push((id, *register, *masked));
        }
    }
    template.msrs = file.msr_modifiers.iter().map(|msr| (msr.addr.0, msr.bitmap.0)).collect();
    Ok(template)
}

fn read(text: &str) -> Result<Input, ReadError> {
    if text.starts_with(MSRS) {
        return Err(ReadError::whole("MSRs without CPUID; expected a Firecracker fingerprint, which has both"));
    }
    let mut builder = Builder::new(READER.name);
    builder.limit(LIMIT);
    if has(text, TREE) {
        return read_tree(text, builder);
    }
    let file = parse(text)?;
    // Lists have no lines; the entry's number names the place.
    for (entry, leaf) in (1..).zip(&file.cpuid_modifiers) {
        let place = LeafId::new(leaf.leaf.0, leaf.subleaf.0);
        let value = |register: Register| {
            let mut of = leaf.modifiers.iter().filter(|m| m.register.0 == register).map(|m| m.bitmap.0);
            match (of.next(), of.next()) {
                (Some(Masked { value, mask }), None) if mask == u64::from(u32::MAX) => {
                    Ok(u32::try_from(value).unwrap_or_default())
                }
                (Some(_), Some(_)) => Err(ReadError::whole(format!("leaf {place}: {register} comes twice"))),
                _ => Err(ReadError::whole(format!(
                    "leaf {place} {register}: not all 32 bits are given. This is a CPU template, which expects bits \
                     of a guest; give it as --baseline"
                ))),
            }
        };
        let registers =
            Registers::new(value(Register::Eax)?, value(Register::Ebx)?, value(Register::Ecx)?, value(Register::Edx)?);
        builder.leaf(entry, leaf.leaf.0, Some(leaf.subleaf.0), registers)?;
    }
    for (entry, msr) in (1..).zip(&file.msr_modifiers) {
        let (index, Masked { value, mask }) = (msr.addr.0, msr.bitmap.0);
        if mask != u64::MAX {
            let message = format!("msr {index:#010x}: not all 64 bits are given; give a CPU template as --baseline");
            return Err(ReadError::whole(message));
        }
        builder.msr(entry, MsrRecord { index, value: Some(value) })?;
    }
    let mut dump = finish(builder, "`cpuid_modifiers` with leaf, subleaf and modifiers")?;
    dump.provenance.tool = file.firecracker_version.map(|version| format!("firecracker {version}"));
    dump.provenance.kernel = file.kernel_version;
    dump.provenance.microcode = file.microcode_version;
    Ok(Input::Dump(Box::new(dump)))
}

/// The dump. Its errors have no lines: entries are numbered, not lines.
fn finish(builder: Builder, expected: &str) -> Result<Dump, ReadError> {
    builder.finish(expected).map_err(|e| ReadError { line: None, ..e })
}

/// How its tests record what MSRs a guest has.
const MSRS: &str = "MSR_ADDR,VALUE";

/// What a draft of 2022 had for `cpuid_modifiers`: whole registers, by leaf and subleaf.
///
/// ```json
/// {"Intel": {"cpuid_tree": {"{\"leaf\":0,\"subleaf\":0}": {"flags": 0, "result": {"eax": 13, "ebx": 1970169159, …}}}}}
/// ```
/// Source: Firecracker resources/guest_configs/cpu at commits 78d1333ff7c4 and 8b216fea20c5 (one level deeper).
const TREE: &str = "cpuid_tree";

#[derive(Deserialize)]
struct Draft {
    base_arch_config: Option<Box<Draft>>,
    #[serde(alias = "Intel", alias = "Amd")]
    cpu: Option<Cpu>,
}

#[derive(Deserialize)]
struct Cpu {
    #[serde(deserialize_with = "entries")]
    cpuid_tree: Vec<(Place, Node)>,
}

#[derive(Deserialize)]
struct Place {
    leaf: u32,
    subleaf: u32,
}

#[derive(Deserialize)]
struct Node {
    result: Values,
}

#[derive(Deserialize)]
struct Values {
    eax: u32,
    ebx: u32,
    ecx: u32,
    edx: u32,
}

/// The entries of a map whose keys are themselves JSON, including entries with equal keys.
fn entries<'de, D: Deserializer<'de>>(map: D) -> Result<Vec<(Place, Node)>, D::Error> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(Place, Node)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("register sets by leaf and subleaf")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(key) = map.next_key::<String>()? {
                let place = serde_json::from_str(&key).map_err(|_| {
                    let key = super::shorten(&key);
                    A::Error::custom(format!("`{key}`, expected {{\"leaf\":N,\"subleaf\":N}} as a string"))
                })?;
                entries.push((place, map.next_value()?));
            }
            Ok(entries)
        }
    }
    map.deserialize_map(Entries)
}

fn read_tree(text: &str, mut builder: Builder) -> Result<Input, ReadError> {
    let draft: Draft = serde_json::from_str(text).map_err(|e| json::error(&e))?;
    let cpu = draft.base_arch_config.map_or(draft.cpu, |inner| inner.cpu);
    for (entry, (place, node)) in (1..).zip(cpu.map(|cpu| cpu.cpuid_tree).unwrap_or_default()) {
        let Values { eax, ebx, ecx, edx } = node.result;
        builder.leaf(entry, place.leaf, Some(place.subleaf), Registers::new(eax, ebx, ecx, edx))?;
    }
    Ok(Input::Dump(Box::new(finish(builder, "`cpuid_tree` of an `Intel` or `Amd` CPU")?)))
}

/// Whether a text looks like a template: its modifiers are at the top, not inside a fingerprint.
#[must_use]
pub fn is_template(text: &str) -> bool {
    let mut keys = X86.iter().chain(&ARM).filter(|key| text.contains(**key)).peekable();
    if keys.peek().is_none() {
        return false;
    }
    let Ok(top) = serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text) else { return false };
    keys.any(|key| top.contains_key(*key))
}

/// Reads a template as a promise.
///
/// # Errors
/// It is not JSON of that shape, a number or bitmap is none, a place is given twice, or nothing is given.
pub fn promise(text: &str) -> Result<view::Template, ReadError> {
    let file = template(text)?;
    let (mut registers, mut msrs) = (BTreeMap::new(), BTreeMap::new());
    for (id, register, masked) in file.cpuid {
        if registers.insert((id, register), masked).is_some() {
            return Err(ReadError::whole(format!("{id} {register} is given twice")));
        }
    }
    for (index, masked) in file.msrs {
        if msrs.insert(index, masked).is_some() {
            return Err(ReadError::whole(format!("MSR {index:#x} is given twice")));
        }
    }
    let mut masks = registers.values().chain(msrs.values());
    if masks.all(|masked| masked.mask == 0) {
        return Err(ReadError::whole("a CPU template that modifies nothing"));
    }
    Ok(view::Template::new(registers, msrs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(eax: &str) -> String {
        let register = |name, bitmap: &str| format!("{{\"register\": \"{name}\", \"bitmap\": \"{bitmap}\"}}");
        let zero = format!("0b{}", "0".repeat(32));
        let rest = ["ebx", "ecx", "edx"].map(|name| register(name, &zero)).join(", ");
        format!(
            "{{\"leaf\": \"0x7\", \"subleaf\": \"0x1\", \"flags\": 1, \"modifiers\": [{}, {rest}]}}",
            register("eax", eax)
        )
    }

    fn fingerprint(eax: &str) -> String {
        let config = format!("\"cpuid_modifiers\": [{}], \"msr_modifiers\": []", leaf(eax));
        format!("{{\"firecracker_version\": \"1.16.0\", \"guest_cpu_config\": {{\"kvm_capabilities\": [], {config}}}}}")
    }

    #[test]
    fn a_fingerprint_is_a_dump() {
        let text = fingerprint("0b00000000000000000000000000010110");
        assert!(recognise(&text));
        let Ok(Input::Dump(dump)) = read(&text) else { panic!() };
        assert_eq!(dump.vcpus[0].get(LeafId::new(7, 1)), Some(Registers::new(22, 0, 0, 0)));
        assert_eq!(dump.provenance.tool.as_deref(), Some("firecracker 1.16.0"));
    }

    #[test]
    fn a_fingerprint_and_a_template_in_one_are_refused() {
        let beside = format!("\"cpuid_modifiers\": [{}], \"guest", leaf("0bx1"));
        let text = fingerprint("0b00000000000000000000000000010110").replace("\"guest", &beside);
        assert!(read(&text).unwrap_err().message.contains("keep one"));
        assert!(template(&text).unwrap_err().message.contains("keep one"));
    }

    #[test]
    fn registers_of_an_arm_cpu_are_refused_by_name() {
        for text in [
            "{\"guest_cpu_config\": {\"reg_modifiers\": [{\"addr\": \"0x603\", \"bitmap\": \"0b1\"}]}}",
            "{\"kvm_capabilities\": [\"170\"], \"vcpu_features\": [{\"index\": 0, \"bitmap\": \"0b1x\"}]}",
        ] {
            assert!(recognise(text));
            assert!(read(text).unwrap_err().message.contains("ARM"));
            assert!(template(text).unwrap_err().message.contains("ARM"));
        }
    }

    #[test]
    fn a_draft_holds_whole_registers_by_place() {
        let one = r#""{\"leaf\":7,\"subleaf\":1}": {"flags": 1, "result": {"eax": 22, "ebx": 0, "ecx": 1, "edx": 2}}"#;
        let tree = |entries: &str| format!("{{\"Intel\": {{\"cpuid_tree\": {{\n{entries}\n}}}}}}");
        for text in [tree(one), format!("{{\"base_arch_config\": {}}}", tree(one).replace("Intel", "Amd"))] {
            assert!(recognise(&text));
            let Ok(Input::Dump(dump)) = read(&text) else { panic!("{text}") };
            assert_eq!(dump.vcpus[0].get(LeafId::new(7, 1)), Some(Registers::new(22, 0, 1, 2)));
        }
        for (entries, what) in [
            ("", "no register line"),
            (&one.replace("subleaf", "sub"), "2:24: `{\"leaf\":7"),
            (&one.replace(", \"edx\": 2", ""), "2:84: missing field `edx`"),
            (&format!("{one},\n{}", one.replace("22", "23")), "leaf 0x00000007.1 comes twice"),
        ] {
            let error = read(&tree(entries)).unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
        assert!(read("{\"Arm\": {\"cpuid_tree\": {}}}").unwrap_err().message.contains("`Intel` or `Amd`"));
    }

    #[test]
    fn msrs_alone_are_no_dump() {
        let text = "MSR_ADDR,VALUE\n0x10,0x0\n";
        assert!(recognise(text) && read(text).unwrap_err().message.contains("MSRs without CPUID"));
        let text = "{\"msr_modifiers\": []}";
        assert!(recognise(text) && read(text).unwrap_err().message.contains("cpuid_modifiers"));
    }

    #[test]
    fn a_template_is_an_expectation() {
        let text = format!("{{\"cpuid_modifiers\": [{}]}}", leaf("0bx1_0"));
        assert!(recognise(&text));
        assert!(read(&text).unwrap_err().to_string().contains("--baseline"));
        let template = template(&text).unwrap();
        assert_eq!(template.cpuid[0], (LeafId::new(7, 1), Register::Eax, Masked { value: 2, mask: 3 }));
    }

    #[test]
    fn bad_values_are_named() {
        for bad in ["0b2", "1", "0b", &format!("0b{}", "1".repeat(65))] {
            let error = read(&fingerprint(bad)).unwrap_err();
            assert!(error.line == Some(1) && error.message.starts_with("bitmap `"), "{error}");
        }
        let template = "{\"cpuid_modifiers\": [\n{\"leaf\": \"0x1\\n\", \"subleaf\": \"0x0\", \"modifiers\": []}\n]}";
        let error = read(template).unwrap_err().to_string();
        assert!(error.starts_with("2:16: `0x1\\n`, expected 0x"), "{error}");
    }
}
