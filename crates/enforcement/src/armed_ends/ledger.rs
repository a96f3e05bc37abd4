//! Stores the result of a check: state of each end, waiting creates, and records.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_audit::{Draft, Event, Origin};
use hallpass_aws_model::facts;
use hallpass_base::{AuditId, HoldKey, IdSource, TimeSpan, Timestamp};
use serde_json::{Value, json};

use super::other_access::{Otherwise, not_answered};
use super::statement::{Denial, earliest};
use super::{
    ArmedEnd, ArmedEndChange, ArmedEndNews, ArmedEndState, GateChange, NotArmed, UnseenWrite,
    WhyNotArmed,
};

/// First retry pause; doubles.
const PAUSE_MIN: TimeSpan = TimeSpan::seconds(1);
/// Longest retry pause.
const PAUSE_MAX: TimeSpan = TimeSpan::seconds(60);
/// Pause after a refusal or lack of space: an operator may fix it.
const PAUSE_REFUSED: TimeSpan = TimeSpan::minutes(5);
/// Check interval of ends in force: the user may get the same access in another way, or the policy
/// may be removed.
const LOOK_EVERY: TimeSpan = TimeSpan::minutes(5);
/// Extra check this long before the denial starts.
pub(super) const LOOK_BEFORE: TimeSpan = TimeSpan::seconds(30);
/// The holder is notified of an unmoved end if they lose more than this: a smaller loss is normal,
/// as grants count from when access was seen.
const TOLD_FROM: TimeSpan = TimeSpan::minutes(1);
const ADVICE: &str = "`hallpass server doctor` shows what is missing";

pub(super) struct Look {
    /// Reference instant of the check. Ends that passed later are not settled by it: their
    /// statement still exists.
    pub(super) at: Timestamp,
    pub(super) denied: BTreeSet<Denial>,
    pub(super) beside_foreign: Vec<HoldKey>,
    /// Ends replaced by another end of the same user and role: the permission set was recreated.
    pub(super) joined: BTreeSet<HoldKey>,
    pub(super) otherwise: BTreeMap<HoldKey, Otherwise>,
    pub(super) is_narrow: bool,
}

#[derive(Default)]
pub(super) struct LedgerOutcome {
    pub(super) change: ArmedEndChange,
    pub(super) armed: u32,
    pub(super) denied: u32,
    pub(super) not_armed: u32,
    pub(super) not_moved: u32,
    pub(super) gone: u32,
}

