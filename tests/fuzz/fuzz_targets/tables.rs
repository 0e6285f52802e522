#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| cpuid_fuzz::one_of(&["vbox", "vmware", "vmx", "xtf", "x86info", "hwloc", "sde", "kvmtrace"], data));
