//! The guests that the command line asks for: from `--cpu`, or from libvirt's XML.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use cpuid_probe::libvirt::removed::{read_removed_features, removed_features};
use cpuid_probe::libvirt::{self, Guest, domain, read_guests};

use crate::boot::guest::GuestSpec;
use crate::cli::{Accel, BootArgs};
use crate::say::{line, say};

/// Where QEMU is outside PATH, as on RHEL and its derivatives.
const QEMU_PLACES: [&str; 2] = ["/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm"];

/// libvirt's own CPU models, where it is installed.
const CPU_MAP: &str = "/usr/share/libvirt/cpu_map";

/// The guests that the arguments ask for, in their order.
pub fn specs(args: &BootArgs) -> Result<Vec<GuestSpec>> {
    let Some(path) = &args.cpu_xml else {
        let plain = |cpu: &String| spec(args, cpu.clone(), None);
        return args.cpu.iter().map(plain).collect();
    };
    let guests = read(path)?;
    for note in guests.iter().flat_map(|guest| &guest.notes) {
        say(format_args!("note: {}", line(note)));
    }
    guests.into_iter().map(|guest| spec(args, guest.cpu.clone(), Some(guest))).collect()
}

/// One guest. An argument overrides what the XML says.
fn spec(args: &BootArgs, cpu: String, xml: Option<Guest>) -> Result<GuestSpec> {
    let (smp, machine, accel, emulator) =
        xml.map_or((None, None, None, None), |guest| (guest.smp, guest.machine, guest.accel, guest.emulator));
    let accel = accel.map(|accel| match accel {
        domain::Accel::Kvm => Accel::Kvm,
        domain::Accel::Tcg => Accel::Tcg,
    });
    let qemu = match (&args.qemu, emulator) {
        (Some(qemu), _) => qemu.clone(),
        (None, Some(emulator)) => installed(&emulator)?,
        (None, None) => find_qemu()?,
    };
    Ok(GuestSpec {
        qemu,
        accel: args.accel.or(accel).unwrap_or(Accel::Kvm),
        machine: args.machine.clone().or(machine).unwrap_or_else(|| "pc".to_string()),
        cpu,
        smp: args.smp.clone().or(smp),
        extra_args: Vec::new(),
        // What is longer than a year cannot be added to the time.
        timeout: Duration::from_secs(args.timeout.min(365 * 24 * 3600)),
    })
}

/// Where packages install QEMU, and under which names.
const EMULATOR_PLACES: [&str; 7] =
    ["/usr/bin", "/bin", "/usr/local/bin", "/usr/libexec", "/usr/lib/qemu", "/usr/lib64/qemu", "/usr/lib/xen/bin"];
const EMULATOR_NAMES: [&str; 2] = ["qemu", "kvm"];

/// The `<emulator>` of a domain, where it is an installed QEMU: a file that somebody sent must not have us start any other
/// program.
fn installed(emulator: &str) -> Result<PathBuf> {
    let path = Path::new(emulator);
    let place = path.parent().and_then(Path::to_str).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The text itself: Path would not see `/usr/bin/./x`.
    let plain = emulator == format!("{place}/{name}");
    let shown = line(emulator);
    if !plain || !EMULATOR_PLACES.contains(&place) || !EMULATOR_NAMES.iter().any(|usual| name.starts_with(usual)) {
        bail!(
            "the domain's <emulator>, {shown}, is no QEMU in one of {}; a program is not started because a file names it. \
             Name the QEMU to run with --qemu",
            EMULATOR_PLACES.join(", ")
        );
    }
    if !path.is_file() {
        bail!("the domain's QEMU, {shown}, is not here; name another one with --qemu");
    }
    Ok(path.to_path_buf())
}

/// The guests of a file, or of standard input for `-`.
fn read(path: &Path) -> Result<Vec<Guest>> {
    let (name, text) = read_xml(path)?;
    read_guests(&text, &removed).map_err(|error| anyhow!("{name}: {}", line(error)))
}

/// A libvirt XML from a file, or from standard input for `-`, and what to call it.
pub fn read_xml(path: &Path) -> Result<(String, String)> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_string() } else { line(path.display()) };
    let text = if is_stdin { libvirt::read_text(io::stdin()) } else { File::open(path).and_then(libvirt::read_text) };
    let text = text.with_context(|| format!("{name}: cannot read it"))?;
    Ok((name, text))
}

/// The features removed from a model: by this host's libvirt, else by the newest libvirt that is known.
pub fn removed(model: &str) -> Vec<String> {
    let file = Path::new(CPU_MAP).join(format!("x86_{model}.xml"));
    let read = fs::read_to_string(file).ok().and_then(|text| read_removed_features(&text).ok());
    read.unwrap_or_else(|| removed_features(model))
}

/// The QEMU to run: from PATH, else from where distributions put it.
fn find_qemu() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&path).map(|directory| directory.join("qemu-system-x86_64"));
    in_path.chain(QEMU_PLACES.map(PathBuf::from)).find(|file| file.is_file()).with_context(|| {
        let places = QEMU_PLACES.join(", ");
        format!(
            "no QEMU: looked for qemu-system-x86_64 in PATH and for {places}. Install it (Debian: qemu-system-x86; \
             RHEL: qemu-kvm), or name it with --qemu"
        )
    })
}
