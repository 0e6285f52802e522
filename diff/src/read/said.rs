//! Collects what a source says of single places: features by name, and numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use cpuid_probe::dump::{Dump, Imported, Source, VcpuDump, Whose};
use cpuid_probe::hypervisor::Owner;
use cpuid_probe::{Place, Register};

use super::{ReadError, shorten};
use crate::knowledge::{Knowledge, Namespace, Shown, folded, synthetic};
use crate::list;

/// The places that `name` stands for in these worlds, each once, in order. Case and the three signs between words do not
/// matter.
pub(super) fn places(name: &str, worlds: &[Namespace]) -> Vec<Place> {
    static NAMES: OnceLock<HashMap<String, Vec<(Namespace, Place)>>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names: HashMap<String, Vec<(Namespace, Place)>> = HashMap::new();
        for m in Knowledge::builtin().names() {
            names.entry(folded(m.name)).or_default().push((m.namespace, m.place));
        }
        names
    });
    let found = names.get(&folded(name)).into_iter().flatten();
    found
        .filter(|(world, _)| worlds.contains(world))
        .map(|(_, place)| *place)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

/// Linux's own spelling of a flag that a person wrote (`SSE4.1`); the flag itself where it is none, or one that the kernel
/// folds several bits into.
pub(super) fn flag(written: &str) -> &str {
    let own = places(written, &[Namespace::Linux])
        .into_iter()
        .filter_map(|place| Knowledge::builtin().row(place).names.linux);
    own.into_iter().find(|own| folded(own) == folded(written)).unwrap_or(written)
}

/// Whether Linux's flag of a place is among these.
pub(super) fn has(flags: &BTreeSet<&str>, place: Place) -> bool {
    Knowledge::builtin().row(place).names.linux.is_some_and(|flag| flags.contains(flag))
}

/// SVM, and the leaf of its features.
const SVM: Place = Place::bit(0x8000_0001, 0, Register::Ecx, 2);
const OF_SVM: u32 = 0x8000_000a;

/// Statements being collected.
#[derive(Debug)]
pub(super) struct Said {
    /// The vCPUs, the last of which is being spoken of.
    pub vcpus: Vec<VcpuDump>,
    /// Whose CPU it is, where the source says so.
    pub of: Option<Whose>,
    /// What the source calls the CPU.
    pub cpu: Option<String>,
    /// The microcode that the source names.
    pub microcode: Option<String>,
    /// How many CPUs there are, where the source says so.
    pub online: Option<u32>,
    /// What it says that no place holds, by what it calls that.
    pub beside: BTreeMap<String, String>,
    /// What the source cannot say.
    limits: Vec<String>,
    format: &'static str,
    unknown: BTreeSet<String>,
}

impl Said {
    /// Nothing yet, of one vCPU, in the format that `--from` calls `format`.
    pub fn new(format: &'static str) -> Self {
        Self {
            vcpus: vec![VcpuDump::of_statements(0)],
            of: None,
            cpu: None,
            microcode: None,
            online: None,
            beside: BTreeMap::new(),
            limits: Vec::new(),
            format,
            unknown: BTreeSet::new(),
        }
    }

    /// Records, once, what the source cannot say.
    pub fn limit(&mut self, limit: &str) {
        if !self.limits.iter().any(|noted| noted == limit) {
            self.limits.push(limit.to_string());
        }
    }

    /// States a value of the vCPU that is being spoken of.
    pub fn state(&mut self, line: usize, place: Place, value: u64) -> Result<(), ReadError> {
        let Some(vcpu) = self.vcpus.last_mut() else { return Ok(()) };
        let row = Knowledge::builtin().row(place);
        vcpu.state(place, value).map_err(|_| {
            let name = row.name.map(|name| format!(" ({name})")).unwrap_or_default();
            ReadError::another(
                line,
                format!("{}{name} is said twice, and not alike; keep one CPU a file", place.prose()),
            )
        })
    }

    /// States a feature by its name in one of these worlds. A name of several places says nothing of any one of them;
    /// a name that nobody knows is noted, and that it is on.
    pub fn feature(&mut self, line: usize, name: &str, on: bool, worlds: &[Namespace]) -> Result<(), ReadError> {
        match places(name, worlds)[..] {
            [] => {
                self.note_unknown(name, on);
                Ok(())
            }
            // A hypervisor's block is at a base that no name tells.
            [place] if place.owner() == Owner::Cpu => self.state(line, place, on.into()),
            _ => Ok(()),
        }
    }

