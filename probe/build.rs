//! Builds the boot image (probe/boot) that the binary embeds.
//!
//! The image runs without an operating system, yet no further Rust target can be assumed, so it is compiled for the
//! target of this build with flags that suit it: no SSE (its state would have to be set up, and `kvm` on some hosts
//! emulates none), no red zone, a link script instead of the C start code. The compiler is called directly, since
//! cargo cannot give one package of a build other flags than the rest: once for the core of `cpuid_probe` without any
//! feature, once for the image.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Without SSE; and, where a compiler refuses that for the C ABI's sake (rust-lang/rust#116344), with it.
const FLAGS: [&[&str]; 2] = [&["-Ctarget-feature=-sse,-sse2", "--cfg=no_sse"], &[]];
/// rustup's linker first: it needs nothing installed.
const LINKERS: [(&str, &str); 3] = [("rust-lld", "ld.lld"), ("ld.lld", "ld.lld"), ("ld", "ld")];
/// No C start code, a static executable at a fixed place, no padding between its parts.
const LINK_ARGS: [&str; 7] = ["-nostdlib", "--no-pie", "--build-id=none", "-z", "norelro", "-z", "max-page-size=16"];
/// How big the image may become.
const MOST_BYTES: u64 = 64 * 1024;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(boot_image, no_sse)");
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_CLI").is_none() {
        return;
    }
    let target = var("TARGET");
    assert!(target.starts_with("x86_64-"), "CPUID is an x86 instruction; cannot build for {target}");
    let build = Build { out: var("OUT_DIR").into(), rustc: var("RUSTC"), target };
    let mut refusals = Vec::new();
    for flags in FLAGS {
        for linker in LINKERS {
            match build.image(flags, linker) {
                Ok(()) => return build.finish(),
                Err(refusal) => refusals.push(refusal),
            }
        }
    }
    panic!("cannot build the boot image:\n{}", refusals.join("\n"));
}

fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|e| panic!("{name}: {e}"))
}

struct Build {
    out: PathBuf,
    rustc: String,
    target: String,
}

impl Build {
    /// Compiles the core and the image.
    fn image(&self, flags: &[&str], (linker, flavor): (&str, &str)) -> Result<(), String> {
        self.rustc("src/lib.rs", flags, &["--crate-name=cpuid_probe".into(), "--crate-type=rlib".into()])?;
        let script = fs::canonicalize("boot/link.ld").map_err(|e| format!("boot/link.ld: {e}"))?;
        let script = format!("--script={}", script.display());
        let link = LINK_ARGS.into_iter().chain([script.as_str()]).map(|argument| format!("-Clink-arg={argument}"));
        let core = format!("--extern=cpuid_probe={}", self.out.join("libcpuid_probe.rlib").display());
        let mut arguments = vec![core, format!("-Clinker={linker}"), format!("-Clinker-flavor={flavor}")];
        arguments.extend(link);
        let own = ["--crate-name=boot_image", "--crate-type=bin", "--cfg=boot_image", "-Clto=fat", "-Cstrip=symbols"];
        arguments.extend(own.map(String::from));
        self.rustc("boot/main.rs", flags, &arguments)
    }

    fn rustc(&self, source: &str, flags: &[&str], more: &[String]) -> Result<(), String> {
        let mut rustc = Command::new(&self.rustc);
        rustc.args([source, "--edition=2024", "--emit=link,dep-info", "--target", &self.target, "--out-dir"]);
        rustc.arg(&self.out).args(["-Copt-level=s", "-Cpanic=abort", "-Ccodegen-units=1"]);
        rustc.args(["-Crelocation-model=static", "-Cno-redzone=yes", "--cap-lints=warn"]).args(flags).args(more);
        let output = rustc.output().map_err(|e| format!("{}: {e}", self.rustc))?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{rustc:?}\n{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Tells cargo what the image depends on.
    fn finish(&self) {
        println!("cargo::rerun-if-changed=boot");
        for crate_name in ["cpuid_probe", "boot_image"] {
            for source in dependencies(&self.out.join(crate_name).with_extension("d")) {
                println!("cargo::rerun-if-changed={source}");
            }
        }
        let image = self.out.join("boot_image");
        let size = fs::metadata(&image).map(|m| m.len()).unwrap_or_else(|e| panic!("{}: {e}", image.display()));
        assert!(size <= MOST_BYTES, "the boot image has {size} bytes, more than {MOST_BYTES}");
    }
}

/// The source files in a dependency file of rustc: those that are targets of their own, without prerequisites.
fn dependencies(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_suffix(':')).map(str::to_string).collect()
}
