//! Runs one step from any state: probe, store the intent, send, store the answer.

use std::time::Duration;

use hallpass_base::{AuditId, TimeSpan};
use serde_json::Value;

use super::expected::no_longer_as_left;
use super::step_run::{CHANGED_BEFORE, NEVER_SHOWN, NOT_LOOKED_AT, StepStanding, Walk};
use super::{Applying, RunError, Runner};
use crate::journal::{Final, JournalEntry, SentBefore, StepEnd, StepState};
use crate::plan::{Plan, PlanStep, StepProbe, hash};
use crate::ports::{
    Effect, JournalAddition, JudgedState, PartDone, StepError, TargetChange, Verify, WriteAnswer,
};
use crate::retry::{Class, Retry, pause};

/// First poll delay: most operations are done by then. Doubles.
const POLL_PAUSE_FIRST: Duration = Duration::from_secs(1);
const POLL_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Jitter: plus or minus a fifth.
const POLL_SPREAD: u64 = 5;
/// Longer sleeps are split to renew the lane.
const NAP_MAX: Duration = Duration::from_secs(10);

fn poll_pause(asked: u32, chance: u64) -> Duration {
    let pause = POLL_PAUSE_FIRST.saturating_mul(1 << asked.min(8));
    let millis = u64::try_from(pause.min(POLL_PAUSE_MAX).as_millis()).unwrap_or(u64::MAX);
    let spread = millis / POLL_SPREAD;
    Duration::from_millis(millis - spread + chance % (2 * spread + 1))
}

enum Turn {
    Again,
    Verify(String),
    End(Final),
}

