//! The simulated Slack over its sockets, within a simulated organization; the test plays the app.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod acts;
mod app;
mod limits;
mod methods;
mod modals;
mod page;
mod sockets;
