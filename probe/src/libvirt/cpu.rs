//! Every form in which libvirt writes a CPU, as one type.
//!
//! # Source
//! libvirt 9.0 src/conf/cpu_conf.c (`virCPUDefParseXML`), src/conf/schemas/cputypes.rng; where a CPU is found in a
//! file: tools/virsh-host.c (`vshExtractCPUDefXMLs`), src/conf/snapshot_conf.c. An element or attribute of `<cpu>` that
//! none of them knows is an error here, though libvirt ignores it: it may change what the guest is promised.

use std::borrow::ToOwned;
use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::beside::Beside;
use super::names::libvirt_name;
use super::xml::{self, Element, Position, XmlError, is_name, short};

/// Which kind of document a CPU is from, and so what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `virsh capabilities`, or any `<cpu>` with an `<arch>`: what the host's CPUID shows. A guest may get less.
    Host,
    /// `virsh domcapabilities`, mode host-model: what a guest with host-model gets on this host.
    HostModel,
    /// A domain XML, or `virsh cpu-baseline` output: what a guest is to get.
    Guest,
}

/// How the guest's CPU is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The named model with the listed changes.
    Custom,
    /// Whatever host-model is on the host where the guest starts; in a live XML libvirt replaces it by `Custom`.
    HostModel,
    /// The host's CPU.
    HostPassthrough,
    /// Everything that the hypervisor can give.
    Maximum,
}

impl Mode {
    const WORDS: &[(&'static str, Self)] = &[
        ("custom", Self::Custom),
        ("host-model", Self::HostModel),
        ("host-passthrough", Self::HostPassthrough),
        ("maximum", Self::Maximum),
    ];

    /// libvirt's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(Self::WORDS, self)
    }
}

/// What a CPU may have beyond what is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// The listed CPU is the least: the guest gets all that the host's CPU model has.
    Minimum,
    /// The guest gets what is listed.
    Exact,
    /// As `Exact`, and a host that has more is refused.
    Strict,
}

impl Match {
    const WORDS: &[(&'static str, Self)] =
        &[("minimum", Self::Minimum), ("exact", Self::Exact), ("strict", Self::Strict)];

    /// libvirt's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(Self::WORDS, self)
    }
}

/// How libvirt checks the guest's CPU at its start. A live XML says `Full`: it lists what the guest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Not at all.
    None,
    /// Against the host, before the start.
    Partial,
    /// Against what QEMU gave, after the start.
    Full,
}

impl Check {
    const WORDS: &[(&'static str, Self)] = &[("none", Self::None), ("partial", Self::Partial), ("full", Self::Full)];

    /// libvirt's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(Self::WORDS, self)
    }
}

/// What is asked of one feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// The guest has it, whether or not the host has.
    Force,
    /// The guest has it; a host without it is refused.
    Require,
    /// The guest has it where the host has.
    Optional,
    /// The guest does not have it.
    Disable,
    /// The guest does not have it; a host with it is refused.
    Forbid,
}

impl Policy {
    const WORDS: &[(&'static str, Self)] = &[
        ("force", Self::Force),
        ("require", Self::Require),
        ("optional", Self::Optional),
        ("disable", Self::Disable),
        ("forbid", Self::Forbid),
    ];

    /// libvirt's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(Self::WORDS, self)
    }

    /// What libvirt's word stands for.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, policy)| *policy)
    }
}

/// What to do where QEMU does not know the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// Take the nearest model that it knows.
    #[default]
    Allow,
    /// Refuse.
    Forbid,
}

impl Fallback {
    const WORDS: &[(&'static str, Self)] = &[("allow", Self::Allow), ("forbid", Self::Forbid)];

    /// libvirt's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(Self::WORDS, self)
    }
}

/// One listed feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// libvirt's name of the feature, as written. Nothing here checks whether the name is known.
    pub name: String,
    /// The policy for the feature. libvirt writes no policies into [`Form::Host`], and reads none: each feature that is
    /// listed is there. Where there is one, somebody put an `<arch>` into a host-model to please `virsh cpu-baseline`,
    /// and means it.
    pub policy: Policy,
    /// Where it is written.
    pub at: Position,
}

/// Where the guest's physical address width comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhysAddrMode {
    /// The host's.
    Passthrough,
    /// A given number.
    Emulate,
}

