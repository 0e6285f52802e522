//! The tracepoint `kvm_cpuid`: what guests were answered.
//!
//! ```text
//!  CPU 0/KVM-12345 [003] d... 101.000001: kvm_cpuid: func 7 idx 0 rax 0 rbx 218c0329 rcx 0 rdx 0, cpuid entry found
//! ```
//! Source: Linux arch/x86/kvm/trace.h (`TRACE_EVENT(kvm_cpuid)`). One thread is one vCPU.

use std::collections::BTreeMap;

use cpuid_probe::dump::Whose;
use cpuid_probe::{LeafId, Registers};

use super::builder::Builder;
use super::line::{lines, short_hex};
use super::{Input, Read, ReadError, Reader, shorten};

pub(super) const READER: Reader = Reader {
    name: "kvmtrace",
    about: "the tracepoint kvm_cpuid: what a guest was answered",
    recognise,
    read: Read::One(read),
};

const LIMIT: &str = "a trace holds the leaves that the guest asked for while it ran";
const TRACE: &str = "`kvm_cpuid: func LEAF idx SUBLEAF rax … rbx … rcx … rdx …, cpuid entry found`";

fn recognise(text: &str) -> bool {
    text.contains("kvm_cpuid: func ")
}

fn entry(text: &str) -> Option<(u32, u32, Registers, &str)> {
    let (values, outcome) = text.split_once(',')?;
    let mut words = values.split_ascii_whitespace();
    let mut next = |name: &str| {
        let named = words.next()? == name;
        let hex = words.next()?;
        named
            .then(|| {
                short_hex(hex.strip_prefix("0x").unwrap_or(hex).trim_start_matches('0'))
                    .or(hex.ends_with('0').then_some(0))
            })
            .flatten()
    };
    let (leaf, subleaf) = (next("func")?, next("idx")?);
    let registers = Registers::new(next("rax")?, next("rbx")?, next("rcx")?, next("rdx")?);
    words.next().is_none().then_some((leaf, subleaf, registers, outcome.trim()))
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut threads: Vec<&str> = Vec::new();
    let mut answers: BTreeMap<(usize, LeafId), (usize, Registers)> = BTreeMap::new();
    for (number, line) in lines(text) {
        let Some((before, rest)) = line.split_once("kvm_cpuid: ") else { continue };
        let (leaf, subleaf, registers, outcome) =
            entry(rest).ok_or_else(|| ReadError::at(number, format!("expected {TRACE}; found `{}`", shorten(line))))?;
        // Without an entry, the guest was answered with another leaf's registers, or zeros.
        if !outcome.starts_with("cpuid entry found") && !outcome.starts_with("found") {
            continue;
        }
        let thread = before.split('[').next().unwrap_or_default().trim();
        let vcpu = threads.iter().position(|known| *known == thread).unwrap_or_else(|| {
            threads.push(thread);
            threads.len() - 1
        });
        // What the guest's system switches on shows in these bits from then on: the last answer counts.
        let subleaf = if cpuid_probe::rules::has_subleaves(leaf) { subleaf } else { 0 };
        let id = LeafId::new(leaf, subleaf);
        if let Some((first, known)) = answers.get(&(vcpu, id)) {
            let [a, b] = [*known, registers].map(|r| without_state(id, r));
            if a != b {
                let message =
                    format!("leaf {id} is answered otherwise than in line {first}; keep the trace of one guest a file");
                return Err(ReadError::another(number, message));
            }
        }
        answers.insert((vcpu, id), (number, registers));
    }
    let mut builder = Builder::new(READER.name);
    builder.limit(LIMIT);
    let mut open = None;
    for ((vcpu, id), (number, registers)) in answers {
        if open != Some(vcpu) {
            builder.header(number, u32::try_from(vcpu).ok())?;
            open = Some(vcpu);
        }
        builder.leaf(number, id.leaf, Some(id.ecx()), registers)?;
    }
    let mut dump = builder.finish(TRACE)?;
    dump.provenance.vcpus_online = None;
    if let Some(imported) = &mut dump.provenance.imported {
        imported.of = Some(Whose::Guest);
    }
    Ok(Input::Dump(Box::new(dump)))
}

/// Without OSXSAVE, OSPKE and the size of XSAVE areas that are on.
fn without_state(id: LeafId, mut r: Registers) -> Registers {
    match (id.leaf, id.ecx()) {
        (1, _) => r.ecx &= !(1 << 27),
        (7, 0) => r.ecx &= !(1 << 4),
        (0xd, 0 | 1) => r.ebx = 0,
        _ => {}
    }
    r
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(thread: u32, text: &str) -> String {
        format!(" CPU {thread}/KVM-{thread} [003] d... 101.0: kvm_cpuid: func {text}\n")
    }

    #[test]
    fn answers_of_each_thread_are_a_vcpus() {
        let leaf = "1 idx 0 rax 306c1 rbx 800 rcx fffa3223 rdx f8bfbff, cpuid entry found";
        let text =
            line(0, leaf) + &line(1, leaf) + &line(0, "23 idx 1 rax f rbx 240 rcx 0 rdx 0, cpuid entry not found");
        let Ok(Input::Dump(dump)) = read(&text) else { panic!() };
        assert_eq!(dump.vcpus.len(), 2);
        assert_eq!(dump.vcpus[0].leaves().len(), 1);
        assert_eq!(
            dump.vcpus[0].get(LeafId::new(1, 0)),
            Some(Registers::new(0x306c1, 0x800, 0xfffa_3223, 0x0f8b_fbff))
        );
        // OSXSAVE came on.
        let later = text.clone() + &line(0, &leaf.replace("fffa3223", "f7fa3223"));
        assert!(read(&later).is_ok());
        let other = text.clone() + &line(0, &leaf.replace("f8bfbff", "fabfbff"));
        assert!(read(&other).is_err_and(|e| e.another));
        assert!(read(&text.replace("rdx f8bfbff, ", "rdx, ")).is_err_and(|e| e.line == Some(1)));
    }
}
