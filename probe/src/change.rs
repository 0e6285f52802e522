//! What changed between two readings of one vCPU, register by register. Needs no heap: the boot image watches with it.

use core::fmt;

use crate::leaf::LeafId;
use crate::register::{Register, Registers};
use crate::text::Record;
use crate::volatile::volatile_bits;

/// A register that reads differently from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub id: LeafId,
    /// Which register.
    pub register: Register,
    /// Before; `None` where the place was not there.
    pub old: Option<u32>,
    /// Now; `None` where the place is not there.
    pub new: Option<u32>,
}

/// If more bits than this change, the register holds a number or a text, and its bits are not named.
const MOST_BITS: u32 = 8;

/// What a bit of a register is called; nothing where it has no name.
pub type Names = fn(LeafId, Register, u32) -> Option<&'static str>;

/// `0x00000007.0 EBX 000003a9 -> 00000389 (-5)`: the bits that went and came, where they are few.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |_, _, _| None)
    }
}

impl Change {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: Names) -> fmt::Result {
        write!(f, "{} {} ", self.id, self.register)?;
        for (value, arrow) in [(self.old, " -> "), (self.new, "")] {
            match value {
                Some(value) => write!(f, "{value:08x}{arrow}")?,
                None => write!(f, "absent{arrow}")?,
            }
        }
        let (old, new) = (self.old.unwrap_or(0), self.new.unwrap_or(0));
        let differing = old ^ new;
        if differing == 0 || differing.count_ones() > MOST_BITS {
            return Ok(());
        }
        let mut before = " (";
        for bit in (0..32).filter(|bit| differing >> bit & 1 == 1) {
            write!(f, "{before}{}{bit}", if old >> bit & 1 == 1 { '-' } else { '+' })?;
            if let Some(name) = name(self.id, self.register, bit) {
                write!(f, " {name}")?;
            }
            before = " ";
        }
        f.write_str(")")
    }
}

/// What the boot image's lines start with that say how many vCPUs did not answer in a pass, which then compares nothing:
/// `unanswered: 1 of 2 vCPUs, pass 12`; and 0 in the pass after that.
pub const UNANSWERED: &str = "unanswered: ";

/// A change that a watcher saw. Written, it is the line the boot image prints, behind [`Sighting::WORD`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The pass that saw it, counted from 1.
    pub pass: u64,
    /// The vCPU it was seen on.
    pub vcpu: u32,
    /// What changed.
    pub change: Change,
}

impl Sighting {
    /// What the boot image's lines start with.
    pub const WORD: &'static str = "change: ";

    /// Reads what [`Display`](fmt::Display) writes. `None` if the line is anything else.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let mut after = |keyword| (words.next()? == keyword).then(|| words.next())?;
        let (pass, vcpu) = (after("pass")?.parse().ok()?, after("vcpu")?.parse().ok()?);
        let (leaf, subleaf) = words.next().map(|place| place.split_once('.').unwrap_or((place, "0")))?;
        let leaf = u32::from_str_radix(leaf.strip_prefix("0x")?, 16).ok()?;
        let register = Register::from_name(words.next()?)?;
        let value = |word| match word {
            "absent" => Some(None),
            digits => u32::from_str_radix(digits, 16).ok().map(Some),
        };
        let old = value(words.next()?)?;
        let new = (words.next()? == "->").then(|| value(words.next()?))??;
        let id = LeafId::new(leaf, subleaf.parse().ok()?);
        Some(Self { pass, vcpu, change: Change { id, register, old, new } })
    }
}

/// `pass 12 vcpu 0 0x00000007.0 EBX 000003a9 -> 00000389 (-5)`
impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, |_, _, _| None)
    }
}

impl Sighting {
    fn write(&self, f: &mut fmt::Formatter<'_>, name: Names) -> fmt::Result {
        write!(f, "pass {} vcpu {} ", self.pass, self.vcpu)?;
        self.change.write(f, name)
    }
}

/// A sighting with the names of its bits: `pass 12 vcpu 0 0x00000007.0 EBX 000003a9 -> 00000389 (-5 avx2)`
#[derive(Clone, Copy, Debug)]
pub struct Named(pub Sighting, pub Names);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, self.1)
    }
}

/// Hands every change from `old` to `new`, two readings of one vCPU in ascending order, to `visit`, in ascending
/// order.
///
/// Readings are matched by place, since each reading has its own maxima. A place that only one reading has counts as
/// zeros in the other, since software gets or may expect zeros there. Bits that are volatile in both readings
/// ([`crate::volatile`]) are left out.
pub fn changes(old: &[Record], new: &[Record], visit: &mut impl FnMut(Change)) {
    let (mut a, mut b) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some(a), Some(b)) => a.id.min(b.id),
            (Some(only), None) | (None, Some(only)) => only.id,
            (None, None) => return,
        };
        let registers = |record: &Record| record.registers;
        let before = a.next_if(|r| r.id == next).map(registers);
        let after = b.next_if(|r| r.id == next).map(registers);
        if before == after {
            continue;
        }
        for register in Register::ALL {
            let value = |r: Option<Registers>| r.map(|r| r.get(register));
            let differing = value(before).unwrap_or(0) ^ value(after).unwrap_or(0);
            if differing != 0
                && differing & !(volatile_bits(next, register, old) & volatile_bits(next, register, new)) != 0
            {
                visit(Change { id: next, register, old: value(before), new: value(after) });
            }
        }
    }
}

