use axum::{Json, extract::State};
use hallpass_access::identity::TokenScope;
use hallpass_access::{
    Addition, GroupProblem, GroupReport, GroupSyncItem, GroupSyncOutcome, GroupSyncRun,
    GroupSyncState, GroupSyncView, ManualMember, ManualMembers, MembershipChange,
};
use hallpass_api::{self as api, GroupSync, GroupSyncPerson, Problem};
use hallpass_base::TargetNames;
use hallpass_channels::wording::group_sync;

use crate::{App, auth::AuthenticatedCaller, problem::ProblemResponse};

/// The state of attribute-based memberships, and the changes a comparison would make now, from the
/// known directory. Changes nothing. Administrators and auditors.
#[utoipa::path(get, path = "/api/v1/group-sync",
    responses((status = 200, body = GroupSync), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<GroupSync>, ProblemResponse> {
    let actor = caller.allow(&[TokenScope::Read])?;
    let view = app.access.group_sync_view(actor).await?;
    Ok(Json(view.as_ref().map(shown).unwrap_or_default()))
}

fn shown(view: &GroupSyncView) -> GroupSync {
    GroupSync {
        enabled: true,
        manual: Some(match view.manual {
            ManualMembers::Warn => api::ManualMembers::Warn,
            ManualMembers::Remove => api::ManualMembers::Remove,
        }),
        every_seconds: Some(view.every.as_seconds()),
        next_at: Some(view.next_at),
        last: view.run.as_ref().map(run),
        changes: view.items.iter().map(change).collect(),
        plan: view.plan.iter().map(group).collect(),
    }
}

fn run(run: &GroupSyncRun) -> api::GroupSyncRun {
    let (outcome, error, groups) = match &run.outcome {
        GroupSyncOutcome::Failed { error } => {
            let error = Some(error.clone());
            (api::GroupSyncOutcome::Failed, error, Vec::new())
        }
        GroupSyncOutcome::Looked { groups } => {
            let groups = groups.iter().map(group).collect();
            (api::GroupSyncOutcome::Looked, None, groups)
        }
    };
    api::GroupSyncRun {
        began: run.began,
        ended: run.ended,
        outcome,
        error,
        groups,
    }
}

fn group(report: &GroupReport) -> api::GroupSyncGroup {
    let added = |it: &Addition| GroupSyncPerson {
        user_id: it.user.to_string(),
        user: it.who.clone(),
        why: it.rule.clone(),
    };
    let manual = |it: &ManualMember| GroupSyncPerson {
        user_id: it.user.to_string(),
        user: it.who.clone(),
        why: it.why.name().to_owned(),
    };
    api::GroupSyncGroup {
        named: report.named.clone(),
        group: report.group.as_ref().map(ToString::to_string),
        group_name: report.name.clone(),
        problem: report.problem.as_ref().map(problem),
        says: group_sync::of_group(report),
        members: report.members,
        to_add: report.add.count,
        add: report.add.first.iter().map(added).collect(),
        manual: report.manual.count,
        manual_members: report.manual.first.iter().map(manual).collect(),
        to_remove: report.remove,
        stopped: report.brake.map(|brake| brake.to_string()),
        unknown: report.unknown,
        held: report.held,
        refused: report.refused.count,
    }
}

const fn problem(problem: &GroupProblem) -> api::GroupProblem {
    match problem {
        GroupProblem::Missing => api::GroupProblem::Missing,
        GroupProblem::Ambiguous => api::GroupProblem::Ambiguous,
        GroupProblem::NamedTwice => api::GroupProblem::NamedTwice,
        GroupProblem::OwnedTwice => api::GroupProblem::OwnedTwice,
        GroupProblem::Unread => api::GroupProblem::Unread,
    }
}

fn change(item: &GroupSyncItem) -> api::GroupSyncChange {
    let (state, at, error) = match &item.state {
        GroupSyncState::Working { since } => (api::GroupSyncState::Working, *since, None),
        GroupSyncState::Refused { at, reason } => {
            (api::GroupSyncState::Refused, *at, Some(reason.clone()))
        }
    };
    api::GroupSyncChange {
        user_id: item.key.user.to_string(),
        user: item.who.clone(),
        group_name: match &item.names {
            TargetNames::Group { group } => group.clone(),
            TargetNames::Account { account, .. } => account.clone(),
        },
        change: match item.change {
            MembershipChange::Add => api::MembershipChange::Add,
            MembershipChange::Remove => api::MembershipChange::Remove,
        },
        why: item.why.clone(),
        state,
        at,
        error,
    }
}
