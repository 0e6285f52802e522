//! A dump in memory: everything one capture read, and where it came from.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::coverage::Coverage;
use crate::enumerate::{Visit, walk};
use crate::hypervisor::{self, Block};
use crate::known::Known;
use crate::leaf::LeafId;
use crate::place::Place;
use crate::printable::printable;
use crate::register::{Register, Registers};
use crate::source::CpuidSource;
pub use crate::text::{Gap, GapReason, MsrRecord, Record, VcpuView};
use crate::vendor::Signature;

/// How a dump was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The instruction, inside the guest (or on a host).
    Native,
    /// `KVM_GET_SUPPORTED_CPUID`: what a host's KVM could give any guest.
    Kvm,
    /// A throw-away guest.
    Boot,
    /// Another tool's file.
    Import,
}

impl Source {
    /// The word in dumps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Kvm => "kvm",
            Self::Boot => "boot",
            Self::Import => "import",
        }
    }

    /// The source a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Native, Self::Kvm, Self::Boot, Self::Import].into_iter().find(|s| s.word() == word)
    }
}

/// Where a dump came from. Evidence: it never enters the comparison of register values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The program and version that made the dump.
    pub tool: Option<String>,
    /// The user's label for this capture.
    pub label: Option<String>,
    /// When it was made, RFC 3339 in UTC.
    pub captured_at: Option<String>,
    /// How it was made.
    pub source: Source,
    /// The kernel release of the system it was made on.
    pub kernel: Option<String>,
    /// The microcode revision that system shows.
    pub microcode: Option<String>,
    /// Signatures of the hypervisor blocks found, in order of their base.
    pub hypervisor: Vec<String>,
    /// How many vCPUs were online, captured or not.
    pub vcpus_online: Option<u32>,
    /// For [`Source::Boot`]: the throw-away guest.
    pub boot: Option<Boot>,
    /// For [`Source::Import`]: the foreign format.
    pub imported: Option<Imported>,
    /// Fields of a newer version of the schema, kept as they came (JSON text by name).
    pub other: Vec<(String, String)>,
}

/// The throw-away guest a dump was read in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Boot {
    /// QEMU's version, as `-version` prints it.
    pub qemu: String,
    /// `kvm` or `tcg`.
    pub accel: String,
    /// The machine type as QEMU resolved it (`pc` becomes `pc-i440fx-7.2`).
    pub machine: String,
    /// What that machine type sets on CPUs, in QEMU's order; nothing where QEMU does not tell (before 9.1).
    pub compat: Option<Vec<Compat>>,
    /// The full `-cpu` argument.
    pub cpu: String,
    /// The command line.
    pub command: Vec<String>,
    /// What QEMU warned of.
    pub warnings: Vec<BootWarning>,
}

impl Boot {
    /// The `-smp` argument, where there is one.
    #[must_use]
    pub fn smp(&self) -> Option<&str> {
        let at = self.command.iter().position(|word| word == "-smp")?;
        self.command.get(at + 1).map(String::as_str)
    }
}

/// A property that a machine type sets on CPUs of one type, so that an old machine stays what it was. Of several that set
/// one property of a CPU, the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compat {
    /// QEMU's type: `x86_64-cpu` is every CPU, `EPYC-x86_64-cpu` the model EPYC.
    pub cpu: String,
    /// The property.
    pub property: String,
    /// What it is set to, as QEMU writes it (`off` and `false` are the same).
    pub value: String,
}

/// As QEMU's `-global` takes it: `x86_64-cpu.l3-cache=off`.
impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}={}", self.cpu, self.property, self.value)
    }
}

impl FromStr for Compat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('.').and_then(|(cpu, rest)| Some((cpu, rest.split_once('=')?)));
        let (cpu, (property, value)) = parts.ok_or("expected TYPE.PROPERTY=VALUE, as -global takes it")?;
        Ok(Self { cpu: cpu.to_string(), property: property.to_string(), value: value.to_string() })
    }
}

/// One warning of QEMU's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootWarning {
    /// The line, as QEMU wrote it.
    pub text: String,
    /// The feature it is about, by QEMU's name, where it names one.
    pub feature: Option<String>,
}

