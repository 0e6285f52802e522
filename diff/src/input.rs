//! Files in: the one place that opens what the user names.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, Result, bail};
use cpuid_diff::assemble::Named;
use cpuid_diff::policy::Policy;
use cpuid_diff::read::{self, Input, ReadError};
use cpuid_probe::dump::Dump;

/// No dump comes near this; a larger file is not one.
const MAX_BYTES: u64 = 256 << 20;

/// Reads a file (`-`: standard input) whole.
///
/// # Errors
/// What the system says, with the file's name; a directory; a file larger than any dump.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let mut bytes = Vec::new();
    let mut take = |source: &mut dyn Read| source.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    if path.as_os_str() == "-" {
        take(&mut io::stdin().lock()).context("standard input: cannot read")?;
    } else {
        let mut file = File::open(path).with_context(|| format!("{name}: cannot open"))?;
        let metadata = file.metadata().with_context(|| format!("{name}: cannot open"))?;
        if metadata.is_dir() {
            bail!("{name}: is a directory, expected a file");
        }
        if metadata.len() <= MAX_BYTES {
            take(&mut file).with_context(|| format!("{name}: cannot read"))?;
        } else {
            bail!("{name}: larger than {} MiB, expected a CPUID dump", MAX_BYTES >> 20);
        }
    }
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{name}: larger than {} MiB, expected a CPUID dump", MAX_BYTES >> 20);
    }
    Ok(bytes)
}

/// Reads an input of any known format.
///
/// # Errors
/// As [`bytes`], and what the format's reader says, with file, line and column.
pub fn any(path: &Path, from: Option<&str>) -> Result<Input> {
    let bytes = bytes(path)?;
    read::read(&bytes, from).map_err(|e| located(path, &e))
}

/// What is wrong with a file, as FILE:LINE:COLUMN: message.
fn located(path: &Path, error: &ReadError) -> anyhow::Error {
    let name = if path.as_os_str() == "-" { "standard input".to_string() } else { path.display().to_string() };
    let separator = if error.line.is_some() { ":" } else { ": " };
    anyhow::anyhow!("{name}{separator}{error}")
}

/// Reads a site policy.
///
/// # Errors
/// As [`bytes`]; text that is no UTF-8, and what [`Policy::parse`] says, with file, line and column.
pub fn policy(path: &Path) -> Result<Policy> {
    let bytes = bytes(path)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{}: not valid UTF-8", path.display()))?;
    Policy::parse(&path.display().to_string(), &text).map_err(|e| located(path, &e))
}

/// Reads a dump.
///
/// # Errors
/// As [`any`]; an input that holds no registers, or two dumps.
pub fn dump(path: &Path, from: Option<&str>) -> Result<Named> {
    let name = path.display().to_string();
    match any(path, from)? {
        Input::Dump(dump) => Ok(Named { name, dump: *dump }),
        Input::Pair(_) => bail!("{name}: a diff of two dumps, expected one dump"),
        Input::Statements(s) => {
            bail!("{name}: {} lists feature names without registers, expected a dump", s.format)
        }
    }
}

/// Reads the two dumps of `compare`: two files, or one unified diff.
///
/// # Errors
/// As [`dump`]; one file that is not a diff.
pub fn two(paths: &[std::path::PathBuf], from: Option<&str>) -> Result<[Named; 2]> {
    match paths {
        [a, b] => Ok([dump(a, from)?, dump(b, from)?]),
        [one] => {
            let name = one.display();
            match any(one, from)? {
                Input::Pair(pair) => {
                    let [a, b] = *pair;
                    let side = |dump: Dump, sign: &str| Named { name: format!("{name} ({sign})"), dump };
                    Ok([side(a, "-"), side(b, "+")])
                }
                _ => bail!("{name}: one dump; compare takes two dumps, or one unified diff of two"),
            }
        }
        _ => bail!("compare takes two dumps, or one unified diff of two"),
    }
}
