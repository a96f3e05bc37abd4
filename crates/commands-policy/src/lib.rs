//! Commands of who writes rules and policies.

pub mod abac;
pub mod cases;
pub mod delegation;
pub mod perimeter;
pub mod policy;
pub mod reading;
pub mod rules;
pub mod vpn;
