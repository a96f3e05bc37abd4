//! Rules in words, for lists and explanations.

use std::collections::BTreeSet;

use hallpass_base::{Email, Glob, text::line};
use serde::Serialize;

use super::{Ready, Rules};
use crate::arming::EndArming;
use crate::{
    attributes::{AttributeConditions, AttributeMatch},
    diagnostic::Position,
    rule::{
        GroupRef, PeopleLeftOut, Requesters, RuleId, Selector, SetMatch, TagMatch, Targets, Terms,
    },
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    pub id: RuleId,
    /// `statements`, `group_statements`, `rule` …
    pub list: &'static str,
    pub index: usize,
    #[serde(flatten)]
    pub position: Position,
    pub sentence: String,
    pub columns: RuleColumns,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleColumns {
    /// Permission sets and places, or groups: `ReadOnly in every account`.
    pub covers: String,
    /// `everyone`, `members of group oncall`.
    pub requesters: String,
    /// Approvers and self-approval, or that no approval is needed.
    pub approvers: String,
    /// Clauses on duration, hours, reasons and sign-in.
    pub limits: Vec<String>,
}

impl Rules {
    /// Returns distinct rules in file order.
    pub fn rules(&self) -> impl Iterator<Item = RuleSummary> {
        self.compiled.rules.iter().map(|ready| RuleSummary {
            id: ready.rule.id.clone(),
            list: ready.rule.list,
            index: ready.rule.index,
            position: ready.rule.position,
            sentence: sentence(ready),
            columns: columns(ready.terms()),
        })
    }
}

/// Names listed before the rest is counted.
const NAMES_SHOWN: usize = 6;

const WARNING_SHOWN: usize = 200;

fn columns(terms: &Terms) -> RuleColumns {
    let needless = (terms.approval_is_not_required == Some(true)).then(|| "none needed".to_owned());
    let approvers = needless.into_iter().chain(approvers(terms));
    let approvers = approvers
        .chain(on_approval(terms))
        .chain(break_glass(terms));
    let approvers: Vec<String> = approvers.collect();
    RuleColumns {
        covers: target(&terms.targets),
        requesters: if terms.permits_requests {
            requesters(terms)
        } else {
            format!("no one alone; adds for {}", requesters(terms))
        },
        approvers: if approvers.is_empty() {
            "none listed".to_owned()
        } else {
            approvers.join("; ")
        },
        limits: limits(terms),
    }
}

pub(super) fn sentence(ready: &Ready) -> String {
    let terms = ready.terms();
    let (who, what) = (requesters(terms), target(&terms.targets));
    let mut text = if terms.permits_requests {
        format!("{who} may request {what}")
    } else {
        format!("what other rules let {who} request: {what}")
    };
    if terms.approval_is_not_required == Some(true) {
        text.push_str(", without approval");
    }
    if let Some(approvers) = approvers(terms) {
        text.push_str(", approved by ");
        text.push_str(&approvers);
    } else if terms.permits_requests && terms.approval_is_not_required != Some(true) {
        text.push_str("; it lists no approvers");
    }
    for clause in clauses(terms) {
        text.push_str("; ");
        text.push_str(&clause);
    }
    text
}

fn clauses(terms: &Terms) -> Vec<String> {
    let glass = break_glass(terms);
    let clauses = on_approval(terms).into_iter().chain(limits(terms));
    clauses.chain(glass).collect()
}

fn on_approval(terms: &Terms) -> Vec<String> {
    let mut clauses = Vec::new();
    if terms.approval_is_not_required == Some(false) {
        clauses.push("no rule may skip approval here".to_owned());
    }
    match terms.allow_self_approval {
        Some(true) => clauses.push("its approvers may approve for themselves".to_owned()),
        Some(false) => clauses.push("its approvers may never approve for themselves".to_owned()),
        None => {}
    }
    if terms.min_approvals > 1 {
        clauses.push(format!("{} approvals are needed", terms.min_approvals));
    }
    clauses
}

fn break_glass(terms: &Terms) -> Option<String> {
    match &terms.break_glass {
        Some(people) if people.is_empty() => Some("no one may break the glass".to_owned()),
        Some(people) => Some(format!("{} may break the glass", listed(people))),
        None => None,
    }
}

/// About approvals later, and in the place of others.
fn of_delegates(terms: &Terms) -> Vec<String> {
    let later = terms.after_waiting;
    let later = later.map(|after| format!("once a request has waited {after}"));
    let refused = terms.allow_delegated_approval == Some(false);
    let refused = refused.then(|| "no one approves in the place of another".to_owned());
    later.into_iter().chain(refused).collect()
}

fn limits(terms: &Terms) -> Vec<String> {
    let mut clauses = of_delegates(terms);
    if let Some(max) = terms.max_duration {
        let or_longer = if terms.prefer_longest_duration {
            ", or longer where another such rule says so"
        } else {
            ""
        };
        clauses.push(format!("for at most {max}{or_longer}"));
    }
    if let Some(hours) = &terms.hours {
        clauses.push(format!("only {hours}"));
    }
    if let Some(hours) = &terms.approval_hours {
        clauses.push(format!("approved only {hours}"));
    }
    if let Some(lead) = terms.max_lead_time {
        clauses.push(format!("to start at most {lead} ahead"));
    }
    if let Some(pattern) = &terms.reason_pattern {
        clauses.push(format!("the reason must match `{}`", pattern.as_str()));
    }
    if let Some(pattern) = &terms.ticket_pattern {
        clauses.push(format!("the ticket must match `{}`", pattern.as_str()));
    }
    if let Some(ticket) = &terms.ticket {
        clauses.push(match (ticket.else_approval, ticket.required) {
            (true, _) => format!("with approval unless there is {}", ticket.words()),
            (false, true) => format!("with {}", ticket.words()),
            (false, false) => format!("a ticket, if given, is {}", ticket.words()),
        });
    }
    if terms.shorten_to_max_duration == Some(true) {
        clauses
            .push("waiting requests are shortened to the limit of the day of approval".to_owned());
    }
    if let Some(age) = terms.fresh_sign_in {
        clauses.push(format!(
            "approvers and break-glass users have signed in within {age}"
        ));
    }
    match terms.armed_ends {
        Some(EndArming::Preferred) => {
            clauses.push("AWS enforces the end by its own clock where it can".to_owned());
        }
        Some(EndArming::Required) => {
            clauses.push("only where AWS enforces the end by its own clock".to_owned());
        }
        None => {}
    }
    if let Some(text) = &terms.warning {
        let text = line(text, WARNING_SHOWN);
        clauses.push(format!("requesters and approvers confirm “{text}”"));
    }
    if !terms.sign_in_acr.is_empty() {
        let ways: Vec<String> = terms
            .sign_in_acr
            .iter()
            .map(|it| format!("`{it}`"))
            .collect();
        clauses.push(format!(
            "approvers and break-glass users have signed in by {}",
            ways.join(" or ")
        ));
    }
    clauses
}

pub(super) fn requesters(terms: &Terms) -> String {
    let mut text = people(terms);
    if !terms.requester_attributes.is_empty() {
        let wanted = terms.requester_attributes.iter().map(attribute).collect();
        text = format!("{text} with {},", either(wanted, "and"));
    }
    match left_out(&terms.except_requesters) {
        Some(out) => format!("{text} except {out}"),
        None => text.trim_end_matches(',').to_owned(),
    }
}

fn left_out(left_out: &PeopleLeftOut) -> Option<String> {
    let PeopleLeftOut {
        emails,
        user_ids,
        groups,
    } = left_out;
    let ids = user_ids.iter().map(|id| format!("user {id}"));
    let names = ids.chain(people_and_groups(emails, groups)).collect();
    (!left_out.is_nobody()).then(|| either(names, "and"))
}

impl AttributeConditions {
    pub fn words(&self) -> String {
        either(self.0.iter().map(attribute).collect(), "and")
    }
}

fn attribute(want: &AttributeMatch) -> String {
    let globs = |globs: &BTreeSet<Glob>| {
        let names = globs.iter().map(|glob| glob.as_str().to_owned());
        either(names.collect(), "or")
    };
    let mut text = format!("{} {}", want.attribute.words(), globs(&want.values));
    if !want.except.is_empty() {
        text.push_str(" except ");
        text.push_str(&globs(&want.except));
    }
    text
}

fn people(terms: &Terms) -> String {
    match &terms.requesters {
        Requesters::Everyone => "everyone".to_owned(),
        Requesters::Only { .. } if terms.requesters.is_nobody() => "no one".to_owned(),
        Requesters::Only {
            users,
            user_ids,
            groups,
        } => {
            let ids = user_ids.iter().map(|id| format!("user {id}"));
            let names = ids.chain(people_and_groups(users, groups)).collect();
            either(names, "or")
        }
    }
}

fn approvers(terms: &Terms) -> Option<String> {
    let of_manager = |is_one: bool| is_one.then(|| "the requester's manager".to_owned());
    let mut names = people_and_groups(&terms.approvers, &terms.approver_groups);
    names.extend(of_manager(terms.manager_approves));
    for stage in &terms.stages {
        let people = people_and_groups(&stage.people, &stage.groups).into_iter();
        let people = either(people.chain(of_manager(stage.manager)).collect(), "or");
        names.push(format!("{} of {people} ({})", stage.quorum, stage.name));
    }
    if names.is_empty() {
        return None;
    }
    let names = either(names, if terms.stages.is_empty() { "or" } else { "and" });
    Some(match left_out(&terms.except_approvers) {
        Some(out) => format!("{names}, except {out}"),
        None => names,
    })
}

fn people_and_groups(people: &BTreeSet<Email>, groups: &BTreeSet<GroupRef>) -> Vec<String> {
    let people = people.iter().map(ToString::to_string);
    people
        .chain(groups.iter().map(|group| match group {
            GroupRef::OnCall(list) => format!("people on call ({list})"),
            GroupRef::Id(_) | GroupRef::Name(_) => format!("members of group {group}"),
        }))
        .collect()
}

pub(super) fn target(targets: &Targets) -> String {
    match targets {
        Targets::Groups(groups) => format!("membership of group {}", listed(groups)),
        Targets::Accounts {
            accounts,
            ous,
            tags,
            sets,
            except,
        } => {
            let mut sets = if sets.contains(&SetMatch::Every) {
                "every permission set".to_owned()
            } else {
                either(sets.iter().map(set).collect(), "or")
            };
            if !except.sets.is_empty() {
                let except = either(except.sets.iter().map(set).collect(), "and");
                sets = format!("{sets} except {except}");
            }
            let mut places = Vec::new();
            places.extend(accounts.as_ref().map(place_list));
            places.extend(ous.as_ref().map(place_list));
            places.extend(tags.iter().map(tagged));
            let mut places = places.join(" that are also in ");
            if except.of_accounts() {
                let left_out = except.places.iter().map(place);
                let left_out = left_out.chain(except.tags.iter().map(tagged));
                places = format!("{places} except {}", either(left_out.collect(), "and"));
            }
            format!("{sets} in {places}")
        }
    }
}

pub(super) fn tagged(tag: &TagMatch) -> String {
    let values = tag.values.iter();
    let values = values.map(|value| value.as_str().to_owned()).collect();
    format!("accounts tagged {}={}", tag.key, either(values, "or"))
}

fn place_list(places: &BTreeSet<Selector>) -> String {
    either(places.iter().map(place).collect(), "or")
}

pub(super) fn place(place: &Selector) -> String {
    match place {
        Selector::Every => "every account".to_owned(),
        Selector::Account(id) => format!("account {id}"),
        Selector::AccountName(glob) => format!("accounts named {glob}"),
        Selector::Ou(id) => format!("organizational unit {id}"),
        Selector::OuPath(path) if path.is_empty() => "every account".to_owned(),
        Selector::OuPath(path) => format!("organizational unit {path}"),
        Selector::Children(id) => format!("accounts directly in organizational unit {id}"),
        Selector::ChildrenPath(path) if path.is_empty() => {
            "accounts directly in the root".to_owned()
        }
        Selector::ChildrenPath(path) => {
            format!("accounts directly in organizational unit {path}")
        }
    }
}

pub(super) fn set(set: &SetMatch) -> String {
    match set {
        SetMatch::Every => "every permission set".to_owned(),
        SetMatch::Name(name) => name.clone(),
        SetMatch::Glob(glob) => glob.as_str().to_owned(),
    }
}

fn listed<T: ToString>(names: &BTreeSet<T>) -> String {
    either(names.iter().map(ToString::to_string).collect(), "or")
}

/// `a, b or c`; long lists are shortened with a count.
fn either(mut names: Vec<String>, word: &str) -> String {
    if names.len() > NAMES_SHOWN + 1 {
        let more = names.len() - NAMES_SHOWN;
        names.truncate(NAMES_SHOWN);
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} {word} {last}", rest.join(", ")),
    }
}
