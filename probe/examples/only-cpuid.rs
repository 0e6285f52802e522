//! Writes the yardstick of `scripts/bench`: an x86-64 Linux program, as assembly for `cc -nostdlib -static`, that executes the
//! CPUID instructions of a dump of the vCPU this runs on, and nothing else.

use cpuid_probe::Registers;
use cpuid_probe::dump::VcpuDump;
use raw_cpuid::native_cpuid::cpuid_count;

fn main() {
    println!(".globl _start\n_start:");
    VcpuDump::capture(0, &mut |leaf: u32, subleaf: u32| {
        println!("    mov ${leaf:#x}, %eax\n    mov ${subleaf:#x}, %ecx\n    cpuid");
        let r = cpuid_count(leaf, subleaf);
        Some(Registers::new(r.eax, r.ebx, r.ecx, r.edx))
    });
    // exit_group(0)
    println!("    mov $231, %eax\n    xor %edi, %edi\n    syscall\n    .section .note.GNU-stack, \"\", @progbits");
}
