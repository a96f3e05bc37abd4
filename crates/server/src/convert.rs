use hallpass_access::identity::Identity;
use hallpass_access::{
    ApprovalsOpen, ArmedEndStatus, BreakGlassOffers, Confirmation, Grant, GrantState, InLine, Past,
    PastUse, Request, RequestState, RuleWarning, Times, VisibleLinks, Wanted,
};
use hallpass_activity::{GrantCall, GrantUse};
use hallpass_api as api;
use hallpass_base::{AccountId, PermissionSetName, Target, TargetNames, Timestamp, profile_name};
use hallpass_channels::wording::{PlainStyle, activity};

use crate::{convert_approvals, convert_states};

pub(crate) struct TargetTexts {
    pub(crate) account: Option<String>,
    pub(crate) account_name: Option<String>,
    pub(crate) permission_set: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) group_name: Option<String>,
}

pub(crate) fn names(target: Option<&Target>, names: &TargetNames) -> TargetTexts {
    let (account, group) = match target {
        Some(Target::Account { account, .. }) => (Some(account.to_string()), None),
        Some(Target::Group { group }) => (None, Some(group.to_string())),
        None => (None, None),
    };
    match names {
        TargetNames::Account {
            account: name,
            permission_set,
        } => TargetTexts {
            account,
            account_name: Some(name.clone()),
            permission_set: Some(permission_set.clone()),
            group: None,
            group_name: None,
        },
        TargetNames::Group { group: name } => TargetTexts {
            account: None,
            account_name: None,
            permission_set: None,
            group,
            group_name: Some(name.clone()),
        },
    }
}

pub(crate) fn warnings(warnings: &[RuleWarning]) -> Vec<api::Warning> {
    let on_the_wire = |warning: &RuleWarning| api::Warning {
        id: warning.id.clone(),
        text: warning.text.clone(),
    };
    warnings.iter().map(on_the_wire).collect()
}

fn confirmation(confirmed: &Confirmation) -> api::Confirmation {
    api::Confirmation {
        by: confirmed.by.to_string(),
        at: confirmed.at,
        texts: confirmed.texts.clone(),
    }
}

pub(crate) fn request(request: &Request, links: &VisibleLinks) -> api::Request {
    let target = request.key.as_ref().map(|key| &key.target);
    let names = names(target, &request.names);
    let typed_account = match &request.wanted {
        Wanted::Account { account, .. } => Some(account.clone()),
        Wanted::Group { .. } => None,
    };
    let shortened = request.shortened.as_ref();
    let (given, needed) = request.approvals();
    let looked = request.outstanding.as_deref();
    let mut out = api::Request {
        id: request.id.to_string(),
        state: convert_states::request(&request.state),
        requester: request.requester.email.to_string(),
        requester_name: request.requester.name.clone(),
        account: names.account.or(typed_account),
        account_name: names.account_name,
        permission_set: names.permission_set,
        group: names.group,
        group_name: names.group_name,
        duration_seconds: request.duration.as_seconds(),
        shortened_from_seconds: shortened.map(|it| it.from.as_seconds()),
        shortened_by: shortened.map(|it| it.by.to_string()),
        reason: request.reason.clone(),
        ticket: request.ticket.clone(),
        ticket_url: request.ticket_url().map(str::to_owned),
        created_at: request.asked_at,
        starts_at: request.start.as_ref().map(|start| start.at),
        expires_at: request.expires_at,
        decision: convert_states::decided(request.decided.kind),
        approvers: texts(request.approvers()),
        approvals_needed: needed,
        approvals_given: looked.map(|_| given),
        stages: convert_approvals::stages(request),
        approval_hours: convert_approvals::hours(request.approval_hours()),
        approvals_closed: request.approvals_open() != ApprovalsOpen::Now,
        approvals_open_at: convert_approvals::opens_at(request.approvals_open()),
        reviews: convert_approvals::reviews(request),
        confirmed: request.confirmed.iter().map(confirmation).collect(),
        warnings: Vec::new(),
        because: request.decided.based_on.clone(),
        decided_by: None,
        decided_at: None,
        approval: None,
        detail: None,
        code: None,
        extends: links.extends.map(|id| id.to_string()),
        asked_with: texts(&links.asked_with),
        grant_id: links.grant.map(|id| id.to_string()),
        break_glass: None,
        before: None,
        already_pending: false,
        standing: None,
        version: request.version,
    };
    tell_state(&request.state, &mut out);
    if let Some(agreed) = request.agreed_start() {
        out.decided_by = Some(agreed.by.to_string());
        out.decided_at = Some(agreed.at);
        out.approval = Some(convert_states::approval(agreed.approval));
    }
    out
}

