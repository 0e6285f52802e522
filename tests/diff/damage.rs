//! Every input form, damaged in the ways in which files and pastes are damaged: what is read is what was there, or an error
//! says where it is not, or what is missing is unknown. Never another CPU, without a word.

use std::collections::BTreeMap;

use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::read::{self, Input, READERS, ReadError};
use cpuid_diff::view::said;
use cpuid_diff::view::source::{self, Source};
use cpuid_diff::view::template::Template;
use cpuid_probe::coverage::{Coverage, Place, range_head};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::libvirt::cpu::{Cpu, Form};

/// A small whole CPU: leaf, subleaf, registers. A guest's, so that its hypervisor leaves must be there.
const CPU: [(u32, u32, [u32; 4]); 14] = [
    (0, 0, [0x7, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
    (1, 0, [0x0003_06c1, 0x0001_0800, 0xfffa_3203, 0x0f8b_fbff]),
    (2, 0, [0x0000_0001, 0, 0x4d, 0x002c_307d]),
    (4, 0, [0x121, 0x01c0_003f, 0x3f, 1]),
    (4, 1, [0x122, 0x01c0_003f, 0x3f, 1]),
    (7, 0, [0, 0x0000_07a9, 4, 0xac00_0400]),
    (0x4000_0000, 0, [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d]),
    (0x4000_0001, 0, [0x0100_7afb, 0, 0, 0]),
    (0x8000_0000, 0, [0x8000_0008, 0, 0, 0]),
    (0x8000_0001, 0, [0, 0, 0x21, 0x2c10_0800]),
    (0x8000_0002, 0, [0x6574_6e49, 0x2952_286c, 0x6f43_2072, 0x4d54_6572]),
    (0x8000_0006, 0, [0, 0, 0x0100_6040, 0]),
    (0x8000_0007, 0, [0, 0, 0, 0x100]),
    (0x8000_0008, 0, [0x3028, 0, 0, 0]),
];

/// What stands in a form's lines for each register set, with the lines around them.
fn lines(head: &str, line: impl Fn(u32, u32, [u32; 4]) -> String, tail: &str) -> String {
    let lines: String = CPU.iter().map(|(leaf, subleaf, registers)| line(*leaf, *subleaf, *registers) + "\n").collect();
    format!("{head}{lines}{tail}")
}

fn raw(leaf: u32, subleaf: u32, [a, b, c, d]: [u32; 4]) -> String {
    format!("   {leaf:#010x} {subleaf:#04x}: eax={a:#010x} ebx={b:#010x} ecx={c:#010x} edx={d:#010x}")
}

fn bare(leaf: u32, subleaf: u32, [a, b, c, d]: [u32; 4]) -> String {
    format!("{leaf:08x} {subleaf:08x}: {a:08x} {b:08x} {c:08x} {d:08x}")
}

/// The dump in one of the forms that we write.
fn written(name: &str) -> String {
    let plain = lines("", bare, "");
    let Ok(Input::Dump(dump)) = read::read(plain.as_bytes(), None) else { panic!("{plain}") };
    (cpuid_diff::write::writer(name).unwrap().write)(&dump)
}

const FLAGS: &str = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ss \
    syscall nx pdpe1gb rdtscp lm constant_tsc rep_good nopl xtopology cpuid tsc_known_freq pni pclmulqdq ssse3 fma cx16 pcid \
    sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm abm 3dnowprefetch \
    invpcid_single ssbd ibrs ibpb stibp ibrs_enhanced fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid avx512f avx512dq \
    rdseed adx smap clflushopt clwb avx512cd avx512bw avx512vl xsaveopt xsavec xgetbv1 xsaves arat umip pku ospke \
    avx512_vnni md_clear arch_capabilities";

fn cpuinfo() -> String {
    let cpu = |number: u32| {
        format!(
            "processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Intel Xeon \
             Processor (Cascadelake)\nstepping\t: 6\nmicrocode\t: 0x1\ncpuid level\t: 13\nflags\t\t: {FLAGS}\nbugs\t\t: \
             spectre_v1 spectre_v2\nclflush size\t: 64\naddress sizes\t: 46 bits physical, 48 bits virtual\npower \
             management:\n\n"
        )
    };
    cpu(0) + &cpu(1)
}

fn lscpu() -> String {
    format!(
        "Architecture:        x86_64\nCPU(s):              2\nVendor ID:           GenuineIntel\nCPU family:          \
         6\nModel:               85\nModel name:          Intel Xeon Processor (Cascadelake)\nStepping:            \
         6\nFlags:               {FLAGS}\n"
    )
}

fn lscpu_json() -> String {
    let field = |name: &str, data: &str| {
        format!("      {{\n         \"field\": \"{name}:\",\n         \"data\": \"{data}\"\n      }}")
    };
    let fields = [field("Architecture", "x86_64"), field("Vendor ID", "GenuineIntel"), field("Flags", FLAGS)];
    format!("{{\n   \"lscpu\": [\n{}\n   ]\n}}\n", fields.join(",\n"))
}

/// What `cpuid` prints without -r.
const DECODED: &str = "CPU 0:
   vendor_id = \"GenuineIntel\"
   version information (1/eax):
      processor type  = primary processor (0)
      family          = 0x6 (6)
      model           = 0xc (12)
      stepping id     = 0x1 (1)
      extended family = 0x0 (0)
      extended model  = 0x3 (3)
      (simple synth)  = Intel Core (unknown type) (Haswell C0) {Haswell}, 22nm
   miscellaneous (1/ebx):
      process local APIC physical ID = 0x0 (0)
      maximum IDs for CPUs in pkg    = 0x1 (1)
      CLFLUSH line size              = 0x8 (8)
   feature information (1/edx):
      x87 FPU on chip                        = true
      hyper-threading / multi-core supported = false
   feature information (1/ecx):
      PNI/SSE3: Prescott New Instructions     = true
      AES instruction                         = true
      AVX: advanced vector extensions         = true
      hypervisor guest status                 = true
   cache and TLB information (2):
      0xff: cache data is in CPUID leaf 4
   deterministic cache parameters (4):
      --- cache 0 ---
      cache type                         = data cache (1)
      system coherency line size         = 0x40 (64)
      --- cache 1 ---
      cache type                         = no more caches (0)
   extended feature flags (7):
      BMI1 instructions                        = true
      AVX2: advanced vector extensions 2       = true
      SMAP: supervisor mode access prevention  = true
   XSAVE features (0xd/0):
      XCR0 valid bit field mask               = 0x0000000000000007
      bytes required by fields in XCR0        = 0x00000340 (832)
   AVX/YMM features (0xd/2):
      AVX/YMM save state byte size             = 0x00000100 (256)
      AVX/YMM save state byte offset           = 0x00000240 (576)
   hypervisor_id (0x40000000) = \"KVMKVMKVM\\0\\0\\0\"
   hypervisor features (0x40000001/eax):
      kvmclock available at MSR 0x4b564d00     = true
   0x40000002 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000000
   extended feature flags (0x80000001/edx):
      SYSCALL and SYSRET instructions        = true
   brand = \"Intel Core Processor (Haswell, no TSX)\"
   Physical Address and Linear Address Size (0x80000008/eax):
      maximum physical address bits         = 0x28 (40)
      maximum linear (virtual) address bits = 0x30 (48)
   (multi-processing synth) = none
   (synth) = Intel Core (unknown type) (Haswell C0) {Haswell}, 22nm
";

/// What the labels of a node say, some 25 of them.
fn labels() -> Vec<(String, String)> {
    const SUFFIX: &str = ".node.kubevirt.io/";
    let features = "aes avx avx2 bmi1 bmi2 f16c fma invpcid lahf_lm movbe pcid pclmulqdq pdpe1gb popcnt rdrand rdseed rdtscp smap \
                    smep ssbd ssse3 vmx x2apic xsave";
    let mut all: Vec<(String, String)> =
        features.split_whitespace().map(|name| (format!("cpu-feature{SUFFIX}{name}"), "true".into())).collect();
    for (label, value) in [
        ("cpu-model.node.kubevirt.io/Haswell-noTSX", "true"),
        ("cpu-timer.node.kubevirt.io/tsc-frequency", "2600000000"),
        ("cpu-timer.node.kubevirt.io/tsc-scalable", "false"),
        ("cpu-vendor.node.kubevirt.io/Intel", "true"),
        ("host-model-cpu.node.kubevirt.io/Haswell-noTSX", "true"),
        ("host-model-required-features.node.kubevirt.io/md-clear", "true"),
    ] {
        all.push((label.to_string(), value.to_string()));
    }
    all
}

fn node_yaml() -> String {
    let labels: String = labels().iter().map(|(key, value)| format!("    {key}: \"{value}\"\n")).collect();
    format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  labels:\n{labels}    kubernetes.io/hostname: n1\n  name: n1\nspec: {{}}\n"
    )
}

fn node_json() -> String {
    let labels: Vec<String> = labels().iter().map(|(key, value)| format!("        \"{key}\": \"{value}\"")).collect();
    format!(
        "{{\n  \"kind\": \"Node\",\n  \"metadata\": {{\n    \"name\": \"n1\",\n    \"labels\": {{\n{}\n    }}\n  }}\n}}\n",
        labels.join(",\n")
    )
}

fn node_described() -> String {
    let labels: String = labels().iter().map(|(key, value)| format!("                    {key}={value}\n")).collect();
    format!(
        "Name:               n1\nRoles:              worker\nLabels:\n{labels}Annotations:        x\nTaints:             <none>\n"
    )
}

const DOMAIN: &str = "<domain type='kvm'>\n  <name>vm1</name>\n  <vcpu placement='static'>2</vcpu>\n  <os>\n    \
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>\n  </os>\n  <cpu mode='custom' match='exact' check='full'>\n    \
    <model fallback='forbid'>Haswell-noTSX</model>\n    <vendor>Intel</vendor>\n    <feature policy='require' name='vme'/>\n    \
    <feature policy='require' name='hypervisor'/>\n    <feature policy='disable' name='pcid'/>\n  </cpu>\n</domain>\n";

const CAPABILITIES: &str = "<capabilities>\n  <host>\n    <cpu>\n      <arch>x86_64</arch>\n      <model>Haswell-noTSX</model>\n      \
    <vendor>Intel</vendor>\n      <topology sockets='1' dies='1' cores='2' threads='1'/>\n      <feature name='vme'/>\n      \
    <feature name='ds'/>\n      <feature name='acpi'/>\n    </cpu>\n  </host>\n</capabilities>\n";

const DOMCAPABILITIES: &str = "<domainCapabilities>\n  <arch>x86_64</arch>\n  <cpu>\n    <mode name='host-passthrough' \
    supported='yes'/>\n    <mode name='host-model' supported='yes'>\n      <model fallback='forbid'>Haswell-noTSX</model>\n      \
    <vendor>Intel</vendor>\n      <feature policy='require' name='vme'/>\n      <feature policy='require' name='ss'/>\n      \
    <feature policy='disable' name='pcid'/>\n    </mode>\n  </cpu>\n</domainCapabilities>\n";

const TEMPLATE: &str = "{\n  \"cpuid_modifiers\": [\n    {\n      \"leaf\": \"0x7\",\n      \"subleaf\": \"0x0\",\n      \"flags\": \
    1,\n      \"modifiers\": [\n        {\"register\": \"ebx\", \"bitmap\": \"0bxxxxxxxxxxxxxxxxxxxxxxxxxx0xxxx1\"}\n      ]\n    \
    }\n  ],\n  \"msr_modifiers\": []\n}\n";

const WORDS: &str = "\"return\": [\n  {\"cpuid-register\": \"EBX\", \"cpuid-input-eax\": 7, \"cpuid-input-ecx\": 0, \"features\": \
    1961},\n  {\"cpuid-register\": \"EDX\", \"cpuid-input-eax\": 1, \"features\": 126614521}\n";

const EXPANSION: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}}}}\n{\"return\": {}}\n{\"return\": \
    {\n  \"model\": {\"name\": \"max\", \"props\": {\n    \"avx2\": true,\n    \"pku\": false,\n    \"aes\": true,\n    \"family\": \
    6\n  }}}}\n";

const DEFINITIONS: &str = "{\"return\": [\n  {\"name\": \"Haswell\", \"typename\": \"Haswell-x86_64-cpu\", \"unavailable-features\": \
    [\"hle\", \"rtm\"]},\n  {\"name\": \"Nehalem\", \"typename\": \"Nehalem-x86_64-cpu\", \"unavailable-features\": []}\n]}\n";

const SETS: &str = "178bfbff-f6fa3203-2fd3fbff-040001f3-0000000f-219c01a9-0040060c-00000100-101ed005-00000000";

/// How much of a form's text shows that it is whole.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// It has an end of its own: a shorter text is refused.
    Marked,
    /// It says of one CPU what it says: what is cut off is unknown.
    Open,
    /// A list of what a guest is to have: a shorter one asks for less, and is a text like any other.
    List,
}

