//! Which vCPUs are online.

use core::ffi::CStr;

use crate::linux::{CpuSet, affinity, each_line, set_affinity};

/// Where the kernel lists them.
const ONLINE: &CStr = c"/sys/devices/system/cpu/online";
const CPUINFO: &CStr = c"/proc/cpuinfo";

/// The online vCPUs: from /sys, else from /proc, else those that the kernel would run us on.
pub fn online() -> Option<CpuSet> {
    in_sys().or_else(in_proc).or_else(reachable).filter(|cpus| cpus.count() > 0)
}

fn in_sys() -> Option<CpuSet> {
    let mut cpus = None;
    each_line(ONLINE, |line| cpus = list(line));
    cpus
}

fn in_proc() -> Option<CpuSet> {
    let mut cpus = CpuSet::new();
    let mut all_known = true;
    let whole = each_line(CPUINFO, |line| {
        if let Some(cpu) = line.strip_prefix(b"processor\t: ") {
            all_known &= number(cpu).is_some_and(|cpu| cpus.add(cpu));
        }
    });
    (whole && all_known && cpus.count() > 0).then_some(cpus)
}

/// The kernel cuts a set of all CPUs down to those that are online, and that this thread may run on.
fn reachable() -> Option<CpuSet> {
    // Where this is refused, some of them are out of reach.
    let _ = set_affinity(&CpuSet::all());
    affinity()
}

/// Numbers and inclusive ranges, as the kernel writes CPU lists: `0,2-3`. `None` if it is anything else.
fn list(text: &[u8]) -> Option<CpuSet> {
    let mut cpus = CpuSet::new();
    for part in text.split(|b| *b == b',') {
        let mut ends = part.split(|b| *b == b'-').map(number);
        let first = ends.next()??;
        let last = ends.next().unwrap_or(Some(first))?;
        if first > last || ends.next().is_some() || !(first..=last).all(|cpu| cpus.add(cpu)) {
            return None;
        }
    }
    Some(cpus)
}

/// A decimal number.
fn number(digits: &[u8]) -> Option<u32> {
    let add = |number: u32, digit: &u8| {
        let digit = digit.checked_sub(b'0').filter(|d| *d < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}