pub(crate) fn request_for(
    presses: &BreakGlassOffers,
    stored: &Request,
    links: &VisibleLinks,
) -> api::Request {
    let glass = api::Glass {
        allowed: presses.break_glass.is_ok(),
        may_close: presses.close_review.is_ok(),
        ..api::Glass::default()
    };
    let glass = match &stored.after_review {
        None => Some(glass).filter(|glass| glass.allowed),
        Some(review) => Some(api::Glass {
            review: Some(match review.closed {
                Some(_) => api::ReviewState::Closed,
                None => api::ReviewState::Open,
            }),
            justification: Some(review.justification.clone()),
            opened_at: Some(review.opened_at),
            closed_by: review.closed.as_ref().map(|closing| closing.by.to_string()),
            closed_at: review.closed.as_ref().map(|closing| closing.at),
            closing: review
                .closed
                .as_ref()
                .and_then(|closing| closing.words.clone()),
            ..glass
        }),
    };
    api::Request {
        break_glass: glass,
        ..request(stored, links)
    }
}

pub(crate) fn before(past: Past, used: Option<&PastUse>) -> api::Before {
    let times = |times: Times| {
        let last = times.last.as_ref();
        api::Times {
            count: times.count,
            more: times.more,
            last_at: last.map(|last| last.at),
            last_user: last.map(|last| last.holder.to_string()),
            last_approver: last.map(|last| last.approver.to_string()),
            last_approver_name: last.map(|last| last.approver_name.clone()),
            last_approval: last.map(|last| convert_states::approval(last.approval)),
            last_use: None,
        }
    };
    api::Before {
        requester: api::Times {
            last_use: used.and_then(|it| activity::last_use(it, &PlainStyle)),
            ..times(past.requester)
        },
        anyone: past.anyone.map(times),
    }
}

fn tell_state(state: &RequestState, out: &mut api::Request) {
    match state {
        RequestState::Pending => {}
        RequestState::Approved {
            by,
            at,
            approval,
            comment,
        } => {
            out.detail.clone_from(comment);
            out.decided_by = Some(by.to_string());
            out.decided_at = Some(*at);
            out.approval = Some(convert_states::approval(*approval));
        }
        RequestState::Denied { by, at, reason } => {
            out.decided_by = Some(by.to_string());
            out.decided_at = Some(*at);
            out.detail.clone_from(reason);
        }
        RequestState::Discarded { by, at } => {
            out.decided_by = Some(by.to_string());
            out.decided_at = Some(*at);
        }
        RequestState::Expired { at } => out.decided_at = Some(*at),
        RequestState::Rejected { at, code, detail } => {
            out.decided_at = Some(*at);
            out.code = Some(code.clone());
            out.detail = Some(detail.clone());
        }
    }
}

pub(crate) fn queue(place: InLine) -> api::Queue {
    api::Queue {
        before: place.before,
        seconds: place.about.as_seconds(),
    }
}

/// Returns the outage start of the home Region of Identity Center, if an account grant waits for
/// it. Memberships use the directory, which may still work.
pub(crate) fn silent_since(
    grant: &Grant,
    lost: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let waits = match grant.state {
        GrantState::Scheduled => grant.scheduled_at <= now,
        GrantState::Granting | GrantState::Ending { .. } => true,
        GrantState::Active | GrantState::Ended { .. } | GrantState::Failed { .. } => false,
    };
    lost.filter(|_| waits && matches!(grant.key.target, Target::Account { .. }))
}

/// Adds the state of the enforced expiry. For an ended grant, the instant from which AWS denied it
/// before the removal, while the policy exists.
pub(crate) fn enforced(
    grant: &Grant,
    told: api::Grant,
    status: Option<&ArmedEndStatus>,
) -> api::Grant {
    match (&grant.state, status) {
        // an early end moves the expiry by a separate write, possibly after the removal
        (GrantState::Ended { at, .. }, Some(ArmedEndStatus::Armed { until, seen, .. }))
            if until.max(seen) < at && told.removed == Some(true) =>
        {
            api::Grant {
                armed_until: Some(*until.max(seen)),
                ..told
            }
        }
        _ if grant.is_over() => told,
        _ => armed(told, status),
    }
}

