//! The JSON form of a dump, schema `cpuid-dump/1`.
//!
//! Keys come in one order and numbers in one form, so that equal dumps are equal files. Unknown fields are refused
//! except inside `provenance`, which is evidence and may grow. `complete` is computed on writing and not believed on
//! reading.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::dump::{
    Boot, BootWarning, Compat, Dump, Gap, GapReason, Imported, MAX_LEAVES, MAX_VCPUS, MsrRecord, Provenance, Record,
    Source, VcpuDump, Whose,
};
use crate::leaf::LeafId;
use crate::register::{Hex, Registers};

/// The value of `schema`.
pub const SCHEMA: &str = "cpuid-dump/1";

/// Writes a dump: one line a register set, ended by a line feed.
#[must_use]
pub fn to_string(dump: &Dump) -> String {
    // Writing to a String cannot fail, and none of these types can fail to serialize.
    fn json<T: Serialize>(value: &T) -> String {
        serde_json::to_string(value).unwrap_or_default()
    }
    fn list(out: &mut String, name: &str, items: &[String], last: bool) {
        let end = if last { "" } else { "," };
        if items.is_empty() {
            let _ = writeln!(out, "      \"{name}\": []{end}");
        } else {
            let _ = writeln!(out, "      \"{name}\": [\n        {}\n      ]{end}", items.join(",\n        "));
        }
    }
    let mut out = format!("{{\n  \"schema\": \"{SCHEMA}\",\n");
    let provenance = serde_json::to_string_pretty(&WireProvenance::from(&dump.provenance)).unwrap_or_default();
    let _ = write!(out, "  \"provenance\": {},\n  \"vcpus\": [", provenance.replace('\n', "\n  "));
    for (i, v) in dump.vcpus.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        let _ = writeln!(out, "{comma}\n    {{ \"vcpu\": {}, \"complete\": {},", v.vcpu, v.is_complete());
        list(&mut out, "gaps", &v.gaps.iter().map(|g| json(&WireGap::from(g))).collect::<Vec<_>>(), false);
        list(&mut out, "leaves", &v.leaves().iter().map(|r| json(&WireRecord::from(r))).collect::<Vec<_>>(), false);
        list(&mut out, "msrs", &v.msrs().iter().map(|m| json(&WireMsr::from(m))).collect::<Vec<_>>(), true);
        out.push_str("    }");
    }
    out.push_str("\n  ]\n}\n");
    out
}

