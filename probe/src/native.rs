//! Not built yet.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::DumpArgs;

/// Runs the command.
pub fn dump(_args: &DumpArgs) -> Result<ExitCode> {
    bail!("this command is not built yet")
}
