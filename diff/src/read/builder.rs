//! Collects what a reader finds into vCPUs: numbers them, folds repetitions, refuses contradictions.

use std::collections::HashMap;

use cpuid_probe::dump::{Dump, Gap, GapReason, Imported, MAX_LEAVES, MAX_VCPUS, MsrRecord, Record, Source, VcpuDump};
use cpuid_probe::rules::{self, Subleaves};
use cpuid_probe::{LeafId, Registers, hypervisor};

use super::ReadError;

/// A dump being read.
#[derive(Debug)]
pub(super) struct Builder {
    format: &'static str,
    vcpus: Vec<Vcpu>,
    /// A header below which nothing was read yet: its line and number.
    pending: Option<(usize, Option<u32>)>,
    /// How many headers have something below them.
    headers: usize,
    /// Headers may have nothing below them, and may repeat numbers.
    pub loose_headers: bool,
    /// The tool numbers its CPUs, or prints one a run: a second one without a number is of another run.
    pub one_a_run: bool,
    /// A heading of somebody's own stands above the next register set.
    pub heading: bool,
    /// What the format cannot say.
    pub limits: Vec<String>,
    /// The tool's name for this dump.
    pub label: Option<String>,
}

/// One vCPU being read. Line numbers are from 1.
#[derive(Debug, Default)]
struct Vcpu {
    /// The line of its header, or of its first register set.
    line: usize,
    /// The number its header gives it.
    number: Option<u32>,
    has_leaf_0: bool,
    leaves: Vec<Line>,
    msrs: Vec<(MsrRecord, usize)>,
    gaps: Vec<Gap>,
}

/// What all CPUs of a machine have alike: the vendor of leaf 0; of leaf 1 EAX family, model and stepping, ECX but for
/// OSXSAVE, which a system sets on each of its CPUs, and EDX.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Identity {
    vendor: Option<[u32; 3]>,
    signature: Option<[u32; 3]>,
}

impl Identity {
    fn of(vcpu: &Vcpu) -> Self {
        let leaf = |wanted| vcpu.leaves.iter().find(|line| line.leaf == wanted).map(|line| line.registers);
        Self {
            vendor: leaf(0).map(|r| [r.ebx, r.ecx, r.edx]),
            signature: leaf(1).map(|r| [r.eax, r.ecx & !(1 << 27), r.edx]),
        }
    }

    /// Whether one machine can have both. Steppings may be mixed, and so may what leaf 1 says of features, in a guest
    /// whose vCPUs differ.
    fn goes_with(&self, other: &Self) -> bool {
        let model = |identity: &Self| identity.signature.map(|[eax, ..]| eax >> 4);
        let alike = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        let vendors = self.vendor.is_none() || other.vendor.is_none() || self.vendor == other.vendor;
        vendors && alike(model(self), model(other))
    }
}

/// One register set being read.
#[derive(Debug)]
struct Line {
    leaf: u32,
    /// None where the file names no subleaf.
    subleaf: Option<u32>,
    registers: Registers,
    line: usize,
}

impl Builder {
    /// A dump in the format that `--from` calls `format`.
    pub fn new(format: &'static str) -> Self {
        let limits = Vec::new();
        Self {
            format,
            vcpus: Vec::new(),
            pending: None,
            headers: 0,
            loose_headers: false,
            one_a_run: false,
            heading: false,
            limits,
            label: None,
        }
    }

    /// Records, once, what the dump cannot say.
    pub fn limit(&mut self, limit: &str) {
        if !self.limits.iter().any(|noted| noted == limit) {
            self.limits.push(limit.to_string());
        }
    }

    /// A header: what follows belongs to the next vCPU. The same header again, with nothing in between, changes
    /// nothing.
    pub fn header(&mut self, line: usize, number: Option<u32>) -> Result<(), ReadError> {
        if self.loose_headers && self.pending.is_some_and(|(_, open)| open == number) {
            return Ok(());
        }
        self.close_header()?;
        self.pending = Some((line, number));
        Ok(())
    }

