#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| cpuid_fuzz::reader(Some("decoded"), data));
