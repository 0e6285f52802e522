//! What bits are called, in a table that is made from cpuid-diff's rows: one line a register, a name a bit.

use cpuid_probe::{LeafId, Register};

/// `00000001.0 ECX sse3 pclmulqdq - monitor …`, from bit 0 on, `-` where a bit has no name; made by
/// `UPDATE=1 cargo test -p cpuid-diff knowledge::`, which fails where it is not what the rows say.
const NAMES: &str = include_str!("names.txt");

/// The name of a bit of the CPU's leaves, as every row of cpuid-diff has it.
pub fn name(id: LeafId, register: Register, bit: u32) -> Option<&'static str> {
    let place = format!("{:08x}.{:x} {register} ", id.leaf, id.ecx());
    let names = NAMES.lines().find_map(|line| line.strip_prefix(&place))?;
    names.split(' ').nth(bit as usize).filter(|name| *name != "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_the_names_of_their_rows() {
        let of = |leaf, subleaf, register, bit| name(LeafId::new(leaf, subleaf), register, bit);
        assert_eq!(of(7, 0, Register::Ebx, 5), Some("avx2"));
        assert_eq!(of(0x8000_0001, 0, Register::Ecx, 22), Some("topoext"));
        // A part of a number, a leaf and a subleaf without names.
        assert_eq!(of(1, 0, Register::Eax, 0), None);
        assert_eq!(of(7, 9, Register::Ebx, 5), None);
        assert_eq!(of(0x4000_0001, 0, Register::Eax, 0), None);
    }
}
