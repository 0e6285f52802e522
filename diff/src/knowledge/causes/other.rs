//! Why values may differ: leaves of Transmeta and of Centaur and Zhaoxin.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::table::CauseKind::RuntimeDynamic;
use crate::knowledge::table::Sub::At;
use crate::knowledge::table::{Cause, cause, sorted};

/// Sorted by leaf.
#[rustfmt::skip]
pub(super) const ROWS: &[Cause] = &[
    cause(0x8086_0007, At(0), Eax, 31, 0, RuntimeDynamic, "Transmeta current clock", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    cause(0x8086_0007, At(0), Ebx, 31, 0, RuntimeDynamic, "Transmeta current voltage", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    cause(0x8086_0007, At(0), Ecx, 31, 0, RuntimeDynamic, "Transmeta current performance", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
    cause(0x8086_0007, At(0), Edx, 31, 0, RuntimeDynamic, "Transmeta current gate delay", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80860007"),
];

sorted!(ROWS);
