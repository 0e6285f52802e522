//! From a file's bytes to a host and its class. Content that was seen before is not judged again.
//!
//! A dump in our own form is cut in two: the provenance, which is read, and the vCPUs, whose bytes are looked up by their
//! SHA-256. Only content that is new is parsed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cpuid_probe::dump::{Dump, Provenance, Source as Made};
use cpuid_probe::json;
use cpuid_probe::libvirt::cpu::{Cpu, Form};
use cpuid_probe::printable::printable;
use sha2::{Digest, Sha256};

use super::facts::{Class, Facts, Host, Problem, Stack, shared};
use super::guest;
use super::offer::{Offer, Reason, Scope, Statement};
use super::says::Says;
use super::summary;
use crate::cpu_map::wide::Wide;
use crate::decode::brand;
use crate::judge::notes::is_tcg;
use crate::knowledge::Knowledge;
use crate::pool::{self, Tsc};
use crate::read::ReadError;
use crate::view::role::of_layer;
use crate::view::source::{self, Source};
use crate::view::{DumpView, Role};

/// What content says, whoever sent it.
#[derive(Clone, Debug)]
struct Content {
    class: usize,
    role: Role,
    tsc_khz: Option<u64>,
    accel: Option<&'static str>,
    says: Arc<Says>,
}

/// Reads hosts one by one. Memory grows with classes and a short record a host.
#[derive(Debug)]
pub struct Intake<'a> {
    wide: &'a Wide,
    knowledge: &'a Knowledge,
    /// The role that the user states, of a name or of all.
    stated: &'a [(Option<String>, Role)],
    /// Which of these some host is meant by.
    met: BTreeSet<usize>,
    facts: Facts,
    /// Facts of summaries, which are fleets of their own.
    summaries: Vec<Facts>,
    classes: HashMap<Offer, usize>,
    seen: HashMap<[u8; 32], Content>,
    said: BTreeSet<Arc<Says>>,
    stacks: BTreeSet<Arc<Stack>>,
}

/// The most characters of a version or a machine type that are kept.
const WORD: usize = 200;
/// The key under which a dump's vCPUs stand.
const VCPUS: &str = "\"vcpus\":";
/// The least that can stand in the place of a dump's vCPUs.
const NO_VCPUS: &str = r#"[{"vcpu":0,"complete":false,"gaps":[],"leaves":[],"msrs":[]}]}"#;

impl<'a> Intake<'a> {
    /// Nothing was read yet.
    #[must_use]
    pub fn new(wide: &'a Wide, knowledge: &'a Knowledge, stated: &'a [(Option<String>, Role)]) -> Self {
        Self {
            wide,
            knowledge,
            stated,
            met: BTreeSet::new(),
            facts: Facts::default(),
            summaries: Vec::new(),
            classes: HashMap::new(),
            seen: HashMap::new(),
            said: BTreeSet::new(),
            stacks: BTreeSet::new(),
        }
    }

    /// Takes a file: its name below what the user named, its path, its content.
    pub fn take(&mut self, name: &str, file: &str, bytes: &[u8]) {
        if let Err(what) = self.try_take(name, file, bytes) {
            self.refuse(name, file, what);
        }
    }

    /// Notes a file that could not be read, or used.
    pub fn refuse(&mut self, name: &str, file: &str, what: String) {
        let (host, file) = (printable(name, usize::MAX), printable(file, usize::MAX));
        self.facts.problems.push(Problem { host: Some(host), file: Some(file), what });
    }

    /// All that was taken.
    #[must_use]
    pub fn into_facts(self) -> Facts {
        Facts::merged(self.into_parts())
    }

    /// The same, in parts to be merged with others.
    pub fn into_parts(self) -> impl Iterator<Item = Facts> {
        std::iter::once(self.facts).chain(self.summaries)
    }

    /// Which of the roles that the user states some host is meant by.
    #[must_use]
    pub const fn met(&self) -> &BTreeSet<usize> {
        &self.met
    }

