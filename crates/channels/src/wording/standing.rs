//! Texts about standing access and its sweeps.

use hallpass_access::{
    EndOutcome, EntitledPrincipal, Fate, ItemKind, LeftAlone, LeftOut, NamedEntitlement,
    SweepAction, SweepMode, UnreadPlace, Wait,
};
use hallpass_base::Timestamp;

use crate::wording::lists;

/// Before a request: the requester holds it without a grant.
pub const HELD_ALREADY: &str =
    "You hold this already, not through Hallpass; Hallpass will not end it.";

/// As [`HELD_ALREADY`], with the formatted time of the read.
pub fn held_already(seen: &str) -> String {
    format!("{HELD_ALREADY} AWS showed it at {seen}.")
}

pub const ACCEPTED_ABSENT: &str = "accepted, and not found by the newest sweep";

/// Scope excluded from checks (`access.md` §10.8).
pub const NOT_LOOKED_AT: &str =
    "Not checked: account access manager entitlements, which no listing of assignments shows.";

pub fn entitlements(of_people: u64, of_groups: u64) -> String {
    match (of_people, of_groups) {
        (0, 0) => "No entitlements of account access manager.".to_owned(),
        (people, groups) => format!(
            "Roles by entitlements of account access manager: {people} for people, {groups} for groups."
        ),
    }
}

/// `payments-prod / Deploy: Ana Silva`.
pub fn entitlement(it: &NamedEntitlement) -> String {
    let (account, role) = (&it.account_name, it.entitlement.role_name());
    let holder = match it.entitlement.principal {
        EntitledPrincipal::User(_) => it.holder.clone(),
        EntitledPrincipal::Group(_) => format!("group {}", it.holder),
    };
    format!("{account} / {role}: {holder}")
}

/// The same without the person: `payments-prod / Deploy`, with the granting group.
pub fn entitled_to(it: &NamedEntitlement) -> String {
    let (account, role) = (&it.account_name, it.entitlement.role_name());
    match it.entitlement.principal {
        EntitledPrincipal::User(_) => format!("{account} / {role}"),
        EntitledPrincipal::Group(_) => format!("{account} / {role} (group {})", it.holder),
    }
}

pub const fn item_kind(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Unknown => "unmanaged",
        ItemKind::Preexisting { .. } => "existed before a grant",
        ItemKind::UnderGrant => "it exists below a grant",
        ItemKind::Accepted { .. } => "accepted as standing",
        ItemKind::ReviewOverdue { .. } => "accepted, and its review is overdue",
    }
}

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
        UnreadPlace::Entitlements { account: None } => {
            "entitlements of account access manager".to_owned()
        }
        UnreadPlace::Entitlements {
            account: Some(account),
        } => format!("entitlements in account {account}"),
    }
}

pub fn refuses_to_remove(reason: &str) -> String {
    format!("AWS refuses to remove it: {reason}")
}

pub fn fate(fate: &Fate, at: impl Fn(Timestamp) -> String) -> String {
    match fate {
        Fate::Reported => "reported".to_owned(),
        Fate::Waits { cause } => match cause {
            Wait::SecondRun => "waits for a second sweep that finds it".to_owned(),
            Wait::Days { until } => format!("left alone until {}: a grant found it", at(*until)),
            Wait::Holder => "reported: no user can hold it".to_owned(),
        },
        Fate::InHand { .. } => "an earlier sweep is at work on it".to_owned(),
        Fate::Planned { action } => {
            format!("{}, once an administrator confirms it", to_do(*action))
        }
        Fate::Due { action } => to_do(*action),
        Fate::Removing { .. } => "AWS is removing it".to_owned(),
        Fate::Gone { at: gone, why } => match EndOutcome::from(*why) {
            EndOutcome::Removed => format!("removed at {}", at(*gone)),
            EndOutcome::Guard
            | EndOutcome::AlreadyAbsent
            | EndOutcome::NeverCreated
            | EndOutcome::PrincipalGone
            | EndOutcome::AccountGone
            | EndOutcome::Standing
            | EndOutcome::HeldByOtherGrant => format!("gone at {}, not by Hallpass", at(*gone)),
        },
        Fate::Stuck { reason, .. } => refuses_to_remove(reason),
        Fate::Adopted { until, .. } => format!("became a grant that ends at {}", at(*until)),
        Fate::LeftAlone { why, .. } => format!(
            "left alone: {}",
            match why {
                LeftAlone::Held => "a grant holds it by now",
                LeftAlone::Accepted => "it is accepted by now",
                LeftAlone::Gone => "it is already gone",
                LeftAlone::NobodyToHold => "no user can hold it",
                LeftAlone::ModeChanged => "sweeps have another mode by now",
                LeftAlone::Unread => "its place could not be read",
            }
        ),
    }
}