/// A form: the reader's name, or what it is for; a good example.
fn forms() -> Vec<(&'static str, Ends, String)> {
    use Ends::{List, Marked, Open};
    let hex = |r: [u32; 4], sign: &str| r.map(|value| format!("{value:08x}")).join(sign);
    let only = |name: &str| lines("", bare, "").lines().map(|line| format!("{name}{line}\n")).collect::<String>();
    let changed = |line: &str| line.replace("fffa3203", "fffa3207");
    let diff: String = only("")
        .lines()
        .map(|line| match changed(line) {
            other if other != line => format!("-{line}\n+{other}\n"),
            _ => format!(" {line}\n"),
        })
        .collect();
    let indexed = |leaf: u32, subleaf: u32, r: [u32; 4]| {
        let array = match leaf {
            4 if subleaf > 0 => format!("intel_fn4[{subleaf}]"),
            0x8000_0000.. => format!("ext_cpuid[{}]", leaf - 0x8000_0000),
            _ => format!("basic_cpuid[{leaf}]"),
        };
        format!("{array}={}", hex(r, " "))
    };
    let modifiers = |leaf: u32, subleaf: u32, r: [u32; 4]| {
        let registers: Vec<String> = ["eax", "ebx", "ecx", "edx"]
            .iter()
            .zip(r)
            .map(|(name, value)| format!("{{\"register\": \"{name}\", \"bitmap\": \"0b{value:032b}\"}}"))
            .collect();
        format!(
            "{{\"leaf\": \"{leaf:#x}\", \"subleaf\": \"{subleaf:#x}\", \"flags\": 0, \"modifiers\": [\n  {}]}},",
            registers.join(",\n  ")
        )
    };
    let fingerprint = lines(
        "{\"firecracker_version\": \"1.16.0\", \"kernel_version\": \"6.1\", \"microcode_version\": \"0x1\", \"guest_cpu_config\": \
         {\"kvm_capabilities\": [],\n\"cpuid_modifiers\": [\n",
        modifiers,
        "],\n\"msr_modifiers\": []}}\n",
    ).replace(",\n],", "\n],");
    let xen = |leaf: u32, subleaf: u32, r: [u32; 4]| {
        let subleaf = if cpuid_probe::rules::has_subleaves(leaf) { subleaf } else { u32::MAX };
        format!("  {leaf:08x}:{subleaf:08x} -> {}", hex(r, ":"))
    };
    let count = CPU.len();
    vec![
        ("json", Marked, written("json")),
        ("firecracker", Marked, fingerprint),
        ("firecracker template", Marked, TEMPLATE.to_string()),
        ("qmp", Marked, format!("{{{WORDS}], \"id\": 1}}\n")),
        ("qmp expansion", Marked, EXPANSION.to_string()),
        ("qmp definitions", Marked, DEFINITIONS.to_string()),
        ("libvirt", Marked, written("libvirt")),
        ("libvirt domain", Marked, DOMAIN.to_string()),
        ("libvirt capabilities", Marked, CAPABILITIES.to_string()),
        ("libvirt domcapabilities", Marked, DOMCAPABILITIES.to_string()),
        ("diff", Open, format!("--- node1.txt\n+++ node2.txt\n@@ -1,{count} +1,{count} @@\n{diff}")),
        ("text", Marked, format!("[    0.000000] console noise\n{}", written("text"))),
        ("xen", Open, lines(&format!("Host policy: {count} leaves, 1 MSRs\n CPUID:\n  leaf     subleaf  -> eax      ebx      ecx      edx\n"), xen, " MSRs:\n  index    -> value\n  0000010a -> 000000000d89fd6b\n")),
        ("libcpuid", Open, lines("version=0.7.0\n\n_________________ Logical CPU #0 _________________\n", indexed, "").lines().filter(|line| !line.starts_with("basic_cpuid[107")).map(|line| format!("{line}\n")).collect()),
        ("tycho", Open, lines("CPU 0:\n", |leaf, subleaf, r| format!("CPUID {leaf:08x}:{subleaf:02x} = {} | ................", hex(r, " ")), "")),
        ("aida64", Open, lines("------[ CPUID Registers / Logical CPU #0 ]------\n\n", |leaf, subleaf, r| format!("CPUID {leaf:08X}: {} [SL {subleaf:02X}]", hex(r, "-").to_uppercase()), "\n------[ MSR Registers / Logical CPU #0 ]------\n\nMSR 0000001B: 0000-0000-FEE0-0900\n")),
        ("kcpuid", Open, lines("Basic Leafs :\n================\n", |leaf, subleaf, [a, b, c, d]| {
            let values = format!("EAX={a:#010x}, EBX={b:#010x}, ECX={c:#010x}, EDX={d:#010x}");
            match (leaf, subleaf) {
                (4, 0) => format!("{leaf:#010x}: subleafs:\n  0: {values}"),
                (4, _) => format!("  {subleaf}: {values}"),
                _ => format!("{leaf:#010x}: {values}"),
            }
        }, "")),
        ("vbox", Open, lines("00:00:04.801 CPUM: x\n", |leaf, subleaf, r| format!("00:00:04.801 Gst: {leaf:08x}/{subleaf:04x}  {}", hex(r, " ")), "00:00:04.802 the end\n")),
        ("vmware", Open, lines("", |leaf, subleaf, r| format!("2016-01-04T16:19:46.611-08:00| vmx| I125: guestCPUID level {leaf:08x}, {subleaf}: 0x{}", hex(r, " 0x")), "")),
        ("vmx", Open, lines("displayName = \"x\"\n", |leaf, subleaf, r| format!("guestCPUID.{leaf:x}.{subleaf:x} = \"{}\"", hex(r, "")), "numvcpus = \"2\"\n")),
        ("xtf", Open, lines("Guest cpuid information\nNative cpuid:\n", xen, "Test result: SUCCESS\n")),
        ("x86info", Open, lines("x86info v1.31pre\n", |leaf, _, [a, b, c, d]| format!("eax in: {leaf:#010x}, eax = {a:08x} ebx = {b:08x} ecx = {c:08x} edx = {d:08x}"), "")),
        ("hwloc", Open, lines("# mask e[abcd]x => e[abcd]x\n", |leaf, subleaf, [a, b, c, d]| format!("5 {leaf:x} 0 {subleaf:x} 0 => {a:x} {b:x} {c:x} {d:x}"), "")),
        ("sde", Open, lines("# a CPU\n", |leaf, subleaf, r| format!("{leaf:08x} {subleaf:08x} => {}", hex(r, " ")), "")),
        ("kvmtrace", Open, lines("", |leaf, subleaf, [a, b, c, d]| format!(" CPU 0/KVM-123 [003] d... 101.000001: kvm_cpuid: func {leaf:x} idx {subleaf:x} rax {a:x} rbx {b:x} rcx {c:x} rdx {d:x}, cpuid entry found"), "")),
        ("decoded", Open, DECODED.to_string()),
        ("raw", Open, lines("CPU 0:\n", raw, "")),
        ("raw in a log", Marked, lines("==START TEST==\nCPU 0:\n", raw, "==END TEST==\n")),
        ("cpuinfo", Open, cpuinfo()),
        ("lscpu", Open, lscpu()),
        ("lscpu json", Marked, lscpu_json()),
        ("bare", Open, lines("vcpu 0\n", bare, "")),
        ("bare without a header", Open, lines("", bare, "")),
        ("kubevirt-node", Open, node_yaml()),
        ("kubevirt-node json", Marked, node_json()),
        ("kubevirt-node described", Open, node_described()),
        ("nova", List, "[libvirt]\nvirt_type = kvm\ncpu_mode = custom\ncpu_models = Haswell-noTSX\ncpu_model_extra_flags = +vme, -pcid, ssbd\n".to_string()),
        ("nova cpu_info", Marked, "{\"arch\": \"x86_64\", \"model\": \"Nehalem\", \"vendor\": \"Intel\", \"topology\": {\"cores\": 2},\n \"features\": [\"vme\", \"ssse3\", \"ss\"]}\n".to_string()),
        ("kubevirt", List, "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata:\n  name: vm1\nspec:\n  template:\n    spec:\n      domain:\n        cpu:\n          cores: 2\n          model: Skylake-Server\n          features:\n          - name: vme\n            policy: require\n          - policy: disable\n            name: hle\n".to_string()),
        ("proxmox", List, "boot: order=scsi0\ncores: 4\ncpu: Haswell-noTSX,flags=+aes;-pcid,hidden=1\nmemory: 2048\n".to_string()),
        ("proxmox models", List, "cpu-model: pool-a\n    flags +vme;+f16c;-hle;-rtm\n    reported-model Skylake-Server-noTSX-IBRS\n    phys-bits 46\n\n".to_string()),
        ("vmx-masks", Marked, "displayName = \"vm\"\ncpuid.1.ecx = \"----:--0-:----:----:----:----:--h-:----\"\n".to_string()),
        ("xl", Marked, "name = \"vm\"\ncpuid = [\n  \"0x1:ecx=x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx\",\n  \"0x7,0x0:ebx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx1\",\n]\nmemory = 512\n".to_string()),
        ("qemu", List, "/usr/bin/qemu-system-x86_64 \\\n  -name guest=vm1 \\\n  -machine pc-q35-7.2,accel=kvm \\\n  -cpu Haswell-noTSX,vme=on,+x2apic,-pcid \\\n  -smp 4 -m 2048\n".to_string()),
        ("xen-words", Open, format!(" cpu_info (MRO): vendor: AuthenticAMD; features_hvm: {SETS}\n")),
        ("xen-words table", Open, format!("KEY 1d 1c e1d e1c Da1 7b0 7c0 e7d e8b 7d0\nHVM Max   {}\n", SETS.replace('-', ":"))),
        ("flags", Open, format!("{FLAGS}\n")),
    ]
}

