//! To try things out: the simulator alone, and what the demo is made of.

pub mod demo;
pub mod sim;
