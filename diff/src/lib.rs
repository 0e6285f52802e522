//! Compare the CPUID of guests and say what each difference means: read → align → compare → report → render.
//!
//! - [`read`]: one foreign format a file; bytes in, a [`cpuid_probe::dump::Dump`] out. No paths, no files.
//! - [`knowledge`]: the rows: features, fields, rules, causes, remedies. No code branches on a leaf number; it asks here.
//! - [`compare`]: pure functions from dumps to findings, and from findings to a verdict.
//! - [`baseline`]: libvirt CPUs, models and policies; what a guest was promised.
//! - [`explain`]: everything known about a place or a name.
//! - [`report`]: the one value that renderers see.
//! - [`mod@write`]: a dump out, in the form another tool reads.
//! - [`render`]: table, unified diff, Markdown, HTML, JSON.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod baseline;
pub mod compare;
pub mod decode;
pub mod explain;
pub mod knowledge;
mod list;
pub mod policy;
pub mod read;
pub mod render;
pub mod report;
pub mod write;