/// `<maxphysaddr>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPhysAddr {
    /// Where the width comes from.
    pub mode: PhysAddrMode,
    /// The width in bits (`Emulate`; what the host has in [`Form::Host`]).
    pub bits: Option<u32>,
    /// At most this width in bits (`Passthrough`, libvirt 9.3).
    pub limit: Option<u32>,
}

impl MaxPhysAddr {
    /// The width that a definition gives a guest, in bits: without `bits`, QEMU's own of a 64-bit CPU.
    ///
    /// # Source
    /// libvirt 11.3 src/qemu/qemu_command.c (`host-phys-bits=off`; 9.0 refuses such a definition); QEMU 7.2
    /// target/i386/cpu.h `TCG_PHYS_ADDR_BITS`, target/i386/cpu.c `x86_cpu_realizefn`.
    #[must_use]
    pub fn emulated(&self) -> Option<u32> {
        (self.mode == PhysAddrMode::Emulate).then(|| self.bits.unwrap_or(QEMU_WIDTH))
    }
}

/// The width of physical addresses that QEMU gives a 64-bit CPU that asks for none, in bits.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.h `TCG_PHYS_ADDR_BITS`, target/i386/cpu.c `x86_cpu_realizefn`.
pub const QEMU_WIDTH: u32 = 40;

/// `<topology>`: each at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Sockets.
    pub sockets: u32,
    /// Dies in a socket.
    pub dies: u32,
    /// Clusters in a die.
    pub clusters: u32,
    /// Cores in a cluster.
    pub cores: u32,
    /// Threads in a core.
    pub threads: u32,
}

impl Topology {
    /// How many vCPUs it makes; at most `u32::MAX`.
    #[must_use]
    pub const fn vcpus(self) -> u32 {
        let in_a_die = self.clusters.saturating_mul(self.cores).saturating_mul(self.threads);
        self.sockets.saturating_mul(self.dies).saturating_mul(in_a_die)
    }
}

/// How the guest's caches are described.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    /// QEMU's own description.
    Emulate,
    /// The host's.
    Passthrough,
    /// No cache.
    Disable,
}

impl CacheMode {
    const WORDS: &[(&'static str, Self)] =
        &[("emulate", Self::Emulate), ("passthrough", Self::Passthrough), ("disable", Self::Disable)];

    /// libvirt's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        word(Self::WORDS, self)
    }
}

/// `<cache>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// The level, 1 to 3; nothing is all of them.
    pub level: Option<u32>,
    /// How it is described.
    pub mode: CacheMode,
}

/// `<signature>`: leaf 1 EAX, as the numbers that people use (extended family added, extended model put in front).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Family.
    pub family: u32,
    /// Model.
    pub model: u32,
    /// Stepping.
    pub stepping: u32,
}

/// `<counter name='tsc'>`: the host's time stamp counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tsc {
    /// In Hz.
    pub frequency: u64,
    /// Whether the hardware can scale it; nothing where libvirt does not know.
    pub scaling: Option<bool>,
}

/// A CPU as libvirt describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Which kind of document it is from.
    pub form: Form,
    /// The architecture, where it is said: `x86_64` or `i686`.
    pub arch: Option<String>,
    /// How it is chosen; `Custom` for [`Form::Host`] and [`Form::HostModel`], which both spell it out.
    pub mode: Mode,
    /// What it may have beyond what is listed.
    pub matching: Match,
    /// How libvirt checks it; nothing: libvirt's default for the mode.
    pub check: Option<Check>,
    /// `Some(false)`: may have features that block migration (host-passthrough and maximum alone).
    pub migratable: Option<bool>,
    /// libvirt's name of the CPU model. Every [`Form::Host`] has one; a guest without one gets the hypervisor's
    /// default, or what its mode says.
    pub model: Option<String>,
    /// Where the model is written, else where the CPU is.
    pub model_at: Position,
    /// What to do where QEMU does not know the model.
    pub fallback: Fallback,
    /// The vendor string that the guest is to see: 12 bytes. It asks nothing of the host.
    pub vendor_id: Option<String>,
    /// The vendor that the host must have, in libvirt's word: `Intel`, `AMD`, `Hygon`.
    pub vendor: Option<String>,
    /// Listed features in the order written; no name twice.
    pub features: Vec<Feature>,
    /// The physical address width.
    pub max_phys_addr: Option<MaxPhysAddr>,
    /// Sockets, dies, cores and threads.
    pub topology: Option<Topology>,
    /// How caches are described.
    pub cache: Option<Cache>,
    /// Whether NUMA cells are given.
    pub numa: bool,
    /// The host's signature ([`Form::Host`]).
    pub signature: Option<Signature>,
    /// The host's time stamp counter ([`Form::Host`]).
    pub tsc: Option<Tsc>,
    /// What a domain asks of its guest's CPU besides; in `virsh domcapabilities`, what the host can give besides.
    pub beside: Option<Box<Beside>>,
    /// Whose it is, where the text names one of several: a domain, a node, a custom model.
    pub name: Option<String>,
    /// What the text is, where it is not libvirt's.
    pub document: Option<&'static str>,
    /// The text has a part of what was written: of what it does not name nothing is known.
    pub excerpt: bool,
    /// Where it is written.
    pub at: Position,
}

