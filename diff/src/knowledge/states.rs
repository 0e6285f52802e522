//! State that XSAVE saves, and the features that bring it.

/// State that XSAVE saves: its components in XCR0 and IA32_XSS, and the features that bring them.
#[derive(Debug)]
pub struct State {
    /// What it is called.
    pub name: &'static str,
    /// Bits of XCR0.
    pub xcr0: u64,
    /// Bits of IA32_XSS.
    pub xss: u64,
    /// The features.
    pub features: &'static [&'static str],
    /// How the names of further features begin that are worth nothing without it; empty: none.
    pub prefix: &'static str,
}

/// All that a feature brings.
///
/// # Source
/// Intel SDM vol. 1 ch. 13.1; QEMU 7.2 and 10.2 target/i386/cpu.c (`x86_ext_save_areas`).
#[rustfmt::skip]
pub const STATES: &[State] = &[
    State { name: "x87 and SSE", xcr0: 0b11, xss: 0, features: &["xsave"], prefix: "" },
    State { name: "AVX", xcr0: 1 << 2, xss: 0, features: &["avx"], prefix: "" },
    State { name: "MPX", xcr0: 0b11 << 3, xss: 0, features: &["mpx"], prefix: "" },
    State { name: "AVX-512", xcr0: 0b111 << 5, xss: 0, features: &["avx512f"], prefix: "avx512" },
    State { name: "PT", xcr0: 0, xss: 1 << 8, features: &["intel-pt"], prefix: "" },
    State { name: "PKRU", xcr0: 1 << 9, xss: 0, features: &["pku"], prefix: "" },
    State { name: "CET", xcr0: 0, xss: 0b11 << 11, features: &["cet-ss", "cet-ibt"], prefix: "" },
    State { name: "LBR", xcr0: 0, xss: 1 << 15, features: &["arch-lbr"], prefix: "" },
    State { name: "AMX", xcr0: 0b11 << 17, xss: 0, features: &["amx-tile"], prefix: "amx-" },
    State { name: "APX", xcr0: 1 << 19, xss: 0, features: &["apxf"], prefix: "" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    #[test]
    fn every_name_is_of_a_row() {
        for name in STATES.iter().flat_map(|state| state.features) {
            assert!(!Knowledge::builtin().by_name(name).is_empty(), "{name}");
        }
    }
}
