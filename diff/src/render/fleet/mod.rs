//! Renderers of a fleet's report: one [`Fleet`](crate::fleet::Fleet) in, text out.

pub mod table;
pub mod words;
