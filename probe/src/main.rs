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
mod stop;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let code = run();
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
            let _ = usage.print();
            return if usage.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
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
            eprintln!("cpuid-probe: {error:#}");
            ExitCode::from(2)
        }
    }
}