/// Reads every CPU of a text, in the order written; at least one.
///
/// Understood are, alone or one after the other: `virsh capabilities`, `virsh domcapabilities` (its host-model), a bare
/// `<cpu>` (`virsh cpu-baseline`, `hypervisor-cpu-baseline`) or host-model `<mode>`, a domain XML (`virsh dumpxml`,
/// `save-image-dumpxml`, `managedsave-dumpxml`), a snapshot's (its cookie, the CPU as it was live, before the request),
/// a domain status file, and libvirt's own `<cpuTest>` lists.
///
/// # Errors
/// The text is not well-formed XML, is too big, holds no CPU, or says something that libvirt refuses or that is not
/// known here. One error, with its place.
pub fn read_cpus(text: &str) -> Result<Vec<Cpu>, XmlError> {
    xml::parse(text, |documents| {
        let mut cpus = Vec::new();
        for document in documents {
            cpus.extend(find(*document)?);
        }
        if cpus.is_empty() { Err(nothing_found()) } else { Ok(cpus) }
    })
}

pub(super) fn nothing_found() -> XmlError {
    xml::nothing(format!("no libvirt XML found, expected {EXPECTED}"))
}

const EXPECTED: &str = "<cpu>, <domain>, <capabilities>, <domainCapabilities> or <domainsnapshot>";

/// The CPUs of one document.
pub(super) fn find(document: Element<'_, '_>) -> Result<Vec<Cpu>, XmlError> {
    let none = |what: &str| document.error(format!("this <{}> has no {what}", document.local_name()));
    let guest = |domain: Option<Element<'_, '_>>, cpu: Option<Element<'_, '_>>| {
        let mut read = Cpu::read_guest(cpu.ok_or_else(|| none("<cpu>"))?)?;
        read.beside = domain.map(|domain| Box::new(Beside::read(domain, &read)));
        Ok(read)
    };
    for path in [&["os", "type"][..], &["domain", "os", "type"]] {
        if let Some(kind) = document.at(path)
            && let Some(arch) = kind.attribute("arch")
        {
            expect_x86(arch, kind)?;
        }
    }
    let cpu = match document.name() {
        "cpuTest" => return document.all("cpu").map(Cpu::read).collect(),
        "cpu" => Cpu::read(document)?,
        "mode" => Cpu::read_host_model(document)?,
        "domain" => guest(Some(document), document.one("cpu")?)?,
        "domainsnapshot" => {
            let domain = document.one("domain")?;
            let cpu = match only_cpu(document.one("cookie")?)? {
                None => only_cpu(domain)?,
                cpu => cpu,
            };
            guest(domain, cpu)?
        }
        "domstatus" => {
            let domain = document.one("domain")?;
            guest(domain, only_cpu(domain)?)?
        }
        "capabilities" => {
            let cpu = Cpu::read(document.at(&["host", "cpu"]).ok_or_else(|| none("<host> with a <cpu>"))?)?;
            if cpu.form != Form::Host {
                return Err(document.error("the host's <cpu> has no <arch>"));
            }
            cpu
        }
        "domainCapabilities" => {
            if let Some(arch) = document.one("arch")? {
                expect_x86(&arch.text().unwrap_or_default(), arch)?;
            }
            let modes = document.at(&["cpu"]).into_iter().flat_map(|cpu| cpu.all("mode"));
            let mut host_model = modes.filter(|mode| mode.attribute("name") == Some("host-model"));
            let mut read = Cpu::read_host_model(host_model.next().ok_or_else(|| none("host-model CPU <mode>"))?)?;
            read.beside = Some(Box::new(Beside::of_host(document)));
            read
        }
        _ => {
            let name = short(document.local_name());
            return Err(document.error(format!("<{name}> is not libvirt XML with a CPU, expected {EXPECTED}")));
        }
    };
    Ok(Vec::from([cpu]))
}

