//! Timeline of a request, newest first, from the audit log, with the next step.

use std::collections::BTreeSet;

use hallpass_access::{Approval, Grant, GrantState, InLine, Origin, Request, RequestState};
use hallpass_audit::{Order, Record, RecordQuery, RecordSubject, StoreFault};
use hallpass_base::{Email, TimeSpan, Timestamp};
use hallpass_channels::wording::{grants, outstanding};

mod approvals;
mod enforced;

use super::{
    presenter::{At, Coded, Presenter},
    rows::why_it_ends,
    shell::Viewer,
    words::{countdown, number, plain},
};
use crate::{App, api::records::may_read, problem::ProblemResponse};

/// Maximum records: the newest, and those of the start.
const NEWEST_MAX: u32 = 500;
const OLDEST_MAX: u32 = 50;

pub(crate) struct TimelineEntry {
    pub(crate) look: &'static str,
    pub(crate) title: String,
    pub(crate) words: Coded,
    pub(crate) quote: String,
    pub(crate) confirmed: Vec<String>,
    pub(crate) at: Option<At>,
    pub(crate) left: Option<(u64, String)>,
    pub(crate) door: &'static str,
    pub(crate) record: Option<(u64, String)>,
}

impl TimelineEntry {
    fn new(title: impl Into<String>) -> Self {
        Self {
            look: "",
            title: title.into(),
            words: Coded::default(),
            quote: String::new(),
            confirmed: Vec::new(),
            at: None,
            left: None,
            door: "",
            record: None,
        }
    }

    fn good(mut self) -> Self {
        self.look = "good";
        self
    }

    fn words(mut self, words: impl Into<String>) -> Self {
        self.words = Coded(words.into());
        self
    }

    fn quote(mut self, quote: &str) -> Self {
        self.quote = plain(quote);
        self
    }
}

pub(crate) async fn records(
    app: &App,
    request: &Request,
    grant: Option<&Grant>,
) -> Result<Vec<Record>, ProblemResponse> {
    let query = RecordQuery {
        about: Some(RecordSubject {
            request: Some(request.id.to_string()),
            grant: grant.map(|grant| grant.id.to_string()),
        }),
        ..RecordQuery::default()
    };
    let fault = |fault: StoreFault| ProblemResponse::unavailable(&fault);
    let newest = app.audit.records_found(&query, NEWEST_MAX).await;
    let newest = newest.map_err(fault)?;
    let mut records = Vec::new();
    if let Some(next) = newest.next {
        let older = RecordQuery {
            order: Order::OldestFirst,
            before: Some(next),
            ..query
        };
        let oldest = app.audit.records_found(&older, OLDEST_MAX).await;
        records.extend(oldest.map_err(fault)?.records);
    }
    records.extend(newest.records.into_iter().rev());
    Ok(records)
}

fn instant(record: &Record) -> Timestamp {
    record.at().unwrap_or(Timestamp::UNIX_EPOCH)
}

pub(crate) fn entries(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
    grant: Option<&Grant>,
    place: Option<InLine>,
    records: &[Record],
) -> Vec<TimelineEntry> {
    let mut found: Vec<(Timestamp, TimelineEntry)> = Vec::new();
    let mut teller = Teller {
        view,
        request,
        grant,
        asked_aws: None,
        ends: None,
        length: None,
        armed: enforced::ArmedInstant::default(),
        sessions_continue: enforced::sessions_continue(records),
        reads_all: viewer.actor.reads_all(),
    };
    for record in records {
        let Some(mut entry) = teller.entry_of(record) else {
            continue;
        };
        let at = instant(record);
        entry.at = Some(view.at_second(at));
        entry.confirmed = approvals::confirmed(record);
        entry.door = record
            .text("source")
            .and_then(Origin::named)
            .map_or("", Origin::title);
        entry.record =
            may_read(&viewer.actor, record).then(|| (record.seq(), number(record.seq())));
        found.push((at, entry));
    }
    found.extend(reminders(app, view, request));
    found.sort_by_key(|(at, _)| *at);
    let mut entries: Vec<TimelineEntry> = found.into_iter().rev().map(|(_, entry)| entry).collect();
    let next = upcoming(view, request, grant, place);
    if let (Some(_), Some(newest)) = (&next, entries.first_mut()) {
        newest.look = "now";
    }
    entries.splice(0..0, next);
    entries
}

struct Teller<'a> {
    view: &'a Presenter,
    request: &'a Request,
    grant: Option<&'a Grant>,
    asked_aws: Option<Timestamp>,
    ends: Option<Timestamp>,
    length: Option<TimeSpan>,
    armed: enforced::ArmedInstant,
    /// Whether AWS continues sessions that were to end.
    sessions_continue: bool,
    reads_all: bool,
}

