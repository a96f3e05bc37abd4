//! Every table, declared once: the engine, files, imports and the reference are made of these lists.

mod contacts;
mod events;
mod iam;
mod identity_center;
mod meta;
mod okta;
mod organizations;
mod people;

use crate::table::InventoryTable;

pub use meta::META;

/// Every table of things that exist, in the order of the reference.
pub const TABLES: &[&InventoryTable] = &[
    &organizations::ORGANIZATION,
    &organizations::ACCOUNTS,
    &organizations::ORGANIZATIONAL_UNITS,
    &organizations::POLICIES,
    &organizations::POLICY_TARGETS,
    &organizations::DELEGATED_ADMINS,
    &organizations::REGIONS,
    &contacts::ALTERNATE,
    &contacts::PRIMARY,
    &iam::USERS,
    &iam::USER_ACCESS_KEYS,
    &iam::CREDENTIAL_REPORTS,
    &iam::MFA_DEVICES,
    &iam::GROUPS,
    &iam::GROUP_MEMBERS,
    &iam::ROLES,
    &iam::POLICIES,
    &iam::POLICY_ATTACHMENTS,
    &iam::ACCOUNT_SUMMARY,
    &identity_center::INSTANCES,
    &identity_center::PERMISSION_SETS,
    &identity_center::PROVISIONED,
    &identity_center::ACCOUNT_ASSIGNMENTS,
    &identity_center::ENTITLEMENTS,
    &identity_center::USERS,
    &identity_center::GROUPS,
    &identity_center::GROUP_MEMBERSHIPS,
    &okta::USERS,
    &okta::GROUPS,
    &okta::GROUP_MEMBERS,
    &people::SCIM_USERS,
    &people::GOOGLE_USERS,
    &people::ENTRA_USERS,
    &events::CONFIG_RESOURCES,
    &events::ACTIVITY,
];

/// The table of things that has this name.
pub fn table(name: &str) -> Option<&'static InventoryTable> {
    TABLES.iter().find(|table| table.name == name).copied()
}
