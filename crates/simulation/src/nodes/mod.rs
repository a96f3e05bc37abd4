//! Several nodes over one store and one AWS: who leads is decided by the real row and the real fence
//! (`hallpass-store`), on a clock of the runtime that the simulation holds paused. Lives are drawn from a seed, and the
//! same seed lives the same life.

mod arming;
mod center;
mod checks;
mod cluster;
mod deeds;
mod life;
mod process;
mod row;
mod running;
mod tasks;
mod work;

pub use cluster::{Cluster, Weakness};
pub use life::{Life, Lived};
