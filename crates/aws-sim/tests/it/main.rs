//! The simulator through its sockets, as a client sees it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "tests"
)]

mod bench;

mod account_access;
mod account_creation;
mod answers;
mod assets;
mod assignments;
mod authentication;
mod concurrent_actor;
mod control_api;
mod control_tower;
mod delegation_policy;
mod denials;
mod durability;
mod evaluation;
mod evaluation_full;
mod evaluation_sessions;
mod event_history;
mod event_rules;
mod faults;
mod files;
mod iam;
mod iam_roles;
mod identity_store;
mod instance_regions;
mod inventory_reads;
mod invitations;
mod keys;
mod merging;
mod objects;
mod organization_policies;
mod pages;
mod portal;
mod portal_pages;
mod portal_tokens;
mod provisioning;
mod queues;
mod stated;
mod strictness;
mod switches;
mod throttling;
mod tickets;
mod trails;
