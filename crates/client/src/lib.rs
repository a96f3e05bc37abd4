//! The command line's REST API client: sign-in, wire types, output of requests and grants, and held
//! access. Knows no store.

pub mod api_args;
pub mod aws_portal;
pub mod browser;
pub mod client;
pub mod commands;
pub mod confirming;
pub mod credentials;
pub mod follow;
pub mod held;
pub mod ids;
pub mod listing_args;
pub mod request_press;
pub mod tables;
pub mod target_args;
