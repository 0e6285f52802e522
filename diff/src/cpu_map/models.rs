//! libvirt's x86 CPU models and vendors.
//!
//! Rows are added by hand, in the order of libvirt's files. A test compares them with the map of an installed libvirt.
//!
//! # Source
//! libvirt 9.0 and 11.3 src/cpu_map/x86_*.xml and newer model files; [`QEMU_DIFFERS`]: QEMU 7.2 and 10.2.2
//! target/i386/cpu.c (`builtin_x86_defs`).

use super::rows::{Decode, ModelRow, model};

/// libvirt's word for a vendor, and the text of leaf 0.
#[rustfmt::skip]
pub(super) const VENDORS: &[(&str, &str)] = &[
    ("Intel", "GenuineIntel"),
    ("AMD", "AuthenticAMD"),
    ("Hygon", "HygonGenuine"),
    ("Zhaoxin CentaurHauls", "CentaurHauls"),
];

/// In the order of libvirt's index. A model `like` another has that one's features with the changes listed.
#[rustfmt::skip]
pub(super) const MODELS: &[ModelRow] = &[
    model("486", "", Decode::Both, "").features("fpu pse vme").in_9_0(""),
    model("486-v1", "", Decode::Host, "").like("486"),
    model("pentium", "", Decode::Both, "").features("cx8 de fpu mce mmx msr pse tsc vme").in_9_0(""),
    model("pentium-v1", "", Decode::Host, "").like("pentium"),
    model("pentium2", "", Decode::Both, "").features("cmov cx8 de fpu fxsr mca mce mmx msr mtrr pae pat pge pse pse36 sep tsc vme").in_9_0(""),
    model("pentium2-v1", "", Decode::Host, "").like("pentium2"),
    model("pentium3", "", Decode::Both, "").like("pentium2").features("sse").in_9_0(""),
    model("pentium3-v1", "", Decode::Host, "").like("pentium3"),
    model("pentiumpro", "", Decode::Both, "").like("pentium3").features("apic sse2 -mca -mtrr -pse36 -vme").in_9_0(""),
    model("coreduo", "Intel", Decode::Both, "").like("pentiumpro").features("clflush mca monitor mtrr nx pni vme")
        .added("vmx-activity-hlt vmx-entry-ia32e-mode vmx-exit-ack-intr vmx-hlt-exit vmx-intr-exit vmx-invlpg-exit vmx-io-bitmap vmx-io-exit \
                 vmx-monitor-exit vmx-movdr-exit vmx-msr-bitmap vmx-mwait-exit vmx-nmi-exit vmx-pause-exit vmx-rdpmc-exit vmx-rdtsc-exit vmx-tsc-offset vmx-vintr-pending")
        .in_9_0(""),
    model("coreduo-v1", "Intel", Decode::Host, "").like("coreduo"),
    model("n270", "Intel", Decode::Both, "").like("coreduo").features("ssse3").in_9_0(""),
    model("n270-v1", "Intel", Decode::Host, "").like("n270"),
    model("core2duo", "Intel", Decode::Both, "").like("n270").features("lm pse36 syscall").added_like("coreduo")
        .added("vmx-apicv-xapic vmx-cr8-load-exit vmx-cr8-store-exit vmx-flexpriority vmx-ins-outs vmx-secondary-ctls vmx-vnmi vmx-vnmi-pending")
        .in_9_0(""),
    model("core2duo-v1", "Intel", Decode::Host, "").like("core2duo"),
    model("qemu32", "", Decode::Both, "").like("pentiumpro").features("pni").in_9_0(""),
    model("qemu32-v1", "", Decode::Host, "").like("qemu32"),
    model("kvm32", "", Decode::Both, "").like("qemu32").features("clflush mca mtrr pse36").added_like("coreduo").in_9_0(""),
    model("kvm32-v1", "", Decode::Host, "").like("kvm32"),
    model("cpu64-rhel5", "", Decode::Never, "").like("kvm32").features("lm nx syscall").in_9_0(""),
    model("cpu64-rhel6", "", Decode::Never, "").like("cpu64-rhel5").features("cx16 lahf_lm").in_9_0(""),
    model("qemu64", "", Decode::Both, "").like("cpu64-rhel5").features("cx16 svm").in_9_0(""),
    model("qemu64-v1", "", Decode::Host, "").like("qemu64"),
    model("kvm64", "", Decode::Both, "").like("cpu64-rhel5").features("cx16").added_like("coreduo")
        .added("vmx-cr8-load-exit vmx-cr8-store-exit vmx-flexpriority -vmx-msr-bitmap")
        .in_9_0(""),
    model("kvm64-v1", "", Decode::Host, "").like("kvm64"),
    model("Conroe", "Intel", Decode::Both, "6:15 6:22").like("cpu64-rhel6").features("ssse3 -cx16").added_like("core2duo").in_9_0(""),
    model("Conroe-v1", "Intel", Decode::Host, "6:15 6:22").like("Conroe"),
    model("Penryn", "Intel", Decode::Both, "6:23 6:29").like("Conroe").features("cx16 sse4.1").added_like("core2duo")
        .added("vmx-entry-load-perf-global-ctrl vmx-exit-load-perf-global-ctrl vmx-wbinvd-exit")
        .in_9_0(""),
    model("Penryn-v1", "Intel", Decode::Host, "6:23 6:29").like("Penryn"),
    model("Nehalem", "Intel", Decode::Both, "6:26 6:30 6:31 6:46").like("Penryn").features("popcnt sse4.2")
        .added("vmx-activity-hlt vmx-apicv-x2apic vmx-apicv-xapic vmx-cr3-load-noexit vmx-cr3-store-noexit vmx-cr8-load-exit vmx-cr8-store-exit \
                 vmx-desc-exit vmx-entry-ia32e-mode vmx-entry-load-efer vmx-entry-load-pat vmx-entry-load-perf-global-ctrl vmx-entry-noload-debugctl vmx-ept vmx-ept-1gb vmx-ept-2mb vmx-ept-execonly vmx-exit-ack-intr vmx-exit-load-efer vmx-exit-load-pat vmx-exit-load-perf-global-ctrl vmx-exit-nosave-debugctl vmx-exit-save-efer vmx-exit-save-pat vmx-exit-save-preemption-timer vmx-flexpriority vmx-hlt-exit vmx-ins-outs vmx-intr-exit vmx-invept vmx-invept-all-context vmx-invept-single-context vmx-invlpg-exit vmx-invvpid vmx-invvpid-all-context vmx-invvpid-single-addr vmx-invvpid-single-context-noglobals vmx-io-bitmap vmx-io-exit vmx-monitor-exit vmx-movdr-exit vmx-msr-bitmap vmx-mtf vmx-mwait-exit vmx-nmi-exit vmx-page-walk-4 vmx-pause-exit vmx-preemption-timer vmx-rdpmc-exit vmx-rdtsc-exit vmx-rdtscp-exit vmx-secondary-ctls vmx-true-ctls vmx-tsc-offset vmx-vintr-pending vmx-vnmi vmx-vnmi-pending vmx-vpid vmx-wbinvd-exit")
        .in_9_0(""),
    model("Nehalem-IBRS", "Intel", Decode::Both, "6:26 6:30 6:31 6:46").like("Nehalem").features("spec-ctrl").added_like("Nehalem").in_9_0(""),
    model("Nehalem-v1", "Intel", Decode::Host, "6:26 6:30 6:31 6:46").like("Nehalem"),
    model("Nehalem-v2", "Intel", Decode::Host, "6:26 6:30 6:31 6:46").like("Nehalem-IBRS"),
    model("Westmere", "Intel", Decode::Both, "6:44 6:47 6:37").like("Nehalem").features("aes").added_like("Nehalem")
        .added("vmx-store-lma vmx-unrestricted-guest")
        .in_9_0(""),
    model("Westmere-IBRS", "Intel", Decode::Both, "6:44").like("Nehalem-IBRS").features("aes").added_like("Westmere").in_9_0(""),
    model("Westmere-v1", "Intel", Decode::Host, "6:44 6:47 6:37").like("Westmere"),
    model("Westmere-v2", "Intel", Decode::Host, "6:44").like("Westmere-IBRS"),
    model("SandyBridge", "Intel", Decode::Both, "6:42 6:45").like("Westmere").features("avx pclmuldq rdtscp tsc-deadline x2apic xsave")
        .added_like("Westmere")
        .in_9_0(""),
    model("SandyBridge-IBRS", "Intel", Decode::Both, "6:42 6:45").like("SandyBridge").features("spec-ctrl").added_like("Westmere").in_9_0(""),
    model("SandyBridge-v1", "Intel", Decode::Host, "6:42 6:45").like("SandyBridge"),
    model("SandyBridge-v2", "Intel", Decode::Host, "6:42 6:45").like("SandyBridge-IBRS"),
    model("IvyBridge", "Intel", Decode::Both, "6:58 6:62").like("SandyBridge").features("erms f16c fsgsbase rdrand smep vme").added_like("Westmere")
        .added("vmx-apicv-register vmx-apicv-vid vmx-posted-intr vmx-rdrand-exit")
        .in_9_0(""),
    model("IvyBridge-IBRS", "Intel", Decode::Both, "6:58 6:62").like("IvyBridge").features("spec-ctrl").added_like("IvyBridge").in_9_0(""),
    model("IvyBridge-v1", "Intel", Decode::Host, "6:58 6:62").like("IvyBridge"),
    model("IvyBridge-v2", "Intel", Decode::Host, "6:58 6:62").like("IvyBridge-IBRS"),
    model("Haswell-noTSX", "Intel", Decode::Both, "6:60 6:63 6:69 6:70").like("SandyBridge")
        .features("avx2 bmi1 bmi2 erms fma fsgsbase invpcid movbe pcid smep")
        .added_like("IvyBridge")
        .added("vmx-eptad vmx-eptp-switching vmx-invpcid-exit vmx-shadow-vmcs vmx-vmfunc vmx-vmwrite-vmexit-fields")
        .in_9_0(""),
    model("Haswell-noTSX-IBRS", "Intel", Decode::Both, "6:60 6:63 6:69 6:70").like("Haswell-noTSX").features("spec-ctrl").added_like("Haswell-noTSX")
        .in_9_0(""),
    model("Haswell", "Intel", Decode::Both, "6:60 6:63 6:69 6:70").like("Haswell-noTSX").features("hle rtm").added_like("Haswell-noTSX").in_9_0(""),
    model("Haswell-IBRS", "Intel", Decode::Both, "6:60 6:63 6:69 6:70").like("Haswell-noTSX-IBRS").features("hle rtm").added_like("Haswell-noTSX")
        .in_9_0(""),
    model("Haswell-v1", "Intel", Decode::Host, "6:60 6:63 6:69 6:70").like("Haswell"),
    model("Haswell-v2", "Intel", Decode::Host, "6:60 6:63 6:69 6:70").like("Haswell-noTSX"),
    model("Haswell-v3", "Intel", Decode::Host, "6:60 6:63 6:69 6:70").like("Haswell-IBRS"),
    model("Haswell-v4", "Intel", Decode::Host, "6:60 6:63 6:69 6:70").like("Haswell-noTSX-IBRS"),
    model("Broadwell-noTSX", "Intel", Decode::Both, "6:61 6:71 6:79 6:86").like("Haswell-noTSX").features("3dnowprefetch adx rdseed smap")
        .added_like("Haswell-noTSX")
        .added("vmx-pml vmx-rdseed-exit")
        .in_9_0(""),
    model("Broadwell-noTSX-IBRS", "Intel", Decode::Both, "6:61 6:71 6:79 6:86").like("Broadwell-noTSX").features("spec-ctrl")
        .added_like("Broadwell-noTSX")
        .in_9_0(""),
    model("Broadwell", "Intel", Decode::Both, "6:61 6:71 6:79 6:86").like("Broadwell-noTSX").features("hle rtm").added_like("Broadwell-noTSX")
        .in_9_0(""),
    model("Broadwell-IBRS", "Intel", Decode::Both, "6:61 6:71 6:79 6:86").like("Broadwell-noTSX-IBRS").features("hle rtm")
        .added_like("Broadwell-noTSX")
        .in_9_0(""),
    model("Broadwell-v1", "Intel", Decode::Host, "6:61 6:71 6:79 6:86").like("Broadwell"),
    model("Broadwell-v2", "Intel", Decode::Host, "6:61 6:71 6:79 6:86").like("Broadwell-noTSX"),
    model("Broadwell-v3", "Intel", Decode::Host, "6:61 6:71 6:79 6:86").like("Broadwell-IBRS"),
    model("Broadwell-v4", "Intel", Decode::Host, "6:61 6:71 6:79 6:86").like("Broadwell-noTSX-IBRS"),
    model("Skylake-Client", "Intel", Decode::Both, "6:94 6:78 6:142 6:158").like("Broadwell")
        .features("abm arat f16c rdrand vme xgetbv1 xsavec xsaveopt")
        .added_like("Broadwell-noTSX")
        .added("-vmx-apicv-register -vmx-apicv-vid -vmx-apicv-x2apic -vmx-posted-intr")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Skylake-Client-IBRS", "Intel", Decode::Both, "6:94 6:78 6:142 6:158").like("Skylake-Client").features("spec-ctrl")
        .added_like("Skylake-Client")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Skylake-Client-noTSX-IBRS", "Intel", Decode::Host, "6:94 6:78 6:142 6:158").like("Skylake-Client-IBRS").features("-hle -rtm")
        .added_like("Skylake-Client")
        .added("vmx-xsaves")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Skylake-Client-v1", "Intel", Decode::Host, "6:94 6:78 6:142 6:158").like("Skylake-Client"),
    model("Skylake-Client-v2", "Intel", Decode::Host, "6:94 6:78 6:142 6:158").like("Skylake-Client-IBRS"),
    model("Skylake-Client-v3", "Intel", Decode::Host, "6:94 6:78 6:142 6:158").like("Skylake-Client-noTSX-IBRS"),
    model("Skylake-Client-v4", "Intel", Decode::Host, "6:94 6:78 6:142 6:158")
        .features("3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr invpcid lahf_lm \
                 lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmuldq pge pni popcnt pse pse36 rdrand rdseed rdtscp sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline vme vmx-activity-hlt vmx-apicv-xapic vmx-cr3-load-noexit vmx-cr3-store-noexit vmx-cr8-load-exit vmx-cr8-store-exit vmx-desc-exit vmx-entry-ia32e-mode vmx-entry-load-efer vmx-entry-load-pat vmx-entry-load-perf-global-ctrl vmx-entry-noload-debugctl vmx-ept vmx-ept-1gb vmx-ept-2mb vmx-ept-execonly vmx-eptad vmx-eptp-switching vmx-exit-ack-intr vmx-exit-load-efer vmx-exit-load-pat vmx-exit-load-perf-global-ctrl vmx-exit-nosave-debugctl vmx-exit-save-efer vmx-exit-save-pat vmx-exit-save-preemption-timer vmx-flexpriority vmx-hlt-exit vmx-ins-outs vmx-intr-exit vmx-invept vmx-invept-all-context vmx-invept-single-context vmx-invlpg-exit vmx-invpcid-exit vmx-invvpid-all-context vmx-invvpid-single-addr vmx-invvpid-single-context-noglobals vmx-io-bitmap vmx-io-exit vmx-monitor-exit vmx-movdr-exit vmx-msr-bitmap vmx-mtf vmx-mwait-exit vmx-nmi-exit vmx-page-walk-4 vmx-pause-exit vmx-pml vmx-preemption-timer vmx-rdpmc-exit vmx-rdrand-exit vmx-rdseed-exit vmx-rdtsc-exit vmx-rdtscp-exit vmx-secondary-ctls vmx-shadow-vmcs vmx-store-lma vmx-true-ctls vmx-tsc-offset vmx-unrestricted-guest vmx-vintr-pending vmx-vmfunc vmx-vmwrite-vmexit-fields vmx-vnmi vmx-vnmi-pending vmx-vpid vmx-wbinvd-exit vmx-xsaves x2apic xgetbv1 xsave xsavec xsaveopt xsaves"),
    model("Skylake-Server", "Intel", Decode::Both, "6:85:0-4").like("Skylake-Client")
        .features("avx512bw avx512cd avx512dq avx512f avx512vl clwb pdpe1gb")
        .added_like("Broadwell-noTSX")
        .added("-vmx-eptp-switching")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Skylake-Server-IBRS", "Intel", Decode::Both, "6:85:0-4").like("Skylake-Server").features("spec-ctrl").added_like("Skylake-Server")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Skylake-Server-noTSX-IBRS", "Intel", Decode::Host, "6:85:0-4").like("Skylake-Server-IBRS").features("-hle -rtm")
        .added_like("Broadwell-noTSX")
        .added("vmx-xsaves")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Skylake-Server-v1", "Intel", Decode::Host, "6:85:0-4").like("Skylake-Server"),
    model("Skylake-Server-v2", "Intel", Decode::Host, "6:85:0-4").like("Skylake-Server-IBRS"),
    model("Skylake-Server-v3", "Intel", Decode::Host, "6:85:0-4").like("Skylake-Server-noTSX-IBRS"),
    model("Skylake-Server-v4", "Intel", Decode::Host, "6:85:0-4").like("Skylake-Client-v4")
        .features("avx512bw avx512cd avx512dq avx512f avx512vl clwb pdpe1gb pku vmx-apicv-register vmx-apicv-vid vmx-apicv-x2apic vmx-posted-intr \
                 -vmx-xsaves -xsaves"),
    model("Skylake-Server-v5", "Intel", Decode::Host, "6:85:0-4").like("Skylake-Server-v4").features("vmx-xsaves xsaves"),
    model("Cascadelake-Server", "Intel", Decode::Both, "6:85:5-7").like("Skylake-Server-IBRS").features("avx512vnni clflushopt ssbd")
        .added_like("Skylake-Server")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Cascadelake-Server-noTSX", "Intel", Decode::Host, "6:85:5-7").like("Cascadelake-Server").features("-hle -rtm")
        .added_like("Skylake-Server-noTSX-IBRS")
        .removed("mpx")
        .in_9_0("mpx"),
    model("Cascadelake-Server-v1", "Intel", Decode::Host, "6:85:5-7").like("Cascadelake-Server"),
    model("Cascadelake-Server-v2", "Intel", Decode::Host, "6:85:5-7").like("Skylake-Server-v4")
        .features("arch-capabilities avx512vnni clflushopt hle ibrs-all mds-no rdctl-no rtm skip-l1dfl-vmentry ssbd -vmx-eptp-switching"),
    model("Cascadelake-Server-v3", "Intel", Decode::Host, "6:85:5-7").like("Cascadelake-Server-noTSX"),
    model("Cascadelake-Server-v4", "Intel", Decode::Host, "6:85:5-7").like("Cascadelake-Server-v2").features("vmx-eptp-switching -hle -rtm"),
    model("Cascadelake-Server-v5", "Intel", Decode::Host, "6:85:5-7").like("Cascadelake-Server-v4").features("vmx-xsaves xsaves"),
    model("Icelake-Client", "Intel", Decode::Both, "6:126").like("Skylake-Client-IBRS")
        .features("avx512-vpopcntdq avx512bitalg avx512vbmi avx512vbmi2 avx512vnni gfni mpx pku ssbd umip vaes vpclmulqdq wbnoinvd")
        .removed("intel-pt")
        .in_9_0(""),
    model("Icelake-Client-noTSX", "Intel", Decode::Host, "6:126").like("Icelake-Client").features("-hle -rtm").removed("intel-pt").in_9_0(""),
    model("Icelake-Server", "Intel", Decode::Both, "6:106").like("Icelake-Client")
        .features("avx512bw avx512cd avx512dq avx512f avx512vl clflushopt clwb la57 pdpe1gb -mpx")
        .added_like("Haswell-noTSX")
        .added("-vmx-eptp-switching")
        .removed("intel-pt mpx")
        .in_9_0("mpx"),
    model("Icelake-Server-noTSX", "Intel", Decode::Host, "6:106").like("Icelake-Server").features("-hle -rtm").added_like("Skylake-Server-noTSX-IBRS")
        .added("vmx-page-walk-5")
        .removed("intel-pt mpx")
        .in_9_0("mpx"),
    model("Icelake-Server-v1", "Intel", Decode::Host, "6:106").like("Icelake-Server"),
    model("Icelake-Server-v2", "Intel", Decode::Host, "6:106").like("Icelake-Server-noTSX"),
    model("Icelake-Server-v3", "Intel", Decode::Host, "6:106").like("Cascadelake-Server-v2")
        .features("avx512-vpopcntdq avx512bitalg avx512vbmi avx512vbmi2 gfni la57 pschange-mc-no taa-no umip vaes vpclmulqdq wbnoinvd -hle -rtm \
                 -vmx-pml -vmx-rdseed-exit"),
    model("Icelake-Server-v4", "Intel", Decode::Host, "6:106").like("Icelake-Server-v3")
        .features("avx512ifma fsrm rdpid sha-ni vmx-eptp-switching vmx-pml vmx-rdseed-exit"),
    model("Icelake-Server-v5", "Intel", Decode::Host, "6:106").like("Icelake-Server-v4").features("vmx-xsaves xsaves"),
    model("Icelake-Server-v6", "Intel", Decode::Host, "6:106").like("Icelake-Server-v5").features("vmx-page-walk-5"),
    model("Icelake-Server-v7", "Intel", Decode::Host, "6:106").like("Icelake-Server-v6").features("hle rtm"),
    model("Cooperlake", "Intel", Decode::Both, "6:85:10-11").like("Cascadelake-Server")
        .features("arch-capabilities avx512-bf16 ibrs-all mds-no pku pschange-mc-no rdctl-no skip-l1dfl-vmentry stibp taa-no")
        .added_like("Skylake-Server-noTSX-IBRS")
        .in_9_0(""),
    model("Cooperlake-v1", "Intel", Decode::Host, "6:85:10-11").like("Cooperlake"),
    model("Cooperlake-v2", "Intel", Decode::Host, "6:85:10-11").like("Cascadelake-Server-v5")
        .features("avx512-bf16 hle pschange-mc-no rtm stibp taa-no"),
    model("Snowridge", "Intel", Decode::Both, "6:134").like("Skylake-Client-noTSX-IBRS")
        .features("arch-capabilities cldemote clflushopt clwb core-capability gfni movdir64b movdiri pdpe1gb sha-ni split-lock-detect ssbd umip \
                 -abm -adx -avx -avx2 -bmi1 -bmi2 -f16c -fma -invpcid -pcid")
        .added_like("Skylake-Server-noTSX-IBRS")
        .in_9_0(""),
    model("Snowridge-v1", "Intel", Decode::Host, "6:134").like("Snowridge"),
    model("Snowridge-v2", "Intel", Decode::Host, "6:134").like("Skylake-Server-v4")
        .features("arch-capabilities cldemote clflushopt core-capability gfni movdir64b movdiri sha-ni split-lock-detect ssbd umip -abm -adx -avx \
                 -avx2 -avx512bw -avx512cd -avx512dq -avx512f -avx512vl -bmi1 -bmi2 -f16c -fma -invpcid -pcid -pku"),
    model("Snowridge-v3", "Intel", Decode::Host, "6:134").like("Snowridge-v2").features("vmx-xsaves xsaves"),
    model("Snowridge-v4", "Intel", Decode::Host, "6:134").like("Snowridge-v3").features("-core-capability -split-lock-detect"),
    model("SapphireRapids", "Intel", Decode::Both, "6:143").like("Icelake-Server")
        .features("amx-bf16 amx-int8 amx-tile arch-capabilities avx-vnni avx512-bf16 avx512-fp16 avx512ifma bus-lock-detect fsrc fsrm fsrs fzrm \
                 ibrs-all mds-no pschange-mc-no rdctl-no rdpid serialize sha-ni skip-l1dfl-vmentry taa-no tsx-ldtrk xfd xsaves")
        .added_like("Icelake-Server-noTSX"),
    model("SapphireRapids-v1", "Intel", Decode::Host, "6:143").like("SapphireRapids"),
    model("SapphireRapids-v2", "Intel", Decode::Host, "6:143").like("Icelake-Server-v7")
        .features("amx-bf16 amx-int8 amx-tile avx-vnni avx512-bf16 avx512-fp16 bus-lock-detect fbsdp-no fsrc fsrs fzrm psdp-no sbdr-ssdp-no \
                 serialize tsx-ldtrk xfd"),
    model("SapphireRapids-v3", "Intel", Decode::Host, "6:143").like("SapphireRapids-v2").features("cldemote movdir64b movdiri ss tsc_adjust"),
    model("SapphireRapids-v4", "Intel", Decode::Host, "6:143").like("SapphireRapids-v3"),
    model("SapphireRapids-v5", "Intel", Decode::Host, "6:143").like("SapphireRapids-v3")
        .features("cet-ibt cet-ss vmx-entry-load-cet vmx-exit-save-cet"),
    model("SapphireRapids-v6", "Intel", Decode::Host, "6:143").like("SapphireRapids-v5").features("its-no"),
    model("GraniteRapids", "Intel", Decode::Both, "6:173").like("SapphireRapids-v2").features("amx-fp16 mcdt-no pbrsb-no prefetchiti vmx-invvpid"),
    model("GraniteRapids-v1", "Intel", Decode::Host, "6:173").like("GraniteRapids"),
    model("GraniteRapids-v2", "Intel", Decode::Host, "6:173").like("SapphireRapids-v3")
        .features("amx-fp16 avx10 avx10-128 avx10-256 avx10-512 mcdt-no pbrsb-no prefetchiti"),
    model("GraniteRapids-v3", "Intel", Decode::Host, "6:173").like("GraniteRapids-v2"),
    model("GraniteRapids-v4", "Intel", Decode::Host, "6:173").like("GraniteRapids-v2")
        .features("cet-ibt cet-ss vmx-entry-load-cet vmx-exit-save-cet"),
    model("GraniteRapids-v5", "Intel", Decode::Host, "6:173").like("GraniteRapids-v4").features("its-no"),
    model("SierraForest-v3", "Intel", Decode::Host, "6:175").like("Snowridge-v4")
        .features("abm adx avx avx-ifma avx-ne-convert avx-vnni avx-vnni-int8 avx2 bhi-ctrl bmi1 bmi2 bus-lock-detect cmpccxadd f16c fbsdp-no fma \
                 fsrm fsrs gds-no ibrs-all intel-psfd invpcid ipred-ctrl lam mcdt-no mds-no pbrsb-no pcid pku pschange-mc-no psdp-no rdctl-no rdpid rfds-no rrsba-ctrl sbdr-ssdp-no serialize skip-l1dfl-vmentry ss tsc_adjust vaes vpclmulqdq wbnoinvd"),
    model("SierraForest", "Intel", Decode::Both, "6:175").like("SierraForest-v3")
        .features("vmx-invvpid -bhi-ctrl -cldemote -gds-no -intel-psfd -ipred-ctrl -lam -movdir64b -movdiri -rfds-no -rrsba-ctrl -ss -tsc_adjust"),
    model("SierraForest-v1", "Intel", Decode::Host, "6:175").like("SierraForest"),
    model("SierraForest-v2", "Intel", Decode::Host, "6:175").like("SierraForest-v3"),
    model("SierraForest-v4", "Intel", Decode::Host, "6:175").like("SierraForest-v3").features("cet-ibt cet-ss vmx-entry-load-cet vmx-exit-save-cet"),
    model("SierraForest-v5", "Intel", Decode::Host, "6:175").like("SierraForest-v4").features("its-no"),
    model("ClearwaterForest", "Intel", Decode::Both, "6:221").like("SierraForest-v3")
        .features("avx-vnni-int16 bhi-no ddpd-u prefetchiti sha512 sm3 sm4"),
    model("ClearwaterForest-v1", "Intel", Decode::Host, "6:221").like("ClearwaterForest"),
    model("ClearwaterForest-v2", "Intel", Decode::Host, "6:221").like("ClearwaterForest")
        .features("cet-ibt cet-ss vmx-entry-load-cet vmx-exit-save-cet"),
    model("ClearwaterForest-v3", "Intel", Decode::Host, "6:221").like("ClearwaterForest-v2").features("its-no"),
    model("Denverton", "Intel", Decode::Both, "6:95").like("Snowridge-v4")
        .features("mpx rdctl-no skip-l1dfl-vmentry -cldemote -clwb -gfni -movdir64b -movdiri -umip -vmx-xsaves -xsaves"),
    model("Denverton-v1", "Intel", Decode::Host, "6:95").like("Denverton"),
    model("Denverton-v2", "Intel", Decode::Host, "6:95").like("Denverton").features("-mpx"),
    model("Denverton-v3", "Intel", Decode::Host, "6:95").like("Denverton-v2").features("vmx-xsaves xsaves"),
    model("KnightsMill", "Intel", Decode::Both, "6:133").like("Skylake-Client")
        .features("avx512-4fmaps avx512-4vnniw avx512-vpopcntdq avx512cd avx512er avx512f avx512pf pdpe1gb ss -hle -invpcid -pcid -rtm -smap \
                 -xgetbv1 -xsavec"),
    model("KnightsMill-v1", "Intel", Decode::Host, "6:133").like("KnightsMill"),
    model("DiamondRapids", "Intel", Decode::Both, "19:1").like("GraniteRapids-v4")
        .features("amx-avx512 amx-bf16-alias amx-complex amx-complex-alias amx-fp16-alias amx-fp8 amx-int8-alias amx-movrs amx-tf32 apx-nci-ndd-nf \
                 apxf avx-ifma avx-ne-convert avx-vnni-int8 avx10-vnni-int bhi-ctrl bhi-no cmpccxadd ddpd-u fdp-excptn-only flush-l1d fred gds-no intel-psfd ipred-ctrl lam lkgs md-clear movrs rfds-no rrsba-ctrl stibp vmx-activity-shutdown vmx-activity-wait-sipi vmx-enable-user-wait-pause vmx-entry-load-fred vmx-exit-secondary-ctls vmx-nested-exception vmx-tsc-scaling wrmsrns zero-fcs-fds -avx10-128 -avx10-256 -avx10-512"),
    model("DiamondRapids-v1", "Intel", Decode::Host, "19:1").like("DiamondRapids"),
    model("athlon", "AMD", Decode::Both, "").like("pentium3").features("3dnow 3dnowext apic mmxext sse2 -mca").in_9_0(""),
    model("athlon-v1", "AMD", Decode::Host, "").like("athlon"),
    model("phenom", "AMD", Decode::Both, "").like("cpu64-rhel5").features("3dnow 3dnowext fxsr_opt mmxext monitor svm").in_9_0(""),
    model("phenom-v1", "AMD", Decode::Host, "").like("phenom"),
    model("Opteron_G1", "AMD", Decode::Both, "15:6").like("cpu64-rhel5").in_9_0(""),
    model("Opteron_G1-v1", "AMD", Decode::Host, "15:6").like("Opteron_G1"),
    model("Opteron_G2", "AMD", Decode::Both, "15:6").like("cpu64-rhel6").features("rdtscp svm").in_9_0(""),
    model("Opteron_G2-v1", "AMD", Decode::Host, "15:6").like("Opteron_G2"),
    model("Opteron_G3", "AMD", Decode::Both, "15:6").like("Opteron_G2").features("abm misalignsse popcnt sse4a").removed("monitor").in_9_0(""),
    model("Opteron_G3-v1", "AMD", Decode::Host, "15:6").like("Opteron_G3"),
    model("Opteron_G4", "AMD", Decode::Both, "21:1").like("Opteron_G3")
        .features("3dnowprefetch aes avx fma4 pclmuldq pdpe1gb sse4.1 sse4.2 ssse3 xop xsave")
        .in_9_0(""),
    model("Opteron_G4-v1", "AMD", Decode::Host, "21:1").like("Opteron_G4"),
    model("Opteron_G5", "AMD", Decode::Both, "21:2").like("Opteron_G4").features("f16c fma tbm").in_9_0(""),
    model("Opteron_G5-v1", "AMD", Decode::Host, "21:2").like("Opteron_G5"),
    model("EPYC", "AMD", Decode::Both, "23:1").like("Skylake-Client")
        .features("clflushopt cr8legacy fxsr_opt misalignsse mmxext osvw pdpe1gb sha-ni sse4a svm -erms -hle -invpcid -pcid -rtm -tsc-deadline \
                 -x2apic")
        .removed("monitor")
        .in_9_0(""),
    model("EPYC-IBPB", "AMD", Decode::Both, "23:1").like("EPYC").features("ibpb").removed("monitor").in_9_0(""),
    model("EPYC-v1", "AMD", Decode::Host, "23:1").like("EPYC"),
    model("EPYC-v2", "AMD", Decode::Host, "23:1").like("EPYC-IBPB"),
    model("EPYC-v3", "AMD", Decode::Host, "23:1").like("EPYC-IBPB").features("clzero npt nrip-save perfctr_core xsaveerptr xsaves"),
    model("EPYC-v4", "AMD", Decode::Host, "23:1").like("EPYC-v3"),
    model("EPYC-v5", "AMD", Decode::Host, "23:1").like("EPYC-v3")
        .features("flushbyasid lbrv overflow-recov pause-filter pfthreshold succor tsc-scale v-vmsave-vmload vgif vmcb-clean"),
    model("EPYC-Rome", "AMD", Decode::Both, "23:49").like("EPYC-v3").features("amd-stibp clwb rdpid umip wbnoinvd -xsaves").in_9_0(""),
    model("EPYC-Rome-v1", "AMD", Decode::Host, "23:49").like("EPYC-Rome"),
    model("EPYC-Rome-v2", "AMD", Decode::Host, "23:49").like("EPYC-Rome").features("amd-ssbd ibrs xsaves"),
    model("EPYC-Rome-v3", "AMD", Decode::Host, "23:49").like("EPYC-Rome-v2"),
    model("EPYC-Rome-v4", "AMD", Decode::Host, "23:49").like("EPYC-Rome-v2").features("-xsaves"),
    model("EPYC-Rome-v5", "AMD", Decode::Host, "23:49").like("EPYC-v5").features("amd-ssbd amd-stibp clwb ibrs rdpid umip wbnoinvd -xsaves"),
    model("EPYC-Milan", "AMD", Decode::Both, "25:1").like("EPYC-Rome-v2").features("erms fsrm invpcid pcid pku svme-addr-chk").in_9_0(""),
    model("EPYC-Milan-v1", "AMD", Decode::Host, "25:1").like("EPYC-Milan"),
    model("EPYC-Milan-v2", "AMD", Decode::Host, "25:1").like("EPYC-Milan")
        .features("amd-psfd lfence-always-serializing no-nested-data-bp null-sel-clr-base stibp-always-on vaes vpclmulqdq"),
    model("EPYC-Milan-v3", "AMD", Decode::Host, "25:1").like("EPYC-Milan-v2")
        .features("flushbyasid lbrv overflow-recov pause-filter pfthreshold succor tsc-scale v-vmsave-vmload vgif vmcb-clean"),
    model("EPYC-Genoa", "AMD", Decode::Both, "25:17").like("EPYC-Milan-v2")
        .features("auto-ibrs avx512-bf16 avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512f avx512ifma avx512vbmi avx512vbmi2 \
                 avx512vl avx512vnni gfni la57 vnmi"),
    model("EPYC-Genoa-v1", "AMD", Decode::Host, "25:17").like("EPYC-Genoa"),
    model("EPYC-Genoa-v2", "AMD", Decode::Host, "25:17").like("EPYC-Genoa")
        .features("flushbyasid fs-gs-base-ns lbrv overflow-recov pause-filter perfmon-v2 pfthreshold succor tsc-scale v-vmsave-vmload vgif \
                 vmcb-clean"),
    model("EPYC-Turin", "AMD", Decode::Both, "26:0").like("EPYC-Genoa-v2")
        .features("avx-vnni avx512-vp2intersect ibpb-brtype movdir64b movdiri prefetchi sbpb srso-user-kernel-no"),
    model("EPYC-Turin-v1", "AMD", Decode::Host, "26:0").like("EPYC-Turin"),
    model("Dhyana", "Hygon", Decode::Both, "24:0").like("EPYC-IBPB").features("-aes -pclmuldq -sha-ni").removed("monitor").in_9_0(""),
    model("Dhyana-v1", "Hygon", Decode::Host, "24:0").like("Dhyana"),
    model("Dhyana-v2", "Hygon", Decode::Host, "24:0").like("Dhyana").features("npt nrip-save xsaves"),
    model("YongFeng", "Zhaoxin CentaurHauls", Decode::Both, "7:11").like("Denverton-v2")
        .features("abm ace2 acpi adx avx avx2 bmi1 bmi2 f16c fma invpcid invtsc mds-no pcid phe phe-en pku pmm pmm-en pschange-mc-no rdpid ss \
                 ssb-no umip xcrypt xcrypt-en xstore xstore-en -arat -clflushopt -erms -ssbd -vmx-rdseed-exit -xgetbv1 -xsavec"),
    model("YongFeng-v1", "Zhaoxin CentaurHauls", Decode::Host, "7:11").like("YongFeng"),
    model("YongFeng-v2", "Zhaoxin CentaurHauls", Decode::Host, "7:11").like("YongFeng"),
    model("YongFeng-v3", "Zhaoxin CentaurHauls", Decode::Host, "7:11").like("YongFeng"),
];

