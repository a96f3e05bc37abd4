//! Finds rules for everyone that cover what other rules restrict.

use super::{
    Ready,
    coverage::{Spot, TARGETS_TRIED, covers, spots},
    warning::warn,
};
use crate::{
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode},
    rule::Requesters,
};

pub(super) struct Admitting<'a> {
    ready: &'a Ready,
    spots: Vec<Spot<'a>>,
}

impl<'a> Admitting<'a> {
    /// `None` for rules for everyone or no one, and for rules that also change approval, its count
    /// or the duration.
    pub(super) fn of(ready: &'a Ready) -> Option<Self> {
        let terms = ready.terms();
        let flags = [terms.approval_is_not_required, terms.allow_self_approval];
        let says_more = flags.contains(&Some(true))
            || terms.break_glass.is_some()
            || terms.min_approvals > 1
            || !terms.stages.is_empty()
            || terms.prefer_longest_duration;
        let admits = match &terms.requesters {
            Requesters::Everyone => !terms.requester_attributes.is_empty(),
            only @ Requesters::Only { .. } => !only.is_nobody(),
        };
        if !ready.permits || says_more || !admits {
            return None;
        }
        let spots = spots(&terms.targets);
        let is_tried = (1..=TARGETS_TRIED).contains(&spots.len());
        is_tried.then_some(Self { ready, spots })
    }
}

/// Returns whether a rule allows everyone at any hour. An sso-elevator statement cannot be
/// additive.
pub(super) fn is_for_everyone(ready: &Ready) -> bool {
    let terms = ready.terms();
    ready.rule.list == "rule"
        && ready.permits
        && terms.requesters == Requesters::Everyone
        && terms.requester_attributes.is_empty()
        && terms.except_requesters.is_nobody()
        && terms.hours.is_none()
}

pub(super) fn widening(
    ready: &Ready,
    admitting: &[Admitting<'_>],
    cancel: &CancelFlag,
) -> Option<Diagnostic> {
    let mut moot = { admitting.iter() }
        .take_while(|_| !cancel.is_cancelled())
        .filter(|other| other.spots.iter().all(|spot| covers(ready, *spot)));
    let first = &moot.next()?.ready.rule.id;
    let message = match moot.count() {
        0 => format!("everyone may request all that `{first}` lets only some people request"),
        more => format!(
            "everyone may request all that `{first}` and {more} more let only some people request"
        ),
    };
    let help = "`permits_requests = false` adds to other rules and permits no request; else name who may request";
    Some(warn(ready, FindingCode::EveryoneMayAsk, message).help(help))
}