/// What a text was read as.
#[derive(Debug, PartialEq)]
enum Read {
    Dumps(Vec<Dump>),
    Cpus(Vec<Cpu>),
    Template(Template),
}

fn read(bytes: &[u8]) -> Result<Read, ReadError> {
    if let Ok(Input::Pair(pair)) = read::read(bytes, None) {
        return Ok(Read::Dumps(pair.to_vec()));
    }
    Ok(match source::read(bytes, None)? {
        Source::Dump(dump) => Read::Dumps(vec![*dump]),
        Source::Cpus(cpus) => Read::Cpus(cpus),
        Source::Template(template) => Read::Template(template),
    })
}

/// What each of a definition's features is, and what else it says.
fn promises(cpu: &Cpu) -> (String, BTreeMap<String, String>) {
    let features = cpu.features.iter().map(|f| (f.name.clone(), format!("{:?}", f.policy))).collect();
    (format!("{:?} {:?} {:?}", cpu.model, cpu.mode, cpu.vendor), features)
}

/// Whether `after` says the same CPU as `before`.
fn is_same(before: &Read, after: &Read) -> bool {
    match (before, after) {
        (Read::Dumps(a), Read::Dumps(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.vcpus == b.vcpus),
        (Read::Cpus(a), Read::Cpus(b)) => {
            let said = |cpu: &Cpu| {
                (
                    promises(cpu),
                    cpu.excerpt,
                    cpu.max_phys_addr,
                    cpu.tsc,
                    cpu.beside.as_ref().map(|b| b.properties.clone()),
                )
            };
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| said(a) == said(b))
        }
        (Read::Template(a), Read::Template(b)) => a == b,
        _ => false,
    }
}