/// Another tool's file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The format's name, as `--from` takes it.
    pub format: String,
    /// What that format cannot say, in sentences.
    pub limits: Vec<String>,
    /// Whose CPU the file says that it describes; nothing where it does not say.
    pub of: Option<Whose>,
    /// What the file calls the CPU.
    pub cpu: Option<String>,
    /// What a definition asks for, or another form says, that is in no register set: names (`machine`, `topology`,
    /// `hv-relaxed`) and values, by name.
    pub asks: BTreeMap<String, String>,
}

impl Imported {
    /// The value of what a definition asks for beside its CPU's places.
    #[must_use]
    pub fn asks(&self, name: &str) -> Option<&str> {
        self.asks.get(name).map(String::as_str)
    }
}

/// Whose CPU a file says that it describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// The bare host's.
    Hardware,
    /// What a host can give a guest.
    Offer,
    /// What a guest is to have.
    Promise,
    /// What a guest has.
    Guest,
    /// One of several, and not which.
    Unclear,
}

impl Whose {
    /// All.
    pub const ALL: [Self; 5] = [Self::Hardware, Self::Offer, Self::Promise, Self::Guest, Self::Unclear];

    /// The word in dumps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Offer => "offer",
            Self::Promise => "promise",
            Self::Guest => "guest",
            Self::Unclear => "unclear",
        }
    }
}

impl Provenance {
    /// A provenance that says only the source.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self {
            tool: None,
            label: None,
            captured_at: None,
            source,
            kernel: None,
            microcode: None,
            hypervisor: Vec::new(),
            vcpus_online: None,
            boot: None,
            imported: None,
            other: Vec::new(),
        }
    }

    /// Makes every text printable ([`printable`]): one line each, with what cannot be seen made visible. For reports, where
    /// a label of somebody else's must not look like the report's own words.
    pub fn make_printable(&mut self) {
        let Self { tool, label, captured_at, kernel, microcode, hypervisor, boot, imported, .. } = self;
        let mut texts: Vec<&mut String> = [tool, label, captured_at, kernel, microcode].into_iter().flatten().collect();
        texts.extend(hypervisor);
        if let Some(Boot { qemu, accel, machine, compat, cpu, command, warnings }) = boot {
            texts.extend([qemu, accel, machine, cpu]);
            for Compat { cpu, property, value } in compat.iter_mut().flatten() {
                texts.extend([cpu, property, value]);
            }
            texts.extend(command);
            for BootWarning { text, feature } in warnings {
                texts.push(text);
                texts.extend(feature);
            }
        }
        if let Some(Imported { format, limits, of: _, cpu, asks }) = imported {
            texts.push(format);
            texts.extend(limits);
            texts.extend(cpu);
            texts.extend(asks.values_mut());
        }
        for text in texts {
            *text = printable(text, usize::MAX);
        }
    }
}

/// The same place twice, with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict;

/// At most this many vCPUs are read of one input (Linux's largest `NR_CPUS` for x86).
pub const MAX_VCPUS: usize = 8192;

/// At most this many register sets are read of one vCPU; a complete dump has a few hundred.
pub const MAX_LEAVES: usize = 65_536;

/// What [`VcpuDump::with_room`] has room for.
const USUAL_LEAVES: usize = 256;

/// Everything read on one vCPU. Register sets and MSRs are kept in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VcpuDump {
    /// Its number: Linux's CPU number, or by ascending APIC id, or order of appearance.
    pub vcpu: u32,
    leaves: Vec<Record>,
    msrs: Vec<MsrRecord>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Of a source that makes statements of single places: which. Nothing where register sets were read whole.
    known: Option<Known>,
}

impl VcpuDump {
    /// A vCPU of which nothing is known yet.
    #[must_use]
    pub const fn new(vcpu: u32) -> Self {
        Self { vcpu, leaves: Vec::new(), msrs: Vec::new(), gaps: Vec::new(), known: None }
    }

    /// A vCPU of which a source makes statements, place by place ([`Self::state`]); of no other place it says anything.
    #[must_use]
    pub fn of_statements(vcpu: u32) -> Self {
        Self { known: Some(Known::nothing()), ..Self::new(vcpu) }
    }

    /// Whether it holds statements of places instead of register sets.
    #[must_use]
    pub const fn is_statements(&self) -> bool {
        self.known.is_some()
    }