    fn try_take(&mut self, name: &str, file: &str, bytes: &[u8]) -> Result<(), String> {
        if let Some((provenance, hash)) = split(bytes) {
            let hash = self.with_context(hash, &provenance, name);
            let content = match self.seen.get(&hash) {
                Some(content) => content.clone(),
                None => {
                    let content = self.content(name, bytes)?;
                    self.seen.insert(hash, content.clone());
                    content
                }
            };
            self.put_dump(name, file, &provenance, &content);
            return Ok(());
        }
        match self.read(bytes)? {
            Parsed::Dump(dump) => {
                let content = self.of_dump(name, &dump)?;
                self.put_dump(name, file, &dump.provenance, &content);
            }
            Parsed::Names(cpus, text) => self.of_names(name, file, &cpus, &text)?,
            Parsed::Summary(mut facts) => {
                for host in &facts.hosts {
                    if self.stated(&host.name, &host.name).is_some_and(|role| role != host.role) {
                        let what = format!(
                            "a summary says that it is of the role {}, and --as cannot change that: give its own file",
                            host.role.word()
                        );
                        let host = Some(host.name.to_string());
                        facts.problems.push(Problem { host, file: Some(printable(file, usize::MAX)), what });
                    }
                }
                self.summaries.push(*facts);
            }
        }
        Ok(())
    }

    /// What decides on the meaning of the same registers.
    fn with_context(&mut self, mut hash: Sha256, p: &Provenance, name: &str) -> [u8; 32] {
        let boot = p.boot.as_ref().map(|b| (&b.cpu, &b.accel, &b.machine));
        let imported = p.imported.as_ref().map(|i| (&i.format, i.of));
        let online = p.vcpus_online;
        let stated = self.stated(p.label.as_deref().unwrap_or(name), name).map(Role::word);
        hash.update(format!("{} {boot:?} {imported:?} {online:?} {stated:?}", p.source.word()));
        hash.finalize().into()
    }

    fn content(&mut self, name: &str, bytes: &[u8]) -> Result<Content, String> {
        match self.read(bytes)? {
            Parsed::Dump(dump) => self.of_dump(name, &dump),
            Parsed::Names(..) | Parsed::Summary(_) => Err("not a dump".to_string()),
        }
    }

    fn read(&self, bytes: &[u8]) -> Result<Parsed, String> {
        if let Some(facts) = summary::read(bytes) {
            return facts.map(|facts| Parsed::Summary(Box::new(facts)));
        }
        match source::read(bytes, None).map_err(|e: ReadError| e.to_string())? {
            Source::Dump(dump) => Ok(Parsed::Dump(dump)),
            Source::Cpus(cpus) => Ok(Parsed::Names(cpus, String::from_utf8_lossy(bytes).into_owned())),
            Source::Template(_) => {
                Err("a CPU template says what a guest is to have; give it as --vm, and an offer as a host".to_string())
            }
        }
    }

    /// The role that the user states of a host: the last one that is said of it.
    fn stated(&mut self, label: &str, name: &str) -> Option<Role> {
        let is_meant = |of: &Option<String>| of.as_deref().is_none_or(|of| of == label || of == name);
        let meant = self.stated.iter().enumerate().filter(|(_, (of, _))| is_meant(of));
        let meant: Vec<(usize, Role)> = meant.map(|(at, (_, role))| (at, *role)).collect();
        self.met.extend(meant.iter().map(|(at, _)| at));
        meant.last().map(|(_, role)| *role)
    }

