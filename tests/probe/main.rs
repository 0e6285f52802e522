//! The integration tests of `cpuid-probe`. Every file beside this one is a module: a new test is a new file.
#![allow(clippy::unwrap_used)]

#[path = "../support/demo.rs"]
mod demo;
#[path = "../support/help.rs"]
mod help;
#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/registers.rs"]
mod registers;
#[path = "../support/mod.rs"]
mod support;

automod::dir!("../tests/probe");

#[test]
fn every_file_is_built() {
    support::every_file_is_built("probe");
}
