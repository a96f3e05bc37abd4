//! Seeded runs of the whole core in one process: real journey, real executor, real store logic,
//! with substitutes for time, randomness and AWS, and a gate that fails or stops any port call.
//! Never shipped.

mod center;
mod checks;
mod clock;
mod directory;
mod gate;
mod guard;
mod world;

pub use center::{Answers, Center, Habits, Refuses};
pub use checks::{Broken, check_all};
pub use clock::{Ids, Machine, ProcessTime, Wall};
pub use directory::Known;
pub use gate::{Gate, Mode, Plan};
pub use guard::{GuardBeside, Journals, Papers, View};
pub use world::{Human, World};