    fn of_dump(&mut self, name: &str, dump: &Dump) -> Result<Content, String> {
        let input = pool::Input::of_dump(name.to_string(), dump, self.wide).map_err(|e| {
            let text = e.to_string();
            text.strip_prefix(&format!("{name}: ")).map_or(text.clone(), str::to_string)
        })?;
        let view = DumpView::of(dump);
        let label = dump.provenance.label.as_deref().unwrap_or(name);
        let role = self.stated(label, name).unwrap_or_else(|| of_layer(dump));
        let scope = match role {
            Role::Offer => Scope::Offer,
            Role::Guest => Scope::Guest,
            Role::Hardware => {
                return Err("hardware: what the bare CPU has, of which a guest gets less; give `cpuid-probe kvm`, \
                            `cpuid-probe boot --cpu host` or `virsh domcapabilities` of the host (--as offer, where it is one)"
                    .to_string());
            }
            Role::Promise => return Err("a promise, expected what a host offers; give it as --vm".to_string()),
            Role::Unknown => {
                return Err("does not say what it shows; state it with --as offer or --as guest".to_string());
            }
        };
        let mut offer = Offer::of_dump(&view, scope, self.knowledge);
        if scope == Scope::Offer {
            hide_unmigratable(&mut offer, dump, self.knowledge);
        } else {
            offer.facts = guest::facts(&view, self.knowledge);
            offer.places.remove(&guest::READER);
        }
        let tcg = is_tcg(dump);
        let accel = dump.provenance.boot.as_ref().map(|b| if b.accel == "tcg" { "tcg" } else { "kvm" });
        let accel = if tcg { Some("tcg") } else { accel.or((dump.provenance.source == Made::Kvm).then_some("kvm")) };
        let class = self.class(offer);
        if scope == Scope::Guest {
            self.facts.classes[class].take_guest(Some(guest::text(dump)));
        }
        let signature = dump.vcpus.first().and_then(|v| v.get(cpuid_probe::LeafId::new(1, 0))).map(|r| r.eax);
        let known = &mut self.facts.classes[class];
        known.signatures.extend(signature);
        known.cpus.extend(dump.vcpus.first().and_then(brand).map(|brand| printable(&brand, 80)));
        let says = if role == Role::Offer { Says::of_dump(&view, self.knowledge) } else { Says::default() };
        let says = shared(&mut self.said, says);
        Ok(Content { class, role, tsc_khz: input.tsc.map(|Tsc { frequency, .. }| frequency / 1000), accel, says })
    }

    fn of_names(&mut self, name: &str, file: &str, cpus: &[Cpu], text: &str) -> Result<(), String> {
        let [cpu] = cpus else {
            return Err(format!("{} CPUs in one file; keep one host a file", cpus.len()));
        };
        if cpu.form != Form::HostModel {
            return Err(match cpu.form {
                Form::Host => {
                    "hardware: virsh capabilities show the bare CPU, of which a guest gets less; give virsh domcapabilities"
                }
                _ => "a guest's definition, expected what a host offers; give it as --vm",
            }
            .to_string());
        }
        if self.stated(name, name).is_some_and(|role| role != Role::Offer) {
            return Err("lists what a host offers, which --as cannot make something else".to_string());
        }
        let input = pool::Input::of_cpu(name.to_string(), cpu, self.wide).map_err(|e| e.to_string())?;
        let element = |tag: &str| {
            let (_, rest) = text.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once(&format!("</{tag}>"))?.0.trim().to_string())
        };
        if let Some(arch) = element("arch").filter(|arch| arch != "x86_64") {
            return Err(format!("says what {arch} guests get, expected x86_64 (virsh domcapabilities --arch x86_64)"));
        }
        let class = self.class(Offer::of_names(&input.says, &self.wide.map));
        let known = &mut self.facts.classes[class];
        known.models.extend(cpu.model.clone());
        let accel = match element("domain").as_deref() {
            Some("qemu") => Some("tcg"),
            Some("kvm") => Some("kvm"),
            _ => None,
        };
        let says = shared(&mut self.said, Says::of_names(cpu));
        let tsc_khz = input.tsc.map(|tsc| tsc.frequency / 1000);
        let content = Content { class, role: Role::Offer, tsc_khz, accel, says };
        let stack = Stack {
            source: "libvirt".to_string(),
            machine: element("machine").map(|machine| printable(&machine, WORD)),
            ..Stack::default()
        };
        self.put(name, file, None, stack, &content);
        Ok(())
    }

    fn class(&mut self, offer: Offer) -> usize {
        if let Some(known) = self.classes.get(&offer) {
            return *known;
        }
        let class = self.facts.classes.len();
        self.facts.classes.push(Class { offer: offer.clone(), ..Class::default() });
        self.classes.insert(offer, class);
        class
    }

    fn put_dump(&mut self, name: &str, file: &str, p: &Provenance, content: &Content) {
        let word = |text: &String| printable(text, WORD);
        let stack = Stack {
            source: p.source.word().to_string(),
            kernel: p.kernel.as_ref().map(word),
            microcode: p.microcode.as_ref().map(word),
            qemu: p.boot.as_ref().map(|b| word(&b.qemu)),
            machine: p.boot.as_ref().map(|b| word(&b.machine)),
            ..Stack::default()
        };
        let captured_at = p.captured_at.as_deref().map(|at| printable(at, 40).into());
        self.put(p.label.as_deref().unwrap_or(name), file, captured_at, stack, content);
    }

    fn put(&mut self, name: &str, file: &str, captured_at: Option<Box<str>>, stack: Stack, content: &Content) {
        let stack = Stack { accel: content.accel.map(str::to_string), says: content.says.clone(), ..stack };
        self.facts.hosts.push(Host {
            name: printable(name, usize::MAX).into(),
            file: printable(file, usize::MAX).into(),
            class: content.class,
            role: content.role,
            captured_at,
            tsc_khz: content.tsc_khz,
            stack: shared(&mut self.stacks, stack),
        });
    }
}

