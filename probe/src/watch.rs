//! Not built yet.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::WatchArgs;

/// Runs the command.
pub fn watch(_args: &WatchArgs) -> Result<ExitCode> {
    bail!("this command is not built yet")
}
