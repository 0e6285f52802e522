//! Firecracker: guest CPU fingerprints as dumps, and CPU templates as masked expectations.
//!
//! Both are lists of `{leaf, subleaf, modifiers: [{register, bitmap}]}` and `{addr, bitmap}`. A bitmap is `0b` and
//! digits; in a template `x` leaves a bit as it is, and bits that are not written are left as they are, too.
//!
//! Source: Firecracker docs/cpu_templates/cpu-templates.md and schema.json, src/vmm/src/cpu_config/templates_serde.rs.

use cpuid_probe::dump::MsrRecord;
use cpuid_probe::{LeafId, Register, Registers};
use serde::Deserialize;

use super::builder::Builder;
use super::{Input, Read, ReadError, Reader, json};

pub(super) const READER: Reader =
    Reader { name: "firecracker", about: "Firecracker CPU fingerprints", recognise, read: Read::One(read) };

const LIMIT: &str = "a Firecracker fingerprint holds one vCPU, and the leaves that KVM lists";

/// Bits that are set to a value; those outside `mask` stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// The value; 0 outside the mask.
    pub value: u64,
    /// The bits it decides.
    pub mask: u64,
}

/// A CPU template: what it makes of a guest's CPUID and MSRs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Registers, in the order of the file.
    pub cpuid: Vec<(LeafId, Register, Masked)>,
    /// MSRs, in the order of the file.
    pub msrs: Vec<(u32, Masked)>,
}

#[derive(Deserialize)]
struct File {
    firecracker_version: Option<String>,
    kernel_version: Option<String>,
    microcode_version: Option<String>,
    guest_cpu_config: Option<Config>,
    #[serde(flatten)]
    own: Config,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    cpuid_modifiers: Vec<Leaf>,
    #[serde(default)]
    msr_modifiers: Vec<Msr>,
}

#[derive(Deserialize)]
struct Leaf {
    leaf: Number,
    subleaf: Number,
    modifiers: Vec<Modifier>,
}

#[derive(Deserialize)]
struct Modifier {
    register: RegisterName,
    bitmap: Bitmap,
}

#[derive(Deserialize)]
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

/// Those of ARM CPUs are recognised to be refused by name.
fn recognise(text: &str) -> bool {
    text.trim_start().starts_with('{') && (text.contains(X86) || text.contains(ARM))
}

/// What Firecracker modifies on x86.
const X86: &str = "\"cpuid_modifiers\"";
/// What Firecracker modifies on aarch64.
const ARM: &str = "\"reg_modifiers\"";

fn parse(text: &str) -> Result<File, ReadError> {
    if text.contains(ARM) && !text.contains(X86) {
        return Err(ReadError::whole("the registers of an ARM CPU; expected x86 CPUID"));
    }
    let mut file: File = serde_json::from_str(text).map_err(|e| json::error(&e))?;
    if let Some(config) = file.guest_cpu_config.take() {
        file.own = config;
    }
    Ok(file)
}

/// Reads a CPU template (or a fingerprint as one that decides every bit).
///
/// # Errors
/// What is no JSON of this form, with its position; bits above a register's 31.
pub fn template(text: &str) -> Result<Template, ReadError> {
    let file = parse(text)?.own;
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
    let file = parse(text)?;
    let mut builder = Builder::new(READER.name);
    builder.limits.push(LIMIT.to_string());
    // Lists have no lines; the entry's number names the place.
    for (entry, leaf) in (1..).zip(&file.own.cpuid_modifiers) {
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
    for (entry, msr) in (1..).zip(&file.own.msr_modifiers) {
        let (index, Masked { value, mask }) = (msr.addr.0, msr.bitmap.0);
        if mask != u64::MAX {
            let message = format!("msr {index:#010x}: not all 64 bits are given; a CPU template is no dump");
            return Err(ReadError::whole(message));
        }
        builder.msr(entry, MsrRecord { index, value: Some(value) })?;
    }
    let mut dump = builder
        .finish("`cpuid_modifiers` with leaf, subleaf and modifiers")
        .map_err(|e| ReadError { line: None, ..e })?;
    dump.provenance.tool = file.firecracker_version.map(|version| format!("firecracker {version}"));
    dump.provenance.kernel = file.kernel_version;
    dump.provenance.microcode = file.microcode_version;
    Ok(Input::Dump(Box::new(dump)))
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
    fn registers_of_an_arm_cpu_are_refused_by_name() {
        let text = "{\"guest_cpu_config\": {\"reg_modifiers\": [{\"addr\": \"0x603\", \"bitmap\": \"0b1\"}]}}";
        assert!(recognise(text));
        assert!(read(text).unwrap_err().message.contains("ARM"));
        assert!(template(text).unwrap_err().message.contains("ARM"));
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
    }
}