/// Reads a dump. vCPUs may come in any order.
///
/// # Errors
/// What is not this schema, with line and column: unknown or missing fields, numbers that are not `0x` and hex
/// digits, a place or vCPU that comes twice with different values.
pub fn from_str(text: &str) -> Result<Dump, serde_json::Error> {
    let wire: WireDump = serde_json::from_str(text)?;
    let mut dump = Dump { provenance: wire.provenance.into(), vcpus: wire.vcpus.0 };
    dump.vcpus.sort_by_key(|v| v.vcpu);
    Ok(dump)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct WireDump {
    #[serde(rename = "schema")]
    _schema: Schema,
    provenance: WireProvenance,
    vcpus: Vcpus,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Schema;

impl TryFrom<String> for Schema {
    type Error = String;
    fn try_from(schema: String) -> Result<Self, String> {
        if schema == SCHEMA { Ok(Self) } else { Err(format!("schema `{schema}`, expected `{SCHEMA}`")) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct WireProvenance {
    tool: Option<String>,
    label: Option<String>,
    captured_at: Option<String>,
    source: WireSource,
    kernel: Option<String>,
    microcode: Option<String>,
    #[serde(default)]
    hypervisor: Vec<String>,
    vcpus_online: Option<u32>,
    boot: Option<WireBoot>,
    imported: Option<WireImported>,
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

impl From<&Provenance> for WireProvenance {
    fn from(p: &Provenance) -> Self {
        let p = p.clone();
        let other = p.other.into_iter().filter_map(|(k, v)| Some((k, serde_json::from_str(&v).ok()?))).collect();
        Self {
            tool: p.tool,
            label: p.label,
            captured_at: p.captured_at,
            source: WireSource(p.source),
            kernel: p.kernel,
            microcode: p.microcode,
            hypervisor: p.hypervisor,
            vcpus_online: p.vcpus_online,
            boot: p.boot.map(Into::into),
            imported: p.imported.map(|i| WireImported {
                format: i.format,
                limits: i.limits,
                of: i.of.map(|whose| whose.word().to_string()),
                cpu: i.cpu,
            }),
            other,
        }
    }
}

impl From<WireProvenance> for Provenance {
    fn from(p: WireProvenance) -> Self {
        Self {
            tool: p.tool,
            label: p.label,
            captured_at: p.captured_at,
            source: p.source.0,
            kernel: p.kernel,
            microcode: p.microcode,
            hypervisor: p.hypervisor,
            vcpus_online: p.vcpus_online,
            boot: p.boot.map(Into::into),
            imported: p.imported.map(|i| Imported {
                format: i.format,
                limits: i.limits,
                of: i.of.and_then(|word| Whose::ALL.into_iter().find(|whose| whose.word() == word)),
                cpu: i.cpu,
                ..Imported::default()
            }),
            other: p.other.into_iter().map(|(k, v)| (k, v.to_string())).collect(),
        }
    }
}

struct WireSource(Source);

impl Serialize for WireSource {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.word())
    }
}

impl<'de> Deserialize<'de> for WireSource {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let word = String::deserialize(d)?;
        let source = Source::from_word(&word);
        source
            .map(WireSource)
            .ok_or_else(|| D::Error::custom(format!("source `{word}`, expected native, kvm, boot or import")))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct WireBoot {
    qemu: String,
    accel: String,
    machine: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compat: Option<Vec<WireCompat>>,
    cpu: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    warnings: Vec<WireWarning>,
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct WireWarning {
    text: String,
    feature: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(expecting = "an object")]
struct WireImported {
    format: String,
    #[serde(default)]
    limits: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu: Option<String>,
}

impl From<Boot> for WireBoot {
    fn from(b: Boot) -> Self {
        let warnings = b.warnings.into_iter().map(|w| WireWarning { text: w.text, feature: w.feature }).collect();
        let compat = b.compat.map(|compat| compat.into_iter().map(WireCompat).collect());
        Self { qemu: b.qemu, accel: b.accel, machine: b.machine, compat, cpu: b.cpu, command: b.command, warnings }
    }
}

impl From<WireBoot> for Boot {
    fn from(b: WireBoot) -> Self {
        let warnings = b.warnings.into_iter().map(|w| BootWarning { text: w.text, feature: w.feature }).collect();
        let compat = b.compat.map(|compat| compat.into_iter().map(|c| c.0).collect());
        Self { qemu: b.qemu, accel: b.accel, machine: b.machine, compat, cpu: b.cpu, command: b.command, warnings }
    }
}

/// One line of QEMU's `-global`.
struct WireCompat(Compat);

impl Serialize for WireCompat {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WireCompat {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map(WireCompat).map_err(|expected| D::Error::custom(format!("compat `{text}`: {expected}")))
    }
}

/// vCPUs in any order, each number once.
#[derive(Deserialize)]
#[serde(try_from = "Vec<WireVcpu>")]
struct Vcpus(Vec<VcpuDump>);

impl TryFrom<Vec<WireVcpu>> for Vcpus {
    type Error = String;
    fn try_from(wire: Vec<WireVcpu>) -> Result<Self, String> {
        if wire.is_empty() || wire.len() > MAX_VCPUS {
            return Err(format!("{} vCPUs, expected 1 to {MAX_VCPUS}", wire.len()));
        }
        let mut numbers: Vec<u32> = wire.iter().map(|v| v.0.vcpu).collect();
        numbers.sort_unstable();
        match numbers.windows(2).find(|w| w[0] == w[1]) {
            Some(twice) => Err(format!("vcpu {} comes twice", twice[0])),
            None => Ok(Self(wire.into_iter().map(|v| v.0).collect())),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "WireVcpuFields")]
struct WireVcpu(VcpuDump);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct WireVcpuFields {
    vcpu: u32,
    #[serde(rename = "complete")]
    _complete: bool,
    gaps: Vec<WireGap>,
    leaves: Vec<WireRecord>,
    msrs: Vec<WireMsr>,
}

impl TryFrom<WireVcpuFields> for WireVcpu {
    type Error = String;
    fn try_from(wire: WireVcpuFields) -> Result<Self, String> {
        let mut v = VcpuDump::new(wire.vcpu);
        v.gaps = wire.gaps.iter().map(Gap::from).collect();
        let most = [wire.leaves.len(), wire.msrs.len(), wire.gaps.len()].into_iter().max().unwrap_or_default();
        if most > MAX_LEAVES {
            return Err(format!("{most} entries in vcpu {}, expected at most {MAX_LEAVES}", wire.vcpu));
        }
        // Sorted, so that each insertion is at the end.
        let mut records: Vec<Record> = wire.leaves.iter().map(Record::from).collect();
        records.sort_by_key(|record| record.id);
        let mut msrs: Vec<MsrRecord> = wire.msrs.iter().map(MsrRecord::from).collect();
        msrs.sort_by_key(|msr| msr.index);
        for record in records {
            let id = record.id;
            v.insert(record).map_err(|_| format!("leaf {id} comes twice with different values"))?;
        }
        for msr in msrs {
            v.insert_msr(msr).map_err(|_| format!("msr {:#010x} comes twice with different values", msr.index))?;
        }
        Ok(Self(v))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct WireRecord {
    leaf: Hex32,
    subleaf: Option<Hex32>,
    eax: Hex32,
    ebx: Hex32,
    ecx: Hex32,
    edx: Hex32,
}

impl From<&Record> for WireRecord {
    fn from(record: &Record) -> Self {
        let r = record.registers;
        Self {
            leaf: Hex32(record.id.leaf),
            subleaf: record.id.subleaf.map(Hex32),
            eax: Hex32(r.eax),
            ebx: Hex32(r.ebx),
            ecx: Hex32(r.ecx),
            edx: Hex32(r.edx),
        }
    }
}

impl From<&WireRecord> for Record {
    fn from(w: &WireRecord) -> Self {
        let id = LeafId::new(w.leaf.0, w.subleaf.as_ref().map_or(0, |n| n.0));
        Self { id, registers: Registers::new(w.eax.0, w.ebx.0, w.ecx.0, w.edx.0) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct WireMsr {
    index: Hex32,
    value: Option<Hex64>,
}

impl From<&MsrRecord> for WireMsr {
    fn from(m: &MsrRecord) -> Self {
        Self { index: Hex32(m.index), value: m.value.map(Hex64) }
    }
}

impl From<&WireMsr> for MsrRecord {
    fn from(w: &WireMsr) -> Self {
        Self { index: w.index.0, value: w.value.as_ref().map(|v| v.0) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct WireGap {
    leaf: Hex32,
    subleaf: Option<Hex32>,
    reason: WireReason,
}

struct WireReason(GapReason);

impl Serialize for WireReason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.word())
    }
}

impl<'de> Deserialize<'de> for WireReason {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let word = String::deserialize(d)?;
        let reason = GapReason::from_word(&word);
        reason
            .map(WireReason)
            .ok_or_else(|| D::Error::custom(format!("reason `{word}`, expected cap, unreachable, fault or end")))
    }
}

impl From<&Gap> for WireGap {
    fn from(g: &Gap) -> Self {
        Self { leaf: Hex32(g.id.leaf), subleaf: g.id.subleaf.map(Hex32), reason: WireReason(g.reason) }
    }
}

impl From<&WireGap> for Gap {
    fn from(w: &WireGap) -> Self {
        let id = LeafId::new(w.leaf.0, w.subleaf.as_ref().map_or(0, |n| n.0));
        Self { id, reason: w.reason.0 }
    }
}

struct Hex32(u32);
struct Hex64(u64);

impl Serialize for Hex32 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(str::from_utf8(&Hex(self.0).prefixed()).unwrap_or_default())
    }
}

impl Serialize for Hex64 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&format_args!("{:#018x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Hex32 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = hex(d, 8)?;
        u32::try_from(value).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Hex64 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        hex(d, 16).map(Self)
    }
}

/// `0x` and 1 to `most` hex digits.
fn hex<'de, D: Deserializer<'de>>(d: D, most: usize) -> Result<u64, D::Error> {
    let word = String::deserialize(d)?;
    let digits = word.strip_prefix("0x").filter(|w| (1..=most).contains(&w.len()));
    let digits = digits.filter(|w| w.bytes().all(|b| b.is_ascii_hexdigit()));
    digits
        .and_then(|w| u64::from_str_radix(w, 16).ok())
        .ok_or_else(|| D::Error::custom(format!("number `{word}`, expected `0x` and up to {most} hex digits")))
}
