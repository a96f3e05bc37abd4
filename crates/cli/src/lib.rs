//! Commands about the organization: inventory, plans, access as code and policies. One module a command.

pub mod abac;
pub mod access;
pub mod activity;
pub mod alerts;
pub mod cases;
pub mod delegation;
pub mod each;
pub mod events;
pub mod findings;
pub mod insights;
pub mod org;
pub mod outage;
pub mod pci;
pub mod perimeter;
pub mod plan;
pub mod policy;
pub mod public_ips;
pub mod query;
pub mod reading;
pub mod remediate;
pub mod rules;
pub mod runs;
pub mod sync;
pub mod vpn;
pub mod who;
