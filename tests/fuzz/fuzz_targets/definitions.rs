#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| cpuid_fuzz::source(&["qemu", "proxmox", "nova", "kubevirt", "kubevirt-node", "xl"], data));
