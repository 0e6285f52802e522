//! Compare the CPUID of guests and say what each difference means: read → view → judge → report → render.
//!
//! - [`read`]: one foreign format a file; bytes in, a [`cpuid_probe::dump::Dump`] out. No paths, no files.
//! - [`knowledge`]: the rows: what is known of each place. No code branches on a leaf number; it asks here.
//! - [`cpu_map`]: libvirt's names, models and vendors.
//! - [`view`]: what a source says of a CPU; the join of two dumps.
//! - [`judge`]: pure functions from a join to findings, and from findings to a verdict. [`finding`]: a finding as data.
//! - [`check`]: was a promise kept? [`trace`]: where does a place change on its way? [`pool`]: the CPU that several have.
//! - [`cause`]: the few things that explain many findings.
//! - [`fix`]: one definition that makes two guests alike.
//! - [`fleet`]: classes, moves and pools of many hosts.
//! - [`platform`]: a definition in the form of Proxmox, KubeVirt, Nova and others.
//! - [`explain`]: everything known about a place or a name.
//! - [`show`]: what CPU a dump is of.
//! - [`policy`]: what a site accepts. [`assemble`]: findings, waivers, verdict, report, in that order.
//! - [`report`]: the one value that renderers see; [`render`] prints it, [`wire`] writes it as JSON.
//! - [`mod@write`]: a dump out, in the form another tool reads.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod cause;
pub mod check;
pub mod cpu_map;
pub mod decode;
pub mod explain;
pub mod finding;
pub mod fix;
pub mod fleet;
pub mod judge;
pub mod knowledge;
mod list;
pub mod platform;
pub mod policy;
pub mod pool;
pub mod read;
pub mod render;
pub mod report;
pub mod show;
pub mod trace;
pub mod view;
pub mod wire;
pub mod write;