    /// Notes a name that no row knows, and that the source has what it names: another that does not say so differs.
    fn note_unknown(&mut self, name: &str, on: bool) {
        self.unknown.insert(name.to_string());
        if on {
            self.beside.insert(shorten(name), "on".to_string());
        }
    }

    /// States what a list of Linux's flags says: those that it has; if it is `whole`, also those that it lacks and would
    /// have.
    pub fn linux(&mut self, line: usize, flags: &BTreeSet<&str>, whole: bool) -> Result<(), ReadError> {
        for flag in flags {
            let own = |place: &Place| Knowledge::builtin().row(*place).names.linux == Some(flag);
            match places(flag, &[Namespace::Linux])[..] {
                [] if synthetic::meaning(flag).is_none() => self.note_unknown(flag, true),
                // `vnmi` is VMX's too, where there is no SVM.
                [place] if place.leaf().is_some_and(|id| id.leaf == OF_SVM) && !has(flags, SVM) => {}
                // A flag that the kernel folds several bits into says of none that it is set.
                [place] if own(&place) => self.state(line, place, 1)?,
                _ => {}
            }
        }
        if whole {
            for (place, row) in Knowledge::builtin().features() {
                let Some(flag) = row.names.linux.filter(|flag| !flags.contains(flag)) else { continue };
                let shown = match row.shown {
                    Shown::Always => true,
                    Shown::With(other) => has(flags, other),
                    Shown::Perhaps => false,
                };
                if shown && !flag.is_empty() {
                    self.state(line, place, 0)?;
                }
            }
        }
        Ok(())
    }

    /// States the vendor of leaf 0, if the text has its 12 characters.
    pub fn vendor(&mut self, line: usize, text: &str) -> Result<(), ReadError> {
        let bytes: &[u8] = text.as_bytes();
        let [a, b, c] = [0, 4, 8].map(|at| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()));
        let (Some(a), Some(b), Some(c), 12) = (a, b, c, bytes.len()) else { return Ok(()) };
        for (register, four) in [(Register::Ebx, a), (Register::Edx, b), (Register::Ecx, c)] {
            self.state(line, Place::cpuid(0, 0, register, 31, 0), u32::from_le_bytes(four).into())?;
        }
        Ok(())
    }

    /// States family, model and stepping as people write them, of which those that are known.
    ///
    /// # Source
    /// Intel SDM vol. 2, CPUID leaf 01H: the extended family counts where the family is 15, the extended model in
    /// families 6 and 15.
    pub fn signature(
        &mut self,
        line: usize,
        family: Option<u64>,
        model: Option<u64>,
        stepping: Option<u64>,
    ) -> Result<(), ReadError> {
        let eax = |hi, lo| Place::cpuid(1, 0, Register::Eax, hi, lo);
        if let Some(family) = family.filter(|family| *family < 0x10e) {
            self.state(line, eax(11, 8), family.min(15))?;
            self.state(line, eax(27, 20), family.saturating_sub(15))?;
        }
        if let Some(model) = model.filter(|model| *model < 0x100) {
            self.state(line, eax(7, 4), model & 0xf)?;
            self.state(line, eax(19, 16), model >> 4)?;
        }
        if let Some(stepping) = stepping.filter(|stepping| *stepping < 0x10) {
            self.state(line, eax(3, 0), stepping)?;
        }
        Ok(())
    }

    /// States the widths of physical and linear addresses, in bits.
    pub fn widths(&mut self, line: usize, physical: Option<u64>, linear: Option<u64>) -> Result<(), ReadError> {
        for (bits, hi) in [(physical, 7), (linear, 15)] {
            if let Some(bits) = bits.filter(|bits| (1..=64).contains(bits)) {
                self.state(line, Place::cpuid(0x8000_0008, 0, Register::Eax, hi, hi - 7), bits)?;
            }
        }
        Ok(())
    }

    /// The statements as a dump.
    pub fn finish(self) -> Dump {
        let mut dump = Dump::new(Source::Import);
        let mut limits = self.limits;
        if !self.unknown.is_empty() {
            let unknown: Vec<String> = self.unknown.iter().map(|name| shorten(name)).collect();
            limits.push(format!("no row knows these names: {}", list::first(&unknown, 12)));
        }
        dump.provenance.imported =
            Some(Imported { format: self.format.to_string(), limits, of: self.of, cpu: self.cpu, asks: self.beside });
        dump.provenance.microcode = self.microcode;
        dump.provenance.vcpus_online = self.online;
        dump.vcpus = self.vcpus;
        dump
    }
}