impl Teller<'_> {
    fn entry_of(&mut self, record: &Record) -> Option<TimelineEntry> {
        self.armed.note(record.event(), instant(record), || {
            enforced::refuses_from(record)
        });
        let by = |field: &str| {
            let email = record.text(field).and_then(|text| Email::new(text).ok());
            email.map_or("Hallpass".to_owned(), |email| self.view.named(&email))
        };
        let text = |field: &str| record.text(field).filter(|text| *text != "NA");
        let is_other = text("access_request_id") != Some(&self.request.id.to_string());
        let what = if is_other { "Extension" } else { "Request" };
        Some(match record.event() {
            "request.created" if is_other => {
                TimelineEntry::new(format!("{} requested more", cap(&by("actor"))))
            }
            "request.created" => {
                self.length = approvals::length(record);
                TimelineEntry::new(format!("Requested by {}", by("actor")))
            }
            "request.reviewed" => self.reviewed(record, is_other, &by("actor")),
            "request.approved" => self.approved(record, is_other, &by("approver_email")),
            "request.denied" => {
                let own = (!is_other).then(|| match &self.request.state {
                    RequestState::Denied { reason, .. } => reason.clone().unwrap_or_default(),
                    _ => String::new(),
                });
                TimelineEntry::new(format!("{what} denied by {}", by("actor")))
                    .quote(&own.unwrap_or_default())
            }
            "request.discarded" => {
                TimelineEntry::new(format!("{what} discarded by {}", by("actor")))
            }
            "request.expired" => TimelineEntry::new(format!("{what} expired"))
                .words("No one decided in time. Nothing was granted."),
            "request.rejected" => {
                TimelineEntry::new("Not possible").words(plain(text("error").unwrap_or_default()))
            }
            "press.refused" if self.reads_all => {
                let press = text("why").unwrap_or("press");
                let why = text("error").unwrap_or_default();
                let why = why.split_once(": ").map_or(why, |(_, words)| words);
                TimelineEntry::new(format!("{} tried to {press}; not allowed", by("actor")))
                    .words(plain(why))
            }
            "grant.requested" => {
                self.asked_aws = Some(instant(record));
                TimelineEntry::new("Setting up")
                    .words("The end was stored first, then AWS was called.")
            }
            "grant.succeeded" => self.succeeded(record),
            "grant.failed" => TimelineEntry::new("Failed").words(grants::not_created(
                text("error").unwrap_or("no reason was given"),
                self.view,
            )),
            "extend" => self.extended(record),
            event => return self.ending(event, record),
        })
    }

    fn succeeded(&mut self, record: &Record) -> TimelineEntry {
        self.ends = ends_at(record);
        let after = self.asked_aws.map(|asked| {
            let millis = instant(record).as_millisecond() - asked.as_millisecond();
            format!(
                " after {}.{}s",
                millis / 1000,
                millis.rem_euclid(1000) / 100
            )
        });
        let entry = TimelineEntry::new("Active").good();
        if self.grant.is_some_and(|grant| grant.standing) {
            return entry.words(
                "The access was there before. The clock of this pass started here; its end removes nothing.",
            );
        }
        entry.words(format!(
            "AWS confirmed the access{}. The clock started here.",
            after.unwrap_or_default()
        ))
    }

    fn extended(&mut self, record: &Record) -> TimelineEntry {
        let (before, now) = (self.ends, ends_at(record));
        self.ends = now;
        if let (Some(now), Some(grant)) = (now, self.grant.filter(|grant| grant.standing)) {
            let words = grants::ends_or_stays(grant.standing, &self.view.words(now));
            return TimelineEntry::new("Extended").good().words(words);
        }
        let is_moving = |grant: &&Grant| {
            let is_later = now.is_some_and(|now| now > grant.ends_at);
            is_later && self.view.extending(grant).is_some()
        };
        if let (Some(now), Some(_)) = (now, self.grant.filter(is_moving)) {
            let ends = self.view.words(now);
            return TimelineEntry::new("Extension approved")
                .words(format!("It ends {ends} once AWS has that end."));
        }
        let words = match (before, now) {
            (Some(before), Some(now)) => format!(
                "Ends {} instead of {}.",
                self.view.words(now),
                self.view.words(before)
            ),
            (None, Some(now)) => format!("Ends {}.", self.view.words(now)),
            _ => String::new(),
        };
        TimelineEntry::new("Extended").good().words(words)
    }

    fn ended(&self, removed: Option<bool>, why: Option<&str>, record: &Record) -> String {
        match (removed, why) {
            (Some(true), _) => self.gone(instant(record)),
            (_, Some("standing")) => "Nothing was removed: the access was there before.".to_owned(),
            (_, Some("held_by_other_grant")) => {
                "Nothing was removed: another grant keeps the access.".to_owned()
            }
            (_, Some("already_absent")) => {
                "Nothing was left to remove: the access was already gone.".to_owned()
            }
            (_, why) => format!(
                "Nothing was removed: {}.",
                plain(why.unwrap_or("unknown")).replace('_', " ")
            ),
        }
    }

    fn ending(&self, event: &str, record: &Record) -> Option<TimelineEntry> {
        let text = |field: &str| record.text(field).filter(|text| *text != "NA");
        let removed = record
            .fields()
            .get("removed")
            .and_then(serde_json::Value::as_bool);
        Some(match event {
            "end.started" => self.begun(),
            "end.succeeded" => {
                TimelineEntry::new("Ended").words(self.ended(removed, text("why"), record))
            }
            "end.failed" => TimelineEntry::new("AWS did not remove it; tried again")
                .words(plain(text("error").unwrap_or_default())),
            "end.stuck" => TimelineEntry::new("AWS refuses to delete this").words(format!(
                "{}. Tried every hour.",
                plain(text("error").unwrap_or_default()).trim_end_matches('.')
            )),
            "end.repeated" => TimelineEntry::new("It was there again, and was removed again").words(
                "AWS carried out a create that it had never answered, after the end of this grant.",
            ),
            "drift.missing" => TimelineEntry::new("Someone removed this access outside Hallpass"),
            "drift.guard" => TimelineEntry::new("A guard removed this access too early")
                .words("It did not know the newest end. The access is set up again."),
            "drift.principal_left" => TimelineEntry::new("The holder left the directory"),
            "drift.rule_changed" => {
                TimelineEntry::new("The rules changed").words("Today they would refuse this.")
            }
            "review.opened" => TimelineEntry::new("Review opened")
                .words("Another person reviews this afterwards and closes it.")
                .quote(text("why").unwrap_or_default()),
            "end.armed" | "end.rearmed" => {
                TimelineEntry::new("AWS enforces its expiry").words(self.refuses_after(record))
            }
            "end.denied" => TimelineEntry::new("AWS refuses it").words(format!(
                "{} {}.",
                self.refuses_after(record),
                cap(&plain(text("reason").unwrap_or_default()))
            )),
            "end.disarmed" => TimelineEntry::new("AWS no longer enforces its expiry")
                .words(plain(text("error").or(text("reason")).unwrap_or_default())),
            "end.arm_failed" if is_in_force_before(record) => {
                TimelineEntry::new("Its enforced expiry has not moved")
                    .words(format!("{}.", cap(&plain(text("error").unwrap_or_default()))))
            }
            "end.arm_failed" => {
                let why = cap(&plain(text("error").unwrap_or_default()));
                let stays = self.grant.is_some_and(|grant| grant.standing);
                TimelineEntry::new("AWS does not enforce its expiry").words(if stays {
                    format!("{why}.")
                } else {
                    format!("{why}. Hallpass still ends it.")
                })
            }
            "sessions.cut" => TimelineEntry::new("Sessions ended")
                .words("AWS refuses credentials taken before the end."),
            "sessions.cut_failed" => {
                TimelineEntry::new("Sessions continue").words(text("error").unwrap_or_default())
            }
            "review.closed" => {
                let by = Email::new(text("actor").unwrap_or_default());
                let by = by.map_or("Hallpass".to_owned(), |email| self.view.named(&email));
                TimelineEntry::new(format!("Review closed by {by}"))
                    .good()
                    .quote(text("why").unwrap_or_default())
            }
            _ => return None,
        })
    }

    fn begun(&self) -> TimelineEntry {
        let entry = TimelineEntry::new("End began");
        let Some(grant) = self.grant else {
            return entry;
        };
        match &grant.state {
            GrantState::Ending { cause, .. } | GrantState::Ended { cause, .. } => {
                let entry = entry.words(why_it_ends(self.view, grant, cause));
                match cause {
                    hallpass_access::EndCause::Revoked { reason, .. } => entry.quote(reason),
                    _ => entry,
                }
            }
            _ => entry,
        }
    }
}

