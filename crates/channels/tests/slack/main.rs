//! The app over the real journey in memory and a fake Slack: effects of presses, recipients of
//! messages, and outages of Slack or AWS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests"
)]

mod asking;
mod break_glass;
mod ends;
mod fake;
mod faults;
mod gate;
mod line;
mod mentions;
mod presses;
mod refused;
mod telling;
mod test_app;
mod undecided;
mod warned;
mod wire;
