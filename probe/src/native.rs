//! `cpuid-probe dump`: the instruction itself, executed on every online vCPU of this (virtual) machine.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::iter;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::ptr;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use cpuid_probe::change::same;
use cpuid_probe::dump::{Dump, Gap, GapReason, MsrRecord, Source, VcpuDump};
use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::{LeafId, Registers};
use raw_cpuid::native_cpuid::cpuid_count;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::cli::{DumpArgs, Format};
use crate::host::cpuinfo;
use crate::say::{line, say};
use crate::{host, init, output};

/// CPUID traps in a guest, so vCPUs are read at the same time; more threads than this gain nothing.
const MOST_THREADS: usize = 16;

/// Runs the command.
pub fn dump(args: &DumpArgs) -> Result<ExitCode> {
    let online = online()?;
    let cpus = if args.cpus == "all" { online.clone() } else { chosen(&args.cpus, &online)? };
    let mut dump = Dump::new(Source::Native);
    dump.vcpus = read(&cpus, || host::stamp(&mut dump.provenance, args.output.label.as_ref()));
    if args.msrs {
        read_msrs(&mut dump.vcpus);
    }
    dump.provenance.vcpus_online = u32::try_from(online.len()).ok();
    dump.note_hypervisors();

    let usual = if init::is_init() { Format::Text } else { Format::Json };
    output::deliver(&dump, &args.output, usual)
}

/// The numbers of the online vCPUs, ascending: from /sys, else from /proc, else those the
/// kernel would run us on.
pub fn online() -> Result<Vec<u32>> {
    if let Some(cpus) = online_in_sys() {
        return Ok(cpus);
    }
    let listed: Vec<u32> = cpuinfo("processor").filter_map(|n| n.parse().ok()).collect();
    if !listed.is_empty() {
        return Ok(listed);
    }
    reachable().context("cannot tell which vCPUs are online")
}

/// The CPUs that the kernel lets the calling thread run on: it cuts a mask of all CPUs down to those that are online.
fn reachable() -> io::Result<Vec<u32>> {
    let ours = sched_getaffinity(None)?;
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|n| all.set(n));
    let _ = sched_setaffinity(None, &all);
    let widest = sched_getaffinity(None)?;
    let _ = sched_setaffinity(None, &ours);
    Ok((0..CpuSet::MAX_CPU).filter(|n| widest.is_set(*n)).filter_map(|n| u32::try_from(n).ok()).collect())
}

/// Where the kernel lists the online vCPUs.
const ONLINE: &str = "/sys/devices/system/cpu/online";

/// The online vCPUs as /sys lists them, where it is mounted.
fn online_in_sys() -> Option<Vec<u32>> {
    OnlineList::open()?.news()
}

/// The kernel's list of online vCPUs, kept open to be looked at again and again.
#[derive(Debug)]
pub struct OnlineList {
    file: File,
    /// The last text, and a buffer for the next.
    said: Vec<u8>,
    room: Vec<u8>,
}

impl OnlineList {
    /// `None` without /sys.
    pub fn open() -> Option<Self> {
        // A file of sysfs is a page at most.
        Some(Self { file: File::open(ONLINE).ok()?, said: Vec::new(), room: vec![0; 4096] })
    }

    /// The list, if it has changed since the last call.
    pub fn news(&mut self) -> Option<Vec<u32>> {
        let len = self.file.read_at(&mut self.room, 0).ok()?;
        let says = self.room.get(..len).filter(|says| *says != self.said)?;
        self.said = says.to_vec();
        parse_list(str::from_utf8(says).ok()?.trim())
    }
}

/// The vCPUs of a `--cpus` list, which must be online.
fn chosen(list: &str, online: &[u32]) -> Result<Vec<u32>> {
    let Some(cpus) = parse_list(list) else {
        bail!("--cpus {}: expected `all`, or vCPU numbers and ranges like 0,2-3", line(list));
    };
    let offline: Vec<u32> = cpus.iter().filter(|n| !online.contains(n)).copied().collect();
    ensure!(offline.is_empty(), "--cpus {}: not online: {}; online: {}", line(list), List(&offline), List(online));
    Ok(cpus)
}

