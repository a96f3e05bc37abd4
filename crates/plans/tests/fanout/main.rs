//! Runs over a simulated organization, in simulated time.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod faults_of_old;
mod resuming;
mod runs;
mod stopped_writes;
mod world;
