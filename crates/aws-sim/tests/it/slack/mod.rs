//! The simulated Slack: an app in the test plays the other side.

mod acts;
mod app;
mod limits;
mod methods;
mod modals;
mod page;
mod sockets;
