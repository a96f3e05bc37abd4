#![allow(clippy::unwrap_used, reason = "tests")]

mod activity;
mod alerts;
mod golden;
mod notices;
mod outstanding;
mod sweeps;
