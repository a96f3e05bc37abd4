//! What digests of sweeps say of standing access. All else that is said of it is in `hallpass-wording`.

use hallpass_model::Timestamp;

use crate::{ItemKind, UnreadPlace};

/// What no check looks at (`access.md` §10.8).
pub const NOT_LOOKED_AT: &str =
    "Not looked at: account access manager entitlements, which no listing of assignments shows.";

/// What an item of a sweep is, in a few words.
pub const fn item_kind(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Unknown => "nobody recorded it",
        ItemKind::Preexisting { .. } => "a grant found it standing",
        ItemKind::UnderGrant => "it stands below a grant",
        ItemKind::Accepted { .. } => "accepted as standing",
        ItemKind::ReviewOverdue { .. } => "accepted, and its review is overdue",
    }
}

/// What could not be read, for people.
pub fn unread_place(what: &UnreadPlace) -> String {
    match what {
        UnreadPlace::Account { account } => format!("account {account}"),
        UnreadPlace::PermissionSet { permission_set } => {
            format!("permission set {permission_set}")
        }
        UnreadPlace::Pair {
            account,
            permission_set,
        } => format!("account {account}, permission set {permission_set}"),
        UnreadPlace::Group { group } => format!("group {group}"),
    }
}

/// An instant as digests and notices write it.
pub(crate) fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
