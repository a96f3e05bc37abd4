#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod absence;
mod acceptance;
mod ahead;
mod attributes;
mod canonical;
mod cases;
mod confirmed;
mod demo;
mod differential;
mod exclusions;
mod folded;
mod fuzz;
mod joinable;
mod native;
mod never_together;
mod on_call;
mod oracle;
mod organization;
mod outstanding;
mod people_left_out;
mod properties;
mod reach;
mod real;
mod replay;
mod requester_manager;
mod separate;
mod silent;
mod steps;
mod ticket;
mod unread_limits;
mod unread_tags;
mod validation;
mod warnings;
mod whole;
mod world;