/// Numbers and inclusive ranges, as the kernel writes CPU lists: `0,2-3`. Ascending, each once.
fn parse_list(list: &str) -> Option<Vec<u32>> {
    // More vCPUs than any hypervisor offers; a typing error must not allocate gigabytes.
    const MOST: u32 = 1 << 16;
    let mut cpus = BTreeSet::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.trim().parse::<u32>().ok()?, last.trim().parse::<u32>().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        cpus.extend(first..=last);
    }
    Some(cpus.into_iter().collect())
}

/// Numbers as the kernel writes them: the inverse of [`parse_list`].
pub struct List<'a>(pub &'a [u32]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, run) in self.0.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match run {
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                one => one.iter().try_for_each(|n| write!(f, "{comma}{n}"))?,
            }
        }
        Ok(())
    }
}

/// Reads everything CPUID holds on each of `cpus`, in their order. A vCPU that cannot be reached is a gap.
///
/// The calling thread reads vCPUs too, and gets its own CPU mask back at the end.
fn read(cpus: &[u32], meanwhile: impl FnOnce()) -> Vec<VcpuDump> {
    let mask = sched_getaffinity(None).unwrap_or_default();
    let others = cpus.len().min(MOST_THREADS).min(mask.count() as usize).saturating_sub(1);
    // Room for what vCPUs hold, so that the threads need not ask the system for memory.
    let mut vcpus: Vec<VcpuDump> = cpus.iter().map(|cpu| VcpuDump::with_room(*cpu)).collect();
    let unread = Mutex::new(vcpus.iter_mut().collect::<Vec<_>>());
    let work = |first: Option<&mut VcpuDump>| {
        let rest = iter::from_fn(|| next(&unread));
        first.into_iter().chain(rest).for_each(|vcpu| Reader::default().read(vcpu));
    };
    one_arena();
    thread::scope(|scope| {
        // New threads often start on this CPU, and have to leave it at once.
        let first = next(&unread);
        // Where the system allows no more threads, the existing ones read everything.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, || work(None)).ok();
        let _ = (0..others).map_while(spawn).count();
        thread::yield_now();
        work(first);
        meanwhile();
    });
    let _ = sched_setaffinity(None, &mask);
    if let Some(refusal) = may_not_pin(&mask).filter(|_| vcpus.iter().all(|v| v.leaves().is_empty())) {
        read_here(&mut vcpus, &refusal);
    }
    vcpus
}

/// Why this thread may not choose its vCPU at all: a sandbox refuses even the choice that is in force.
fn may_not_pin(mask: &CpuSet) -> Option<io::Error> {
    sched_setaffinity(None, mask).err().map(io::Error::from)
}

/// So often a thread that the kernel moves while it reads is given another try.
const MOST_MOVES: usize = 20;

/// Reads the vCPU that the calling thread is on, without any say in which that is, and says so.
fn read_here(vcpus: &mut [VcpuDump], refusal: &io::Error) {
    for _ in 0..MOST_MOVES {
        let here = current_cpu();
        let Some(vcpu) = vcpus.iter_mut().find(|v| Some(v.vcpu) == here) else { break };
        // Twice, since the thread could have been away and back meanwhile.
        let mut again = VcpuDump::new(vcpu.vcpu);
        vcpu.recapture(&mut instruction);
        again.recapture(&mut instruction);
        if current_cpu() == here && same(vcpu.leaves(), again.leaves()) {
            say(format_args!("may not choose a vCPU ({refusal}): read vCPU {}, which this runs on", vcpu.vcpu));
            return;
        }
        Reader::give_up(vcpu);
    }
    say(format_args!("may not choose a vCPU ({refusal})"));
}

