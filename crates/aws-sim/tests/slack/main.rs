//! The simulated Slack through its sockets, as part of a simulated organization: an app in the
//! test plays the other side.
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