    /// The line above looked like a header and was not one.
    pub fn no_header(&mut self) {
        self.pending = None;
    }

    /// A header that may repeat the open vCPU's: the same number goes on with it.
    pub fn continue_with(&mut self, line: usize, number: u32) -> Result<(), ReadError> {
        let open = match &self.pending {
            Some((_, open)) => *open,
            None => self.vcpus.last().and_then(|v| v.number),
        };
        if open == Some(number) { Ok(()) } else { self.header(line, Some(number)) }
    }

    /// A register set, without a subleaf where the file names none: then [`implied_subleaves`] finds it. Leaf 0 again
    /// starts the next vCPU.
    pub fn leaf(
        &mut self,
        line: usize,
        leaf: u32,
        subleaf: Option<u32>,
        registers: Registers,
    ) -> Result<(), ReadError> {
        if std::mem::take(&mut self.heading)
            && self.pending.is_none()
            && let Some(above) = self.vcpus.last().and_then(|v| v.leaves.last())
        {
            let message = format!(
                "registers below another heading than those above (line {}), perhaps of another machine; keep one dump a file",
                above.line
            );
            return Err(ReadError::another(line, message));
        }
        let first = leaf == 0 && subleaf.is_none_or(|n| n == 0);
        // The same line twice is no vCPU of which nothing but leaf 0 is there.
        let again =
            |v: &Vcpu| v.leaves.last().is_some_and(|l| (l.leaf, l.registers, l.line + 1) == (leaf, registers, line));
        let next = first && self.vcpus.last().is_some_and(|v| v.has_leaf_0 && !again(v));
        let vcpu = self.vcpu(line, next)?;
        if vcpu.leaves.len() == MAX_LEAVES {
            return Err(ReadError::at(line, format!("more than {MAX_LEAVES} register sets in one vCPU")));
        }
        vcpu.has_leaf_0 |= first;
        vcpu.leaves.push(Line { leaf, subleaf, registers, line });
        Ok(())
    }

    /// A second reading of subleaf 0 of a leaf: it takes the place of the first. Returns whether they differ.
    pub fn reread(&mut self, leaf: u32, registers: Registers) -> bool {
        let open = self.vcpus.last_mut().filter(|_| self.pending.is_none());
        let mut first = open.into_iter().flat_map(|vcpu| &mut vcpu.leaves);
        match first.find(|line| line.leaf == leaf && line.subleaf == Some(0) && line.registers != registers) {
            Some(line) => {
                line.registers = registers;
                true
            }
            None => false,
        }
    }

    /// An MSR of the vCPU that is being read.
    pub fn msr(&mut self, line: usize, msr: MsrRecord) -> Result<(), ReadError> {
        let vcpu = self.vcpu(line, false)?;
        if vcpu.msrs.len() == MAX_LEAVES {
            return Err(ReadError::at(line, format!("more than {MAX_LEAVES} MSRs in one vCPU")));
        }
        vcpu.msrs.push((msr, line));
        Ok(())
    }

    /// A place the format says, or is known, not to hold.
    pub fn gap(&mut self, line: usize, gap: Gap) -> Result<(), ReadError> {
        let vcpu = self.vcpu(line, false)?;
        if vcpu.gaps.len() == MAX_LEAVES {
            return Err(ReadError::at(line, format!("more than {MAX_LEAVES} gaps in one vCPU")));
        }
        vcpu.gaps.push(gap);
        Ok(())
    }

    /// The vCPU that a line belongs to: the open one, unless a header or `next` says that another one begins.
    fn vcpu(&mut self, line: usize, next: bool) -> Result<&mut Vcpu, ReadError> {
        match self.pending.take() {
            Some((header, number)) => {
                self.headers += 1;
                self.open(header, number)?;
            }
            None if next || self.vcpus.is_empty() => self.open(line, None)?,
            None => {}
        }
        let open = self.vcpus.len() - 1;
        Ok(&mut self.vcpus[open])
    }

