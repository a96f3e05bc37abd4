use hallpass_access::{
    Acceptance, Accepted, EntitledPrincipal, Entitlement, EntitlementReport, ItemKind, ItemSight,
    NamedEntitlement, NamedGroupAssignment, Stands, Sweep, SweepItem, SweepMode, SweepReport,
    SweepState, Trigger,
};
use hallpass_api as api;
use hallpass_base::{HoldKey, TargetNames, Timestamp};
use hallpass_channels::wording::{standing, time::utc};

use crate::{convert::names, convert_states};

pub(crate) fn sweep(sweep: &Sweep) -> api::Sweep {
    let (at, detail) = reached(&sweep.state);
    api::Sweep {
        id: sweep.id.to_string(),
        state: convert_states::sweep(&sweep.state),
        trigger: convert_states::trigger(&sweep.trigger),
        by: match &sweep.trigger {
            Trigger::Person { by } | Trigger::Campaign { by, .. } => Some(by.to_string()),
            Trigger::Check | Trigger::Schedule | Trigger::SwitchedOff => None,
        },
        mode: convert_states::mode(sweep.mode),
        adopt_seconds: match sweep.mode {
            SweepMode::Adopt { length } => Some(length.as_seconds()),
            SweepMode::Off | SweepMode::Report | SweepMode::Revoke => None,
        },
        scope: convert_states::scope(sweep.reach),
        begun_at: sweep.begun_at,
        at,
        detail,
        over_limits: matches!(sweep.state, SweepState::Stopped { .. }),
        confirmed_by: sweep.consent.as_ref().map(|consent| consent.by.to_string()),
        confirmed_at: sweep.consent.as_ref().map(|consent| consent.at),
        report: sweep.report.as_ref().map(report),
        version: sweep.version,
    }
}

fn reached(state: &SweepState) -> (Option<Timestamp>, Option<String>) {
    match state {
        SweepState::Queued | SweepState::Running => (None, None),
        SweepState::Interrupted { at } | SweepState::Planned { at } | SweepState::Done { at } => {
            (Some(*at), None)
        }
        SweepState::Working { since } => (Some(*since), None),
        SweepState::Failed { at, error } => (Some(*at), Some(error.clone())),
        SweepState::Stopped { at, brake } => (Some(*at), Some(brake.to_string())),
        SweepState::Replaced { at, by } => (Some(*at), Some(format!("replaced by {by}"))),
    }
}

fn report(report: &SweepReport) -> api::SweepReport {
    let drift = &report.drift;
    api::SweepReport {
        began: report.began,
        ended: report.ended,
        pairs_read: report.pairs_read,
        groups_read: report.groups_read,
        seen: report.seen,
        ours: report.ours,
        accepted: report.accepted,
        under_grant: report.under_grant,
        preexisting: report.preexisting,
        unknown: report.unknown,
        reviews_overdue: report.reviews_overdue,
        new: report.new,
        changed: report.changed,
        gone: report.gone,
        to_act: report.to_act,
        group_assignments: report.group_assignments,
        entitlements: report.entitlements.as_ref().map(entitlements),
        unread: report.unread,
        unread_places: report
            .unread_places
            .iter()
            .map(|unread| api::UnreadPlace {
                what: standing::unread_place(&unread.what),
                error: unread.error.clone(),
            })
            .collect(),
        left_out: report.left_out.iter().map(standing::left_out).collect(),
        drift: api::SweepDrift {
            seen: drift.seen,
            fixed: drift.fixed,
            against_rules: drift
                .against_rules
                .iter()
                .map(ToString::to_string)
                .collect(),
            failed: drift.failed,
        },
    }
}

fn entitlements(report: &EntitlementReport) -> api::SweepEntitlements {
    let one = |it: &NamedEntitlement| api::Entitlement {
        new: Some(it.is_new),
        ..entitlement(&it.entitlement, standing::entitlement(it))
    };
    api::SweepEntitlements {
        of_people: report.of_people,
        of_groups: report.of_groups,
        says: standing::entitlements(report.of_people, report.of_groups),
        items: report.named.iter().map(one).collect(),
    }
}