/// Lets new threads share this thread's memory pool. Else the C library reserves 128 MiB of address space for each, which
/// takes as long as a dozen CPUID instructions.
#[allow(unsafe_code)]
fn one_arena() {
    // SAFETY: sets a number in the C library.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Takes the vCPU that the calling thread is on, or else the first.
fn next<'a>(unread: &Mutex<Vec<&'a mut VcpuDump>>) -> Option<&'a mut VcpuDump> {
    let mut unread = unread.lock().ok()?;
    // Moving a thread to another CPU takes as long as dozens of CPUID instructions.
    let here = current_cpu();
    let at = unread.iter().position(|vcpu| Some(vcpu.vcpu) == here).unwrap_or(0);
    (at < unread.len()).then(|| unread.remove(at))
}

/// Reads vCPUs one after the other on the calling thread, which stays on the one that was read last.
#[derive(Debug, Default)]
pub struct Reader {
    /// Where the thread was sent.
    at: Option<u32>,
}

impl Reader {
    /// The vCPU that was read last, if it could be.
    pub const fn at(&self) -> Option<u32> {
        self.at
    }

    /// Reads everything on the vCPU of `dump`, in place of what that holds. A vCPU that cannot be reached is a gap.
    pub fn read(&mut self, dump: &mut VcpuDump) {
        let cpu = dump.vcpu;
        let mut read = || {
            dump.recapture(&mut instruction);
            // A thread that is sent to a CPU runs there until that goes offline.
            current_cpu() == Some(cpu)
        };
        if self.at == Some(cpu) && read() || pin(cpu).is_ok() && read() {
            self.at = Some(cpu);
            return;
        }
        self.at = None;
        Self::give_up(dump);
    }

    /// Leaves nothing but the gap.
    fn give_up(dump: &mut VcpuDump) {
        dump.clear();
        dump.gaps.push(Gap { id: LeafId::new(0, 0), reason: GapReason::Unreachable });
    }
}

/// The CPU that the calling thread runs on.
///
/// Asks the kernel, not the vDSO or the C library: they use RDPID where it was there at the start, and a migration can
/// take that away.
#[allow(unsafe_code)]
fn current_cpu() -> Option<u32> {
    let (mut here, nothing) = (u32::MAX, ptr::null_mut::<u32>());
    // SAFETY: the kernel writes one number, and nothing through null pointers.
    let asked = unsafe { libc::syscall(libc::SYS_getcpu, &raw mut here, nothing, nothing) };
    (asked == 0).then_some(here)
}

/// The CPUID instruction, as a [`cpuid_probe::CpuidSource`].
#[allow(clippy::unnecessary_wraps)]
fn instruction(leaf: u32, subleaf: u32) -> Option<Registers> {
    let r = cpuid_count(leaf, subleaf);
    Some(Registers::new(r.eax, r.ebx, r.ecx, r.edx))
}