    fn open(&mut self, line: usize, number: Option<u32>) -> Result<(), ReadError> {
        if self.vcpus.len() == MAX_VCPUS {
            return Err(ReadError::at(line, format!("more than {MAX_VCPUS} vCPUs")));
        }
        // Most dumps hold as many register sets for each of their vCPUs.
        let leaves = Vec::with_capacity(self.vcpus.last().map_or(0, |v| v.leaves.len()));
        self.vcpus.push(Vcpu { line, number, leaves, ..Vcpu::default() });
        Ok(())
    }

    /// A header without anything below it is the end of a cut file.
    fn close_header(&mut self) -> Result<(), ReadError> {
        match self.pending.take() {
            Some((line, _)) if !self.loose_headers => {
                Err(ReadError::at(line, "no register lines follow this CPU header"))
            }
            _ => Ok(()),
        }
    }

    /// Two reports in one file must not be read as the CPUs of one machine. Of CPUs without numbers, two with one APIC id
    /// are one CPU, read twice.
    fn is_one_machine(&self) -> Result<(), ReadError> {
        let mut alike: Vec<(&Vcpu, Identity)> = Vec::new();
        let mut apics: HashMap<(u32, u32), &Vcpu> = HashMap::new();
        let mut numbered: HashMap<Option<u32>, (&Vcpu, Identity)> = HashMap::new();
        for vcpu in &self.vcpus {
            let of = Identity::of(vcpu);
            let stranger = alike.iter().find(|(_, other)| !of.goes_with(other)).map(|(first, _)| *first);
            let apic = vcpu.apic_id();
            let again = numbered.get(&vcpu.number).filter(|(first, other)| match vcpu.number {
                None if self.one_a_run => true,
                Some(_) if self.loose_headers && apic.is_some() && apic == first.apic_id() => true,
                _ => self.loose_headers && of != *other,
            });
            let same = apic.filter(|_| vcpu.number.is_none()).and_then(|id| apics.insert(id, vcpu));
            if let Some(first) = stranger.or(again.map(|(first, _)| *first)).or(same) {
                let what = if stranger.is_some() { "a CPU of another machine than" } else { "another run than" };
                let message = format!("{what} in line {}; keep one dump a file", first.line);
                return Err(ReadError::another(vcpu.line, message));
            }
            if alike.iter().all(|(_, other)| *other != of) {
                alike.push((vcpu, of));
            }
            numbered.entry(vcpu.number).or_insert((vcpu, of));
        }
        Ok(())
    }

    /// The dump. `expected` says what a register line of this format looks like, for the error where no line is one.
    pub fn finish(mut self, expected: &str) -> Result<Dump, ReadError> {
        // A header at the end of the file belongs to a CPU that was cut off.
        let headers = self.headers + usize::from(self.pending.is_some());
        self.close_header()?;
        if self.vcpus.iter().all(|v| v.leaves.is_empty() && v.gaps.is_empty()) {
            return Err(ReadError::whole(format!("no register line; expected {expected}")));
        }
        self.is_one_machine()?;
        let numbers = self.numbers()?;
        let mut dump = Dump::new(Source::Import);
        for (number, vcpu) in numbers.into_iter().zip(self.vcpus) {
            dump.vcpus.push(vcpu.finish(number)?);
        }
        dump.vcpus.sort_by_key(|v| v.vcpu);
        // The tools that print headers print every CPU, unless the numbers show that somebody chose.
        let all = dump.vcpus.iter().zip(0u32..).all(|(v, n)| v.vcpu == n);
        if headers > 1 && headers >= dump.vcpus.len() && all {
            dump.provenance.vcpus_online = u32::try_from(headers).ok();
        }
        dump.provenance.imported =
            Some(Imported { format: self.format.to_string(), limits: self.limits, ..Imported::default() });
        dump.provenance.label = self.label;
        dump.note_hypervisors();
        Ok(dump)
    }

