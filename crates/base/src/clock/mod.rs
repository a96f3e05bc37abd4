//! Determines the time when clocks disagree: the wall clock may be set, the monotonic clock stops
//! during sleep, and AWS sends its time with every answer.
//!
//! [`HonestTime`] is pure; [`HonestClock`] applies it to a process's clocks. No step of the wall
//! clock prolongs existing access, and while clocks disagree by more than [`BOUND`] no new access
//! is counted from them (promise P10). Knows no grants, AWS clients or servers.

mod honest;
mod process;
mod releases;
mod system;

pub use honest::{ANSWERS, BOUND, HonestTime, Reading, STEADY, Shown};
pub use process::HonestClock;
pub use releases::Releases;
pub use system::{ProcessClock, SystemClock, now};
