//! What the boot loader says: where RAM ends, and the words of the kernel command line.

/// Multiboot information: `mem_lower`, `mem_upper` in KiB above 1 MiB (Multiboot specification 0.6.96, 3.3).
#[repr(C)]
struct Multiboot {
    flags: u32,
    mem_lower: u32,
    mem_upper: u32,
    boot_device: u32,
    command_line: u32,
}

/// Bits of [`Multiboot::flags`]: which fields are there.
const HAS_MEMORY: u32 = 1 << 0;
const HAS_COMMAND_LINE: u32 = 1 << 2;

/// Xen include/public/arch-x86/hvm/start_info.h
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    modules_at: u64,
    command_line: u64,
    rsdp: u64,
    /// Since version 1.
    memory_map: u64,
    entries: u32,
}

/// An entry of the PVH memory map. Kind 1 is RAM.
#[repr(C)]
struct Region {
    start: u64,
    len: u64,
    kind: u32,
    reserved: u32,
}

const START_INFO_MAGIC: u32 = 0x336e_c578;
const MIB: u64 = 1 << 20;
/// Assumed where the boot loader says nothing.
const LEAST: u64 = 16 * MIB;
/// entry.s maps no RAM above this.
const MOST: u64 = 1 << 30;

/// A command line longer than this is cut.
const LONGEST: usize = 4096;

/// What the boot loader says.
#[derive(Debug)]
pub struct Info {
    /// The end of the RAM that starts at 1 MiB.
    pub ram_end: u64,
    /// What the command line asks for.
    pub options: Options,
}

/// What the kernel command line asks for.
#[derive(Debug, Default)]
pub struct Options {
    /// Keep watching, with so many milliseconds between passes.
    pub watch: Option<u32>,
    /// Write the dump to QEMU's debug console.
    pub debugcon: bool,
    /// Print a line a pass.
    pub verbose: bool,
}

/// Takes in what the boot loader left at `info`, before anything overwrites it.
pub fn read(info: u32, pvh: bool) -> Info {
    let (end, line) = if pvh { read_pvh(info) } else { read_multiboot(info) };
    Info { ram_end: end.unwrap_or(LEAST).min(MOST), options: line.map(options).unwrap_or_default() }
}

/// The words that are known; others are somebody else's.
fn options(line: &[u8]) -> Options {
    let mut options = Options::default();
    for word in line.split(|b| *b == b' ') {
        match word {
            b"watch" => options.watch = Some(crate::watch::INTERVAL),
            b"debugcon" => options.debugcon = true,
            b"verbose" => options.verbose = true,
            _ => {
                let number = word.strip_prefix(b"watch=").and_then(|n| core::str::from_utf8(n).ok());
                options.watch = number.and_then(|n| n.parse().ok()).or(options.watch);
            }
        }
    }
    options
}

/// The text at `address`, up to its NUL.
fn text(address: u64) -> Option<&'static [u8]> {
    if address == 0 || address >= MOST {
        return None;
    }
    // SAFETY: the boot loader says that text is there; memory below 1 GiB is mapped, and all of it may be read.
    let longest = unsafe { core::slice::from_raw_parts(address as usize as *const u8, LONGEST) };
    longest.split(|b| *b == 0).next()
}

fn read_multiboot(info: u32) -> (Option<u64>, Option<&'static [u8]>) {
    // SAFETY: the boot loader left this structure there, and nothing was overwritten since.
    let info = unsafe { (info as usize as *const Multiboot).read_unaligned() };
    let has = |flag| info.flags & flag != 0;
    let end = has(HAS_MEMORY).then_some(MIB + u64::from(info.mem_upper) * 1024);
    (end, has(HAS_COMMAND_LINE).then(|| text(info.command_line.into())).flatten())
}

fn read_pvh(info: u32) -> (Option<u64>, Option<&'static [u8]>) {
    // SAFETY: the boot loader left this structure there, and nothing was overwritten since.
    let info = unsafe { (info as usize as *const StartInfo).read_unaligned() };
    if info.magic != START_INFO_MAGIC {
        return (None, None);
    }
    (pvh_ram_end(&info), text(info.command_line))
}

fn pvh_ram_end(info: &StartInfo) -> Option<u64> {
    if info.version < 1 {
        return None;
    }
    let map = info.memory_map as usize as *const Region;
    // SAFETY: so many entries, says the boot loader.
    let regions = (0..info.entries as usize).map(|i| unsafe { map.add(i).read_unaligned() });
    let mut ram = regions.filter(|r| r.kind == 1).map(|r| r.start..r.start.saturating_add(r.len));
    ram.find(|r| r.contains(&MIB)).map(|r| r.end)
}