    /// The headers' numbers if every vCPU has one, else the order of appearance.
    fn numbers(&self) -> Result<Vec<u32>, ReadError> {
        let appearance = || (0u32..).take(self.vcpus.len()).collect();
        let given: Option<Vec<u32>> = self.vcpus.iter().map(|v| v.number).collect();
        let Some(given) = given else { return Ok(appearance()) };
        let mut sorted: Vec<(u32, usize)> = given.iter().copied().zip(self.vcpus.iter().map(|v| v.line)).collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|w| w[0].0 == w[1].0) {
            Some(_) if self.loose_headers => Ok(appearance()),
            Some(twice) => {
                let (number, first) = twice[0];
                let message = format!("CPU {number} came before, in line {first}; keep one dump a file");
                Err(ReadError::another(twice[1].1, message))
            }
            None => Ok(given),
        }
    }
}

impl Vcpu {
    /// The APIC id, and the leaf that says it: 0xb where it is more than zeros, else 1, if there is an APIC.
    fn apic_id(&self) -> Option<(u32, u32)> {
        let leaf = |wanted| self.leaves.iter().find(|line| line.leaf == wanted).map(|line| line.registers);
        match (leaf(0xb).filter(|r| r.ebx != 0), leaf(1)) {
            (Some(topology), _) => Some((0xb, topology.edx)),
            (None, Some(r)) if r.edx >> 9 & 1 == 1 => Some((1, r.ebx >> 24)),
            _ => None,
        }
    }

    fn finish(self, number: u32) -> Result<VcpuDump, ReadError> {
        let mut places = places(self.leaves);
        // Sorted first, so that each insertion is at the end. Stable: of two equal places the earlier line stays first.
        places.sort_by_key(|(record, _)| record.id);
        let mut dump = VcpuDump::new(number);
        let mut previous = 0;
        for (record, line) in places {
            dump.insert(record).map_err(|_| twice(&format!("leaf {}", record.id), previous, line))?;
            previous = line;
        }
        let mut msrs = self.msrs;
        msrs.sort_by_key(|(msr, _)| msr.index);
        for (msr, line) in msrs {
            dump.insert_msr(msr).map_err(|_| twice(&format!("msr {:#010x}", msr.index), previous, line))?;
            previous = line;
        }
        dump.gaps = self.gaps;
        dump.gaps.sort_by_key(|gap| gap.id);
        dump.gaps.dedup();
        note_missing_hypervisor(&mut dump);
        Ok(dump)
    }
}

/// The register sets with their places; the subleaves that lines leave out are found here.
fn places(mut lines: Vec<Line>) -> Vec<(Record, usize)> {
    lines.dedup_by(|line, above| is_same_line_again(line, above));
    let is_silent = |line: &Line| line.subleaf.is_none() && rules::has_subleaves(line.leaf);
    let mut silent: Vec<(u32, Vec<Registers>)> = Vec::new();
    for line in lines.iter().filter(|line| is_silent(line)) {
        match silent.iter_mut().find(|(leaf, _)| *leaf == line.leaf) {
            Some((_, sets)) => sets.push(line.registers),
            None => silent.push((line.leaf, vec![line.registers])),
        }
    }
    let mut implied: Vec<_> =
        silent.iter().map(|(leaf, sets)| (*leaf, implied_subleaves(*leaf, sets).into_iter())).collect();
    lines
        .into_iter()
        .map(|line| {
            let mut next = || implied.iter_mut().find(|(leaf, _)| *leaf == line.leaf)?.1.next();
            let subleaf = if is_silent(&line) { next() } else { line.subleaf };
            (Record { id: LeafId::new(line.leaf, subleaf.unwrap_or(0)), registers: line.registers }, line.line)
        })
        .collect()
}