/// What a file holds.
enum Parsed {
    Dump(Box<Dump>),
    Names(Vec<Cpu>, String),
    Summary(Box<Facts>),
}

/// The provenance of a dump in our own form, and the beginning of a hash that its vCPUs went into; `None` where it is
/// another form, or may mean something else than it seems.
///
/// The text up to the vCPUs must be a whole dump with another list in their place, so that the list stands at its top.
fn split(bytes: &[u8]) -> Option<(Provenance, Sha256)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let at = text.find(VCPUS)?;
    let (head, vcpus) = text.split_at(at);
    let provenance = json::from_str(&format!("{head}{VCPUS}{NO_VCPUS}")).ok()?.provenance;
    let mut hash = Sha256::new();
    hash.update(vcpus.as_bytes());
    hash.update(b"\0");
    Some((provenance, hash))
}

/// A guest that may migrate is not shown what blocks that: where a throw-away guest lacks it, nothing is known.
fn hide_unmigratable(offer: &mut Offer, dump: &Dump, knowledge: &Knowledge) {
    let Some(boot) = &dump.provenance.boot else { return };
    if boot.cpu.contains("migratable=off") {
        return;
    }
    for place in knowledge.blockers() {
        offer.places.entry(place).or_insert(Statement::Unknown(Reason::Migratable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(provenance: &str, eax: u32) -> String {
        format!(
            "{{\"schema\":\"cpuid-dump/1\",\"provenance\":{{\"tool\":null,\"label\":\"n1\",\"captured_at\":null,\"source\":\"kvm\",\
             \"kernel\":null,\"microcode\":null,\"hypervisor\":[],\"vcpus_online\":1,\"boot\":null,\"imported\":null{provenance}}},\
             \"vcpus\":[{{\"vcpu\":0,\"complete\":true,\"gaps\":[],\"msrs\":[],\"leaves\":[{{\"leaf\":\"0x00000000\",\"subleaf\":null,\
             \"eax\":\"{eax:#010x}\",\"ebx\":\"0x00000000\",\"ecx\":\"0x00000000\",\"edx\":\"0x00000000\"}}]}}]}}"
        )
    }

    #[test]
    fn a_dump_is_cut_where_its_vcpus_begin_and_nowhere_else() {
        let hash = |text: &str| split(text.as_bytes()).map(|(p, hash)| (p.label, hash.finalize()));
        let plain = hash(&dump("", 1)).expect("our own form");
        assert_eq!(plain.0.as_deref(), Some("n1"));
        // The provenance is no part of the content, and the registers are.
        let other = hash(&dump(",\"note\":\"the word \\\"vcpus\\\": in a text\"", 1)).expect("our own form");
        assert!(plain.1 == other.1 && hash(&dump("", 2)).expect("our own form").1 != plain.1);
        // A key of that name within the provenance is not where the vCPUs begin.
        assert!(hash(&dump(",\"note\":{\"vcpus\":[]}", 1)).is_none());
        assert!(hash("00000001 00000000: 000306c1 00000800 fffa3223 0f8bfbff").is_none());
    }
}
