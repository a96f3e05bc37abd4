//! Prints requests and grants: table rows, blocks of lines, and CSV columns.

use std::fmt::Write as _;

use hallpass_api::{Glass, Grant, GrantState, Request, RequestState, ReviewState};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_channels::wording::{grants, lists, states, time};
use hallpass_terminal::output::{self, Table, plain};
use hallpass_terminal::words;
use jiff::tz::TimeZone;

use crate::ids::short_ids;

pub const REQUEST_FIELDS: &[&str] = &[
    "id",
    "state",
    "requester",
    "account",
    "account_name",
    "permission_set",
    "group",
    "group_name",
    "duration_seconds",
    "reason",
    "ticket",
    "created_at",
    "expires_at",
    "decision",
    "approvers",
    "approvals_needed",
    "because",
    "decided_by",
    "decided_at",
    "approval",
    "detail",
    "code",
    "extends",
    "grant_id",
    "shortened_from_seconds",
    "shortened_by",
    "starts_at",
];

pub const GRANT_FIELDS: &[&str] = &[
    "id",
    "state",
    "request_id",
    "user",
    "account",
    "account_name",
    "permission_set",
    "group",
    "group_name",
    "duration_seconds",
    "reason",
    "approver",
    "approval",
    "scheduled_at",
    "granted_at",
    "ends_at",
    "ended_at",
    "cause",
    "removed",
    "why",
    "error",
    "standing",
    "stuck",
    "console_url",
    "armed_until",
    "not_armed",
    "not_moved",
    "extending_to",
];

#[derive(Debug, Clone)]
pub struct Viewpoint {
    pub now: Timestamp,
    pub zone: TimeZone,
}

impl Viewpoint {
    pub fn here() -> Self {
        Self {
            now: hallpass_base::clock::now(),
            zone: words::zone(),
        }
    }

    pub fn time(&self, at: Timestamp) -> String {
        time::clock(at, self.now, &self.zone)
    }

    fn end(&self, grant: &Grant) -> String {
        match (grant.state, grant.ended_at) {
            (_, Some(at)) => format!("ended {}", self.time(at)),
            (GrantState::Scheduled | GrantState::Granting | GrantState::Active, None)
                if grant.ends_at > self.now =>
            {
                let left = TimeSpan::between(self.now, grant.ends_at);
                let ends = format!("{}, in {}", self.time(grant.ends_at), time::countdown(left));
                match grant.extending_to {
                    Some(to) => format!("{ends}; being extended to {}", self.time(to)),
                    None => ends,
                }
            }
            (GrantState::Ending, None) => "now".to_owned(),
            (
                GrantState::Scheduled
                | GrantState::Granting
                | GrantState::Active
                | GrantState::Ended
                | GrantState::Failed
                | GrantState::Unknown,
                None,
            ) => self.time(grant.ends_at),
        }
    }
}

/// `payments-prod / DatabaseOperator`, or `group oncall`.
pub fn asked_for(request: &Request) -> String {
    target(
        request.account_name.as_ref().or(request.account.as_ref()),
        request.permission_set.as_ref(),
        request.group_name.as_ref().or(request.group.as_ref()),
    )
}

/// `payments-prod / DatabaseOperator`, or `group oncall`.
pub fn held(grant: &Grant) -> String {
    target(
        grant.account_name.as_ref().or(grant.account.as_ref()),
        grant.permission_set.as_ref(),
        grant.group_name.as_ref().or(grant.group.as_ref()),
    )
}

pub fn target(account: Option<&String>, set: Option<&String>, group: Option<&String>) -> String {
    match (account, set, group) {
        (Some(account), Some(set), _) => format!("{account} / {set}"),
        (Some(account), None, _) => account.clone(),
        (None, Some(set), _) => set.clone(),
        (None, None, Some(group)) => format!("group {group}"),
        (None, None, None) => "nothing".to_owned(),
    }
}

pub fn requests(items: &[Request], view: &Viewpoint) -> Table {
    let mut table = Table::new(&["=ID", "=STATE", "WHO", "WHAT", "=FOR", "=ASKED", "REASON"]);
    let ids = short_ids(items.iter().map(|it| it.id.as_str()));
    for (item, id) in items.iter().zip(ids) {
        table.row([
            id,
            states::word(item.state.name()).to_owned(),
            item.requester.clone(),
            asked_for(item),
            TimeSpan::seconds(item.duration_seconds).to_string(),
            view.time(item.created_at),
            item.reason.clone(),
        ]);
    }
    table
}

