//! What the boot loader says: where RAM ends.

/// Multiboot information: `flags`, `mem_lower`, `mem_upper` in KiB above 1 MiB (Multiboot specification 0.6.96, 3.3).
#[repr(C)]
struct Multiboot {
    flags: u32,
    mem_lower: u32,
    mem_upper: u32,
}

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

/// The end of the RAM that starts at 1 MiB.
pub fn ram_end(info: u32, pvh: bool) -> u64 {
    let end = if pvh { pvh_ram_end(info) } else { multiboot_ram_end(info) };
    end.unwrap_or(LEAST).min(MOST)
}

fn multiboot_ram_end(info: u32) -> Option<u64> {
    // SAFETY: the boot loader left this structure there, and nothing was overwritten since.
    let info = unsafe { (info as usize as *const Multiboot).read_unaligned() };
    (info.flags & 1 == 1).then_some(MIB + u64::from(info.mem_upper) * 1024)
}

fn pvh_ram_end(info: u32) -> Option<u64> {
    // SAFETY: the boot loader left this structure there, and nothing was overwritten since.
    let info = unsafe { (info as usize as *const StartInfo).read_unaligned() };
    if info.magic != START_INFO_MAGIC || info.version < 1 {
        return None;
    }
    let map = info.memory_map as usize as *const Region;
    // SAFETY: so many entries, says the boot loader.
    let regions = (0..info.entries as usize).map(|i| unsafe { map.add(i).read_unaligned() });
    let mut ram = regions.filter(|r| r.kind == 1).map(|r| r.start..r.start.saturating_add(r.len));
    ram.find(|r| r.contains(&MIB)).map(|r| r.end)
}