/// Why `after` says something else than `before`, or less without a word.
fn wrong(before: &Read, after: &Read, ends: Ends) -> Option<String> {
    if is_same(before, after) {
        return None;
    }
    if ends == Ends::Marked {
        return Some(format!("read as less: {after:?}"));
    }
    match (before, after) {
        (Read::Dumps(before), Read::Dumps(after)) if before.len() == after.len() => {
            before.iter().zip(after).find_map(|(before, after)| wrong_dump(before, after))
        }
        // The form holds several inputs: the same one again.
        (Read::Cpus(before), Read::Cpus(after)) if before.len() < after.len() && ends == Ends::List => {
            let is_one = |cpu: &&Cpu| before.iter().any(|known| promises(known) == promises(cpu));
            let other = after.iter().find(|cpu| !is_one(cpu));
            other.map(|cpu| format!("another CPU: {cpu:?}"))
        }
        (Read::Cpus(before), Read::Cpus(after)) if before.len() == after.len() => {
            before.iter().zip(after).find_map(|(before, after)| wrong_cpu(before, after))
        }
        _ => Some(format!("read as something else: {after:?}")),
    }
}

fn wrong_dump(before: &Dump, after: &Dump) -> Option<String> {
    if after.vcpus.len() > before.vcpus.len() {
        return Some(format!("{} vCPUs", after.vcpus.len()));
    }
    before.vcpus.iter().zip(&after.vcpus).find_map(|(before, after)| wrong_vcpu(before, after))
}

