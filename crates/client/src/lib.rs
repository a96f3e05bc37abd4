//! The REST API as the command line uses it: who is signed in where, wire types in and out, requests and grants as
//! people see them, and what somebody holds, to be used now. Knows no store.

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
pub mod request_press;
pub mod tables;
pub mod target_args;
