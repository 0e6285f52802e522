//! Renderers of a fleet's report: one [`Fleet`](crate::fleet::Fleet) in, text out.

pub mod dot;
pub mod hasse;
pub mod html;
pub mod markdown;
pub mod table;
pub mod words;
