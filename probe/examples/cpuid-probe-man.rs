//! Writes man pages and shell completions: `cargo run --example cpuid-probe-man -- DIRECTORY`.

#[allow(dead_code)]
#[path = "../src/cli.rs"]
mod cli;
#[path = "../../scripts/generate.rs"]
mod generate;

fn main() -> std::io::Result<()> {
    generate::generate(<cli::Cli as clap::CommandFactory>::command())
}
