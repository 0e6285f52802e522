//! The boot image under libvirt: what scripts/boot-via-libvirt cannot do with virsh.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use cpuid_probe::dump::{Boot, BootWarning, Dump};
use cpuid_probe::libvirt::domain::Accel;
use cpuid_probe::libvirt::read_guests;
use cpuid_probe::libvirt::transient::transient_domain;
use cpuid_probe::text::{guest_error, read_frame};

use crate::boot::definitions::{read_xml, removed};
use crate::cli::{self, Format, LibvirtCommand, LibvirtDomainArgs, LibvirtDumpArgs};
use crate::say::line;
use crate::{host, output};

/// Runs the command.
pub fn run(command: &LibvirtCommand) -> Result<ExitCode> {
    match command {
        LibvirtCommand::Domain(args) => domain(args),
        LibvirtCommand::Dump(args) => dump(args),
    }
}

fn domain(args: &LibvirtDomainArgs) -> Result<ExitCode> {
    let (name, text) = read_xml(&args.cpu_xml)?;
    let accel = args.accel.map(|accel| match accel {
        cli::Accel::Kvm => Accel::Kvm,
        cli::Accel::Tcg => Accel::Tcg,
    });
    let domain = transient_domain(&text, accel, args.machine.as_deref());
    output::print(&domain.map_err(|error| anyhow!("{name}: {}", line(error)))?)?;
    Ok(ExitCode::SUCCESS)
}

fn dump(args: &LibvirtDumpArgs) -> Result<ExitCode> {
    let dump = read_dump(args)?;
    output::deliver(&dump, &args.output, Format::Json)
}

fn read_dump(args: &LibvirtDumpArgs) -> Result<Dump> {
    let console =
        fs::read(&args.console).with_context(|| format!("{}: cannot read it", line(args.console.display())))?;
    let console = String::from_utf8_lossy(&console);
    if let Some(words) = guest_error(&console) {
        return Err(anyhow!("the guest says: {}", line(words)));
    }
    let mut dump = read_frame(&console).map_err(|error| anyhow!("the guest's serial port: {}", line(error)))?;

    let (name, text) = read_xml(&args.domain)?;
    let mut guests = read_guests(&text, &removed).map_err(|error| anyhow!("{name}: {}", line(error)))?;
    let guest = guests.pop().with_context(|| format!("{name}: no domain"))?;
    host::stamp(&mut dump.provenance, args.output.label.as_ref());
    // The guest ran on the node of its libvirtd, which need not be this one.
    dump.provenance.kernel = None;
    dump.provenance.microcode = None;
    dump.provenance.boot = Some(Boot {
        qemu: args.qemu_version.clone(),
        accel: if guest.accel == Some(Accel::Kvm) { "kvm" } else { "tcg" }.to_string(),
        machine: guest.machine.unwrap_or_default(),
        compat: None,
        cpu: args.cpu.clone(),
        command: Vec::new(),
        warnings: vec![BootWarning {
            text: "QEMU's warnings are in libvirt's log of the domain, on its node; none were read".to_string(),
            feature: None,
        }],
    });
    dump.note_hypervisors();
    Ok(dump)
}