fn wrong_vcpu(before: &VcpuDump, after: &VcpuDump) -> Option<String> {
    if before.is_statements() != after.is_statements() {
        return Some("registers for statements".to_string());
    }
    for record in after.leaves() {
        match before.get(record.id) {
            _ if after.is_statements() => {
                let known = |v: &VcpuDump, r| v.known(record.id, r);
                for register in cpuid_probe::Register::ALL {
                    let both = known(before, register) & known(after, register);
                    let more = known(after, register) & !known(before, register);
                    let [a, b] =
                        [before.get(record.id), after.get(record.id)].map(|r| r.map_or(0, |r| r.get(register)));
                    if more != 0 || (a ^ b) & both != 0 {
                        return Some(format!("{} {register}: {a:08x} and {b:08x}, {more:08x} is new", record.id));
                    }
                }
            }
            Some(registers) if registers == record.registers => {}
            other => return Some(format!("{}: {:?} for {other:?}", record.id, record.registers)),
        }
    }
    if after.is_statements() {
        return None;
    }
    let coverage = Coverage::of(after);
    let lost = before.leaves().iter().filter(|record| after.get(record.id).is_none());
    for id in lost.map(|record| record.id) {
        // A range that a CPU of this kind may lack cannot be missed.
        let head = range_head(id.leaf);
        let holds = |leaf| after.get(cpuid_probe::LeafId::new(leaf, 0));
        let required = match head {
            0x4000_0000 => holds(1).is_some_and(|r| r.ecx >> 31 == 1),
            0x8000_0000 => holds(1).is_some_and(|r| r.edx >> 26 & 1 == 1),
            _ => true,
        };
        if coverage.place(id) != Place::NotCaptured && (holds(head).is_some() || required) {
            return Some(format!("{id} is lost, and {:?}", coverage.place(id)));
        }
    }
    None
}

