//! Which vCPUs are online.

use crate::linux::{CpuSet, affinity, read_file, set_affinity};

/// Where the kernel lists them.
const ONLINE: &core::ffi::CStr = c"/sys/devices/system/cpu/online";

/// As /sys lists them, where it is mounted; else those that the kernel lets this thread run on: it cuts a set of all CPUs
/// down to those that are online.
pub fn online() -> Option<CpuSet> {
    // A file of sysfs is a page at most.
    let mut room = [0; 4096];
    if let Some(cpus) = read_file(ONLINE, &mut room).and_then(list) {
        return Some(cpus);
    }
    // Where this is refused, some CPUs are out of reach.
    let _ = set_affinity(&CpuSet::all());
    affinity().filter(|cpus| cpus.count() > 0)
}

/// Numbers and inclusive ranges, as the kernel writes CPU lists: `0,2-3` and a line feed. `None` if it is anything else.
fn list(text: &[u8]) -> Option<CpuSet> {
    let mut cpus = CpuSet::new();
    for part in text.strip_suffix(b"\n")?.split(|b| *b == b',') {
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
