//! Reading, comparing and reporting, in one process.

use std::path::{Path, PathBuf};

use cpuid_diff::assemble::{self, Named, Site};
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::read;
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::{LeafId, Registers};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

fn sample() -> Dump {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/epyc-milan.json");
    cpuid_probe::json::from_str(&std::fs::read_to_string(path).expect("sample")).expect("sample")
}

/// The sample's first vCPU `n` times, each with its own APIC id; bit 5 of leaf 7 EBX as given.
fn guest(n: u32, avx2: bool) -> Dump {
    let sample = sample();
    let mut dump = Dump { vcpus: Vec::new(), ..sample.clone() };
    for vcpu in 0..n {
        let mut copy = VcpuDump::new(vcpu);
        for record in sample.vcpus[0].leaves() {
            let mut record = *record;
            let r = &mut record.registers;
            match record.id.leaf {
                0x1 => r.ebx = r.ebx & 0x00ff_ffff | vcpu << 24,
                0x7 if record.id == LeafId::new(7, 0) => {
                    *r = Registers { ebx: r.ebx & !32 | u32::from(avx2) << 5, ..*r }
                }
                0xb => r.edx = vcpu,
                _ => {}
            }
            let _ = copy.insert(record);
        }
        dump.vcpus.push(copy);
    }
    dump.provenance.vcpus_online = Some(n);
    dump
}

fn named(dump: Dump) -> Named {
    Named { name: "dump".to_string(), dump }
}

/// Two guests that differ in one feature, to the finished report.
#[divan::bench(args = [1, 4, 64, 256])]
fn compare_vcpus(bencher: Bencher, n: u32) {
    let (a, b) = (named(guest(n, true)), named(guest(n, false)));
    bencher.bench(|| assemble::report(black_box(&a), black_box(&b), Directions::Both, None, &Site::default()));
}

/// The report of two 256-vCPU guests as JSON.
#[divan::bench]
fn render_json(bencher: Bencher) {
    let report =
        assemble::report(&named(guest(256, true)), &named(guest(256, false)), Directions::Both, None, &Site::default());
    bencher.bench(|| cpuid_diff::wire::pretty(black_box(&report)));
}

/// Reading 64 vCPUs of each of our own forms.
#[divan::bench(args = ["json", "text", "raw"])]
fn read_form(bencher: Bencher, form: &str) {
    let dump = guest(64, true);
    let text = match form {
        "json" => cpuid_probe::json::to_string(&dump),
        "raw" => cpuid_probe::raw::to_string(&dump),
        _ => {
            let mut out = String::new();
            let views = dump.vcpus.iter().map(VcpuDump::view);
            let _ = cpuid_probe::text::write_frame(&mut out, "native", views);
            out
        }
    };
    bencher.counter(BytesCount::of_str(&text)).bench(|| read::read(black_box(text.as_bytes()), Some(form)));
}

/// The folders of real dumps beside the project, where they are.
fn corpora() -> impl Iterator<Item = &'static str> {
    ["instlatx64", "libcpuid", "libvirt", "tp-qemu", "firecracker"].into_iter().filter(|name| !files(name).is_empty())
}

fn files(corpus: &str) -> Vec<Vec<u8>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let shared = std::env::var_os("CPUID_SHARED").map_or(beside, PathBuf::from);
    let paths = std::fs::read_dir(shared.join("corpus").join(corpus))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path());
    paths.filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Reading every file of a corpus, each recognised by its content.
#[divan::bench(args = corpora())]
fn read_corpus(bencher: Bencher, corpus: &str) {
    let files = files(corpus);
    let bytes = files.iter().map(Vec::len).sum::<usize>();
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        for file in &files {
            let _ = black_box(read::read(black_box(file), None));
        }
    });
}
