//! Running as the first program of a guest: an initramfs that holds nothing but this one file, as `/init`.

use std::env;
use std::ffi::OsString;
use std::io;

use clap::CommandFactory;
use rustix::fs::{FileType, Stat, fstat, major, minor};
use rustix::system::{RebootCommand, reboot};
use rustix::termios::tcdrain;

use crate::cli::Cli;
use crate::say::say;

/// Whether this process is the machine's own PID 1, not merely a container's: the kernel starts that one with
/// /dev/console (character device 5:1) as its standard output.
pub fn is_init() -> bool {
    let is_console = |s: Stat| {
        let device = (major(s.st_rdev), minor(s.st_rdev));
        FileType::from_raw_mode(s.st_mode) == FileType::CharacterDevice && device == (5, 1)
    };
    rustix::process::getpid().is_init() && fstat(io::stdout()).is_ok_and(is_console)
}

/// The command line, program name first.
///
/// The kernel hands PID 1 every word of its own command line that it does not know (`nokaslr`, `splash`), then what
/// follows `--`. So for PID 1 ours begin with the first option or command.
pub fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = env::args_os().collect();
    if is_init() {
        let cli = Cli::command();
        let is_ours = |word: &OsString| {
            let word = word.to_string_lossy();
            word.starts_with('-') || cli.get_subcommands().any(|command| command.get_name() == word)
        };
        let kernels = arguments.iter().skip(1).take_while(|word| !is_ours(word)).count();
        arguments.drain(1..=kernels);
    }
    arguments
}

/// Switches the machine off once the console has everything. Comes back only where the kernel refuses.
pub fn power_off() {
    let _ = tcdrain(io::stdout());
    for command in [RebootCommand::PowerOff, RebootCommand::Restart] {
        if let Err(e) = reboot(command) {
            say(format_args!("cannot switch the machine off: {e}"));
        }
    }
}
