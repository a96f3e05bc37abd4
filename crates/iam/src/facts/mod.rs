//! Versioned data on AWS actions, resource types and condition keys.
//!
//! `cargo xtask iam-facts` builds the embedded table `data/facts.txt`; services are decoded on
//! first use. Manual additions: global condition keys, risk classes, and corrections, which AWS
//! publishes only in prose.
//!
//! Facts age: a missing action may be newer than [`version`].

mod arns;
mod billing;
mod globals;
mod keys;
mod read;
mod required;
pub mod risk;
mod search;
mod table;
mod template;

pub use arns::ArnPattern;
pub use billing::is_billing;
pub use keys::{Key, ValueType};
pub use required::{Required, missing_resource_types, required_resource_types};
pub(crate) use required::{counts_all_required, has_all_types, is_held_against_pages};
pub use search::{actions_matching, nearest_action, nearest_service};
pub use table::{Access, ActionFacts, ResourceType, ServiceFacts, TypeUse};

/// Date of the data, `2026-09-26`.
pub fn version() -> &'static str {
    read::entries().version
}

pub fn service(prefix: &str) -> Option<&'static ServiceFacts> {
    read::entries().service(prefix)
}

/// All services by prefix. Decodes all.
pub fn services() -> impl Iterator<Item = &'static ServiceFacts> {
    read::entries().all().map(read::FactsEntry::service)
}

pub fn prefixes() -> impl Iterator<Item = &'static str> {
    read::entries().all().map(|entry| entry.prefix)
}

pub fn rcp_services() -> impl Iterator<Item = &'static str> {
    let reached = read::entries().all().filter(|entry| entry.supports_rcp);
    reached.map(|entry| entry.prefix)
}

/// Whether resource control policies apply to a service (case-insensitive).
pub fn reached_by_rcps(prefix: &str) -> bool {
    rcp_services().any(|service| service.eq_ignore_ascii_case(prefix))
}

/// `service:Name`, case-insensitive.
pub fn action(full_name: &str) -> Option<&'static ActionFacts> {
    let (prefix, name) = full_name.split_once(':')?;
    service(prefix)?.action(name)
}

/// Case-insensitive: `aws:SourceIp`.
pub fn global_key(name: &str) -> Option<&'static Key> {
    globals::find(name)
}

pub fn global_keys() -> impl Iterator<Item = &'static Key> {
    globals::all()
}

/// Whether the value stays the same for another role at a later time: not caller or time keys.
pub(crate) fn is_key_of_call(name: &str) -> bool {
    globals::is_of_call(name)
}

/// A global, service or identity provider key (`token.actions.githubusercontent.com:sub`).
pub fn condition_key(name: &str) -> Option<&'static Key> {
    let prefix = name.split(':').next()?;
    let owner = globals::owner(prefix).unwrap_or(prefix);
    global_key(name)
        .or_else(|| globals::of_provider(name))
        .or_else(|| service(owner)?.condition_key(name))
}

/// The service that lists a key without an action or resource type: AWS does not document its use.
pub fn service_of_unattached_key(name: &str) -> Option<&'static str> {
    let prefix = name.split(':').next()?;
    let owner = service(globals::owner(prefix).unwrap_or(prefix))?;
    let is_attached = || owner.actions().iter().any(|it| it.may_carry(name));
    let is_listed = owner.condition_key(name).is_some();
    (is_listed && !is_attached()).then_some(owner.prefix)
}

pub fn resource_type_of(action: &ActionFacts, arn: &str) -> Option<&'static ResourceType> {
    let service = service(action.service)?;
    let taken = action
        .resource_types
        .iter()
        .filter_map(|used| service.resource_type(used.name));
    table::best(taken, arn)
}