/// Lets the calling thread run on `cpu` alone. Numbers from 1024 on do not fit into the mask and fail.
fn pin(cpu: u32) -> io::Result<()> {
    let cpu = cpu as usize;
    if cpu >= CpuSet::MAX_CPU {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut mask = CpuSet::new();
    mask.set(cpu);
    Ok(sched_setaffinity(None, &mask)?)
}

/// Adds the feature MSRs that CPUID announces, as far as the kernel's msr device lets us read them.
fn read_msrs(vcpus: &mut [VcpuDump]) {
    for v in vcpus.iter_mut().filter(|v| !v.leaves().is_empty()) {
        let path = format!("/dev/cpu/{}/msr", v.vcpu);
        let device = match File::open(&path) {
            Ok(device) => device,
            Err(e) => {
                let hint = if e.kind() == ErrorKind::NotFound { " (modprobe msr?)" } else { "" };
                say(format_args!("{path}: {e}{hint}; feature MSRs are left out"));
                return;
            }
        };
        read_msrs_of(v, &device);
    }
}

/// Adds what `device` holds of the feature MSRs that CPUID announces on `v`. In the device the offset is the index.
fn read_msrs_of(v: &mut VcpuDump, device: &File) {
    for msr in FEATURE_MSRS {
        if msr.exists(|leaf| v.get(LeafId::new(leaf, 0)), |index| v.msr(index).flatten()) {
            let mut bytes = [0; 8];
            let read = device.read_exact_at(&mut bytes, u64::from(msr.index));
            let value = read.is_ok().then(|| u64::from_le_bytes(bytes));
            // Each index is in the table once, so no conflict is possible.
            let _ = v.insert_msr(MsrRecord { index: msr.index, value });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cpuid_probe::dump::Record;

    use super::*;

    #[test]
    fn cpu_lists_are_read_and_written_as_the_kernel_does() {
        for (text, cpus) in [("0", vec![0]), ("0-3,5", vec![0, 1, 2, 3, 5]), ("7,1-2,2", vec![1, 2, 7])] {
            assert_eq!(parse_list(text), Some(cpus), "{text}");
        }
        for bad in ["", "x", "1-", "-1", "3-1", "0,,1", "0-4000000000", "all"] {
            assert_eq!(parse_list(bad), None, "{bad}");
        }
        assert_eq!(List(&[0, 1, 2, 5, 7, 8]).to_string(), "0-2,5,7-8");
    }

    #[test]
    fn a_listed_cpu_must_be_online() {
        assert_eq!(chosen("1,0", &[0, 1]).unwrap(), [0, 1]);
        let error = chosen("1-3", &[0, 1]).unwrap_err().to_string();
        assert_eq!(error, "--cpus 1-3: not online: 2-3; online: 0-1");
    }

    #[test]
    fn reading_keeps_the_callers_mask_and_reports_a_cpu_out_of_reach() {
        let before = sched_getaffinity(None).unwrap();
        let vcpus = read(&[0, 1023, 5000], || ());
        assert_eq!(sched_getaffinity(None).unwrap(), before);
        assert!(vcpus[0].is_complete());
        for v in &vcpus[1..] {
            assert_eq!(v.gaps, [Gap { id: LeafId::new(0, 0), reason: GapReason::Unreachable }], "{}", v.vcpu);
        }
    }

    #[test]
    fn announced_msrs_are_read_and_a_fault_is_said() {
        // As the msr device: 8 bytes at the offset of the index. This one ends after IA32_ARCH_CAPABILITIES.
        let path = std::env::temp_dir().join(format!("cpuid-probe-msr-{}", std::process::id()));
        let mut content = vec![0; 0x10a];
        content.extend(0x0d89_fd6b_u64.to_le_bytes());
        fs::write(&path, content).unwrap();
        let device = File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();

        let mut v = VcpuDump::new(0);
        let mut insert = |leaf, registers| v.insert(Record { id: LeafId::new(leaf, 0), registers }).unwrap();
        insert(1, Registers::new(0, 0, 1 << 15, 0));
        insert(7, Registers::new(0, 0, 0, 1 << 29));
        read_msrs_of(&mut v, &device);
        let msr = |index, value| MsrRecord { index, value };
        assert_eq!(v.msrs(), [msr(0x10a, Some(0x0d89_fd6b)), msr(0x345, None)]);
    }

    #[test]
    fn the_online_cpus_are_known_without_sys_and_proc() {
        let before = sched_getaffinity(None).unwrap();
        let listed = online().unwrap();
        assert!(reachable().unwrap().iter().all(|cpu| listed.contains(cpu)));
        assert_eq!(sched_getaffinity(None).unwrap(), before);
    }

    #[test]
    fn every_online_cpu_is_read_once_and_in_order() {
        let online = online().unwrap();
        let read: Vec<u32> = read(&online, || ()).iter().map(|v| v.vcpu).collect();
        assert_eq!(read, online);
    }
}
