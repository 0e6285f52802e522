//! Man pages and shell completions from the one definition of a command line. Shared by the packages' examples.

use std::path::PathBuf;
use std::{env, fs, io};

use clap_complete::Shell;

/// Writes `man/` and `completions/` into the directory that the command line names.
pub fn generate(command: clap::Command) -> io::Result<()> {
    // `help COMMAND` needs no page of its own.
    let mut command = command.disable_help_subcommand(true);
    let directory = env::args_os().nth(1).map(PathBuf::from);
    let directory = directory.ok_or_else(|| io::Error::other("usage: generate DIRECTORY"))?;
    let (man, completions) = (directory.join("man"), directory.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    let name = command.get_name().to_string();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, &name, &completions)?;
    }
    // One page for the program, one for each command: cpuid-diff.1, cpuid-diff-compare.1, …
    clap_mangen::generate_to(command, &man)
}
