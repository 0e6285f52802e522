//! What a guest was promised: libvirt CPUs, their models and policies, and whether a dump keeps the promise.
//!
//! - [`map`]: libvirt's CPU map; `features.rs` and `models.rs` hold the rows, [`dir`] reads a site's own.
//! - [`decode`]: from a set of features to the model that libvirt would choose.
//! - [`seen`]: from a dump to features.

pub mod decode;
pub mod dir;
pub mod drift;
pub mod evidence;
pub mod expand;
mod features;
pub mod map;
mod models;
mod rows;
pub mod seen;