/// Whether two readings of one vCPU show the same.
#[must_use]
pub fn same(old: &[Record], new: &[Record]) -> bool {
    let mut same = true;
    changes(old, new, &mut |_| same = false);
    same
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    fn records(places: &[(u32, u32, [u32; 4])]) -> Vec<Record> {
        let record = |(leaf, subleaf, [eax, ebx, ecx, edx]): &(u32, u32, [u32; 4])| Record {
            id: LeafId::new(*leaf, *subleaf),
            registers: Registers::new(*eax, *ebx, *ecx, *edx),
        };
        places.iter().map(record).collect()
    }

    fn lines(old: &[(u32, u32, [u32; 4])], new: &[(u32, u32, [u32; 4])]) -> Vec<alloc::string::String> {
        let mut lines = Vec::new();
        changes(&records(old), &records(new), &mut |change| lines.push(change.to_string()));
        lines
    }

    #[test]
    fn a_lost_bit_is_one_line() {
        let before = [(0, 0, [0xd, 1, 2, 3]), (7, 0, [0, 0x3a9, 0, 0])];
        let after = [(0, 0, [0xd, 1, 2, 3]), (7, 0, [0, 0x389, 0x4, 0])];
        assert_eq!(
            lines(&before, &after),
            ["0x00000007.0 EBX 000003a9 -> 00000389 (-5)", "0x00000007.0 ECX 00000000 -> 00000004 (+2)"]
        );
        assert!(lines(&before, &before).is_empty());
    }

    #[test]
    fn places_are_matched_though_the_maxima_differ() {
        let before = [(0, 0, [0xd, 0, 0, 0]), (7, 0, [0, 1, 0, 0]), (0x8000_0000, 0, [0x8000_0008, 0, 0, 0])];
        let after = [(0, 0, [0x4, 0, 0, 0]), (0x8000_0000, 0, [0x8000_0008, 0, 0, 0])];
        assert_eq!(
            lines(&before, &after),
            ["0x00000000 EAX 0000000d -> 00000004 (-0 -3)", "0x00000007.0 EBX 00000001 -> absent (-0)"]
        );
        assert_eq!(lines(&after, &before)[1], "0x00000007.0 EBX absent -> 00000001 (+0)");
    }

    #[test]
    fn volatile_bits_are_left_out_but_not_their_neighbours() {
        let before = [(1, 0, [0, 0, 1 << 27, 0]), (7, 0, [0, 0, 0x10, 0]), (0xd, 0, [7, 576, 832, 0])];
        let after = [(1, 0, [0, 0, 0, 0]), (7, 0, [0, 0, 0, 0]), (0xd, 0, [7, 832, 832, 0])];
        assert!(lines(&before, &after).is_empty());
        let neighbour = [(1, 0, [0, 0, 1 << 26, 0]), (7, 0, [0, 0, 0, 0]), (0xd, 0, [7, 832, 832, 0])];
        assert_eq!(lines(&before, &neighbour), ["0x00000001 ECX 08000000 -> 04000000 (+26 -27)"]);
    }

    #[test]
    fn unset_data_counts_once_the_bit_that_announces_it_is_set() {
        let without = |value| [(7, 0, [0; 4]), (0x1c, 0, [value, 0, 0, 0])];
        let with = |value| [(7, 0, [0, 0, 0, 1 << 19]), (0x1c, 0, [value, 0, 0, 0])];
        assert!(lines(&without(1), &without(2)).is_empty());
        assert_eq!(lines(&with(1), &with(2)).len(), 1);
        assert_eq!(lines(&without(1), &with(2)).len(), 2);
    }

    #[test]
    fn a_block_is_known_by_its_signature_wherever_it_is() {
        let text = |t: &[u8; 4]| u32::from_le_bytes(*t);
        for base in [0x4000_0000, 0x4000_0100] {
            let xen = [base + 5, text(b"XenV"), text(b"MMXe"), text(b"nVMM")];
            let kvm = [base + 5, text(b"KVMK"), text(b"VMKV"), text(b"M\0\0\0")];
            let domain = |head, number| [(base, 0, head), (base + 4, 0, [0, 0, number, 0])];
            assert!(lines(&domain(xen, 1), &domain(xen, 2)).is_empty());
            assert_eq!(lines(&domain(kvm, 1), &domain(kvm, 2)).len(), 1);
        }
    }

    #[test]
    fn a_sighting_is_read_as_it_was_written() {
        for (leaf, subleaf, old, new) in
            [(7, 0, Some(0x3a9), Some(0x389)), (0x8000_0001, 0, None, Some(u32::MAX)), (0xd, 17, Some(0), None)]
        {
            let change = Change { id: LeafId::new(leaf, subleaf), register: Register::Ebx, old, new };
            let sighting = Sighting { pass: 12, vcpu: 3, change };
            assert_eq!(Sighting::parse(&sighting.to_string()), Some(sighting));
        }
        for bad in ["", "pass 1", "pass x vcpu 0 0x7.0 EBX 1 -> 2", "pass 1 vcpu 0 0x7.0 EBX 1 2", "vcpu 0 lines=83"] {
            assert_eq!(Sighting::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn many_bits_are_a_number() {
        let line = lines(&[(2, 0, [0xffff_ffff, 0, 0, 0])], &[(2, 0, [0, 0, 0, 0])]);
        assert_eq!(line, ["0x00000002 EAX ffffffff -> 00000000"]);
    }
}