impl Runner {
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        step: &PlanStep,
        stands: StepStanding,
        applying: &Applying,
    ) -> Result<Final, RunError> {
        if step.lane.shared {
            self.take_for_step(&plan.id, &step.lane.name, applying.patience)
                .await?;
        }
        let stands = stands.with_kept(self.ports.hands.as_ref(), step);
        let walk = Walk {
            plan,
            step,
            began: self.ports.clock.now(),
            conflicts: 0,
            throttles: 0,
            sent: None,
            writes: stands.writes,
            unheard: stands.unheard,
            is_lost: false,
            accept_drift: applying.accept_drift,
            part: None,
        };
        let end = self.walk(walk, stands.place).await;
        if step.lane.shared {
            self.give_back(&step.lane.name).await?;
        }
        end
    }

    async fn walk(&self, mut walk: Walk<'_>, place: StepState) -> Result<Final, RunError> {
        let mut turn = match place {
            StepState::Planned => Turn::Again,
            StepState::Intent { old } => {
                (walk.sent, walk.is_lost) = (Some(old), true);
                Turn::Again
            }
            StepState::Accepted { remote, old } => {
                (walk.sent, walk.is_lost) = (Some(old), true);
                if self.ports.hands.has_parts(walk.step) {
                    Turn::Again
                } else {
                    Turn::Verify(remote)
                }
            }
            StepState::Final(end) => return Ok(end),
        };
        loop {
            turn = match turn {
                Turn::Again => self.look_and_act(&mut walk).await?,
                Turn::Verify(remote) => self.ask(&mut walk, &remote).await?,
                Turn::End(end) => return Ok(end),
            };
        }
    }

    async fn look_and_act(&self, walk: &mut Walk<'_>) -> Result<Turn, RunError> {
        self.still_ours(walk).await?;
        let sent = walk.sent_before();
        let seen = match self.ports.hands.look_again(walk.step, &sent).await {
            Ok(seen) => seen,
            Err(setback) => return self.set_back(walk, setback).await,
        };
        let (seen, is_judged) = self.without_changed_parts(walk, seen);
        match &seen {
            StepProbe::Satisfied => return self.satisfied(walk).await,
            StepProbe::Blocked { reason } => {
                let end = Final::without_change(StepEnd::Blocked, reason, self.seconds(walk));
                return self.finish(walk, end).await;
            }
            StepProbe::Drifted { reason } => {
                let end = Final::without_change(StepEnd::Drifted, reason, self.seconds(walk));
                return self.finish(walk, end).await;
            }
            StepProbe::Unseen { reason } => {
                let end = Final::without_change(StepEnd::Failed, reason, self.seconds(walk));
                return self.finish(walk, end).await;
            }
            StepProbe::InProgress { remote } => {
                self.accepted(walk, remote).await?;
                return Ok(Turn::Verify(remote.clone()));
            }
            StepProbe::Absent | StepProbe::Differs { .. } => {}
        }
        let whole = (!is_judged).then_some(&seen);
        match self.drift(walk, whole).await {
            Err(setback) => return self.set_back(walk, setback).await,
            Ok(Some(reason)) => {
                return self.drifted(walk, &reason, &seen, false).await;
            }
            Ok(None) => {}
        }
        let intent = JournalEntry::Intent {
            step: walk.step.id.clone(),
            token: walk.step.token.clone(),
            old: seen.old(),
        };
        // CRASH: from here on the write may have been sent; the next process probes first
        self.note(&walk.plan.id, &intent).await?;
        walk.sent.get_or_insert_with(|| seen.old());
        walk.writes.begin(self.ports.clock.now(), &walk.step.token);
        self.still_ours(walk).await?;
        match self.ports.hands.act(walk.wanted(), &seen).await {
            WriteAnswer::Done(effect) => self.changed(walk, effect).await,
            WriteAnswer::Accepted { remote } => {
                self.accepted(walk, &remote).await?;
                Ok(Turn::Verify(remote))
            }
            WriteAnswer::AlreadyThere { why } => {
                let again = StepError::later(Class::Conflict, why);
                self.nothing_done(walk, again).await
            }
            WriteAnswer::ChangedBefore => {
                let again = StepError::later(Class::Throttle, CHANGED_BEFORE.to_owned());
                self.nothing_done(walk, again).await
            }
            WriteAnswer::Setback(setback) => self.not_done(walk, setback).await,
        }
    }

    async fn not_done(&self, walk: &mut Walk<'_>, setback: StepError) -> Result<Turn, RunError> {
        let is_lost = |it: &Retry| it.class == Class::Throttle;
        walk.is_lost |= matches!(&setback, StepError::Retry(it) if is_lost(it));
        self.set_back(walk, setback).await
    }

    /// Discards a write without effect if it is the only one of the step: the existing state is not
    /// Hallpass's change.
    async fn nothing_done(&self, walk: &mut Walk<'_>, again: StepError) -> Result<Turn, RunError> {
        if walk.writes.at.len() == 1 {
            let step = walk.step.id.clone();
            self.note(&walk.plan.id, &JournalEntry::NotOurs { step })
                .await?;
            (walk.sent, walk.is_lost) = (None, false);
            walk.writes = SentBefore::default();
        }
        self.set_back(walk, again).await
    }

    /// Returns why nothing is written: another user changed the target (`organization.md` P-5).
    /// `whole`: the probe of a step not judged by parts.
    async fn drift(
        &self,
        walk: &Walk<'_>,
        whole: Option<&StepProbe>,
    ) -> Result<Option<String>, StepError> {
        let hands = self.ports.hands.as_ref();
        let is_ours = whole.is_some_and(|seen| walk.is_half_done(hands, &Value::Null, seen));
        if walk.is_unlooked() && !is_ours {
            return Ok(Some(NOT_LOOKED_AT.to_owned()));
        }
        if walk.accept_drift {
            return Ok(None);
        }
        let reason = whole.and_then(|seen| walk.drift(hands, seen));
        if let Some(reason) = reason {
            return Ok(Some(reason.to_owned()));
        }
        match walk.plan.takes_back.get(&walk.step.id) {
            Some(taken_back) if walk.sent.is_none() => {
                let left = self.ports.hands.probe(&taken_back.step).await?;
                Ok(no_longer_as_left(&left))
            }
            Some(_) | None => Ok(None),
        }
    }

    fn without_changed_parts(&self, walk: &mut Walk<'_>, seen: StepProbe) -> (StepProbe, bool) {
        let expected = walk.plan.expected.get(&walk.step.id);
        let Some(expected) = expected.filter(|_| !walk.accept_drift) else {
            return (seen, false);
        };
        let judged = JudgedState {
            expected,
            seen: &seen,
        };
        let part = self.ports.hands.without_changed_parts(walk.step, judged);
        let Some(part) = part else {
            return (seen, false);
        };
        if !part.left.is_empty() {
            let step = PlanStep {
                desired: part.desired,
                ..walk.step.clone()
            };
            walk.part = Some((step, part.left));
        }
        (part.seen, true)
    }

    async fn ask(&self, walk: &mut Walk<'_>, remote: &str) -> Result<Turn, RunError> {
        let mut asked = 0_u32;
        loop {
            self.still_ours(walk).await?;
            let mut not_shown = None;
            match self.ports.hands.verify(walk.wanted(), remote).await {
                Verify::NotShown(seen) => {
                    if let Some(reason) = walk.changed_after(self.ports.hands.as_ref(), &seen) {
                        return self.drifted(walk, &reason, &seen, false).await;
                    }
                    not_shown = Some(seen);
                }
                Verify::Done(effect) => return self.changed(walk, effect).await,
                Verify::Again(retry) => {
                    return self.set_back(walk, StepError::Retry(retry)).await;
                }
                Verify::Setback(setback @ StepError::Failed { .. }) => {
                    return self.set_back(walk, setback).await;
                }
                Verify::Setback(StepError::Retry(retry)) => {
                    tracing::debug!(why = retry.why, "an operation could not be queried");
                }
                Verify::Running => {}
            }
            if walk.step.timeout.after(walk.began) <= self.ports.clock.now() {
                if let Some(seen) = &not_shown {
                    return self.drifted(walk, NEVER_SHOWN, seen, true).await;
                }
                let reason = format!("`{remote}` is still under way");
                let seconds = self.seconds(walk);
                let end = Final::without_change(StepEnd::InProgress, reason, seconds);
                return Ok(Turn::End(end));
            }
            if asked == 0 {
                let poll = JournalEntry::Poll {
                    step: walk.step.id.clone(),
                    remote: remote.to_owned(),
                };
                self.note(&walk.plan.id, &poll).await?;
            }
            let chance = self.chance(walk.step, asked);
            self.wait(walk, poll_pause(asked, chance)).await?;
            asked = asked.saturating_add(1);
        }
    }

    /// Ends a step after its write, with its partial change. `unheard`: the write may take effect
    /// later.
    async fn drifted(
        &self,
        walk: &Walk<'_>,
        reason: &str,
        seen: &StepProbe,
        unheard: bool,
    ) -> Result<Turn, RunError> {
        let end = Final {
            old: seen.old(),
            unheard,
            ..Final::without_change(StepEnd::Drifted, reason, self.seconds(walk))
        };
        self.finish(walk, end).await
    }

    async fn satisfied(&self, walk: &mut Walk<'_>) -> Result<Turn, RunError> {
        // a write possibly sent before a crash or in a run without answer belongs to Hallpass and
        // is recorded like every change, even if a new run finds nothing to do
        walk.sent = walk.sent.take().or_else(|| walk.unheard.take());
        if walk.sent.is_some() {
            let effect = Effect {
                new: walk.wanted().desired.clone(),
                requests: Vec::new(),
            };
            return self.changed(walk, effect).await;
        }
        let outcome = if walk.part.is_some() {
            StepEnd::Drifted
        } else {
            StepEnd::Unchanged
        };
        let end = Final::without_change(outcome, walk.left(), self.seconds(walk));
        self.finish(walk, end).await
    }

    async fn changed(&self, walk: &mut Walk<'_>, effect: Effect) -> Result<Turn, RunError> {
        let outcome = if walk.part.is_some() {
            StepEnd::Drifted
        } else {
            StepEnd::Changed
        };
        let end = Final {
            old: walk.sent.clone().unwrap_or_default(),
            new: effect.new,
            requests: effect.requests,
            ..Final::without_change(outcome, walk.left(), self.seconds(walk))
        };
        self.finish_changed(walk, &end).await?;
        Ok(Turn::End(end))
    }

    async fn finish_changed(&self, walk: &Walk<'_>, end: &Final) -> Result<(), RunError> {
        let now = self.ports.clock.now();
        let change = TargetChange {
            audit: AuditId::new(self.ports.ids.next(now)),
            at: now,
            actor: self.keeper.actor.clone(),
            plan: walk.plan.id.clone(),
            plan_kind: walk.plan.kind.clone(),
            step: walk.step.id.clone(),
            step_kind: walk.step.kind.clone(),
            target: walk.step.target.clone(),
            old: end.old.clone(),
            new: end.new.clone(),
        };
        let entry = JournalEntry::Final {
            step: walk.step.id.clone(),
            end: end.clone(),
        };
        let added = JournalAddition {
            at: now,
            entry: &entry,
            change: Some(&change),
        };
        self.ports.store.append(&walk.plan.id, added).await?;
        Ok(())
    }

    async fn accepted(&self, walk: &mut Walk<'_>, remote: &str) -> Result<(), RunError> {
        let before = walk.unheard.take().unwrap_or_default();
        walk.sent.get_or_insert(before);
        walk.is_lost = true;
        walk.writes.answer(remote);
        let entry = JournalEntry::Accepted {
            step: walk.step.id.clone(),
            remote: remote.to_owned(),
        };
        self.note(&walk.plan.id, &entry).await
    }

    async fn set_back(&self, walk: &mut Walk<'_>, setback: StepError) -> Result<Turn, RunError> {
        let retry = match setback {
            StepError::Retry(retry) => retry,
            StepError::Failed { code, text } => {
                let reason = format!("{code}: {text}");
                let end = Final::without_change(StepEnd::Failed, reason, self.seconds(walk));
                return self.finish(walk, end).await;
            }
        };
        let tries = walk.count(retry.class);
        let chance = self.chance(walk.step, tries);
        let Some(pause) = pause(&retry, tries, chance) else {
            let reason = format!("given up after {tries} tries: {}", retry.why);
            let end = Final {
                unheard: walk.sent.is_some() && walk.is_lost,
                ..Final::without_change(StepEnd::Failed, reason, self.seconds(walk))
            };
            return self.finish(walk, end).await;
        };
        let note = JournalEntry::Note {
            step: Some(walk.step.id.clone()),
            text: format!("tried again after {} ms: {}", pause.as_millis(), retry.why),
        };
        self.note(&walk.plan.id, &note).await?;
        self.wait(walk, pause).await?;
        Ok(Turn::Again)
    }

    async fn finish(&self, walk: &Walk<'_>, mut end: Final) -> Result<Turn, RunError> {
        if let Some(part) = self.done_in_part(walk, &end).await {
            (end.old, end.new, end.unheard) = (part.old, part.new, false);
            self.finish_changed(walk, &end).await?;
        } else {
            self.finish_without_change(walk.plan, walk.step, &end)
                .await?;
        }
        Ok(Turn::End(end))
    }

    async fn done_in_part(&self, walk: &Walk<'_>, end: &Final) -> Option<PartDone> {
        match (&walk.sent, end.outcome) {
            (Some(before), StepEnd::Failed | StepEnd::Blocked | StepEnd::Drifted) => {
                self.ports.hands.done_in_part(walk.wanted(), before).await
            }
            _ => None,
        }
    }

    pub(super) async fn finish_without_change(
        &self,
        plan: &Plan,
        step: &PlanStep,
        end: &Final,
    ) -> Result<(), RunError> {
        let entry = JournalEntry::Final {
            step: step.id.clone(),
            end: end.clone(),
        };
        self.note(&plan.id, &entry).await
    }

    async fn still_ours(&self, walk: &Walk<'_>) -> Result<(), RunError> {
        self.renew(&format!("plan:{}", walk.plan.id)).await?;
        if walk.step.lane.shared {
            self.renew(&walk.step.lane.name).await?;
        }
        Ok(())
    }

    async fn wait(&self, walk: &Walk<'_>, span: Duration) -> Result<(), RunError> {
        let mut left = span;
        while !left.is_zero() {
            let nap = left.min(NAP_MAX);
            self.ports.nap.sleep(nap).await;
            left = left.saturating_sub(nap);
            self.still_ours(walk).await?;
        }
        Ok(())
    }

    /// Duration of the step; rounds up if it wrote.
    fn seconds(&self, walk: &Walk<'_>) -> u64 {
        let whole = TimeSpan::between(walk.began, self.ports.clock.now()).as_seconds();
        if walk.sent.is_some() {
            whole.max(1)
        } else {
            whole
        }
    }

    /// Jitter that differs between callers.
    pub(super) fn chance(&self, step: &PlanStep, tries: u32) -> u64 {
        let text = hash(&format!("{}|{}|{tries}", self.keeper.holder, step.id));
        let head: String = text.chars().take(16).collect();
        u64::from_str_radix(&head, 16).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_after_one_second_growing_to_five_each_a_fifth_more_or_less() {
        for (asked, seconds) in [(0, 1), (1, 2), (2, 4), (3, 5), (9, 5), (u32::MAX, 5)] {
            let due = Duration::from_secs(seconds);
            for chance in [0, 399, 1_000_003, u64::MAX] {
                let pause = poll_pause(asked, chance);
                assert!(
                    pause >= due * 4 / 5 && pause <= due * 6 / 5,
                    "{asked}: {pause:?}"
                );
            }
        }
    }
}