fn to_do(action: SweepAction) -> String {
    match action {
        SweepAction::Remove => "to be removed".to_owned(),
        SweepAction::Adopt { length } => format!("to get an end, {length} from then"),
    }
}

pub fn mode(mode: SweepMode) -> String {
    match mode {
        SweepMode::Off => "sweeps are off".to_owned(),
        SweepMode::Report => "sweeps report what they find, and change nothing".to_owned(),
        SweepMode::Adopt { length } => {
            format!("sweeps give unmanaged access an end, {length} from then")
        }
        SweepMode::Revoke => "sweeps remove unmanaged access".to_owned(),
    }
}

const UNDER_GRANT: &str = "stays, also after the grant above it";

/// Predicts an item's treatment after two findings and a confirmed mode.
pub fn outlook(kind: &ItemKind, mode: SweepMode, at: impl Fn(Timestamp) -> String) -> String {
    match kind {
        ItemKind::Accepted { .. } => "stays: it is accepted".to_owned(),
        ItemKind::ReviewOverdue { .. } => "stays, and its review is due".to_owned(),
        ItemKind::UnderGrant => UNDER_GRANT.to_owned(),
        ItemKind::Preexisting { until } if mode.action().is_some() => {
            format!("stays until {} at least: a grant found it", at(*until))
        }
        ItemKind::Unknown | ItemKind::Preexisting { .. } => match mode {
            SweepMode::Off => "stays: sweeps are off".to_owned(),
            SweepMode::Report => "stays, and is reported".to_owned(),
            SweepMode::Adopt { length } => format!("becomes a grant that ends after {length}"),
            SweepMode::Revoke => "is removed".to_owned(),
        },
    }
}

pub fn outlook_out_of_scope(kind: &ItemKind) -> &'static str {
    match kind {
        ItemKind::Accepted { .. } | ItemKind::ReviewOverdue { .. } => "stays: it is accepted",
        ItemKind::UnderGrant => UNDER_GRANT,
        ItemKind::Unknown | ItemKind::Preexisting { .. } => {
            "stays, and no sweep sees it: no rule is about it"
        }
    }
}

pub fn out_of_scope(number: usize) -> String {
    let items = lists::count(number, "item");
    format!(
        "Outside `access.sweep.scope = \"rules\"`, where no sweep reports or ends anything: {items} not accepted. \
         With \"all\" sweeps look everywhere."
    )
}

pub fn left_out(what: &LeftOut) -> String {
    match what {
        LeftOut::InactiveAccounts { count: 1 } => {
            "Not checked: one account that is not active.".to_owned()
        }
        LeftOut::InactiveAccounts { count } => {
            format!("Not checked: {count} accounts that are not active.")
        }
        LeftOut::ManagementAccount { account } => format!(
            "Not checked: the management account {account}, in which AWS lets us change nothing."
        ),
        LeftOut::Entitlements => NOT_LOOKED_AT.to_owned(),
        LeftOut::SyncedGroups { count: 1 } => {
            "A group whose members follow attributes of people was left out.".to_owned()
        }
        LeftOut::SyncedGroups { count } => {
            format!("{count} groups whose members follow attributes of people were left out.")
        }
        LeftOut::AllGroups { count } => format!(
            "All groups were left out ({count}): one whose members follow attributes of people is not found by its name, \
             and may be any of them. Name it as it is called now, or by its id, in `groups.sync`."
        ),
    }
}
