//! The walker against its limit: the bare loop over the same places, which costs nothing but the instruction.

use cpuid_probe::Registers;
use cpuid_probe::dump::{Recorded, VcpuDump};
use divan::{Bencher, black_box};
use raw_cpuid::{CpuIdResult, native_cpuid::cpuid_count};

fn main() {
    let (reads, dump) = (reads(), VcpuDump::capture(0, &mut instruction));
    let (all, kept) = (reads.len(), dump.leaves().len());
    println!("{all} CPUID instructions for a dump of {kept} register sets; the others probe for ranges that may exist");
    divan::main();
}

fn instruction(leaf: u32, subleaf: u32) -> Option<Registers> {
    let CpuIdResult { eax, ebx, ecx, edx } = cpuid_count(leaf, subleaf);
    Some(Registers::new(eax, ebx, ecx, edx))
}

/// Every leaf and subleaf the walker asks for, in its order.
fn reads() -> Vec<(u32, u32)> {
    let mut reads = Vec::new();
    VcpuDump::capture(0, &mut |leaf: u32, subleaf: u32| {
        reads.push((leaf, subleaf));
        instruction(leaf, subleaf)
    });
    reads
}

/// The instruction alone, for the walker's reads.
#[divan::bench]
fn bare_loop(bencher: Bencher) {
    let reads = reads();
    bencher.bench(|| {
        for (leaf, subleaf) in &reads {
            black_box(instruction(*leaf, *subleaf));
        }
    });
}

/// The walker over the instruction.
#[divan::bench]
fn full_dump(bencher: Bencher) {
    bencher.bench(|| VcpuDump::capture(0, &mut instruction));
}

/// The walker over a recorded vCPU: what coverage costs.
#[divan::bench]
fn replay(bencher: Bencher) {
    let dump = VcpuDump::capture(0, &mut instruction);
    bencher.bench(|| VcpuDump::capture(0, &mut Recorded::new(black_box(&dump))));
}
