//! The few system calls of Linux that this program makes.
//!
//! # Source
//! Linux arch/x86/entry/syscalls/syscall_64.tbl (numbers); System V ABI, AMD64, appendix A.2.1 (registers).

use core::arch::asm;
use core::ffi::CStr;
use core::fmt;

const READ: usize = 0;
const WRITE: usize = 1;
const OPEN: usize = 2;
const SCHED_SETAFFINITY: usize = 203;
const SCHED_GETAFFINITY: usize = 204;
const EXIT_GROUP: usize = 231;
const GETCPU: usize = 309;

/// The error that stands for "a signal came; ask again" (asm-generic/errno-base.h).
const EINTR: isize = -4;

/// The kernel's answer: -4095 to -1 are error numbers.
///
/// # Safety
/// What `number` does with the memory that its arguments name must be sound.
unsafe fn system_call(number: usize, arguments: [usize; 3]) -> isize {
    let [a, b, c] = arguments;
    let answer;
    // SAFETY: the kernel keeps every register but these three, and touches the memory that the caller names.
    unsafe {
        asm!("syscall", inout("rax") number => answer, in("rdi") a, in("rsi") b, in("rdx") c,
            out("rcx") _, out("r11") _, options(nostack));
    }
    answer
}

/// A set of CPUs, by their numbers.
#[derive(Clone, Debug)]
pub struct CpuSet([u64; Self::MOST as usize / 64]);

impl CpuSet {
    /// No kernel has more CPUs (Linux arch/x86/Kconfig, `NR_CPUS_RANGE_END`).
    pub const MOST: u32 = 8192;

    /// None.
    pub const fn new() -> Self {
        Self([0; Self::MOST as usize / 64])
    }

    /// One.
    pub fn only(cpu: u32) -> Self {
        let mut set = Self::new();
        set.add(cpu);
        set
    }

    /// All that there may be.
    pub const fn all() -> Self {
        Self([u64::MAX; Self::MOST as usize / 64])
    }

    /// Adds one. `false` for a number that no kernel gives.
    pub fn add(&mut self, cpu: u32) -> bool {
        let Some(word) = self.0.get_mut(cpu as usize / 64) else { return false };
        *word |= 1 << (cpu % 64);
        true
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Their numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let has = |cpu: &u32| self.0.get(*cpu as usize / 64).is_some_and(|word| word >> (cpu % 64) & 1 == 1);
        (0..Self::MOST).filter(has)
    }
}

/// Lets this thread run on these CPUs alone. `false` where the kernel lets it run on none of them.
pub fn set_affinity(cpus: &CpuSet) -> bool {
    // SAFETY: the kernel reads the set.
    unsafe { system_call(SCHED_SETAFFINITY, [0, size_of::<CpuSet>(), (&raw const cpus.0).addr()]) == 0 }
}

/// The CPUs that this thread may run on.
pub fn affinity() -> Option<CpuSet> {
    let mut cpus = CpuSet::new();
    // SAFETY: the kernel writes at most the set.
    let len = unsafe { system_call(SCHED_GETAFFINITY, [0, size_of::<CpuSet>(), (&raw mut cpus.0).addr()]) };
    (len > 0).then_some(cpus)
}

/// The CPU that this thread runs on.
pub fn current_cpu() -> Option<u32> {
    let mut cpu = 0_u32;
    // SAFETY: the kernel writes one number, and nothing through null pointers.
    let answer = unsafe { system_call(GETCPU, [(&raw mut cpu).addr(), 0, 0]) };
    (answer == 0).then_some(cpu)
}

/// Hands on each line of the file at `path`, at most its first 4096 bytes. `false` where it cannot be read to its end.
pub fn each_line(path: &CStr, mut take: impl FnMut(&[u8])) -> bool {
    // SAFETY: the kernel reads the path, which ends with a NUL.
    let file = unsafe { system_call(OPEN, [path.as_ptr().addr(), 0, 0]) };
    let Ok(file) = usize::try_from(file) else { return false };
    let (mut piece, mut line, mut len) = ([0; 4096], [0; 4096], 0);
    loop {
        // SAFETY: the kernel writes at most all of `piece`.
        let read = unsafe { system_call(READ, [file, piece.as_mut_ptr().addr(), piece.len()]) };
        let Ok(read) = usize::try_from(read) else { return false };
        if read == 0 {
            return true;
        }
        for byte in piece.iter().take(read) {
            if *byte == b'\n' {
                take(line.get(..len).unwrap_or_default());
                len = 0;
            } else if let Some(free) = line.get_mut(len) {
                *free = *byte;
                len += 1;
            }
        }
    }
}

/// Writes all of `bytes` to an open file.
pub fn write_all(file: usize, mut bytes: &[u8]) -> fmt::Result {
    while !bytes.is_empty() {
        // SAFETY: the kernel reads `bytes`.
        match unsafe { system_call(WRITE, [file, bytes.as_ptr().addr(), bytes.len()]) } {
            EINTR => {}
            written => {
                let written = usize::try_from(written).ok().filter(|n| *n > 0).ok_or(fmt::Error)?;
                bytes = bytes.get(written..).unwrap_or_default();
            }
        }
    }
    Ok(())
}

/// Ends the program.
pub fn exit(code: i32) -> ! {
    loop {
        // SAFETY: touches no memory, and does not come back.
        unsafe { system_call(EXIT_GROUP, [code as usize, 0, 0]) };
    }
}