    /// States the value of bits of a register or an MSR, shifted down. The same again folds.
    ///
    /// # Errors
    /// [`Conflict`] when one of these bits was said to be another.
    pub fn state(&mut self, place: Place, value: u64) -> Result<(), Conflict> {
        let (Some(known), Some(bits)) = (&mut self.known, place.bits()) else { return Err(Conflict) };
        let (mask, value) = (bits.mask(), (value << bits.lo) & bits.mask());
        match place {
            Place::Cpuid { id, register, .. } => {
                // A register has 32 bits, and a place in it none beyond.
                let (mask, value) = (mask as u32, value as u32);
                let at = match self.leaves.binary_search_by_key(&id, |r| r.id) {
                    Ok(at) => at,
                    Err(at) => {
                        self.leaves.insert(at, Record { id, registers: Registers::ZERO });
                        at
                    }
                };
                let said = &mut self.leaves[at].registers[register];
                if (*said ^ value) & mask & known.register(id, register) != 0 {
                    return Err(Conflict);
                }
                *said = *said & !mask | value;
                known.add_register(id, register, mask);
            }
            Place::Msr { index, .. } => {
                let at = match self.msrs.binary_search_by_key(&index, |m| m.index) {
                    Ok(at) => at,
                    Err(at) => {
                        self.msrs.insert(at, MsrRecord { index, value: Some(0) });
                        at
                    }
                };
                let said = self.msrs[at].value.get_or_insert(0);
                if (*said ^ value) & mask & known.msr(index) != 0 {
                    return Err(Conflict);
                }
                *said = *said & !mask | value;
                known.add_msr(index, mask);
            }
            _ => return Err(Conflict),
        }
        Ok(())
    }

    /// The bits of a register of which the vCPU says what they are: all of them, unless it holds statements.
    #[must_use]
    pub fn known(&self, id: LeafId, register: Register) -> u32 {
        self.known.as_ref().map_or(u32::MAX, |known| known.register(id, register))
    }

    /// The bits of an MSR of which the vCPU says what they are: all of them, unless it holds statements.
    #[must_use]
    pub fn known_msr(&self, index: u32) -> u64 {
        self.known.as_ref().map_or(u64::MAX, |known| known.msr(index))
    }

    /// Whether it says all of these bits.
    #[must_use]
    pub fn knows(&self, place: Place) -> bool {
        let mask = place.bits().map_or(0, |bits| bits.mask());
        match place {
            Place::Cpuid { id, register, .. } => mask & !u64::from(self.known(id, register)) == 0,
            Place::Msr { index, .. } => mask & !self.known_msr(index) == 0,
            _ => self.known.is_none(),
        }
    }

    /// The same, with room for as many register sets as most vCPUs have.
    #[must_use]
    pub fn with_room(vcpu: u32) -> Self {
        Self { leaves: Vec::with_capacity(USUAL_LEAVES), ..Self::new(vcpu) }
    }

    /// Everything `source` holds.
    pub fn capture(vcpu: u32, source: &mut impl CpuidSource) -> Self {
        let mut dump = Self::new(vcpu);
        dump.recapture(source);
        dump
    }

    /// Everything `source` holds, in place of what was known. The memory is used again.
    pub fn recapture(&mut self, source: &mut impl CpuidSource) {
        self.clear();
        walk(source, &mut |visit| match visit {
            // The walker visits in ascending order, each place once.
            Visit::Read(id, registers) => self.leaves.push(Record { id, registers }),
            Visit::Missing(_) => {}
            Visit::Capped(id) => self.gaps.push(Gap { id, reason: GapReason::Cap }),
        });
    }

    /// Forgets everything but the number.
    pub fn clear(&mut self) {
        self.leaves.clear();
        self.msrs.clear();
        self.gaps.clear();
        self.known = None;
    }

    /// Adds a register set. The same set again folds.
    ///
    /// # Errors
    /// [`Conflict`] when the place holds other values.
    pub fn insert(&mut self, record: Record) -> Result<(), Conflict> {
        match self.leaves.binary_search_by_key(&record.id, |r| r.id) {
            Ok(at) if self.leaves[at] == record => Ok(()),
            Ok(_) => Err(Conflict),
            Err(at) => {
                self.leaves.insert(at, record);
                Ok(())
            }
        }
    }

    /// Adds an MSR. The same value again folds.
    ///
    /// # Errors
    /// [`Conflict`] when the MSR is there with another value.
    pub fn insert_msr(&mut self, msr: MsrRecord) -> Result<(), Conflict> {
        match self.msrs.binary_search_by_key(&msr.index, |m| m.index) {
            Ok(at) if self.msrs[at] == msr => Ok(()),
            Ok(_) => Err(Conflict),
            Err(at) => {
                self.msrs.insert(at, msr);
                Ok(())
            }
        }
    }

