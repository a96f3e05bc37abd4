//! Texts about pending approvals: approvers, progress, approval hours.

use hallpass_access::{ApprovalHours, ApprovalsOpen, Request, RuleNames};
use hallpass_base::Timestamp;

use crate::wording::lists::any_of;
use crate::wording::style::ChannelStyle;

/// A stage that lacks approvals, formatted for a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenStage {
    pub name: String,
    pub lacks: u32,
    pub helpers: Vec<String>,
}

fn open_stages(request: &Request, style: &impl ChannelStyle) -> Vec<OpenStage> {
    let open = request.stages().iter().filter(|stage| stage.lacks() > 0);
    open.map(|stage| OpenStage {
        name: style.name(&stage.name),
        lacks: stage.lacks(),
        helpers: stage.helpers.iter().map(|it| style.person(it)).collect(),
    })
    .collect()
}

/// Names the pending approvers: `Priya Raman`, `2 of Priya Raman, Jonas Beck, Tomasz Wilk`,
/// `manager: Jonas Beck; leads: 1 of Priya Raman, Tomasz Wilk`; `None` if no approval helps.
pub fn whom(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let deciders = request.deciders();
    if deciders.is_empty() {
        return None;
    }
    let open = open_stages(request, style);
    if open.is_empty() {
        let names: Vec<String> = deciders.iter().map(|it| style.person(it)).collect();
        return Some(some_of(request.approvals_lacking(), &names));
    }
    Some(of_stages(&open))
}

/// The same for stages: `manager: Jonas Beck; leads: 1 of Priya Raman, Tomasz Wilk`.
pub fn of_stages(open: &[OpenStage]) -> String {
    let stages = open.iter();
    let stages = stages.map(|it| format!("{}: {}", it.name, some_of(it.lacks, &it.helpers)));
    stages.collect::<Vec<_>>().join("; ")
}

fn some_of(lacking: u32, names: &[String]) -> String {
    match names {
        [] => "no one".to_owned(),
        [only] if lacking == 1 => only.clone(),
        many => format!("{lacking} of {}", many.join(", ")),
    }
}

/// Names open stages: `It waits for manager.`; `None` without any.
pub fn open_stage_names(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let open = open_stages(request, style);
    let names: Vec<&str> = open.iter().map(|it| it.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("It waits for {}.", names.join(" and ")))
}

/// States the stages' needs: `1 for manager and 2 for leads`.
pub fn what_stages_take(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let stages = request.stages().iter();
    let each = stages.map(|it| format!("{} for {}", it.quorum, style.name(&it.name)));
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| each.join(" and "))
}

/// Names the approvers of a waiting request, or states that there are none now.
pub fn who_can_decide(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let deciders = request.deciders();
    if deciders.is_empty() {
        return None;
    }
    let names: Vec<String> = deciders.iter().map(|it| style.person(it)).collect();
    let open = open_stages(request, style);
    if open.is_empty() {
        return Some(format!("{} can decide.", any_of(&names)));
    }
    Some(format!("It waits for {}.", of_stages(&open)))
}

/// The approve button: `Approve 1h`, and `Approve 1h (2 of 2)` if several must. With stages a count
/// would not show which is open.
pub fn approve_label(request: &Request) -> String {
    let (given, needed) = request.approvals();
    let length = request.duration;
    if needed <= 1 || given >= needed || !request.stages().is_empty() {
        return format!("Approve {length}");
    }
    format!("Approve {length} ({} of {needed})", given + 1)
}

/// States when closed approvals reopen; `None` while open.
pub fn not_open(request: &Request, style: &impl ChannelStyle) -> Option<String> {
    let (open, hours) = (request.approvals_open(), request.approval_hours());
    hours_closed(open, hours, request.expires_at, |at| style.instant(at))
}

/// The same for a future request, with its expiry.
pub fn hours_closed(
    open: ApprovalsOpen,
    hours: &[ApprovalHours],
    lapses: Option<Timestamp>,
    instant: impl Fn(Timestamp) -> String,
) -> Option<String> {
    let rules: Vec<&str> = hours.iter().map(|it| it.rule().as_str()).collect();
    let by = RuleNames::of(&rules).within();
    match open {
        ApprovalsOpen::Now => None,
        ApprovalsOpen::Never => Some(format!(
            "No one can approve this at any time: the approval hours of {by} never overlap."
        )),
        ApprovalsOpen::From(at) if lapses.is_some_and(|lapses| lapses <= at) => Some(format!(
            "No one can approve this before it expires: approvals begin {}, by {by}.",
            instant(at)
        )),
        ApprovalsOpen::From(at) => Some(format!("Approvals begin {}, by {by}.", instant(at))),
    }
}
