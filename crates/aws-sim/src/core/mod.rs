//! The simulated world: organization, virtual time, read visibility, ids, and common service parts.
//! No clock, no I/O; randomness comes from the seed and the call number.
//!
//! Knows no service: each has a folder below `services/`.

// entities
pub(crate) mod account_access;
pub(crate) mod account_requests;
pub(crate) mod administrators;
pub(crate) mod config_recorders;
pub(crate) mod contacts;
pub(crate) mod databases;
pub(crate) mod deliveries;
pub(crate) mod denials;
pub(crate) mod digests;
pub(crate) mod document;
pub(crate) mod entities;
pub(crate) mod event_history;
pub(crate) mod exposure;
pub(crate) mod guardrails;
pub(crate) mod head;
pub(crate) mod hubs;
pub(crate) mod iam;
pub(crate) mod insight_events;
pub(crate) mod instance_regions;
pub(crate) mod instants;
pub(crate) mod inventory_facts;
pub(crate) mod kms;
pub(crate) mod limits;
pub(crate) mod networks;
pub(crate) mod objects;
pub(crate) mod portal;
pub(crate) mod queues;
pub(crate) mod roles;
pub(crate) mod rules;
pub(crate) mod sign_ins;
pub(crate) mod stack_sets;
pub(crate) mod state;
pub(crate) mod table;
pub(crate) mod tag_keys;
pub(crate) mod topics;
pub(crate) mod tower;
pub(crate) mod trails;
pub(crate) mod tree;
// changes over time
pub(crate) mod account_creation;
pub(crate) mod attaching;
pub(crate) mod bus;
pub(crate) mod control_tower;
pub(crate) mod delivering;
pub(crate) mod designating;
pub(crate) mod directory;
pub(crate) mod entitlements;
pub(crate) mod identity_events;
pub(crate) mod messages;
pub(crate) mod publishing;
pub(crate) mod settle;
pub(crate) mod sign_in_events;
pub(crate) mod stack_operations;
pub(crate) mod target_input;
pub(crate) mod windows;
// load and export
pub(crate) mod export;
pub(crate) mod load;
pub(crate) mod mutate;
pub(crate) mod stated_center;
pub(crate) mod stated_rules;
// calls
pub(crate) mod authorize;
pub(crate) mod call;
pub(crate) mod caller;
pub(crate) mod center_key;
pub(crate) mod clearance;
pub(crate) mod context;
pub(crate) mod errors;
pub(crate) mod issue;
pub(crate) mod keyed_data;
pub(crate) mod pages;
pub(crate) mod service;
pub(crate) mod validate;

/// Advances time: settles due operations in order and returns their ids.
pub(crate) fn advance(state: &mut state::SimState, now: crate::base::Millis) -> Vec<entities::Id> {
    state.latest = state.latest.max(now);
    let mut done = account_creation::settle(state);
    done.extend(control_tower::settle(state));
    stack_operations::settle(state);
    done.extend(settle::settle(state));
    delivering::deliver(state);
    insight_events::tell(state);
    done
}