pub(crate) fn entitlement(it: &Entitlement, says: String) -> api::Entitlement {
    let (user_id, group_id) = match &it.principal {
        EntitledPrincipal::User(user) => (Some(user.to_string()), None),
        EntitledPrincipal::Group(group) => (None, Some(group.to_string())),
    };
    api::Entitlement {
        entitlement_id: it.id.clone(),
        application_arn: it.application.clone(),
        role_arn: it.role.clone(),
        account: it.account.to_string(),
        user_id,
        group_id,
        says,
        new: None,
        error: None,
    }
}

fn place(
    key: &HoldKey,
    target: &TargetNames,
    kind: api::StandingKind,
    says: &str,
) -> api::Standing {
    let names = names(Some(&key.target), target);
    api::Standing {
        user_id: key.user.to_string(),
        user: None,
        user_name: None,
        account: names.account,
        account_name: names.account_name,
        permission_set: names.permission_set,
        group: names.group,
        group_name: names.group_name,
        kind,
        says: says.to_owned(),
        first_seen: None,
        seen_at: None,
        unread: false,
        change: None,
        fate: None,
        fate_says: None,
        grant_id: None,
        accepted: None,
        sweep_id: None,
    }
}

pub(crate) fn item(item: &SweepItem) -> api::Standing {
    api::Standing {
        user: item.holder.as_ref().map(|person| person.email.to_string()),
        user_name: item.holder.as_ref().map(|person| person.name.clone()),
        first_seen: Some(item.first_seen),
        seen_at: Some(item.seen_at),
        unread: item.sight == ItemSight::Unread,
        change: Some(convert_states::change(item.change)),
        fate: Some(convert_states::fate(&item.fate)),
        fate_says: Some(standing::fate(&item.fate, utc)),
        grant_id: match &item.fate {
            hallpass_access::Fate::Adopted { grant, .. } => Some(grant.to_string()),
            _ => None,
        },
        accepted: match &item.kind {
            ItemKind::Accepted { by } | ItemKind::ReviewOverdue { by } => Some(acceptance(by)),
            ItemKind::Unknown | ItemKind::Preexisting { .. } | ItemKind::UnderGrant => None,
        },
        sweep_id: Some(item.sweep.to_string()),
        ..place(
            &item.key,
            &item.names,
            convert_states::item(&item.kind),
            standing::item_kind(&item.kind),
        )
    }
}

pub(crate) fn group_assignment(it: &NamedGroupAssignment) -> api::GroupAssignment {
    let key = &it.row.key;
    let target = names(Some(&key.target()), &it.names);
    api::GroupAssignment {
        account: key.account.to_string(),
        account_name: target.account_name.unwrap_or_default(),
        permission_set: target.permission_set.unwrap_or_default(),
        group: key.group.to_string(),
        group_name: it.group.clone(),
        first_seen: it.row.first_seen,
        unread_since: it.row.unread_since,
    }
}

pub(crate) fn absent(accepted: &Accepted) -> api::Standing {
    let holder = accepted.holder.as_ref();
    api::Standing {
        user: holder.map(|person| person.email.to_string()),
        user_name: holder.map(|person| person.name.clone()),
        accepted: Some(acceptance(&accepted.acceptance())),
        ..place(
            &accepted.key,
            &accepted.names,
            api::StandingKind::Absent,
            standing::ACCEPTED_ABSENT,
        )
    }
}

pub(crate) fn acceptance(by: &Acceptance) -> api::Acceptance {
    match by {
        Acceptance::Pattern { pattern } => api::Acceptance {
            pattern: Some(pattern.clone()),
            by: None,
            at: None,
            reason: None,
            review_at: None,
        },
        Acceptance::Person {
            by,
            at,
            reason,
            review_at,
        } => api::Acceptance {
            pattern: None,
            by: Some(by.to_string()),
            at: Some(*at),
            reason: Some(reason.clone()),
            review_at: *review_at,
        },
    }
}

pub(crate) fn held_already(stands: Stands) -> api::HeldAlready {
    api::HeldAlready {
        seen_at: stands.seen_at,
        says: standing::held_already(&utc(stands.seen_at)),
    }
}