fn armed(grant: api::Grant, status: Option<&ArmedEndStatus>) -> api::Grant {
    let moving = status.and_then(ArmedEndStatus::moving);
    let moving = moving.filter(|it| it.from == grant.ends_at);
    let grant = api::Grant {
        extending_to: moving.map(|it| it.to),
        not_moved: moving.and_then(|it| it.why).map(str::to_owned),
        ..grant
    };
    match status {
        Some(ArmedEndStatus::Armed { until, unmoved, .. }) => api::Grant {
            armed_until: Some(*until),
            not_moved: unmoved.clone(),
            ..grant
        },
        Some(ArmedEndStatus::NotArmed { why, .. }) => api::Grant {
            not_armed: Some(why.clone()),
            ..grant
        },
        Some(ArmedEndStatus::Waiting { .. }) | None => grant,
    }
}

/// Converts a grant, with sign-in links while it is active.
pub(crate) fn grant(grant: &Grant, identity: &Identity) -> api::Grant {
    let names = names(Some(&grant.key.target), &grant.names);
    // AWS names are safe in a URL and in the reader's file
    let role = || {
        let account = AccountId::new(names.account.clone()?).ok()?;
        let set = PermissionSetName::new(names.permission_set.clone()?).ok()?;
        Some((account, set))
    };
    let role = matches!(grant.state, GrantState::Active).then(role);
    let ways_in = role.flatten().map(|(account, set)| {
        let account_name = names.account_name.as_deref().unwrap_or(account.as_str());
        let portal = identity.portal_url.trim_end_matches('/');
        (
            // a URL query reads `+` as a space
            format!(
                "{portal}/#/console?account_id={account}&role_name={}",
                set.as_str().replace('+', "%2B")
            ),
            cli_profile(
                identity,
                &profile_name(account_name, &account, &set),
                &account,
                &set,
            ),
        )
    });
    let (console_url, cli_profile) = ways_in.unzip();
    let out = api::Grant {
        id: grant.id.to_string(),
        state: convert_states::grant(&grant.state),
        request_id: grant.request.to_string(),
        user: grant.holder.email.to_string(),
        user_name: grant.holder.name.clone(),
        user_id: grant.key.user.to_string(),
        account: names.account,
        account_name: names.account_name,
        permission_set: names.permission_set,
        group: names.group,
        group_name: names.group_name,
        duration_seconds: grant.duration.as_seconds(),
        reason: grant.reason.clone(),
        approver: grant.approver.to_string(),
        approval: convert_states::approval(grant.approval),
        scheduled_at: grant.scheduled_at,
        granted_at: grant.granted_at,
        ends_at: grant.ends_at,
        ended_at: None,
        cause: None,
        removed: None,
        why: None,
        error: grant.stuck.as_ref().map(|stuck| stuck.reason.clone()),
        standing: grant.standing,
        stuck: grant.stuck.is_some(),
        console_url,
        cli_profile,
        queue: None,
        aws_silent_since: None,
        armed_until: None,
        not_armed: None,
        not_moved: None,
        extending_to: None,
        version: grant.version,
    };
    told_state(out, &grant.state)
}

fn told_state(mut out: api::Grant, state: &GrantState) -> api::Grant {
    match state {
        GrantState::Scheduled | GrantState::Granting | GrantState::Active => {}
        GrantState::Ending { cause, .. } => out.cause = Some(convert_states::cause(cause)),
        GrantState::Ended {
            cause,
            at,
            removed,
            why,
        } => {
            out.cause = Some(convert_states::cause(cause));
            out.ended_at = Some(*at);
            out.removed = Some(*removed);
            out.why = Some(convert_states::outcome(*why));
        }
        GrantState::Failed { at, error } => {
            out.ended_at = Some(*at);
            out.error = Some(error.clone());
        }
    }
    out
}

fn cli_profile(
    identity: &Identity,
    profile: &str,
    account: &AccountId,
    set: &PermissionSetName,
) -> String {
    // same as the command line: demo links never match a real portal
    let session = match identity.portal_url.strip_prefix("http://") {
        Some(_) => "hallpass-demo",
        None => "hallpass",
    };
    format!(
        "[profile {profile}]\nsso_session = {session}\nsso_account_id = {account}\nsso_role_name = {set}\n\n\
         [sso-session {session}]\nsso_start_url = {}\nsso_region = {}\nsso_registration_scopes = sso:account:access\n",
        identity.portal_url, identity.region
    )
}