/// The subleaves of `sets`: all register sets that a file holds of `leaf`, without their numbers. They ascend, and the
/// leaf itself says which they are.
///
/// A leaf that repeats the subleaf in ECX\[7:0\] names it. Where subleaf 0 has a map of the others, they are the first
/// of the map: old tools read no more components than they knew (of an AMD 15h's, AVX and not LWP). Old AIDA64 leaves
/// out 0xD's subleaf 1, which holds no component; it is there if the second set has a feature bit (bit 0 of its EAX,
/// XSAVEOPT: SDM leaf 0DH), since sizes of components are multiples of 4. Otherwise the subleaves count up from 0.
fn implied_subleaves(leaf: u32, sets: &[Registers]) -> Vec<u32> {
    let counted = (0..).take(sets.len());
    match (rules::rule_of(leaf).map(|rule| rule.subleaves), sets) {
        (Some(Subleaves::UntilZero { echo: true, .. }), _) => {
            let echoed: Vec<u32> = sets.iter().map(|r| r.ecx & 0xff).collect();
            let distinct = (1..echoed.len()).all(|i| !echoed[..i].contains(&echoed[i]));
            if distinct { echoed } else { counted.collect() }
        }
        (Some(Subleaves::Mapped { always, maps, last }), [first, second, ..]) => {
            let mut named = 0u64;
            for map in maps.iter().filter(|map| map.subleaf == 0) {
                named |= u64::from(first.get(map.register)) << map.first;
            }
            let skip_1 = always == 1 && second.eax & 1 == 0 && *second != Registers::ZERO;
            let from = if skip_1 { 2 } else { 1 };
            let listed = (from..=always).chain((always + 1..=last).filter(|n| named >> n & 1 == 1));
            let listed: Vec<u32> = std::iter::once(0).chain(listed).take(sets.len()).collect();
            if listed.len() == sets.len() { listed } else { counted.collect() }
        }
        _ => counted.collect(),
    }
}

/// Whether a line without a subleaf is the one above it again. No list has two such entries, but for zeros, and leaves
/// with a map of their subleaves.
fn is_same_line_again(line: &Line, above: &Line) -> bool {
    let of = |line: &Line| (line.leaf, line.subleaf, line.registers);
    let mapped = matches!(rules::rule_of(line.leaf).map(|rule| rule.subleaves), Some(Subleaves::Mapped { .. }));
    of(line) == of(above) && line.line == above.line + 1 && line.registers != Registers::ZERO && !mapped
}

fn twice(what: &str, first: usize, second: usize) -> ReadError {
    ReadError::another(second, format!("{what} comes twice with different values, here and in line {first}"))
}