/// The one `<cpu>` of an element that is there.
fn only_cpu<'a, 'i>(within: Option<Element<'a, 'i>>) -> Result<Option<Element<'a, 'i>>, XmlError> {
    within.map_or(Ok(None), |within| within.one("cpu"))
}

/// Refuses the CPUs of other architectures, whose models and features are not those of x86.
fn expect_x86(arch: &str, at: Element<'_, '_>) -> Result<(), XmlError> {
    if ["x86_64", "i686"].contains(&arch) {
        return Ok(());
    }
    Err(at.error(format!("the architecture is '{}', expected x86_64 or i686", short(arch))))
}

impl Cpu {
    /// Reads a `<cpu>`, of a host or of a guest: one of a host has an `<arch>`.
    pub(super) fn read(cpu: Element<'_, '_>) -> Result<Self, XmlError> {
        let Some(arch) = cpu.one("arch")? else { return Self::read_guest(cpu) };
        if cpu.attribute("mode").is_some() {
            return Err(cpu.error("<cpu> has both mode= (a guest's) and <arch> (a host's)"));
        }
        cpu.only_attributes(&["match"])?;
        cpu.only_children(&[
            "arch",
            "features",
            "model",
            "vendor",
            "microcode",
            "signature",
            "counter",
            "topology",
            "cache",
            "maxphysaddr",
            "feature",
            "pages",
            "numa",
        ])?;
        let mut read = Self::read_common(cpu, Form::Host)?;
        let name = arch.text().unwrap_or_default();
        expect_x86(&name, arch)?;
        read.arch = Some(name);
        if read.model.is_none() {
            return Err(cpu.error("the host's <cpu> has no <model>"));
        }
        Ok(read)
    }

    /// Reads a guest's `<cpu>`.
    pub(super) fn read_guest(cpu: Element<'_, '_>) -> Result<Self, XmlError> {
        cpu.only_attributes(&["mode", "match", "check", "migratable", "deprecated_features"])?;
        // In a domain libvirt does not look at <arch>.
        cpu.only_children(&["arch", "model", "vendor", "topology", "cache", "maxphysaddr", "feature", "numa"])?;
        let mut read = Self::read_common(cpu, Form::Guest)?;
        read.mode = cpu.word("mode", Mode::WORDS)?.unwrap_or(Mode::Custom);
        read.matching = cpu.word("match", Match::WORDS)?.unwrap_or(Match::Exact);
        read.check = cpu.word("check", Check::WORDS)?;
        read.migratable = cpu.word("migratable", &[("on", true), ("off", false)])?;
        if read.migratable.is_some() && !matches!(read.mode, Mode::HostPassthrough | Mode::Maximum) {
            return Err(cpu.error("migratable= is for mode='host-passthrough' and mode='maximum' alone"));
        }
        if read.mode == Mode::Custom
            && read.model.is_none()
            && let Some(empty) = cpu.one("model")?
        {
            return Err(empty.error("an empty <model>"));
        }
        if read.mode == Mode::Custom
            && read.model.is_none()
            && let Some(feature) = read.features.first()
        {
            return Err(XmlError { at: feature.at, message: "<feature> without a <model>".to_owned() });
        }
        Ok(read)
    }

    fn read_host_model(mode: Element<'_, '_>) -> Result<Self, XmlError> {
        if mode.attribute("supported") != Some("yes") {
            return Err(mode.error("this host does not support the CPU mode host-model (supported='yes' is expected)"));
        }
        if mode.attribute("name") != Some("host-model") {
            return Err(mode.error("only the CPU mode host-model describes a CPU"));
        }
        mode.only_children(&["model", "vendor", "signature", "maxphysaddr", "feature", "topology", "cache", "numa"])?;
        let read = Self::read_common(mode, Form::HostModel)?;
        if read.model.is_none() {
            return Err(mode.error("host-model has no <model>"));
        }
        Ok(read)
    }

    /// A guest's CPU with nothing specified.
    #[must_use]
    pub const fn empty(at: Position) -> Self {
        Self {
            form: Form::Guest,
            arch: None,
            mode: Mode::Custom,
            matching: Match::Exact,
            check: None,
            migratable: None,
            model: None,
            model_at: at,
            fallback: Fallback::Allow,
            vendor_id: None,
            vendor: None,
            features: Vec::new(),
            max_phys_addr: None,
            topology: None,
            cache: None,
            numa: false,
            signature: None,
            tsc: None,
            beside: None,
            name: None,
            document: None,
            excerpt: false,
            at,
        }
    }

