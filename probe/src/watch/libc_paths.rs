//! Keeps this process on the instructions that every x86-64 CPU has.
//!
//! glibc picks its string functions for the CPU it starts on, AVX2 ones if it can. After a migration that takes AVX2
//! away the next `memcpy` then ends the process with SIGILL. glibc reads `GLIBC_TUNABLES` once, at the start, so the
//! way out is to run this program again with the choice made for it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::say::{self, say};

const VARIABLE: &str = "GLIBC_TUNABLES";

/// Every feature that glibc's string and mathematical functions choose by.
///
/// # Source
/// glibc 2.36 sysdeps/x86/cpu-tunables.c (the names), sysdeps/x86_64/multiarch/ifunc-*.h (what asks for them).
const PATHS: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,-BMI1,-BMI2,\
                     -ERMS,-FMA,-FMA4,-FSRM,-Fast_Unaligned_Copy,-LZCNT,-MOVBE,-POPCNT,-RTM,-SSE4_1,-SSE4_2,-SSSE3";

/// Replaces this process by one that runs the same command on glibc's baseline paths, unless it is that one already.
///
/// Returns if this is that process already. Returns with a message if it cannot be replaced, since watching is then at
/// risk.
pub fn use_baseline() {
    let set = env::var_os(VARIABLE).unwrap_or_default();
    if !cfg!(target_env = "gnu") || set.as_bytes().ends_with(PATHS.as_bytes()) {
        return;
    }
    let value = tunables(&set);
    let mut words = env::args_os();
    let name = words.next().unwrap_or_default();
    let arguments: Vec<OsString> = words.collect();
    let mut refusal = None;
    say::close_again();
    // PID 1 has no /proc; the kernel names it by its path. A shell's name is looked for in PATH.
    for program in [OsStr::new("/proc/self/exe"), &name] {
        refusal = Some(Command::new(program).arg0(&name).args(&arguments).env(VARIABLE, &value).exec());
    }
    let why = refusal.map(|e| e.to_string()).unwrap_or_default();
    say(format_args!(
        "cannot start again with {VARIABLE} ({why}); a migration that takes AVX2 or SSE4 away may end this watcher"
    ));
}

/// The user's own tunables, followed by these.
fn tunables(set: &OsStr) -> OsString {
    let others = set.as_bytes().split(|b| *b == b':').filter(|t| !t.is_empty() && !t.starts_with(b"glibc.cpu.hwcaps="));
    let all: Vec<&[u8]> = others.chain([PATHS.as_bytes()]).collect();
    OsStr::from_bytes(&all.join(&b':')).to_os_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_own_tunables_are_kept() {
        let ours = |set: &str| tunables(OsStr::new(set)).into_string().unwrap_or_default();
        assert_eq!(ours(""), PATHS);
        assert_eq!(ours("glibc.malloc.check=3"), format!("glibc.malloc.check=3:{PATHS}"));
        assert_eq!(ours("glibc.cpu.hwcaps=-AVX2:glibc.malloc.check=3"), format!("glibc.malloc.check=3:{PATHS}"));
    }
}
