//! Builds the two programs that the binary embeds and that run without a C library: the boot image (probe/boot), a
//! guest without an operating system, and the program that `paste` prints (probe/paste), which makes Linux's system calls
//! itself.
//!
//! No further Rust target can be assumed, so they are compiled for the target of this build with flags that suit them: no
//! SSE (in the boot image its state would have to be set up, and `kvm` on some hosts emulates none), no red zone, a link
//! script instead of the C start code. The compiler is called directly, since cargo cannot give one package of a build
//! other flags than the rest: once for the core of `cpuid_probe` without any feature, once for each program.

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

/// A program without a C library.
struct Program {
    /// The folder with its `main.rs` and `link.ld`.
    folder: &'static str,
    /// The file that is made of it.
    name: &'static str,
    /// How big it may become.
    most_bytes: u64,
}

const PROGRAMS: [Program; 2] = [
    Program { folder: "boot", name: "boot_image", most_bytes: 64 * 1024 },
    Program { folder: "paste", name: "paste_program", most_bytes: 24 * 1024 },
];

fn main() {
    println!("cargo::rustc-check-cfg=cfg(bare, no_sse)");
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
            match build.programs(flags, linker) {
                Ok(()) => return build.finish(),
                Err(refusal) => refusals.push(refusal),
            }
        }
    }
    panic!("cannot build the programs without a C library:\n{}", refusals.join("\n"));
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
    /// Compiles the core and the programs.
    fn programs(&self, flags: &[&str], linker: (&str, &str)) -> Result<(), String> {
        self.rustc("src/lib.rs", flags, &["--crate-name=cpuid_probe".into(), "--crate-type=rlib".into()])?;
        PROGRAMS.iter().try_for_each(|program| self.program(program, flags, linker))
    }

    fn program(&self, program: &Program, flags: &[&str], (linker, flavor): (&str, &str)) -> Result<(), String> {
        let Program { folder, name, .. } = program;
        let script = fs::canonicalize(format!("{folder}/link.ld")).map_err(|e| format!("{folder}/link.ld: {e}"))?;
        let script = format!("--script={}", script.display());
        let link = LINK_ARGS.into_iter().chain([script.as_str()]).map(|argument| format!("-Clink-arg={argument}"));
        let core = format!("--extern=cpuid_probe={}", self.out.join("libcpuid_probe.rlib").display());
        let mut arguments = vec![core, format!("-Clinker={linker}"), format!("-Clinker-flavor={flavor}")];
        arguments.extend(link);
        arguments.push(format!("--crate-name={name}"));
        arguments.extend(["--crate-type=bin", "--cfg=bare", "-Clto=fat", "-Cstrip=symbols"].map(String::from));
        self.rustc(&format!("{folder}/main.rs"), flags, &arguments)
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

    /// Tells cargo what the programs depend on.
    fn finish(&self) {
        for crate_name in ["cpuid_probe"].into_iter().chain(PROGRAMS.map(|p| p.name)) {
            for source in dependencies(&self.out.join(crate_name).with_extension("d")) {
                println!("cargo::rerun-if-changed={source}");
            }
        }
        for Program { folder, name, most_bytes } in PROGRAMS {
            println!("cargo::rerun-if-changed={folder}");
            let file = self.out.join(name);
            let size = fs::metadata(&file).map(|m| m.len()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            assert!(size <= most_bytes, "{name} has {size} bytes, more than {most_bytes}");
        }
        #[cfg(feature = "cli")]
        text_to_paste("paste/paste.sh", &self.out.join("paste_program"), &self.out.join("paste.sh"));
    }
}

/// Puts `program`, packed, into the shell lines of `script`, and writes them to `to`.
#[cfg(feature = "cli")]
fn text_to_paste(script: &str, program: &Path, to: &Path) {
    use std::io::Write;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use flate2::{Compression, write::GzEncoder};

    /// How much the text may be.
    const MOST_TO_PASTE: usize = 16 * 1024;
    /// How long its lines: a terminal's, less the `> ` that a shell asks for the next one with. The input of a console holds
    /// lines of 4095 characters (termios(3), canonical mode).
    const COLUMNS: usize = 76;
    let read = |path: &Path| fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let packed = gzip.write_all(&read(program)).and_then(|()| gzip.finish()).expect("memory takes everything");
    let base64 = STANDARD.encode(packed);
    let lines: Vec<_> = base64.as_bytes().chunks(COLUMNS).map(String::from_utf8_lossy).collect();
    let text = String::from_utf8_lossy(&read(Path::new(script))).replace("@PROGRAM@", &lines.join("\n"));
    let (bytes, columns) = (text.len(), text.lines().map(str::len).max().unwrap_or(0));
    assert!(bytes <= MOST_TO_PASTE, "{bytes} bytes to paste, more than {MOST_TO_PASTE}");
    assert!(text.is_ascii() && columns <= COLUMNS, "a line to paste has {columns} columns, more than {COLUMNS}");
    fs::write(to, text).unwrap_or_else(|e| panic!("{}: {e}", to.display()));
}

/// The source files in a dependency file of rustc: those that are targets of their own, without prerequisites.
fn dependencies(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| line.strip_suffix(':')).map(str::to_string).collect()
}