fn cap(text: &str) -> String {
    super::words::capital(text)
}

fn ends_at(record: &Record) -> Option<Timestamp> {
    record.text("ends_at").and_then(|at| at.parse().ok())
}

/// Reminders are not logged. For a waiting request their times follow from its rules and creation;
/// for a decided one they are unknown. Recipients are never known.
fn reminders(app: &App, view: &Presenter, request: &Request) -> Vec<(Timestamp, TimelineEntry)> {
    if request.outstanding.is_none() {
        return Vec::new();
    }
    let sent = 0..request.reminders.sent;
    // one reminder covers those due while approvals were closed
    let sent: BTreeSet<Timestamp> = sent
        .filter_map(|k| app.access.reminder_at(request, k))
        .collect();
    let entries = sent.into_iter().map(|at| {
        let mut entry = TimelineEntry::new("Reminder sent");
        entry.at = Some(view.at_second(at));
        (at, entry)
    });
    entries.collect()
}

fn upcoming(
    view: &Presenter,
    request: &Request,
    grant: Option<&Grant>,
    place: Option<InLine>,
) -> Option<TimelineEntry> {
    let mut entry = match (&request.state, grant) {
        (RequestState::Pending, _) if super::rows::is_past(view, request) => return None,
        (RequestState::Pending, _) if let Some(agreed) = grants::agreed(request, view) => {
            TimelineEntry::new("It starts").words(format!(
                "{agreed}. Then the rules, the person and the account are checked again."
            ))
        }
        (RequestState::Pending, _) => return Some(waiting(view, request)),
        (RequestState::Approved { .. }, Some(grant)) => match &grant.state {
            GrantState::Scheduled | GrantState::Granting => {
                let queue = view.wait(place);
                TimelineEntry::new("AWS confirms").words(format!(
                    "The time starts when AWS confirms, not before. {queue}"
                ))
            }
            GrantState::Active => {
                let title = if grant.standing {
                    "The grant is over"
                } else {
                    "Access ends"
                };
                let mut entry = TimelineEntry::new(title).words(what_ends(view, grant));
                let left = view.left(grant.ends_at);
                entry.at = Some(view.at_second(grant.ends_at));
                entry.left = Some((left.as_seconds(), countdown(left)));
                entry
            }
            GrantState::Ending { .. } => TimelineEntry::new("Access is gone")
                .words("Hallpass looks until AWS shows it no longer."),
            GrantState::Ended { .. } | GrantState::Failed { .. } => return None,
        },
        _ => return None,
    };
    entry.look = "next";
    Some(entry)
}

