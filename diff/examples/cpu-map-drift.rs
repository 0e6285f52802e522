//! Prints where the built-in CPU map and a libvirt's `cpu_map` directory disagree. See `scripts/check-cpu-map`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cpuid_diff::cpu_map::{CpuMap, dir, drift::drift};
use cpuid_diff::knowledge::Knowledge;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (directory, ours) = match &arguments[..] {
        [directory] => (directory, CpuMap::of(Knowledge::builtin())),
        [directory, version] if version == "9.0" => (directory, CpuMap::libvirt_9_0(Knowledge::builtin())),
        _ => bail!("usage: cpu-map-drift DIR [9.0]"),
    };
    let file = |name: &str| std::fs::read_to_string(Path::new(directory).join(name)).map_err(|e| e.to_string());
    let theirs = dir::read(directory.clone(), file).context("the CPU map")?;
    let lines = drift(&ours, &theirs);
    for line in &lines {
        println!("{line}");
    }
    println!(
        "{} features, {} models in {directory}; {} differences",
        theirs.features.len(),
        theirs.models.len(),
        lines.len()
    );
    Ok(if lines.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
