//! Not built yet.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cli::KvmArgs;

/// Runs the command.
pub fn kvm(_args: &KvmArgs) -> Result<ExitCode> {
    bail!("this command is not built yet")
}
