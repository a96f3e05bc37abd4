//! Several nodes over one store and one AWS. The real leader row and fence (`hallpass-store`)
//! decide leadership, on the runtime's paused clock. The same seed repeats the same simulation.

mod actions;
mod arming;
mod center;
mod checks;
mod cluster;
mod life;
mod process;
mod row;
mod running;
mod tasks;
mod work;

pub use cluster::{Cluster, Weakness};
pub use life::{Life, Lived};
