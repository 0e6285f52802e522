//! The boot image as a file: small, in the two forms that loaders know, and without SSE.

use std::fs;
use std::process::Command;

use iced_x86::{CpuidFeature, Decoder, DecoderOptions};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{LittleEndian, Object, ObjectSection};

/// The image's byte order.
const E: LittleEndian = LittleEndian;

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

/// The image, as `--emit-image` writes it.
fn image() -> Vec<u8> {
    let directory = crate::support::scratch();
    let file = directory.join("boot.elf");
    let emit = || Command::new(PROBE).args(["boot", "--emit-image"]).arg(&file).output().unwrap();
    assert!(emit().status.success());
    let image = fs::read(&file).unwrap();
    let again = emit();
    assert_eq!(again.status.code(), Some(2), "an existing file is never replaced");
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));
    assert_eq!(fs::read(&file).unwrap(), image);
    fs::remove_dir_all(directory).unwrap();
    image
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

#[test]
fn it_has_a_multiboot_header_and_a_pvh_note() {
    let image = image();
    assert!(image.len() <= 64 * 1024, "{} bytes", image.len());
    let elf = ElfFile64::<LittleEndian>::parse(&*image).unwrap();
    let load: Vec<_> = elf
        .elf_program_headers()
        .iter()
        .filter(|p| p.p_type(E) == object::elf::PT_LOAD)
        .map(|p| (p.p_offset(E), p.p_paddr(E), p.p_filesz(E), p.p_memsz(E)))
        .collect();
    let [(offset, address, in_file, in_memory)] = load[..] else { panic!("one piece to load, found {load:x?}") };

    // Multiboot specification 0.6.96, 3.1.1: within the first 8 KiB, 4-byte aligned, summing to zero.
    let at = (0..8192).step_by(4).find(|at| word(&image[*at..]) == 0x1bad_b002).expect("a multiboot header");
    let header: Vec<u32> = image[at..at + 32].chunks(4).map(word).collect();
    let [magic, flags, checksum, header_at, load_at, load_end, bss_end, entry] = header[..] else { unreachable!() };
    assert_eq!(magic.wrapping_add(flags).wrapping_add(checksum), 0);
    assert_eq!(flags & 1 << 16, 1 << 16, "the address fields are valid: QEMU refuses an ELF64 without them");
    assert_eq!(u64::from(header_at) - address, at as u64 - offset);
    assert_eq!((u64::from(load_at), u64::from(load_end - load_at)), (address, in_file));
    assert_eq!(u64::from(bss_end - load_at), in_memory);
    assert!((load_at..load_end).contains(&entry));

    // Xen docs/misc/pvh.pandoc: XEN_ELFNOTE_PHYS32_ENTRY.
    let header = elf.elf_header();
    let mut notes = elf
        .elf_program_headers()
        .iter()
        .filter_map(|p| p.notes(E, &*image).unwrap())
        .flat_map(|mut notes| std::iter::from_fn(move || notes.next().unwrap()));
    let note = notes.next().expect("a note");
    assert!(notes.next().is_none());
    assert_eq!((note.name(), note.n_type(E)), (&b"Xen"[..], 18));
    assert_eq!(u64::from(word(note.desc())), header.e_entry(E));
}

#[test]
fn it_executes_no_sse() {
    let image = image();
    let elf = ElfFile64::<LittleEndian>::parse(&*image).unwrap();
    // `.text` is what rustc made; `.entry` (entry.s) holds 16-bit and 32-bit code too.
    let text = elf.section_by_name(".text").unwrap();
    let mut decoder = Decoder::with_ip(64, text.data().unwrap(), text.address(), DecoderOptions::NONE);
    let mut count = 0;
    for instruction in &mut decoder {
        count += 1;
        // Decoding reaches the end only if it never gets out of step.
        assert!(!instruction.is_invalid(), "at {:#x}", instruction.ip());
        for feature in instruction.cpuid_features() {
            let plain = [
                CpuidFeature::INTEL8086,
                CpuidFeature::INTEL186,
                CpuidFeature::INTEL286,
                CpuidFeature::INTEL386,
                CpuidFeature::INTEL486,
                CpuidFeature::X64,
                CpuidFeature::CMOV,
                CpuidFeature::CPUID,
                CpuidFeature::TSC,
                CpuidFeature::MSR,
                CpuidFeature::PAUSE,
                CpuidFeature::MULTIBYTENOP,
                CpuidFeature::CX8,
            ];
            assert!(plain.contains(feature), "{feature:?} at {:#x}", instruction.ip());
        }
    }
    assert!(count > 1000, "only {count} instructions");
    let entry = elf.section_by_name(".entry").unwrap();
    assert!(entry.size() < 2048, "hand-written code is short enough to be read: {} bytes", entry.size());
}
