//! `--complete`: an imported table that is the whole CPUID.

use cpuid_probe::coverage::{Coverage, range_head};
use cpuid_probe::dump::{Dump, Record, Source, VcpuDump};
use cpuid_probe::{LeafId, Registers};

use super::ReadError;

/// What is then said of the import.
const LIMIT: &str = "taken as the whole CPUID (--complete): what it does not list is zero";

/// Takes an import for the whole CPUID: every register set that the walker asks for and that the table does not list is
/// zero. VMM profiles and templates are written so. MSRs stay as they are.
///
/// # Errors
/// A dump that our probe captured: it says itself what it did not read. A range of which leaves are listed, but not its
/// head.
pub fn take_as_whole(dump: &mut Dump) -> Result<(), ReadError> {
    let import = dump.provenance.source == Source::Import;
    let Some(imported) = dump.provenance.imported.as_mut().filter(|_| import) else {
        return Err(ReadError::whole(
            "a capture of cpuid-probe, which says itself whether it is complete; --complete is \
                                     for tables from elsewhere",
        ));
    };
    if dump.vcpus.iter().any(VcpuDump::is_statements) {
        return Err(ReadError::whole("names features and shows no register sets; --complete is for tables of those"));
    }
    imported.limits.push(LIMIT.to_string());
    for vcpu in &mut dump.vcpus {
        if let Some((leaf, head)) = headless(vcpu) {
            return Err(ReadError::whole(format!(
                "lists leaf {leaf:#010x} and not {head:#010x}, which says that it exists; expected the whole CPUID \
                 (--complete)"
            )));
        }
        vcpu.gaps.clear();
        loop {
            let missing = Coverage::of(vcpu).missing;
            if missing.is_empty() {
                break;
            }
            for id in missing {
                // What is missing is not listed, so nothing conflicts.
                let _ = vcpu.insert(Record { id, registers: Registers::new(0, 0, 0, 0) });
            }
        }
    }
    Ok(())
}

/// A leaf that is listed, and the head of its range, which is not.
fn headless(vcpu: &VcpuDump) -> Option<(u32, u32)> {
    let mut heads = vcpu.leaves().iter().map(|record| (record.id.leaf, range_head(record.id.leaf)));
    heads.find(|(_, head)| vcpu.get(LeafId::new(*head, 0)).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Input, read};

    const TABLE: &[u8] = b"00000000 00000000: 0000000d 756e6547 6c65746e 49656e69\n\
                           00000001 00000000: 000306c1 00000800 7ffa3203 0f8bfbff\n";

    fn table() -> Dump {
        let Ok(Input::Dump(dump)) = read(TABLE, None) else { panic!("a raw table") };
        *dump
    }

    #[test]
    fn what_is_not_listed_is_zero_and_said() {
        let mut dump = table();
        assert!(!Coverage::of(&dump.vcpus[0]).is_complete());
        take_as_whole(&mut dump).unwrap();
        assert!(Coverage::of(&dump.vcpus[0]).is_complete());
        assert_eq!(dump.vcpus[0].get(LeafId::new(7, 0)), Some(Registers::new(0, 0, 0, 0)));
        assert_eq!(dump.vcpus[0].get(LeafId::new(1, 0)), table().vcpus[0].get(LeafId::new(1, 0)));
        assert!(dump.provenance.imported.unwrap().limits.iter().any(|limit| limit == LIMIT));
    }

    #[test]
    fn a_range_without_its_head_is_no_whole_table() {
        let Ok(Input::Dump(mut dump)) = read(b"00000001 00000000: 000306c1 00000800 7ffa3203 0f8bfbff\n", None) else {
            panic!("a raw line")
        };
        let error = take_as_whole(&mut dump).unwrap_err().to_string();
        assert!(error.contains("0x00000001") && error.contains("0x00000000"), "{error}");
    }

    #[test]
    fn our_own_captures_are_not_declared_complete() {
        let mut dump = table();
        dump.provenance.source = Source::Native;
        assert!(take_as_whole(&mut dump).unwrap_err().to_string().contains("--complete"));
    }
}