fn what_ends(view: &Presenter, grant: &Grant) -> String {
    if grant.standing {
        return "Nothing is removed then: the access was there before and stays.".to_owned();
    }
    let after = view.credentials_after(grant, grant.ends_at);
    let after = grants::credentials_after(grants::CREDENTIALS_BEFORE, after, view);
    let after = after.filter(|_| !view.stops_sessions(grant));
    let until = after.map(|after| format!(" {after}"));
    format!(
        "Hallpass removes the access and looks until it is gone.{}",
        until.unwrap_or_default()
    )
}

fn waiting(view: &Presenter, request: &Request) -> TimelineEntry {
    let mut entry = match outstanding::whom(request, view) {
        None => TimelineEntry::new("No one can decide this today"),
        Some(whom) => TimelineEntry::new(format!("Waiting for {whom}")),
    };
    let opens = outstanding::not_open(request, view);
    if let Some(at) = request.expires_at {
        let opens = opens.map(|opens| format!("{opens} ")).unwrap_or_default();
        let lapses = format!("{opens}Expires {}.", view.words(at));
        entry = entry.words(match request.reminders.next_at {
            Some(again) => {
                let pause = TimeSpan::between(view.now, again).max(TimeSpan::seconds(1));
                format!(
                    "{lapses} The next reminder goes out in {}.",
                    countdown(pause)
                )
            }
            None => lapses,
        });
    } else if let Some(opens) = opens {
        entry = entry.words(opens);
    }
    entry.look = "next";
    entry
}

/// Returns whether an enforced expiry existed, at another instant, when the write failed.
fn is_in_force_before(record: &Record) -> bool {
    let before = record.fields().get("before");
    before.is_some_and(|before| before.get("refuses_after").is_some())
}

pub(crate) fn approvers(request: &Request) -> Vec<(&Email, &'static str)> {
    let decided_by = match &request.state {
        RequestState::Approved { by, .. } => Some(by),
        _ => None,
    };
    // the approver of a future start is also a reviewer
    let others = request.reviewers().into_iter().map(|review| &review.by);
    let mut found: Vec<(&Email, &'static str)> = others
        .filter(|by| Some(*by) != decided_by)
        .map(|by| (by, ""))
        .collect();
    if let RequestState::Approved { by, approval, .. } = &request.state {
        let note = match approval {
            Approval::NotRequired => return Vec::new(),
            Approval::Own => "as the rules allow",
            Approval::BreakGlass => "break-glass",
            // an end set by a sweep has no approver
            Approval::Adopted if request.origin == Origin::System => return Vec::new(),
            Approval::Adopted => "gave it an end",
            Approval::Peer => "",
        };
        found.push((by, note));
    }
    found
}
