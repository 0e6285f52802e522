//! Register sets as Debian's `cpuid -r` prints them. The differ has a reader of this form; the tests have their own.

use std::collections::BTreeMap;

use cpuid_probe::Registers;

/// Register sets by vCPU, leaf and subleaf.
pub type Places = BTreeMap<(u32, u32, u32), Registers>;

/// What `cpuid -r`, or `cpuid-probe --format raw`, printed.
pub fn places(text: &str) -> Places {
    let mut places = Places::new();
    let mut vcpu = None;
    for line in text.lines() {
        if let Some(number) = line.strip_prefix("CPU ") {
            vcpu = Some(number.trim_end_matches(':').parse().expect(line));
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |word: &str| {
            let digits = word.rsplit(['=', 'x']).next().unwrap_or_default().trim_end_matches(':');
            u32::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{line}"))
        };
        let [leaf, subleaf, eax, ebx, ecx, edx] = words.as_slice() else { panic!("{line}") };
        let registers = Registers::new(number(eax), number(ebx), number(ecx), number(edx));
        let before = places.insert((vcpu.expect(line), number(leaf), number(subleaf)), registers);
        assert_eq!(before, None, "twice: {line}");
    }
    places
}