    /// What all forms have in common.
    fn read_common(cpu: Element<'_, '_>, form: Form) -> Result<Self, XmlError> {
        let model = cpu.one("model")?;
        let vendor = cpu.one("vendor")?.map(|vendor| vendor.text().ok_or_else(|| vendor.error("an empty <vendor>")));
        let vendor = vendor.transpose()?;
        let mut read = Self {
            form,
            model: model.and_then(|model| model.text()),
            model_at: model.unwrap_or(cpu).position(),
            vendor,
            features: read_features(cpu)?,
            max_phys_addr: cpu.one("maxphysaddr")?.map(read_max_phys_addr).transpose()?,
            topology: cpu.one("topology")?.map(read_topology).transpose()?,
            cache: cpu.one("cache")?.map(read_cache).transpose()?,
            numa: cpu.one("numa")?.is_some(),
            signature: cpu.one("signature")?.map(read_signature).transpose()?.flatten(),
            ..Self::empty(cpu.position())
        };
        if let Some(model) = model {
            model.only_attributes(&["fallback", "vendor_id"])?;
            model.only_children(&[])?;
            read.fallback = model.word("fallback", Fallback::WORDS)?.unwrap_or_default();
            if let Some(id) = model.attribute("vendor_id") {
                if id.len() != 12 || id.contains(',') {
                    let message = format!("vendor_id='{}', expected 12 bytes without a comma", short(id));
                    return Err(model.error(message));
                }
                read.vendor_id = Some(id.to_owned());
            }
        }
        if read.vendor.is_some() && read.model.is_none() {
            return Err(cpu.error("<vendor> without a <model>"));
        }
        for counter in cpu.all("counter").filter(|counter| counter.attribute("name") == Some("tsc")) {
            let scaling = counter.word("scaling", &[("yes", true), ("no", false)])?;
            read.tsc = counter.number("frequency")?.map(|frequency| Tsc { frequency, scaling });
        }
        Ok(read)
    }
}

/// libvirt knows some 400.
const MAX_FEATURES: usize = 2000;

fn read_features(cpu: Element<'_, '_>) -> Result<Vec<Feature>, XmlError> {
    let mut features = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for feature in cpu.all("feature") {
        feature.only_attributes(&["name", "policy"])?;
        feature.only_children(&[])?;
        if feature.text().is_some_and(|text| !text.trim().is_empty()) {
            return Err(feature.error("<feature> has text in it"));
        }
        let name = feature.required("name")?;
        if !is_name(name) {
            return Err(feature.error(format!("'{}' is not a feature name", short(name))));
        }
        if features.len() == MAX_FEATURES {
            return Err(feature.error(format!("more than {MAX_FEATURES} features, which no CPU has")));
        }
        if !names.insert(name) {
            return Err(feature.error(format!("feature '{}' is listed twice", short(name))));
        }
        if let Some(other) = features.iter().find(|f: &&Feature| libvirt_name(&f.name) == libvirt_name(name)) {
            let (name, other) = (short(name), short(&other.name));
            return Err(feature.error(format!("feature '{name}' is '{other}' by another name, which is listed too")));
        }
        let policy = feature.word("policy", Policy::WORDS)?.unwrap_or(Policy::Require);
        features.push(Feature { name: name.to_owned(), policy, at: feature.position() });
    }
    Ok(features)
}

/// # Source
/// libvirt docs/formatdomain.rst: `bits` is for `emulate` (libvirt 11.3 takes it without, and tells QEMU no width), `limit`
/// for `passthrough`.
fn read_max_phys_addr(element: Element<'_, '_>) -> Result<MaxPhysAddr, XmlError> {
    element.only_attributes(&["mode", "bits", "limit"])?;
    element.required("mode")?;
    let words = [("passthrough", PhysAddrMode::Passthrough), ("emulate", PhysAddrMode::Emulate)];
    let mode = element.word("mode", &words)?.unwrap_or(PhysAddrMode::Emulate);
    let read = MaxPhysAddr { mode, bits: element.number("bits")?, limit: element.number("limit")? };
    match (mode, read.bits, read.limit) {
        (PhysAddrMode::Emulate, _, Some(_)) => {
            Err(element.error("<maxphysaddr> has limit= without mode='passthrough'"))
        }
        (PhysAddrMode::Passthrough, Some(_), _) => Err(element.error("<maxphysaddr> has bits= without mode='emulate'")),
        _ => Ok(read),
    }
}