pub(crate) fn texts<T: ToString>(all: impl IntoIterator<Item = T>) -> Vec<String> {
    all.into_iter().map(|it| it.to_string()).collect()
}

pub(crate) fn grant_activity(grant: &Grant, found: Option<&GrantUse>) -> api::GrantActivity {
    let Some(found) = found else {
        return api::GrantActivity {
            grant_id: grant.id.to_string(),
            state: api::GrantUse::NotKnown,
            words: activity::NO_LOGS.to_owned(),
            ..api::GrantActivity::default()
        };
    };
    api::GrantActivity {
        grant_id: grant.id.to_string(),
        state: convert_states::grant_use(found.state),
        words: activity::grant_use(found, &PlainStyle),
        log_from: found.log.map(|it| it.from),
        log_until: found.log.map(|it| it.until),
        first: found.first,
        last: found.last,
        sessions: found.sessions as u64,
        count: found.count,
        denied: found.denied,
        services: found.services.clone(),
        calls: found.calls.iter().map(grant_call).collect(),
    }
}

fn grant_call(found: &GrantCall) -> api::GrantCall {
    let call = &found.call;
    api::GrantCall {
        service: call.service.clone(),
        action: call.action.clone(),
        error_code: call.error_code.clone(),
        is_write: call.is_write,
        count: call.count,
        first: call.first,
        last: call.last,
        after_end: found.is_after_end,
        notable: found.notable.map(|it| it.name().to_owned()),
        resources: call.resources.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_has_an_armed_end_only_where_aws_refused_before_it_was_removed() {
        use hallpass_access::{EndCause, EndOutcome};
        use hallpass_store_testing::{a_grant, at};
        let mut over = a_grant(1);
        for (until, seen, removed, expected) in [
            (100, 50, true, Some(at(100))),
            (200, 50, true, None),
            (300, 50, true, None),
            (100, 150, true, Some(at(150))),
            (100, 250, true, None),
            (100, 50, false, None),
        ] {
            over.state = GrantState::Ended {
                cause: EndCause::Expired,
                at: at(200),
                removed,
                why: EndOutcome::Removed,
            };
            let status = ArmedEndStatus::Armed {
                until: at(until),
                seen: at(seen),
                moves_to: None,
                unmoved: None,
                unseen: None,
            };
            let told = grant(&over, &Identity::default());
            let told = enforced(&over, told, Some(&status));
            assert_eq!(told.armed_until, expected, "{until} {seen} {removed}");
            assert_eq!((told.not_moved, told.extending_to), (None, None));
        }
    }

    #[test]
    fn a_grant_tells_of_the_lost_region_while_it_waits_for_it() {
        use hallpass_access::GrantStateKind as Kind;
        use hallpass_store_testing::{a_grant, at, grant_states, group_key};
        let (lost, now) = (Some(at(50)), at(100));
        let mut grant = a_grant(1);
        for state in grant_states() {
            let waits = matches!(state.kind(), Kind::Granting | Kind::Ending);
            for (scheduled, is_due) in [(100, true), (101, false)] {
                let is_scheduled = state.kind() == Kind::Scheduled;
                grant.scheduled_at = at(scheduled);
                grant.state = state.clone();
                let expected = lost.filter(|_| waits || is_scheduled && is_due);
                assert_eq!(silent_since(&grant, lost, now), expected, "{state:?}");
                assert_eq!(silent_since(&grant, None, now), None, "{state:?}");
            }
        }
        grant.key = group_key(1, 1);
        grant.state = GrantState::Granting;
        assert_eq!(silent_since(&grant, lost, now), None);
    }

    #[test]
    fn a_profile_of_the_demo_has_a_session_of_its_own() {
        for (portal_url, session) in [
            ("https://example.awsapps.com/start", "hallpass"),
            ("http://127.0.0.1:4510/start", "hallpass-demo"),
        ] {
            let identity = Identity {
                portal_url: portal_url.to_owned(),
                region: "eu-west-1".to_owned(),
                ..Identity::default()
            };
            let account = AccountId::new("111111111111").unwrap();
            let set = PermissionSetName::new("ReadOnly").unwrap();
            let profile = cli_profile(&identity, "payments-ReadOnly", &account, &set);
            let named = format!("sso_session = {session}\n");
            assert!(profile.contains(&named), "{profile}");
            let section = format!("[sso-session {session}]\nsso_start_url = {portal_url}\n");
            assert!(profile.contains(&section), "{profile}");
        }
    }
}