/// An offer that states what the whole one denies.
fn wrong_cpu(before: &Cpu, after: &Cpu) -> Option<String> {
    let (_, all) = promises(before);
    let (_, some) = promises(after);
    if before.form == Form::Guest {
        // Names that were cut are names that nobody knows, which is said where they are used.
        let map = CpuMap::newest();
        let other = some.iter().find(|(name, policy)| map.feature(name).is_some() && all.get(*name) != Some(policy));
        return other.map(|(name, policy)| format!("{name} is {policy}"));
    }
    let said = |cpu: &Cpu| said::of_cpu(cpu, CpuMap::newest(), Knowledge::builtin()).ok();
    let (before, after) = (said(before)?, said(after)?);
    wrong_dump(&before, &after)
}

/// What damage gave.
fn judge(name: &str, ends: Ends, whole: &Read, what: &str, bytes: &[u8], exact: bool, bad: &mut Vec<String>) {
    let mut note = |why: String| bad.push(format!("{name}, {what}: {}", why.chars().take(300).collect::<String>()));
    match read(bytes) {
        Ok(after) if exact => {
            if !is_same(whole, &after) {
                note(format!("not the same: {after:?}"));
            }
        }
        Err(error) if exact => note(format!("refused: {error}")),
        Ok(after) => {
            if let Some(why) = wrong(whole, &after, ends) {
                note(why);
            }
        }
        Err(error) => {
            if error.line.is_none() && !WHOLE.iter().any(|start| error.message.contains(start)) {
                note(format!("an error without a line: {error}"));
            }
        }
    }
}

