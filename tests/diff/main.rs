//! The integration tests of `cpuid-diff`. Every file beside this one is a module: a new test is a new file.
#![allow(clippy::unwrap_used)]

#[path = "../support/cpudata.rs"]
mod cpudata;
#[path = "../support/help.rs"]
mod help;
#[path = "../support/nodes.rs"]
mod nodes;
#[path = "../support/registers.rs"]
mod registers;
#[path = "../support/mod.rs"]
mod support;

automod::dir!("../tests/diff");

#[test]
fn every_file_is_built() {
    support::every_file_is_built("diff");
}