/// Where QEMU's model is not libvirt's model of the same name: what QEMU's has beyond, and what it lacks.
///
/// QEMU's first version of the models that libvirt may choose for a guest, any release; vmx-* aside.
#[rustfmt::skip]
pub(super) const QEMU_DIFFERS: &[(&str, &str, &str)] = &[
    ("Broadwell", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Broadwell-IBRS", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Broadwell-noTSX", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Broadwell-noTSX-IBRS", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Cascadelake-Server", "pku", "mpx"),
    ("Conroe", "vme", ""),
    ("Denverton", "monitor", ""),
    ("Dhyana", "monitor npt nrip-save topoext", ""),
    ("EPYC", "monitor npt nrip-save topoext", ""),
    ("EPYC-Genoa", "monitor topoext", ""),
    ("EPYC-IBPB", "monitor npt nrip-save topoext", ""),
    ("EPYC-Milan", "monitor topoext", ""),
    ("EPYC-Rome", "monitor topoext xsaves", ""),
    ("EPYC-Turin", "monitor topoext", ""),
    ("Haswell", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Haswell-IBRS", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Haswell-noTSX", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Haswell-noTSX-IBRS", "abm arat f16c rdrand vme xsaveopt", ""),
    ("Icelake-Server", "", "mpx"),
    ("IvyBridge", "arat xsaveopt", ""),
    ("IvyBridge-IBRS", "arat xsaveopt", ""),
    ("Nehalem", "vme", ""),
    ("Nehalem-IBRS", "vme", ""),
    ("Opteron_G1", "vme", ""),
    ("Opteron_G2", "vme", "rdtscp"),
    ("Opteron_G3", "monitor vme", ""),
    ("Opteron_G4", "npt nrip-save vme", ""),
    ("Opteron_G5", "npt nrip-save vme", ""),
    ("Penryn", "vme", ""),
    ("SandyBridge", "arat vme xsaveopt", ""),
    ("SandyBridge-IBRS", "arat vme xsaveopt", ""),
    ("Skylake-Client", "", "mpx"),
    ("Skylake-Client-IBRS", "", "mpx"),
    ("Skylake-Server", "clflushopt pku", "mpx"),
    ("Skylake-Server-IBRS", "pku", "mpx"),
    ("Snowridge", "monitor mpx", ""),
    ("Westmere", "arat pclmuldq vme", ""),
    ("Westmere-IBRS", "arat pclmuldq vme", ""),
    ("YongFeng", "monitor", ""),
    ("athlon", "mca", ""),
    ("core2duo", "acpi cx16 lahf_lm ss", ""),
    ("coreduo", "acpi ss", ""),
    ("kvm32", "vme", ""),
    ("kvm64", "vme", ""),
    ("n270", "acpi lahf_lm movbe ss", ""),
    ("pentium", "apic", ""),
    ("pentium2", "apic", ""),
    ("pentium3", "apic", ""),
    ("phenom", "abm cx16 lahf_lm npt pdpe1gb popcnt rdtscp sse4a vme", ""),
    ("qemu64", "lahf_lm", ""),
];