fn read_topology(element: Element<'_, '_>) -> Result<Topology, XmlError> {
    element.only_attributes(&["sockets", "dies", "clusters", "cores", "threads"])?;
    let count = |name: &str| match element.number(name)? {
        Some(0) => Err(element.error(format!("<topology> has {name}='0', expected at least 1"))),
        count => Ok(count),
    };
    let needed = |name: &str| {
        let missing = || element.error(format!("<topology> has no {name}= attribute"));
        count(name)?.ok_or_else(missing)
    };
    Ok(Topology {
        sockets: needed("sockets")?,
        dies: count("dies")?.unwrap_or(1),
        clusters: count("clusters")?.unwrap_or(1),
        cores: needed("cores")?,
        threads: needed("threads")?,
    })
}

fn read_cache(element: Element<'_, '_>) -> Result<Cache, XmlError> {
    element.only_attributes(&["level", "mode"])?;
    element.required("mode")?;
    let mode = element.word("mode", CacheMode::WORDS)?.unwrap_or(CacheMode::Emulate);
    let level = element.word("level", &[("1", 1), ("2", 2), ("3", 3)])?;
    Ok(Cache { level, mode })
}

fn read_signature(element: Element<'_, '_>) -> Result<Option<Signature>, XmlError> {
    let (family, model, stepping) = (element.number("family")?, element.number("model")?, element.number("stepping")?);
    Ok(match (family, model, stepping) {
        (Some(family), Some(model), Some(stepping)) => Some(Signature { family, model, stepping }),
        _ => None,
    })
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, meaning)| *meaning == value).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn one(text: &str) -> Cpu {
        let mut cpus = read_cpus(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(cpus.len(), 1);
        cpus.remove(0)
    }

    fn error(text: &str) -> String {
        read_cpus(text).expect_err(text).to_string()
    }

    #[test]
    fn a_guest() {
        let cpu = one(concat!(
            "<domain type='kvm'>\n  <cpu mode='custom' match='strict' check='full'>\n",
            "    <model fallback='forbid' vendor_id='KVM Testing!'>Penryn</model>\n    <vendor>Intel</vendor>\n",
            "    <topology sockets='2' dies='1' cores='4' threads='2'/>\n",
            "    <cache level='3' mode='emulate'/>\n    <maxphysaddr mode='emulate' bits='42'/>\n",
            "    <feature policy='forbid' name='ds'/>\n    <feature name='vme'/>\n  </cpu>\n</domain>\n"
        ));
        assert_eq!((cpu.form, cpu.mode, cpu.matching), (Form::Guest, Mode::Custom, Match::Strict));
        assert_eq!((cpu.check, cpu.fallback), (Some(Check::Full), Fallback::Forbid));
        assert_eq!((cpu.model.as_deref(), cpu.vendor.as_deref()), (Some("Penryn"), Some("Intel")));
        assert_eq!(cpu.vendor_id.as_deref(), Some("KVM Testing!"));
        assert_eq!(cpu.topology, Some(Topology { sockets: 2, dies: 1, clusters: 1, cores: 4, threads: 2 }));
        assert_eq!(cpu.cache, Some(Cache { level: Some(3), mode: CacheMode::Emulate }));
        assert_eq!(cpu.max_phys_addr, Some(MaxPhysAddr { mode: PhysAddrMode::Emulate, bits: Some(42), limit: None }));
        let features: Vec<_> = cpu.features.iter().map(|f| (f.name.as_str(), f.policy, f.at.line)).collect();
        assert_eq!(features, [("ds", Policy::Forbid, 8), ("vme", Policy::Require, 9)]);
        assert_eq!((cpu.at.line, cpu.at.column), (2, 3));
    }

    #[test]
    fn a_host_has_no_policies_unless_somebody_wrote_them() {
        let cpu = one(concat!(
            "<?xml version='1.0'?>\n<capabilities><host><uuid>x</uuid><cpu><arch>x86_64</arch><model>EPYC</model>",
            "<vendor>AMD</vendor><microcode version='1'/><signature family='25' model='1' stepping='2'/>",
            "<counter name='tsc' frequency='2600000000' scaling='no'/><topology sockets='1' cores='2' threads='1'/>",
            "<feature name='ht'/><feature name='ds' policy='disable'/><pages unit='KiB' size='4'/></cpu></host>",
            "<guest><os_type>hvm</os_type></guest></capabilities>"
        ));
        assert_eq!((cpu.form, cpu.arch.as_deref()), (Form::Host, Some("x86_64")));
        let policies: Vec<_> = cpu.features.iter().map(|f| f.policy).collect();
        assert_eq!(policies, [Policy::Require, Policy::Disable]);
        assert_eq!(cpu.signature, Some(Signature { family: 25, model: 1, stepping: 2 }));
        assert_eq!(cpu.tsc, Some(Tsc { frequency: 2_600_000_000, scaling: Some(false) }));
    }

    const DOMCAPS: &str = concat!(
        "<domainCapabilities><cpu><mode name='host-passthrough' supported='yes'><enum name='x'/></mode>",
        "<mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model><vendor>AMD</vendor>",
        "<maxphysaddr mode='passthrough' limit='40'/><feature policy='require' name='x2apic'/>",
        "<feature policy='disable' name='svm'/></mode><mode name='custom' supported='yes'>",
        "<model usable='yes'>qemu64</model></mode></cpu><devices/></domainCapabilities>"
    );

    #[test]
    fn domcapabilities_give_their_host_model() {
        let cpu = one(DOMCAPS);
        assert_eq!((cpu.form, cpu.model.as_deref(), cpu.features.len()), (Form::HostModel, Some("EPYC"), 2));
        assert_eq!(cpu.max_phys_addr.map(|m| m.limit), Some(Some(40)));
        let unsupported = DOMCAPS.replacen("host-model' supported='yes'", "host-model' supported='no'", 1);
        assert!(error(&unsupported).contains("does not support"));
    }

    #[test]
    fn several_documents_in_one_file() {
        let text = std::format!(
            "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<cpu><model>A</model></cpu>\n\n<?xml version='1.0'?>\n{DOMCAPS}<cpu mode='maximum'/>"
        );
        let cpus = read_cpus(&text).expect("three documents");
        let models: Vec<_> = cpus.iter().map(|cpu| (cpu.model.as_deref(), cpu.at.line)).collect();
        assert_eq!(models, [(Some("A"), 2), (Some("EPYC"), 5), (None, 5)]);
    }

    #[test]
    fn snapshots_prefer_the_cookie() {
        let cpu = one(concat!(
            "<domainsnapshot><domain><cpu mode='host-model'/></domain>",
            "<cookie><cpu mode='custom' check='full'><model>EPYC</model></cpu></cookie></domainsnapshot>"
        ));
        assert_eq!(cpu.check, Some(Check::Full));
        let cpu = one("<domainsnapshot><domain><cpu mode='host-model'/></domain></domainsnapshot>");
        assert_eq!(cpu.mode, Mode::HostModel);
        assert_eq!(one("<domstatus><domain><cpu mode='maximum'/></domain></domstatus>").mode, Mode::Maximum);
    }

    #[test]
    fn refused_with_a_place() {
        let cases = [
            ("", "line 1, column 1: no libvirt XML found"),
            ("hello", "line 1, column 1: no libvirt XML found"),
            ("<a/>", "line 1, column 1: <a> is not libvirt XML"),
            ("<cpu>", "line 1, column 6: not well-formed XML"),
            ("<cpu>\n  <model>x</modle>\n</cpu>", "line 2, column 11: not well-formed XML"),
            ("<cpu><model>a</model></cpu>\ngarbage", "line 2, column 1: text between elements: 'garbage'"),
            ("<cpu><model>a</model></cpu>\n<!-- c -->\n  x<cpu/>", "line 3, column 3: text between elements: 'x'"),
            ("<cpu>x<model>a</model></cpu>", "line 1, column 6: text between elements: 'x'"),
            ("<cpu><model>a</model><feature name='b'>x</feature></cpu>", "<feature> has text in it"),
            ("<cpu><model>a</model><vendor/></cpu>", "line 1, column 22: an empty <vendor>"),
            ("<cpu><model>a</model><vendor></vendor></cpu>", "an empty <vendor>"),
            ("<cpu><model/></cpu>", "line 1, column 6: an empty <model>"),
            ("</documents><cpu/><documents>", "line 1, column 13: not well-formed XML"),
            ("<!DOCTYPE cpu [<!ENTITY a 'b'>]><cpu/>", "line 1, column 1: a document type definition is refused"),
            ("<domain>\n</domain>", "line 1, column 1: this <domain> has no <cpu>"),
            ("<capabilities><host/></capabilities>", "no <host> with a <cpu>"),
            ("<domainCapabilities/>", "no host-model"),
            ("<cpu mode='custom'><arch>x86_64</arch><model>a</model></cpu>", "both mode="),
            ("<cpu><arch>aarch64</arch><model>a</model></cpu>", "expected x86_64 or i686"),
            (
                "<domainCapabilities>\n<arch>s390x</arch><cpu/></domainCapabilities>",
                "line 2, column 1: the architecture",
            ),
            ("<domain><os><type arch='ppc64le'>hvm</type></os><cpu mode='host-model'/></domain>", "is 'ppc64le'"),
            ("<domstatus><domain><os><type arch='armv7l'/></os><cpu/></domain></domstatus>", "is 'armv7l'"),
            ("<cpu><arch>x86_64</arch></cpu>", "no <model>"),
            ("<cpu mode='hostmodel'/>", "expected custom, host-model, host-passthrough or maximum"),
            ("<cpu match='almost'/>", "expected minimum, exact or strict"),
            ("<cpu migratable='on'/>", "migratable= is for"),
            (
                "<cpu><model>a</model>\n <feature policy='must' name='b'/></cpu>",
                "line 2, column 2: <feature> has policy='must'",
            ),
            ("<cpu><model>a</model><feature policy='require'/></cpu>", "no name="),
            (
                "<cpu><model>a</model><feature name='b'/>\n<feature name='b'/></cpu>",
                "line 2, column 1: feature 'b' is listed twice",
            ),
            ("<cpu><feature name='b'/></cpu>", "<feature> without a <model>"),
            ("<cpu><vendor>AMD</vendor></cpu>", "<vendor> without a <model>"),
            ("<cpu><model>a</model><model>b</model></cpu>", "a second <model>"),
            ("<cpu><model vendor_id='short'>a</model></cpu>", "expected 12 bytes"),
            ("<cpu><modle>a</modle></cpu>", "unknown element <modle> in <cpu>"),
            ("<cpu><model>a</model><feature name='b' policy='require' x='y'/></cpu>", "unknown attribute x="),
            ("<cpu><topology sockets='0' cores='1' threads='1'/></cpu>", "expected at least 1"),
            ("<cpu><topology sockets='-1' cores='1' threads='1'/></cpu>", "expected a number"),
            ("<cpu><topology sockets='99999999999' cores='1' threads='1'/></cpu>", "expected a number"),
            ("<cpu><maxphysaddr bits='40'/></cpu>", "no mode="),
        ];
        for (text, expected) in cases {
            let error = error(text);
            assert!(error.contains(expected), "{text}\n  gives    {error}\n  expected {expected}");
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn text_is_allowed_where_libvirt_has_it() {
        let domain = "<domain>\n<name>a b</name><metadata><x>mixed <b>text</b> of others</x></metadata>\
                      <cpu mode='host-model'><!-- a word --><model fallback='allow'/></cpu></domain>\n<!-- bye -->\n";
        assert_eq!(one(domain).mode, Mode::HostModel);
    }

    #[test]
    fn hostile_input_is_refused_quickly() {
        let many = |part: &str, count: usize| part.repeat(count);
        let attributes: String = (0..400_000).map(|i| std::format!(" a{i}=''")).collect();
        let nested: String = (0..100_000).map(|i| std::format!("<a xmlns:n{i}='{i}'>")).collect();
        let features: String = (0..49_000).map(|i| std::format!("<feature name='a{i}'/>")).collect();
        let one_line = std::format!("<cpu><model>a</model>{features}</cpu>");
        let cases = [
            (many("<cpu/>", 2_000_000), "longer than 10 MiB"),
            (many("<cpu/>", 400_000), "too many elements"),
            (std::format!("<cpu><model>a</model><feature name='{}'/></cpu>", many("a", 200)), "is not a feature name"),
            (std::format!("<cpu{attributes}/>"), "more than 100 attributes"),
            (nested, "too many XML namespaces"),
            (many("<cpu>", 100_000), "not well-formed"),
            (one_line, "more than 2000 features"),
            (many("<", 1_000_000), "not well-formed"),
            (many("<?xml ", 10), "not well-formed"),
            (many("<!--", 1_000_000), "not well-formed"),
        ];
        for (text, expected) in cases {
            let error = error(&text);
            assert!(error.contains(expected) && error.len() < 300, "{error}, expected {expected}");
        }
    }
}
