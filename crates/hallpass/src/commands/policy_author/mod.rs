//! Commands of who writes rules and policies.

pub(crate) mod abac;
pub(crate) mod delegation;
pub(crate) mod perimeter;
pub(crate) mod policy;
pub(crate) mod rules;
pub(crate) mod vpn;

mod cases;
mod reading;