pub fn grants(items: &[Grant], view: &Viewpoint) -> Table {
    let mut table = Table::new(&["=ID", "STATE", "WHO", "WHAT", "ENDS", "REASON"]);
    let ids = short_ids(items.iter().map(|it| it.id.as_str()));
    for (item, id) in items.iter().zip(ids) {
        table.row([
            id,
            state(item),
            item.user.clone(),
            held(item),
            view.end(item),
            item.reason.clone(),
        ]);
    }
    table
}

fn state(grant: &Grant) -> String {
    let badge = states::word(grant.state.name());
    match (grant.stuck, grant.standing, &grant.queue) {
        (true, ..) => format!("{badge} (stuck)"),
        _ if grant.aws_silent_since.is_some() => format!("{badge} (AWS does not answer)"),
        (false, true, _) => format!("{badge} (standing)"),
        (false, false, Some(queue)) => format!("{badge} ({})", words::in_line(queue)),
        (false, false, None) if grant.ended_at.is_some() && grant.armed_until.is_some() => {
            format!("{badge} (AWS refused it first)")
        }
        (false, false, None) if grant.not_armed.is_some() => {
            format!("{badge} (expiry not enforced)")
        }
        (false, false, None) if grant.not_moved.is_some() => format!("{badge} (expiry not moved)"),
        (false, false, None) => badge.to_owned(),
    }
}

