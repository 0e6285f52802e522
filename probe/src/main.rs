//! `cpuid-probe`: see [`cli`] for what it does.

mod boot;
mod cli;
mod host;
mod init;
mod kvm;
mod libvirt_guest;
mod native;
mod output;
mod paste;
mod say;
mod stop;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::say::{line, say};

fn main() -> ExitCode {
    if let Some(code) = boot::guard::run() {
        return code;
    }
    let code = say::last_word(run());
    if init::is_init() {
        // The end of PID 1 would be a kernel panic.
        init::power_off();
    }
    code
}

fn run() -> ExitCode {
    let cli = match Cli::try_parse_from(init::arguments()) {
        Ok(cli) => cli,
        Err(usage) => {
            return usage_or_help(&usage);
        }
    };
    let outcome = match cli.command {
        None => native::dump(&cli.dump),
        Some(Command::Dump(args)) => native::dump(&args.0),
        Some(Command::Boot(args)) => boot::boot(&args.0),
        Some(Command::Kvm(args)) => kvm::kvm(&args.0),
        Some(Command::Paste) => paste::paste(),
        Some(Command::Watch(args)) => watch::watch(&args.0),
        Some(Command::Libvirt(command)) => libvirt_guest::run(&command.0),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say(format_args!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// What clap has to say: help and the version as they are, what is wrong with the command line with its words made
/// printable.
fn usage_or_help(usage: &clap::Error) -> ExitCode {
    if usage.use_stderr() {
        // clap repeats the words that it does not know. Made printable, they are as wrong as before.
        let words = init::arguments().into_iter().map(|word| line(word.to_string_lossy()));
        let printable = Cli::try_parse_from(words).err().filter(clap::Error::use_stderr);
        say::write(&say::visible(&printable.as_ref().unwrap_or(usage).render().to_string()));
        return ExitCode::from(2);
    }
    match usage.print() {
        Ok(()) if !say::stdout_is_closed() => ExitCode::SUCCESS,
        _ => {
            say("standard output: cannot write");
            ExitCode::from(2)
        }
    }
}