    /// Register sets, ascending.
    #[must_use]
    pub fn leaves(&self) -> &[Record] {
        &self.leaves
    }

    /// MSRs, ascending.
    #[must_use]
    pub fn msrs(&self) -> &[MsrRecord] {
        &self.msrs
    }

    /// What was read at a place.
    #[must_use]
    pub fn get(&self, id: LeafId) -> Option<Registers> {
        let at = self.leaves.binary_search_by_key(&id, |r| r.id).ok()?;
        Some(self.leaves[at].registers)
    }

    /// Whether a subleaf after `id` of the same leaf was read.
    #[must_use]
    pub fn goes_on_behind(&self, id: LeafId) -> bool {
        self.leaves.iter().any(|r| r.id.leaf == id.leaf && r.id.ecx() > id.ecx())
    }

    /// What was read of an MSR: `Some(None)` where reading faulted.
    #[must_use]
    pub fn msr(&self, index: u32) -> Option<Option<u64>> {
        let at = self.msrs.binary_search_by_key(&index, |m| m.index).ok()?;
        Some(self.msrs[at].value)
    }

    /// The vendor text of leaf 0.
    #[must_use]
    pub fn vendor(&self) -> Option<Signature> {
        let id = LeafId::new(0, 0);
        let said = [Register::Ebx, Register::Ecx, Register::Edx].iter().all(|r| self.known(id, *r) == u32::MAX);
        self.get(id).filter(|_| said).map(Signature::vendor)
    }

    /// The hypervisor blocks whose heads are in the dump, by base.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        // A subleaf of a block's first leaf does not begin a block.
        let heads = self.leaves.iter().filter(|r| r.id.ecx() == 0);
        heads.filter_map(|r| hypervisor::block_at(r.id.leaf, r.registers))
    }

    /// Whether the walker, replayed over this vCPU, misses nothing, and no gap is listed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        Coverage::of(self).is_complete()
    }

    /// Borrowed, for the text writer.
    #[must_use]
    pub fn view(&self) -> VcpuView<'_> {
        VcpuView { vcpu: self.vcpu, leaves: &self.leaves, msrs: &self.msrs, gaps: &self.gaps }
    }
}

/// A recorded vCPU as a source: it answers like the CPU it was read on, wherever it holds an answer.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    leaves: &'a [Record],
    /// The index after the last place that was asked for: usually the next place to be asked for.
    at: usize,
}

impl<'a> Recorded<'a> {
    /// Answers with what `vcpu` holds.
    #[must_use]
    pub fn new(vcpu: &'a VcpuDump) -> Self {
        Self { leaves: vcpu.leaves(), at: 0 }
    }
}

impl CpuidSource for Recorded<'_> {
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Option<Registers> {
        let id = LeafId::new(leaf, subleaf);
        let (before, after) = self.leaves.split_at(self.at);
        if before.last().is_some_and(|r| r.id >= id) || after.first().is_some_and(|r| r.id < id) {
            self.at = self.leaves.partition_point(|r| r.id < id);
        }
        let found = self.leaves.get(self.at).filter(|r| r.id == id)?;
        self.at += 1;
        Some(found.registers)
    }
}

/// Everything one capture read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// Where it came from.
    pub provenance: Provenance,
    /// The vCPUs, in order of their numbers.
    pub vcpus: Vec<VcpuDump>,
}

impl Dump {
    /// Whether any vCPU holds statements of places instead of register sets.
    #[must_use]
    pub fn is_statements(&self) -> bool {
        self.vcpus.iter().any(VcpuDump::is_statements)
    }

    /// An empty dump.
    #[must_use]
    pub const fn new(source: Source) -> Self {
        Self { provenance: Provenance::new(source), vcpus: Vec::new() }
    }

    /// Whether every captured vCPU is complete (and there is one).
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.vcpus.is_empty() && self.vcpus.iter().all(VcpuDump::is_complete)
    }

    /// Writes the signatures of the first vCPU's hypervisor blocks into the provenance.
    pub fn note_hypervisors(&mut self) {
        let first = self.vcpus.first();
        self.provenance.hypervisor =
            first.map(|v| v.blocks().map(|b| b.signature.to_string()).collect()).unwrap_or_default();
    }
}