/// A guest has hypervisor leaves. Where another tool's file has none, the file was cut or the tool does not read them;
/// without a gap they would count as absent from that guest. (The walker itself notices when another range that every
/// CPU has is missing.)
fn note_missing_hypervisor(dump: &mut VcpuDump) {
    let head = LeafId::new(hypervisor::FIRST_BASE, 0);
    let guest = dump.get(LeafId::new(1, 0)).is_some_and(|r| r.ecx >> 31 == 1);
    if guest && dump.get(head).is_none() && !dump.gaps.iter().any(|gap| gap.id == head) {
        dump.gaps.push(Gap { id: head, reason: GapReason::Fault });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Registers = Registers::new(0xd, 0x756e_6547, 0x6c65_746e, 0x4965_6e69);

    fn one(n: u32) -> Registers {
        Registers::new(n, 0, 0, 0)
    }

    #[test]
    fn equal_repetitions_fold_and_others_name_both_lines() {
        let mut b = Builder::new("bare");
        b.leaf(3, 1, Some(0), one(1)).unwrap();
        b.leaf(4, 2, Some(0), one(2)).unwrap();
        b.leaf(5, 1, Some(0), one(1)).unwrap();
        assert_eq!(b.finish("").unwrap().vcpus[0].leaves().len(), 2);

        let mut b = Builder::new("bare");
        b.leaf(3, 1, Some(0), one(1)).unwrap();
        b.leaf(7, 1, None, one(2)).unwrap();
        let error = b.finish("").unwrap_err();
        assert_eq!(error.to_string(), "7: leaf 0x00000001 comes twice with different values, here and in line 3");
    }

    #[test]
    fn leaf_0_again_starts_the_next_vcpu() {
        let mut b = Builder::new("bare");
        for line in [1, 3] {
            b.leaf(line, 0, None, HEAD).unwrap();
            b.leaf(line + 1, 1, None, one(u32::try_from(line).unwrap())).unwrap();
        }
        let dump = b.finish("").unwrap();
        assert_eq!(dump.vcpus.iter().map(|v| v.vcpu).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(dump.provenance.vcpus_online, None);
    }

    #[test]
    fn headers_number_and_count_the_vcpus() {
        let of = |numbers: &[u32]| {
            let mut b = Builder::new("raw");
            for (line, n) in numbers.iter().enumerate() {
                b.header(line, Some(*n)).unwrap();
                b.leaf(line, 1, None, one(*n)).unwrap();
            }
            b.finish("")
        };
        assert_eq!(of(&[0, 1]).unwrap().provenance.vcpus_online, Some(2));
        assert_eq!(of(&[0]).unwrap().provenance.vcpus_online, None);
        let chosen = of(&[2, 1]).unwrap();
        assert_eq!(chosen.provenance.vcpus_online, None);
        assert_eq!(chosen.vcpus[0].get(LeafId::new(1, 0)), Some(one(1)));
        assert!(of(&[0, 0]).unwrap_err().to_string().contains("CPU 0 came before"));
    }

    #[test]
    fn a_header_with_nothing_below_is_the_end_of_a_cut_file() {
        let mut b = Builder::new("raw");
        b.header(1, Some(0)).unwrap();
        b.leaf(2, 1, None, one(0)).unwrap();
        b.header(3, Some(1)).unwrap();
        assert_eq!(b.finish("").unwrap_err().line, Some(3));
    }

    #[test]
    fn hypervisor_leaves_that_must_be_there_and_are_not_were_not_captured() {
        let mut b = Builder::new("bare");
        b.leaf(1, 0, None, HEAD).unwrap();
        b.leaf(2, 1, None, Registers::new(0x306c1, 0, 1 << 31, 0)).unwrap();
        let dump = b.finish("").unwrap();
        let heads: Vec<u32> = dump.vcpus[0].gaps.iter().map(|gap| gap.id.leaf).collect();
        assert_eq!(heads, [hypervisor::FIRST_BASE]);
    }

    #[test]
    fn leaves_without_a_subleaf_are_numbered_by_what_they_say() {
        let of = |leaf, sets: &[Registers]| implied_subleaves(leaf, sets);
        let set = Registers::new;
        assert_eq!(of(4, &[one(0x121), one(0x122), one(0)]), [0, 1, 2]);
        // AIDA64 1.50 on a Sandy Bridge: the AVX component follows subleaf 0 at once.
        let avx = set(0x100, 0x240, 0, 0);
        assert_eq!(of(0xd, &[set(7, 0x240, 0x340, 0), avx]), [0, 2]);
        assert_eq!(of(0xd, &[set(7, 0x340, 0x340, 0), one(1), avx]), [0, 1, 2]);
        assert_eq!(of(0xd, &[set(3, 0x240, 0x240, 0), one(1)]), [0, 1]);
        // Bulldozer, with LWP in XCR0[62]: read up to AVX, or all.
        let lwp = set(7, 0x340, 0x3c0, 1 << 30);
        assert_eq!(of(0xd, &[lwp, avx]), [0, 2]);
        assert_eq!(of(0xd, &[lwp, avx, set(0x80, 0x340, 0, 0)]), [0, 2, 62]);
        assert_eq!(of(0xd, &[lwp, Registers::ZERO, avx]), [0, 1, 2]);
        // More sets than components: nothing is known of them.
        assert_eq!(of(0xd, &[set(3, 0x240, 0x240, 0), one(1), avx]), [0, 1, 2]);
        // ECX was not zeroed before the first read.
        assert_eq!(of(0xb, &[set(0, 0, 3, 3), set(5, 16, 0x201, 3)]), [3, 1]);
        assert_eq!(of(0xb, &[Registers::ZERO, Registers::ZERO]), [0, 1]);
    }
}
