//! How differences are judged: leaves of Transmeta and of Centaur and Zhaoxin.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::RuleKind::{Identity, Informational, NotLess};
use crate::knowledge::table::Sub::At;
use crate::knowledge::table::{Rule, rule, sorted};
use crate::severity::Severity::{Info, Unsafe, Warning};

/// Sorted by leaf.
#[rustfmt::skip]
pub(super) const ROWS: &[Rule] = &[
    rule(0x8086_0000, At(0), Eax, 31, 0, NotLess,       Warning, Warning, "Transmeta range", "Linux 6.1 arch/x86/kernel/cpu/transmeta.c:14-19"),
    rule(0x8086_0000, At(0), Ebx, 31, 0, Identity,      Unsafe,  Unsafe,  "Transmeta vendor text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860000"),
    rule(0x8086_0000, At(0), Ecx, 31, 0, Identity,      Unsafe,  Unsafe,  "Transmeta vendor text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860000"),
    rule(0x8086_0000, At(0), Edx, 31, 0, Identity,      Unsafe,  Unsafe,  "Transmeta vendor text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860000"),
    rule(0x8086_0001, At(0), Eax, 31, 0, Identity,      Unsafe,  Unsafe,  "Transmeta signature", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860001"),
    rule(0x8086_0001, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta revision and nominal clock", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860001"),
    rule(0x8086_0001, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta revision and nominal clock", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860001"),
    rule(0x8086_0002, At(0), Eax, 31, 0, Informational, Info,    Info,    "Transmeta software revision", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860002"),
    rule(0x8086_0002, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta software revision", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860002"),
    rule(0x8086_0002, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta software revision", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860002"),
    rule(0x8086_0003, At(0), Eax, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    rule(0x8086_0003, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    rule(0x8086_0003, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    rule(0x8086_0003, At(0), Edx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860003"),
    rule(0x8086_0004, At(0), Eax, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    rule(0x8086_0004, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    rule(0x8086_0004, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    rule(0x8086_0004, At(0), Edx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860004"),
    rule(0x8086_0005, At(0), Eax, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    rule(0x8086_0005, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    rule(0x8086_0005, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    rule(0x8086_0005, At(0), Edx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860005"),
    rule(0x8086_0006, At(0), Eax, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    rule(0x8086_0006, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    rule(0x8086_0006, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    rule(0x8086_0006, At(0), Edx, 31, 0, Informational, Info,    Info,    "Transmeta information text", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860006"),
    rule(0x8086_0007, At(0), Eax, 31, 0, Informational, Info,    Info,    "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    rule(0x8086_0007, At(0), Ebx, 31, 0, Informational, Info,    Info,    "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    rule(0x8086_0007, At(0), Ecx, 31, 0, Informational, Info,    Info,    "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    rule(0x8086_0007, At(0), Edx, 31, 0, Informational, Info,    Info,    "Transmeta live clock readings", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    rule(0xc000_0000, At(0), Eax, 31, 0, NotLess,       Unsafe,  Warning, "Centaur range shrank", "Linux 6.1 arch/x86/kernel/cpu/centaur.c:27"),
];

sorted!(ROWS);
