//! What time it is when clocks disagree: the machine's wall clock may be set, its monotonic clock
//! stands still while the machine sleeps, and AWS says its own time with every answer.
//!
//! [`HonestTime`] is pure: what the clocks show and what AWS said go in, the instant to count by and
//! what disagrees come out. [`HonestClock`] holds it over the clocks of a process. No step of the
//! wall clock in either direction prolongs access that exists, and while the clocks disagree by more
//! than [`BOUND`] nothing new is counted from them (promise P10).
//!
//! Knows nothing of grants, AWS clients or servers: any process that keeps ends may use it.

mod honest;
mod process;
mod releases;
mod system;

pub use honest::{ANSWERS, BOUND, HonestTime, Reading, STEADY, Shown};
pub use process::HonestClock;
pub use releases::Releases;
pub use system::{ProcessClock, SystemClock, now};
