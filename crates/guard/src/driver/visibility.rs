//! Reads copies of the ends, and reports their absence.

use hallpass_audit::{Event, Record};
use hallpass_base::{HoldKey, TimeSpan, Timestamp};

use super::{Guard, GuardState, RestoredMark};
use crate::journal::{OF_NO_STORE, end_of, since_restored};
use crate::{Blindness, EndWatch, Parked, Status};

/// An older copy raises an alarm.
const COPY_AGE_MAX: TimeSpan = TimeSpan::minutes(10);
/// Journal interval.
const LOOKED_EVERY: TimeSpan = TimeSpan::hours(1);

#[derive(Default)]
pub(super) struct AwsVisibility {
    why_not: String,
    refused: Option<Blindness>,
    blindness: Option<Blindness>,
    looked_at: Option<Timestamp>,
}

impl Guard {
    pub async fn refresh(&self) {
        let mut why_not = Vec::new();
        let mut refused = None;
        for ends in &self.ports.ends {
            let copy = match ends.read().await {
                Ok(copy) => copy,
                Err(fault) => {
                    let why = fault.to_string();
                    if fault.is_alarming() {
                        let why = why.clone();
                        refused = Some(Blindness::NotBelieved { why });
                    }
                    why_not.push(why);
                    continue;
                }
            };
            let (source, now) = (copy.source, self.now());
            let mut state = self.state();
            if state.is_restored {
                state.is_restored = false;
                state.memory.take_restored(copy, now);
                state.restored = Some(RestoredMark::Untold);
                break;
            }
            match state.memory.take(copy, now) {
                Ok(()) => {
                    refused = None;
                    why_not.clear();
                    break;
                }
                Err(why) => {
                    let words = format!("{}: {why}", source.name());
                    if why.is_alarming() {
                        let why = words.clone();
                        refused = Some(Blindness::OlderCopy { why });
                    }
                    why_not.push(words);
                }
            }
        }
        let now = self.now();
        let news = {
            let mut state = self.state();
            state.sync();
            state.sight.why_not = why_not.join("; ");
            state.sight.refused = refused;
            state.news(now)
        };
        self.deliver(news, now).await;
    }

    /// Records failures once, and visible state every hour.
    async fn deliver(&self, news: GuardNotice, now: Option<Timestamp>) {
        match &news.blindness {
            Some(blindness) => {
                let words = blindness.words();
                tracing::error!(why = words, "the guard cannot see all that it should");
                if let Some(now) = now {
                    self.write([self.writer(now).blind(&words)]).await;
                }
            }
            None if news.sees_again => tracing::info!("the guard sees the ends again"),
            None => {}
        }
        let is_untold = self.state().restored == Some(RestoredMark::Untold);
        if let (true, Some(now)) = (is_untold, now) {
            self.state().restored = Some(RestoredMark::Told);
            self.write([self.writer(now).restored()]).await;
        }
        if let (Some(words), Some(now)) = (&news.looked, now) {
            self.write([self.writer(now).looked(words)]).await;
        }
    }

    /// Whether the newest copy still ends the key. If unreadable, uses the known copy: the server
    /// can restore access ended too early; nothing repairs a missed end.
    pub(super) async fn is_still_due(&self, key: &HoldKey) -> bool {
        for ends in &self.ports.ends {
            let newest = match ends.newest(key).await {
                Ok(newest) => newest,
                Err(fault) => {
                    tracing::debug!(error = %fault, "the newest copy cannot be read before a removal");
                    continue;
                }
            };
            let mut state = self.state();
            let checked = state.memory.check_newest(ends.source(), key, &newest);
            if let Err(why) = checked {
                tracing::warn!(source = ends.source().name(), error = %why, "a copy is not believed");
                continue;
            }
            return match newest.end {
                Some(end) => {
                    let due = self
                        .now()
                        .is_some_and(|now| now >= self.limits.bound.after(end.until));
                    if let Some(watch) = state.watches.get_mut(key) {
                        watch.change(&end);
                    }
                    due
                }
                None if state.memory.is_orphan(key) => true,
                None => {
                    // the server settled it
                    state.watches.remove(key);
                    false
                }
            };
        }
        true
    }