/// Errors about a whole text.
const WHOLE: [&str; 11] = [
    "empty",
    "binary data",
    "not recognised",
    "of an unknown form",
    "cut off",
    "names features and holds no registers",
    // Only what stands above the registers, or above the list, is there.
    "register line",
    "no `Flags:`",
    "name no CPU",
    // JSON and YAML are read as trees without lines: the message names the leaf or the list.
    "comes twice",
    "without a name",
];

/// At most ten of these, spread.
fn ten<T: Copy>(all: &[T]) -> Vec<T> {
    let step = all.len().div_ceil(10).max(1);
    all.iter().copied().step_by(step).collect()
}

/// At 80 columns, at blanks as mailers do it, or where they are as terminals do it.
fn wrapped(text: &str, at_blanks: bool) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line;
        while rest.len() > 80 {
            let at = if at_blanks { rest[..=80].rfind(' ').filter(|at| *at > 0) } else { Some(80) };
            let Some(at) = at.or_else(|| rest.find(' ').filter(|at| *at > 80)) else { break };
            out += rest[..at].trim_end_matches(if at_blanks { " " } else { "" });
            out.push('\n');
            rest = &rest[at + usize::from(at_blanks)..];
        }
        out += rest;
        out.push('\n');
    }
    out
}

#[test]
fn every_form_has_an_example() {
    let forms = forms();
    for reader in READERS {
        assert!(forms.iter().any(|(name, ..)| name.split(' ').next() == Some(reader.name)), "{}", reader.name);
    }
    for (name, _, text) in &forms {
        read(text.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        let by = READERS.iter().find(|reader| (reader.recognise)(text)).map(|reader| reader.name);
        let of_libvirt = name.starts_with("libvirt ") || name.ends_with(" template");
        assert!(of_libvirt || by == name.split(' ').next(), "{name} is read as {by:?}");
    }
}

/// What a text's way from a tool to us may do to all of it.
#[test]
fn what_is_undone_is_undone_for_every_form() {
    let mut bad = Vec::new();
    for (name, ends, text) in forms() {
        let whole = read(text.as_bytes()).unwrap();
        let utf16 = |unit: fn(u16) -> [u8; 2], bom: &str| {
            format!("{bom}{text}").encode_utf16().flat_map(unit).collect::<Vec<u8>>()
        };
        let by_line =
            |before: &str| text.lines().map(|line| format!("{before}{line}\n")).collect::<String>().into_bytes();
        for (what, bytes) in [
            ("CRLF", text.replace('\n', "\r\n").into_bytes()),
            ("CR", text.replace('\n', "\r").into_bytes()),
            ("BOM", format!("\u{feff}{text}").into_bytes()),
            ("UTF-16LE", utf16(u16::to_le_bytes, "\u{feff}")),
            ("UTF-16BE", utf16(u16::to_be_bytes, "\u{feff}")),
            ("UTF-16LE without a mark", utf16(u16::to_le_bytes, "")),
            ("padded with NUL", format!("{text}\0\0\0\0").into_bytes()),
            ("Ctrl-Z", format!("{text}\x1a").into_bytes()),
            ("quoted", by_line("> ")),
            ("indented", by_line("    ")),
            ("fenced", format!("```\n{text}```\n").into_bytes()),
            ("no-break spaces", text.replace("  ", "\u{a0}\u{a0}").into_bytes()),
            ("coloured", by_line("\x1b[0m")),
        ] {
            judge(name, ends, &whole, what, &bytes, true, &mut bad);
        }
    }
    assert!(bad.is_empty(), "{}\n{} in all", bad.join("\n"), bad.len());
}

#[test]
fn no_damage_makes_another_cpu() {
    let mut bad = Vec::new();
    for (name, ends, text) in forms() {
        let whole = read(text.as_bytes()).unwrap();
        let mut tried =
            |what: &str, damaged: &str| judge(name, ends, &whole, what, damaged.as_bytes(), false, &mut bad);
        let line_ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        let middles: Vec<usize> = text
            .lines()
            .scan(0, |at, line| {
                let here = *at;
                *at += line.len() + 1;
                Some(here + line.len() * 2 / 3)
            })
            .collect();
        for at in ten(&line_ends[..line_ends.len() - 1]) {
            tried(&format!("cut at {at}"), &text[..at]);
        }
        for at in ten(&middles) {
            // A shorter list may look like any other where it has no end.
            if ends != Ends::List {
                tried(&format!("cut at {at}"), &text[..at]);
                // Behind a whole word, a list looks like any other.
                if !text[at..].starts_with(' ') && !text[..at].ends_with(' ') {
                    tried(&format!("cut at {at}, with a line end"), &format!("{}\n", &text[..at]));
                }
            }
            tried(&format!("a NUL at {at}"), &format!("{}\0{}", &text[..at], &text[at..]));
        }
        let lines: Vec<&str> = text.lines().collect();
        let numbers: Vec<usize> = (0..lines.len()).collect();
        for doubled in ten(&numbers) {
            let mut lines = lines.clone();
            lines.insert(doubled, lines[doubled]);
            tried(&format!("line {} twice", doubled + 1), &(lines.join("\n") + "\n"));
        }
        for prefix in [
            "node1.txt:",
            "Nov 26 10:00:01 node1 tool[812]: ",
            "2026-01-01T00:00:00Z ",
            "[   12.3456] ",
            "root@node1:~# ",
        ] {
            tried(
                &format!("behind `{prefix}`"),
                &text.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>(),
            );
        }
        tried("below a prompt", &format!("root@node1:~# tool --dump\n{text}root@node1:~# \n"));
        tried("wrapped at blanks", &wrapped(&text, true));
        tried("wrapped", &wrapped(&text, false));
        tried("a line behind it", &format!("{text}-- \nregards, A\n"));
        tried("in prose", &format!("Hello,\n\nthis is what I see:\n\n{text}\nregards\n"));
        let html = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;");
        tried("as HTML", &html);
        tried("curly quotes", &text.replace('"', "\u{201d}").replace('\'', "\u{2019}"));
    }
    assert!(bad.is_empty(), "{}\n{} in all", bad.join("\n"), bad.len());
}

/// Two texts in one file: two inputs where the form is made for several, else an error; never one CPU of both, and never the
/// first alone.
#[test]
fn two_texts_in_one_file_are_no_one_cpu() {
    let mut bad = Vec::new();
    for (name, _, text) in forms() {
        let whole = read(text.as_bytes()).unwrap();
        // Another machine: a bit of a register, a flag, a model.
        let other = [
            ("fffa3203", "fffa3207"),
            ("FFFA3203", "FFFA3207"),
            ("11111111111110100011001000000011", "11111111111110100011001000000111"),
            ("avx2 ", ""),
            ("/avx2", "/avx512f"),
            ("\"avx2\": true", "\"avx2\": false"),
            ("Haswell-noTSX", "Broadwell-noTSX"),
            ("Skylake-Server", "Broadwell-noTSX"),
            ("\"hle\", ", ""),
            ("1961", "1962"),
            ("Nehalem", "Westmere"),
            ("219c01a9", "219c01a8"),
            ("xxx1\"", "xxx0\""),
            (":--0-:", ":--1-:"),
            ("prevention  = true", "prevention  = false"),
        ];
        let other = other
            .iter()
            .map(|(from, to)| text.replace(from, to))
            .find(|other| *other != text)
            .unwrap_or_else(|| panic!("{name}"));
        for (what, both) in [
            ("twice", format!("{text}{text}")),
            ("two", format!("{text}{other}")),
            ("two, with a blank line", format!("{text}\n{other}")),
        ] {
            let is_twice = what == "twice";
            match read(both.as_bytes()) {
                Err(_) => {}
                Ok(after) if is_twice && is_same(&whole, &after) => {}
                Ok(Read::Cpus(cpus)) => {
                    let Read::Cpus(one) = &whole else { panic!("{name}") };
                    if cpus.len() != 2 * one.len() {
                        bad.push(format!("{name}, {what}: {} CPUs", cpus.len()));
                    }
                }
                // Two CPUs of one machine, as far as their registers go.
                Ok(Read::Dumps(dumps)) => {
                    let vcpus: usize = dumps.iter().map(|d| d.vcpus.len()).sum();
                    bad.push(format!("{name}, {what}: one machine of {vcpus} vCPUs"));
                }
                Ok(other) => {
                    bad.push(format!("{name}, {what}: {}", format!("{other:?}").chars().take(200).collect::<String>()))
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}\n{} in all", bad.join("\n"), bad.len());
}
