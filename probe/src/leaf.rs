//! Which register set: the leaf (EAX in) and the subleaf (ECX in).

use core::fmt;

use crate::rules;

/// One place a CPUID answer can be read from.
///
/// `subleaf` is `None` where the leaf ignores ECX. [`LeafId::new`] decides that by the rule table, so the same place
/// has one key whatever a tool wrote for it (`null` and 0 are one key). The order (leaf, then subleaf, `None` first)
/// is the order of every dump and report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafId {
    /// EAX on input.
    pub leaf: u32,
    /// ECX on input; `None` where the leaf has no subleaves.
    pub subleaf: Option<u32>,
}

impl LeafId {
    /// The canonical key of `leaf` read with ECX = `subleaf`.
    #[must_use]
    pub const fn new(leaf: u32, subleaf: u32) -> Self {
        let plain = subleaf == 0 && !rules::has_subleaves(leaf);
        Self { leaf, subleaf: if plain { None } else { Some(subleaf) } }
    }

    /// The ECX to load when this place is read: 0 where the leaf ignores it.
    #[must_use]
    pub const fn ecx(self) -> u32 {
        match self.subleaf {
            Some(n) => n,
            None => 0,
        }
    }
}

/// `0x00000001`, `0x00000007.0`, `0x0000000d.17`: the form of tables. The subleaf is decimal, as in the manuals.
impl fmt::Display for LeafId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.leaf)?;
        match self.subleaf {
            Some(n) => write!(f, ".{n}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_zero_are_one_key_where_a_leaf_ignores_ecx() {
        assert_eq!(LeafId::new(1, 0), LeafId { leaf: 1, subleaf: None });
        assert_eq!(LeafId::new(7, 0), LeafId { leaf: 7, subleaf: Some(0) });
        assert_eq!(LeafId::new(1, 3), LeafId { leaf: 1, subleaf: Some(3) });
    }
}