    pub fn status(&self) -> Status {
        let now = self.now();
        let state = self.state();
        let bound = self.limits.bound;
        let is_overdue = |watch: &&EndWatch| {
            let begins = bound.after(watch.end().until);
            now.is_some_and(|now| now >= begins) && watch.parked().is_none() && !watch.is_gone()
        };
        let parked = state.watches.values().filter_map(|watch| {
            let (since, reason) = watch.parked()?;
            Some(Parked {
                key: watch.end().key.to_string(),
                since,
                reason: reason.to_owned(),
            })
        });
        let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
        Status {
            name: self.limits.name.clone(),
            at: now,
            bound,
            source: state.memory.copy().map(|(source, _)| source),
            copy_age: state.memory.age(now),
            ends: count(state.memory.len()),
            overdue: count(state.watches.values().filter(is_overdue).count()),
            refused: count(state.watches.values().filter(|it| it.is_refused()).count()),
            parked: parked.collect(),
            ended_total: state.ended_total,
            blindness: state.blindness(now),
            aws_silent_since: state.aws_silent_since,
            not_listed: state.not_listed.clone(),
            wall_ahead_seconds: self.ports.time.wall_ahead_seconds(),
            unwritten: state.unwritten,
        }
    }

    /// Stores state for the next guard of this name. Omits a restored copy until the journal has
    /// the restore: the next guard would call it older, and the operator must declare it again.
    pub async fn keep(&self) {
        let kept = {
            let mut state = self.state();
            match state.restored {
                Some(RestoredMark::Untold) => return,
                Some(RestoredMark::Told) if state.unwritten > 0 => return,
                Some(RestoredMark::Told) | None => state.restored = None,
            }
            state.memory.to_keep()
        };
        if let Err(fault) = self.ports.memory.keep(&kept).await {
            tracing::warn!(error = %fault, "the guard's memory could not be kept; it is tried again");
        }
    }
}

struct GuardNotice {
    blindness: Option<Blindness>,
    sees_again: bool,
    looked: Option<String>,
}

impl GuardState {
    pub(super) fn recall(&mut self, records: &[Record]) {
        let is_ended = |record: &Record| record.event() == Event::GuardEnded.name();
        let has_removed = |record: &&Record| {
            is_ended(record) && record.fields().get("removed") == Some(&true.into())
        };
        let removed = records.iter().filter(has_removed).count();
        self.ended_total += u64::try_from(removed).unwrap_or(u64::MAX);
        for record in since_restored(records) {
            if let Some(end) = end_of(record).filter(|_| is_ended(record)) {
                self.begun.remove(&end.key);
                if end.rev > OF_NO_STORE {
                    self.memory.settle(&end.key, end.rev);
                }
            } else if let Some(end) =
                end_of(record).filter(|_| record.event() == Event::GuardEnding.name())
            {
                self.begun.insert(end.key, end.rev);
            }
        }
    }

    fn sync(&mut self) {
        let Self {
            memory,
            watches,
            begun,
            busy,
            ..
        } = self;
        let mut open = std::collections::BTreeSet::new();
        for end in memory.open() {
            open.insert(end.key.clone());
            let begun_before = begun.get(&end.key).is_some_and(|rev| *rev == end.rev);
            watches
                .entry(end.key.clone())
                .and_modify(|watch| watch.change(end))
                .or_insert_with(|| {
                    if begun_before {
                        EndWatch::begun_before(end.clone())
                    } else {
                        EndWatch::new(end.clone())
                    }
                });
        }
        watches
            .retain(|key, watch| open.contains(key) || watch.is_under_way() || busy.contains(key));
        self.told.retain(|key, _| open.contains(key));
    }

    fn news(&mut self, now: Option<Timestamp>) -> GuardNotice {
        let blindness = self.blindness(now);
        let before = std::mem::replace(&mut self.sight.blindness, blindness.clone());
        let is_new = match (&before, &blindness) {
            (Some(before), Some(after)) => !before.is_like(after),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let due = |at: Timestamp| now.is_some_and(|now| now >= LOOKED_EVERY.after(at));
        let is_time = now.is_some() && self.sight.looked_at.is_none_or(due);
        let looked = is_time.then(|| self.seen(now));
        if is_time {
            self.sight.looked_at = now;
        }
        GuardNotice {
            sees_again: before.is_some() && blindness.is_none(),
            blindness: blindness.filter(|_| is_new),
            looked,
        }
    }

    fn blindness(&self, now: Option<Timestamp>) -> Option<Blindness> {
        let why = self.sight.why_not.clone();
        if now.is_none() {
            return Some(Blindness::NoTime);
        }
        if self.memory.copy().is_none() {
            return Some(Blindness::NoCopy { why });
        }
        if let Some(refused) = self.sight.refused.clone() {
            return Some(refused);
        }
        let is_old = self.memory.age(now).is_none_or(|age| age > COPY_AGE_MAX);
        is_old.then_some(Blindness::OldCopy { why })
    }

    fn seen(&self, now: Option<Timestamp>) -> String {
        let Some((source, mark)) = self.memory.copy() else {
            return "no ends are known".to_owned();
        };
        let age = self.memory.age(now).unwrap_or(TimeSpan::ZERO);
        format!(
            "{} ends from {} up to record {}, {age} old",
            self.memory.len(),
            source.name(),
            mark.seq
        )
    }
}
