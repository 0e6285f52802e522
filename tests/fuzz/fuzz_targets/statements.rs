#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| cpuid_fuzz::one_of(&["cpuinfo", "lscpu", "flags", "qmp", "xen-words"], data));
