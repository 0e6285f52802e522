//! The program of scripts/migrate-demo.
#![allow(clippy::unwrap_used)]

#[path = "demo.rs"]
mod demo;
#[path = "machine.rs"]
mod machine;
#[path = "mod.rs"]
mod support;

use std::process::ExitCode;

use demo::{CASES, LINUX_CASES};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usual: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).filter(|name| !name.starts_with('-')).collect();
    for name in if names.is_empty() { usual } else { names } {
        let shown = CASES.iter().find(|case| case.name == name).map(demo::show);
        let shown = shown.or_else(|| LINUX_CASES.iter().find(|case| case.name == name).map(demo::show_linux));
        let shown = shown.or_else(|| match name {
            "count" => Some(demo::count(30)),
            "soak" => Some(demo::soak(60)),
            "cost" => Some(demo::cost(20)),
            _ => None,
        });
        match shown {
            Some(text) => println!("{text}"),
            None => {
                eprintln!("no case `{name}`; see the head of scripts/migrate-demo");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}