pub(super) struct Ledger<'a> {
    now: Timestamp,
    ids: &'a dyn IdSource,
    account: &'a str,
    told: LedgerOutcome,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(now: Timestamp, ids: &'a dyn IdSource, account: &'a str) -> Self {
        Self {
            now,
            ids,
            account,
            told: LedgerOutcome::default(),
        }
    }

    pub(super) fn finish(self) -> LedgerOutcome {
        self.told
    }

    /// Settles every end, with reasons for those not in force.
    pub(super) fn settle(&mut self, ends: Vec<ArmedEnd>, look: &Look) {
        for end in ends {
            let end = ArmedEnd {
                unseen: None,
                ..end
            };
            let denial = Denial::of(&end, self.now);
            let is_in_force = denial.as_ref().is_some_and(|denial| {
                let mut denied = look.denied.iter();
                denied.any(|it| denial.is_met_by(it, &end, self.now))
            });
            match look.otherwise.get(&end.key) {
                _ if !end.is_wanted(self.now) => self.over(end),
                _ if look.joined.contains(&end.key) => match end.lasts_until {
                    Some(_) => self.over(end),
                    None => self.again(end),
                },
                Some(Otherwise::Not(why)) => self.not_armed(end, why.clone()),
                Some(Otherwise::Unknown(_) | Otherwise::Unanswered(_))
                    if !is_in_force && end.due > self.now => {}
                Some(Otherwise::Unknown(why) | Otherwise::Unanswered(why)) if !is_in_force => {
                    let stands = denial.and_then(|of| earliest(&of, &look.denied));
                    self.unanswered(end, why, stands.is_none());
                }
                Some(Otherwise::Unknown(_) | Otherwise::Unanswered(_) | Otherwise::Lost(_))
                | None => match denial {
                    Some(denial) if is_in_force => {
                        let otherwise = look.otherwise.get(&end.key);
                        self.armed(end, denial.from, otherwise);
                    }
                    Some(_) | None => {
                        let why = why_left_out(&end, look);
                        match denial.and_then(|of| earliest(&of, &look.denied)) {
                            Some(from) => self.stays(end, from, why),
                            None => self.not_armed(end, why),
                        }
                    }
                },
            }
        }
    }

    /// Retries soon; reports the end as not enforced after its deadline. `denied`: last confirmed
    /// denials.
    pub(super) fn postpone(
        &mut self,
        ends: Vec<ArmedEnd>,
        why: &str,
        denied: Option<&BTreeSet<Denial>>,
    ) {
        for end in self.due(ends) {
            let is_gone = self.is_gone(&end, denied);
            self.unanswered(end, why, is_gone);
        }
    }

    /// AWS refused. `denied`: last confirmed denials.
    pub(super) fn refuse(
        &mut self,
        ends: Vec<ArmedEnd>,
        why: &str,
        denied: Option<&BTreeSet<Denial>>,
    ) {
        for end in self.due(ends) {
            let is_gone = self.is_gone(&end, denied);
            self.refuse_one(end, why, is_gone);
        }
    }

    /// True if a check found that AWS denies nothing of it, though it should.
    fn is_gone(&self, end: &ArmedEnd, denied: Option<&BTreeSet<Denial>>) -> bool {
        let of = Denial::of(end, self.now).filter(|_| end.is_wanted(self.now));
        let both = denied.zip(of);
        both.is_some_and(|(denied, of)| earliest(&of, denied).is_none())
    }

    /// The account is missing: nothing to deny or remove.
    pub(super) fn no_account(&mut self, ends: Vec<ArmedEnd>, why: &str) {
        for end in self.due(ends) {
            if end.is_wanted(self.now) {
                self.refuse_one(end, why, true);
            } else {
                self.over(end);
            }
        }
    }

    fn refuse_one(&mut self, end: ArmedEnd, why: &str, is_gone: bool) {
        let why = NotArmed {
            why: WhyNotArmed::Refused,
            words: format!("{why}; {ADVICE}"),
        };
        self.keep_from_denial(&end, &why, is_gone);
        if end.armed_until().is_some() && !is_gone {
            self.not_moved(end, why);
        } else if end.is_wanted(self.now) {
            let end = self.tell_unseen(end, &why);
            self.not_armed(end, why);
        } else {
            self.again(end);
        }
    }

    fn due(&self, ends: Vec<ArmedEnd>) -> Vec<ArmedEnd> {
        let now = self.now;
        ends.into_iter().filter(|end| end.due <= now).collect()
    }

    fn again(&mut self, end: ArmedEnd) {
        let (attempts, due) = self.next_try(&end);
        self.told.change.ends.push(ArmedEnd {
            attempts,
            due,
            ..end
        });
    }

    /// The number of attempts, and the time of the next.
    fn next_try(&self, end: &ArmedEnd) -> (u32, Timestamp) {
        let attempts = end.attempts.saturating_add(1);
        let factor = 1_u64 << attempts.saturating_sub(1).min(10);
        let seconds = PAUSE_MIN.as_seconds().saturating_mul(factor);
        let due = TimeSpan::seconds(seconds.min(PAUSE_MAX.as_seconds())).after(self.now);
        let due = if self.now < end.arm_by {
            due.min(end.arm_by)
        } else {
            due
        };
        (attempts, due)
    }

    /// No answer yet: after its deadline a waiting end is reported as not enforced, a moved one as
    /// not moved; both are retried.
    fn unanswered(&mut self, end: ArmedEnd, why: &str, is_gone: bool) {
        if self.now < end.arm_by {
            self.again(end);
            return;
        }
        let why = NotArmed {
            why: WhyNotArmed::Unanswered,
            words: format!("AWS had not taken it in time: {why}"),
        };
        self.keep_from_denial(&end, &why, is_gone);
        match end.state {
            ArmedEndState::Armed { .. } if !is_gone => self.not_moved(end, why),
            // a process may have stopped after removing the denial, before storing it
            ArmedEndState::Wanted | ArmedEndState::Armed { .. } => {
                let end = self.tell_unseen(end, &why);
                self.not_armed(end, why);
            }
            ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. } => {
                let end = self.tell_unseen(end, &why);
                self.again(end);
            }
        }
    }

    /// A denial left from an earlier hold could hit the new access, so its create is not sent. If
    /// none was seen in force, only an unconfirmed write can.
    fn keep_from_denial(&mut self, end: &ArmedEnd, why: &NotArmed, is_gone: bool) {
        let from = if is_gone {
            end.unseen.map(|it| it.from)
        } else {
            end.refuses_from()
        };
        let Some(from) = from.filter(|from| *from <= self.now) else {
            return;
        };
        let refuses = if !is_gone && end.armed_until() == Some(from) {
            "still refuses"
        } else {
            "may still refuse"
        };
        self.told.change.gates.push(GateChange {
            key: end.key.clone(),
            refused: Some(format!(
                "AWS {refuses} it because of an earlier grant, and that could not be changed: {}",
                why.words
            )),
            at: self.now,
        });
    }

    /// Notifies the holder once that an earlier end may apply instead of the approved later one.
    fn tell_unseen(&mut self, end: ArmedEnd, why: &NotArmed) -> ArmedEnd {
        let Some(unseen) = end.unseen.filter(|it| !it.is_told) else {
            return end;
        };
        let is_later = end.ends_at > TOLD_FROM.after(unseen.from);
        if !is_later || !end.is_wanted(self.now) || end.lasts_until.is_some() {
            return end;
        }
        let record = self.record(Event::EndArmFailed, &end);
        let record = record.changed(self.refuses_after(unseen.from), Value::Null);
        let words = format!("AWS may still refuse after {}: {}", unseen.from, why.words);
        let record = record.error(&words).ends_at(end.ends_at);
        self.told.change.records.push(record);
        self.tell_holder(&end, unseen.from, why);
        ArmedEnd {
            unseen: Some(UnseenWrite {
                is_told: true,
                ..unseen
            }),
            ..end
        }
    }

    fn tell_holder(&mut self, end: &ArmedEnd, until: Timestamp, why: &NotArmed) {
        self.told.change.news.push(ArmedEndNews {
            grant: end.grant,
            request: end.request,
            holder: end.holder.clone(),
            until,
            may: end.armed_until() != Some(until),
            why: why.words.clone(),
            at: self.now,
        });
    }

    /// The old instant stays in force; reported once per reason.
    fn not_moved(&mut self, end: ArmedEnd, why: NotArmed) {
        let ArmedEndState::Armed {
            until,
            ends_at,
            at,
            ref unmoved,
        } = end.state
        else {
            self.again(end);
            return;
        };
        if !(end.is_wanted(self.now) && end.is_to_move(self.now)) {
            // an end that is over affects no access
            self.again(end);
            return;
        }
        let is_told = unmoved.as_ref().is_some_and(|told| told.why == why.why);
        if !is_told {
            self.told.not_moved += 1;
            let record = self.record(Event::EndArmFailed, &end);
            let record = record.changed(self.refuses_after(until), Value::Null);
            let words = format!("AWS still refuses after {until}: {}", why.words);
            self.told
                .change
                .records
                .push(record.error(&words).ends_at(end.ends_at));
            if end.ends_at > TOLD_FROM.after(until) {
                self.tell_holder(&end, until, &why);
            }
        }
        let state = ArmedEndState::Armed {
            until,
            ends_at,
            at,
            unmoved: Some(why),
        };
        self.again(ArmedEnd { state, ..end });
    }

    /// No space to move: the denial stays at its old instant.
    fn stays(&mut self, end: ArmedEnd, from: Timestamp, why: NotArmed) {
        let end = if end.armed_until() == Some(from) {
            end
        } else {
            let state = ArmedEndState::Armed {
                until: from,
                ends_at: from,
                at: self.now,
                unmoved: None,
            };
            ArmedEnd { state, ..end }
        };
        self.keep_from_denial(&end, &why, false);
        if end.required && end.lasts_until.is_none() && from > self.now {
            // an earlier hold's instant stays and the new end cannot be enforced: no access
            self.told.change.gates.push(GateChange {
                key: end.key.clone(),
                refused: Some(format!(
                    "its expiry could not be enforced at AWS: {}",
                    why.words
                )),
                at: self.now,
            });
        }
        self.not_moved(end, why);
    }

    fn refuses_after(&self, until: Timestamp) -> Value {
        json!({"target": self.account, "refuses_after": until.to_string()})
    }

    /// Marks an end as in force. If other access is unknown, it is checked again soon, not at the
    /// regular interval, to keep a wrong denial short.
    fn armed(&mut self, end: ArmedEnd, from: Timestamp, otherwise: Option<&Otherwise>) {
        let lost = match otherwise {
            Some(Otherwise::Lost(since)) => Some(*since),
            Some(Otherwise::Not(_) | Otherwise::Unknown(_) | Otherwise::Unanswered(_)) | None => {
                None
            }
        };
        let before = end.armed_until();
        let event = match before {
            Some(until) if until == from => None,
            Some(_) => Some(Event::EndRearmed),
            None if lost.is_some() => Some(Event::EndDenied),
            None => Some(Event::EndArmed),
        };
        let at = match end.state {
            ArmedEndState::Armed { at, .. } if event.is_none() => at,
            ArmedEndState::Armed { .. }
            | ArmedEndState::Wanted
            | ArmedEndState::NotArmed { .. }
            | ArmedEndState::Gone { .. } => self.now,
        };
        if let Some(event) = event {
            self.told.armed += 1;
            let form = |until: Timestamp| self.refuses_after(until);
            let record = self.record(event, &end);
            let mut record = record.changed(before.map_or(Value::Null, form), form(from));
            if let Some(since) = lost {
                self.told.denied += 1;
                record = record.reason(&format!(
                    "it was past its end and not enforced, and {}",
                    not_answered(since)
                ));
            }
            self.told.change.records.push(record.ends_at(end.ends_at));
        }
        self.open(&end);
        let state = ArmedEndState::Armed {
            until: from,
            ends_at: end.ends_at,
            at,
            unmoved: None,
        };
        let regular = self.look_at(&end, from);
        let (attempts, due) = match otherwise {
            Some(Otherwise::Unanswered(_)) => {
                let (tries, again) = self.next_try(&end);
                (tries, again.min(regular))
            }
            Some(Otherwise::Unknown(_)) => (end.attempts, regular),
            Some(Otherwise::Not(_) | Otherwise::Lost(_)) | None => (0, regular),
        };
        let due = if event.is_none() && end.due > self.now {
            end.due.min(due)
        } else {
            due
        };
        let end = ArmedEnd {
            state,
            attempts,
            ..end
        };
        let given_at = end.given_unseen();
        self.told.change.ends.push(ArmedEnd {
            given_at,
            due,
            ..end
        });
    }

    /// The next check: regular, just before the denial starts, and at the end.
    fn look_at(&self, end: &ArmedEnd, from: Timestamp) -> Timestamp {
        let regular = LOOK_EVERY.after(self.now);
        let before = LOOK_BEFORE.before(from);
        let before = if before > self.now { before } else { regular };
        let last = end.lasts_until.unwrap_or(regular);
        let watched = end.watched_every(self.now);
        let watched = watched.map_or(regular, |pause| pause.after(self.now));
        regular.min(before).min(last).min(watched)
    }

    fn not_armed(&mut self, end: ArmedEnd, why: NotArmed) {
        let was_armed = end.armed_until();
        let is_told = end.not_armed().is_some_and(|told| told.why == why.why);
        if !is_told {
            self.told.not_armed += 1;
            let event = match was_armed {
                Some(_) => Event::EndDisarmed,
                None => Event::EndArmFailed,
            };
            let record = self.record(event, &end).error(&why.words);
            self.told.change.records.push(record.ends_at(end.ends_at));
        }
        // only a waiting create is refused; sent ones stay
        if end.required && end.lasts_until.is_none() {
            self.told.change.gates.push(GateChange {
                key: end.key.clone(),
                refused: Some(format!(
                    "its expiry could not be enforced at AWS: {}",
                    why.words
                )),
                at: self.now,
            });
        } else {
            self.open(&end);
        }
        let last = end.lasts_until.unwrap_or(Timestamp::MAX);
        let (attempts, due) = match why.why {
            _ if is_told && end.due > self.now => (0, end.due),
            WhyNotArmed::Unanswered => self.next_try(&end),
            WhyNotArmed::HeldOtherwise
            | WhyNotArmed::ForeignStatement
            | WhyNotArmed::NoRoom
            | WhyNotArmed::Refused
            | WhyNotArmed::Off => (0, PAUSE_REFUSED.after(self.now)),
        };
        let due = due.min(last);
        let state = match end.state {
            ArmedEndState::NotArmed { at, .. } if is_told => ArmedEndState::NotArmed { why, at },
            ArmedEndState::NotArmed { .. }
            | ArmedEndState::Wanted
            | ArmedEndState::Armed { .. }
            | ArmedEndState::Gone { .. } => ArmedEndState::NotArmed { why, at: self.now },
        };
        self.told.change.ends.push(ArmedEnd {
            state,
            attempts,
            due,
            ..end
        });
    }

    fn over(&mut self, end: ArmedEnd) {
        self.told.gone += 1;
        if end.armed_until().is_some() {
            let record = self.record(Event::EndDisarmed, &end);
            let words = "no session of Hallpass's access can be left: the access is gone, or existed before and stays";
            self.told.change.records.push(record.reason(words));
        }
        // releases creates that waited for its removal; an enforced hold would have kept them
        // released
        self.told.change.gates.push(GateChange {
            key: end.key.clone(),
            refused: None,
            at: self.now,
        });
        let state = ArmedEndState::Gone { at: self.now };
        self.told.change.ends.push(ArmedEnd { state, ..end });
    }

    fn open(&mut self, end: &ArmedEnd) {
        // sent creates stay: the store only opens closed gates
        if end.lasts_until.is_none() {
            self.told.change.gates.push(GateChange {
                key: end.key.clone(),
                refused: None,
                at: self.now,
            });
        }
    }

    fn record(&self, event: Event, end: &ArmedEnd) -> Draft {
        let id = AuditId::new(self.ids.next(self.now));
        Draft::new(id, event, self.now, "hallpass", Origin::System)
            .about(end.request, Some(end.grant))
            .subject(&end.holder, &end.key, &end.names)
    }
}

fn why_left_out(end: &ArmedEnd, look: &Look) -> NotArmed {
    if look.beside_foreign.contains(&end.key) {
        let words =
            "Hallpass's policy on the account has a foreign statement; an operator should check it";
        return NotArmed {
            why: WhyNotArmed::ForeignStatement,
            words: words.to_owned(),
        };
    }
    let narrow = if look.is_narrow {
        format!(
            " (AWS refuses more than {} characters in this organization)",
            facts::SCP_CHARACTERS_BEFORE.value
        )
    } else {
        String::new()
    };
    let words = format!(
        "the account's policies of enforced expiry are full{narrow}; see `access.armed_ends.policies`"
    );
    NotArmed {
        why: WhyNotArmed::NoRoom,
        words,
    }
}
