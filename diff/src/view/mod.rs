//! What a source says of a CPU, and what two sources do not say alike.
//!
//! - [`dump`]: a dump: what was read, place by place. Its coverage is computed once.
//! - [`promise`]: a libvirt CPU: what a guest is to have. [`template`]: a masked template.
//! - [`blocks`], [`pairs`]: which hypervisor block and which vCPU of one dump goes with which of another.
//! - [`join`]: the places at which two dumps differ; [`clock`] puts frequencies together.
//! - [`role`]: whose CPU a source describes. [`said`]: a CPU of names, place by place.
//! - [`vintage`]: which releases wrote a libvirt file, and the versions that machine types name.
//! - [`source`]: reading any of them from a file.

pub mod blocks;
pub mod clock;
pub mod dump;
pub mod join;
pub mod pairs;
pub mod promise;
pub mod role;
pub mod said;
pub mod source;
pub mod template;
pub mod vintage;

pub use dump::{DumpView, Seen, VcpuView, Why};
pub use role::Role;