fn block(title: &str, lines: &[(&str, Option<String>)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let room = output::width().map_or(usize::MAX, |columns| {
        usize::from(columns).saturating_sub(width + 4).max(1)
    });
    let title = plain(title);
    let mut text = if output::stdout_has_colour() {
        output::state_painted(&title)
    } else {
        title
    };
    text.push('\n');
    for (name, value) in lines {
        if let Some(value) = value {
            let value = match room {
                usize::MAX => plain(value),
                room => output::wrapped(&plain(value), room, width + 4),
            };
            // writing to a `String` cannot fail
            let _ = writeln!(text, "  {name:width$}  {value}");
        }
    }
    text
}

pub fn request(item: &Request, view: &Viewpoint) -> String {
    let waiting = item.state == RequestState::Pending && item.decided_by.is_none();
    let title = format!(
        "{}: {} for {}",
        states::word(item.state.name()),
        asked_for(item),
        TimeSpan::seconds(item.duration_seconds)
    );
    let approvals = match item.approvals_needed {
        0 | 1 => String::new(),
        needed => {
            let given = item.reviews.iter().filter(|it| !it.counts_no_more);
            let given = item.approvals_given.map_or(given.count(), |it| {
                usize::try_from(it).unwrap_or(usize::MAX)
            });
            format!(" ({given} of {needed} so far)")
        }
    };
    let glass = item.break_glass.as_ref();
    let review = |glass: &Glass| {
        let review = glass.review.map(ReviewState::name)?;
        let by = glass.closed_by.as_deref().map(|by| format!(" by {by}"));
        let words = glass.closing.as_deref().map(|words| format!(": {words}"));
        let (by, words) = (by.unwrap_or_default(), words.unwrap_or_default());
        Some(format!("{review}{by}{words}"))
    };
    let some = |list: &[String], text: String| (!list.is_empty()).then_some(text);
    block(
        &title,
        &[
            ("id", Some(item.id.clone())),
            ("requested by", Some(item.requester.clone())),
            ("requested", shortened(item)),
            ("starts", item.starts_at.map(|at| view.time(at))),
            ("reason", Some(item.reason.clone())),
            ("ticket", item.ticket.clone()),
            ("ticket page", item.ticket_url.clone()),
            (
                "can approve",
                some(&item.approvers, lists::any_of(&item.approvers) + &approvals)
                    .filter(|_| waiting),
            ),
            ("stages", stages(item).filter(|_| waiting)),
            ("approvals", approval_hours(item, view).filter(|_| waiting)),
            (
                "expires",
                item.expires_at.filter(|_| waiting).map(|at| view.time(at)),
            ),
            ("comments", comments(item)),
            ("decided by", item.decided_by.clone()),
            ("said", item.detail.clone()),
            (
                "break-glass",
                glass.and_then(|glass| glass.justification.clone()),
            ),
            ("review", glass.and_then(review)),
            ("rules", some(&item.because, item.because.join(", "))),
            ("extends", item.extends.clone()),
            ("grant", item.grant_id.clone()),
        ],
    )
}

fn stages(item: &Request) -> Option<String> {
    let each = item.stages.iter().map(|stage| {
        let (filled, quorum) = (stage.filled, stage.quorum);
        let so_far = format!("{} {filled} of {quorum}", stage.name);
        if filled >= quorum {
            return so_far;
        }
        format!("{so_far}, {} can approve", lists::any_of(&stage.approvers))
    });
    let each: Vec<String> = each.collect();
    (!each.is_empty()).then(|| each.join("; "))
}

fn approval_hours(item: &Request, view: &Viewpoint) -> Option<String> {
    let hours = item.approval_hours.iter();
    let hours = hours.map(|it| format!("only {} (rule {})", it.hours, it.rule));
    let hours: Vec<String> = hours.collect();
    let opens = match (item.approvals_closed, item.approvals_open_at) {
        (false, _) => String::new(),
        (true, Some(at)) if item.expires_at.is_some_and(|lapses| lapses <= at) => {
            format!("; from {}, after it expires", view.time(at))
        }
        (true, Some(at)) => format!("; from {}", view.time(at)),
        (true, None) => "; never: these hours do not overlap".to_owned(),
    };
    (!hours.is_empty()).then(|| hours.join(" and ") + &opens)
}

fn armed(item: &Grant, view: &Viewpoint) -> Option<String> {
    let from = item.armed_until?;
    let shown = view.time(from);
    match item.ended_at {
        Some(gone) => grants::ended_by_aws(from, gone, &shown),
        None => (from <= view.now).then(|| grants::refuses_since(&shown)),
    }
}

fn shortened(item: &Request) -> Option<String> {
    let from = TimeSpan::seconds(item.shortened_from_seconds?);
    let by = item.shortened_by.as_deref().unwrap_or("an approver");
    Some(format!("{from}, shortened by {by}"))
}

fn comments(item: &Request) -> Option<String> {
    let reviews = item.reviews.iter();
    let said = reviews.filter_map(|it| Some(format!("{}: {}", it.by, it.comment.as_ref()?)));
    let all: Vec<String> = said.collect();
    (!all.is_empty()).then(|| all.join("; "))
}

pub fn grant(item: &Grant, view: &Viewpoint) -> String {
    let mut text = block(
        &format!("{}: {}", state(item), held(item)),
        &[
            ("id", Some(item.id.clone())),
            ("held by", Some(item.user.clone())),
            ("reason", Some(item.reason.clone())),
            (
                "ends",
                Some(view.end(item)).filter(|_| !item.standing || item.ended_at.is_some()),
            ),
            ("stays", item.standing.then(|| grants::STAYS.to_owned())),
            ("cause", item.cause.map(|it| it.name().to_owned())),
            ("why", item.why.map(|it| it.name().to_owned())),
            ("expiry", armed(item, view)),
            ("AWS said", item.error.clone()),
        ],
    );
    if item.state == GrantState::Active {
        if let Some(url) = &item.console_url {
            let _ = write!(text, "\nConsole:\n  {}\n", plain(url));
        }
        if let Some(profile) = &item.cli_profile {
            text.push_str("\nProfile for ~/.aws/config:\n");
            for line in profile.lines() {
                text.push_str(&plain(line));
                text.push('\n');
            }
        }
        let _ = write!(text, "\nEnd early: hallpass release {}\n", plain(&item.id));
    }
    text
}

#[cfg(test)]
mod tests {
    use hallpass_api::{EndCause, EndOutcome};
    use serde_json::json;

    use super::*;

    fn view() -> Viewpoint {
        Viewpoint {
            now: "2026-03-06T14:00:00Z".parse().unwrap(),
            zone: TimeZone::UTC,
        }
    }

    fn sample() -> Grant {
        serde_json::from_value(json!({
            "id": "grn_01934a5b6c7d7e8f90123456789abcde", "state": "active",
            "request_id": "req_01934a5b6c7d7e8f90123456789abcde",
            "user": "mara@acme.example", "user_name": "Mara", "user_id": "u",
            "account": "222233334444", "account_name": "payments-prod",
            "permission_set": "DatabaseOperator", "duration_seconds": 7200,
            "reason": "disk full", "approver": "priya@acme.example", "approval": "peer",
            "scheduled_at": "2026-03-06T13:59:00Z", "ends_at": "2026-03-06T16:00:00Z",
            "standing": false, "stuck": false, "version": 3,
            "console_url": "https://acme.awsapps.com/start/#/console",
            "cli_profile": "[profile payments-prod]\nregion = eu-west-1"
        }))
        .unwrap()
    }

    #[test]
    fn an_active_grant_says_how_to_use_it() {
        assert_eq!(
            grant(&sample(), &view()),
            "Active: payments-prod / DatabaseOperator\n  \
             id        grn_01934a5b6c7d7e8f90123456789abcde\n  \
             held by   mara@acme.example\n  \
             reason    disk full\n  \
             ends      16:00 UTC, in 2h 0m\n\n\
             Console:\n  https://acme.awsapps.com/start/#/console\n\n\
             Profile for ~/.aws/config:\n[profile payments-prod]\nregion = eu-west-1\n\n\
             End early: hallpass release grn_01934a5b6c7d7e8f90123456789abcde\n"
        );
    }

    #[test]
    fn who_ended_access_is_told_where_aws_did_before_it_was_removed() {
        let at = |text: &str| text.parse().ok();
        let mut held = sample();
        held.armed_until = at("2026-03-06T16:00:00Z");
        assert!(
            !grant(&held, &view()).contains("AWS itself"),
            "it is to come"
        );
        held.armed_until = at("2026-03-06T13:30:00Z");
        held.state = GrantState::Ending;
        let told = grant(&held, &view());
        let line = "  expiry    AWS itself refuses it since 13:30 UTC\n";
        assert!(told.contains(line), "{told}");
        (held.state, held.ended_at) = (GrantState::Ended, at("2026-03-06T13:50:00Z"));
        let told = grant(&held, &view());
        let line = "  expiry    AWS itself refused it from 13:30 UTC on, before it was removed.\n";
        assert!(told.contains(line), "{told}");
        let listed = grants(&[held], &view()).text(None);
        assert!(listed.contains("Ended (AWS refused it first)"), "{listed}");
    }

    #[test]
    fn a_later_end_that_aws_does_not_have_yet_is_not_told_as_the_end() {
        let mut extended = sample();
        extended.extending_to = Some("2026-03-06T18:00:00Z".parse().unwrap());
        let told = grant(&extended, &view());
        let line = "  ends      16:00 UTC, in 2h 0m; being extended to 18:00 UTC\n";
        assert!(told.contains(line), "{told}");
    }

    #[test]
    fn tables_fit_a_hundred_columns() {
        let mut held = sample();
        held.not_armed = Some("full".into());
        held.reason = "OPS-4179: follow the settlement replay to its end".into();
        let text = grants(&[held], &view()).text(Some(100));
        assert!(text.starts_with("ID "), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        assert!(text.contains("grn_01934a5b6c7d "), "{text}");
    }

    #[test]
    fn every_csv_column_is_a_field_of_the_wire_type() {
        let mut grant = sample();
        grant.granted_at = Some(grant.scheduled_at);
        grant.ended_at = Some(grant.scheduled_at);
        (grant.group, grant.group_name) = (Some("g".into()), Some("g".into()));
        (grant.cause, grant.why) = (Some(EndCause::Expired), Some(EndOutcome::Removed));
        (grant.removed, grant.error) = (Some(true), Some("no".into()));
        (grant.armed_until, grant.not_armed) = (grant.ended_at, Some("full".into()));
        grant.not_moved = Some("denied".into());
        grant.extending_to = grant.ended_at;
        let value = serde_json::to_value(grant).unwrap();
        for field in GRANT_FIELDS {
            assert!(value.get(field).is_some(), "{field}");
        }
    }
}
