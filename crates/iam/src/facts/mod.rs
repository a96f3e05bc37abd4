//! What is known about AWS actions, resource types and condition keys, as versioned data.
//!
//! The table `data/facts.txt` is made by `cargo xtask iam-facts` and is part of the program; a
//! service is decoded when somebody first asks for it. On top of it stand what AWS publishes in
//! prose only and is kept by hand: the global condition keys, the risk classes, and the
//! corrections where the source is wrong.
//!
//! Facts grow old: an action that is missing here may be newer than [`version`].

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

/// The service with that prefix (`s3`), in any case.
pub fn service(prefix: &str) -> Option<&'static ServiceFacts> {
    read::entries().service(prefix)
}

/// Every service, by prefix. Decodes all of them.
pub fn services() -> impl Iterator<Item = &'static ServiceFacts> {
    read::entries().all().map(read::FactsEntry::service)
}

/// The prefixes of every service, sorted.
pub fn prefixes() -> impl Iterator<Item = &'static str> {
    read::entries().all().map(|entry| entry.prefix)
}

/// The services that resource control policies reach.
pub fn rcp_services() -> impl Iterator<Item = &'static str> {
    let reached = read::entries().all().filter(|entry| entry.supports_rcp);
    reached.map(|entry| entry.prefix)
}

/// Whether resource control policies reach a service (case aside).
pub fn reached_by_rcps(prefix: &str) -> bool {
    rcp_services().any(|service| service.eq_ignore_ascii_case(prefix))
}

/// The action written `service:Name`, in any case.
pub fn action(full_name: &str) -> Option<&'static ActionFacts> {
    let (prefix, name) = full_name.split_once(':')?;
    service(prefix)?.action(name)
}

/// The condition key that every service may see, in any case: `aws:SourceIp`.
pub fn global_key(name: &str) -> Option<&'static Key> {
    globals::find(name)
}

/// Every global condition key.
pub fn global_keys() -> impl Iterator<Item = &'static Key> {
    globals::all()
}

/// Whether the same call has the same value of a condition key when another role makes it later: what it says of who calls,
/// and of the moment, it does not.
pub(crate) fn is_key_of_call(name: &str) -> bool {
    globals::is_of_call(name)
}

/// What is known of a condition key: a global one, one of the service its prefix names, or one
/// that identity providers bring (`token.actions.githubusercontent.com:sub`).
pub fn condition_key(name: &str) -> Option<&'static Key> {
    let prefix = name.split(':').next()?;
    let owner = globals::owner(prefix).unwrap_or(prefix);
    global_key(name)
        .or_else(|| globals::of_provider(name))
        .or_else(|| service(owner)?.condition_key(name))
}

/// The service whose reference lists a condition key and attaches it to no action and no resource type: which requests have it is
/// not published.
pub fn service_of_unattached_key(name: &str) -> Option<&'static str> {
    let prefix = name.split(':').next()?;
    let owner = service(globals::owner(prefix).unwrap_or(prefix))?;
    let is_attached = || owner.actions().iter().any(|it| it.may_carry(name));
    let is_listed = owner.condition_key(name).is_some();
    (is_listed && !is_attached()).then_some(owner.prefix)
}

/// The type of the resource: the one that says most about it, of those the action takes.
pub fn resource_type_of(action: &ActionFacts, arn: &str) -> Option<&'static ResourceType> {
    let service = service(action.service)?;
    let taken = action
        .resource_types
        .iter()
        .filter_map(|used| service.resource_type(used.name));
    table::best(taken, arn)
}
