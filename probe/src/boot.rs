//! Not built yet.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::BootArgs;

/// Runs the command.
pub fn boot(_args: &BootArgs) -> Result<ExitCode> {
    bail!("this command is not built yet")
}
