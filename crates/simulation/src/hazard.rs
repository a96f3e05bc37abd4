//! Hazards of one node process: failing calls, lost answers, kills, pauses, cut connections.
//!
//! Every port call of the process passes here. A paused process does nothing until it resumes; a
//! killed one never acts again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use hallpass_store::{LeaderRow as _, Leadership, NodeIdentity};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::landmarks::Landmark;
use crate::ledger::Ledger;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Read,
    Write,
    Aws,
    Send,
    Lead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    Fail,
    LoseAnswer,
    KillBefore,
    KillAfter,
    PauseBefore(Duration),
    PauseAfter(Duration),
    /// The process pauses after the last look, right before the write is sent to AWS.
    PauseUnsent(Duration),
}

/// Frequency of each mishap per 10,000 calls.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chances {
    pub(crate) fail: u32,
    pub(crate) lose_answer: u32,
    pub(crate) kill: u32,
    pub(crate) pause: u32,
    pub(crate) pause_unsent: u32,
}

impl Chances {
    fn is_none(self) -> bool {
        let all = [
            self.fail,
            self.lose_answer,
            self.kill,
            self.pause,
            self.pause_unsent,
        ];
        all.iter().all(|chance| *chance == 0)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Planned {
    pub call: u64,
    pub mishap: Mishap,
}

struct State {
    rng: Rng,
    chances: Chances,
    planned: Option<Planned>,
    calls: u64,
    paused_until: Option<Instant>,
    is_killed: bool,
    store_away_until: Option<Instant>,
    row_away_until: Option<Instant>,
    aws_away_until: Option<Instant>,
    pause_unsent: Option<Duration>,
    hindered_at: Option<Instant>,
    is_calm: bool,
}

pub(crate) struct Hazard {
    state: Mutex<State>,
    goes_on: Notify,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) node: NodeIdentity,
    /// The leader row, read past every gate.
    truth: Leadership,
}

impl Hazard {
    pub(crate) fn new(
        rng: Rng,
        (chances, planned): (Chances, Option<Planned>),
        ledger: &Arc<Ledger>,
        node: &NodeIdentity,
        truth: &Leadership,
    ) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                rng,
                chances,
                planned,
                calls: 0,
                paused_until: None,
                is_killed: false,
                store_away_until: None,
                row_away_until: None,
                aws_away_until: None,
                pause_unsent: None,
                hindered_at: Some(Instant::now()),
                is_calm: chances.is_none(),
            }),
            goes_on: Notify::new(),
            ledger: Arc::clone(ledger),
            node: node.clone(),
            truth: truth.clone(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.state().is_killed
    }

    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(crate) fn paused_until(&self) -> Option<Instant> {
        let now = Instant::now();
        self.state().paused_until.filter(|until| now < *until)
    }

    pub(crate) fn kill(&self) {
        self.state().is_killed = true;
    }

    pub(crate) fn pause(&self, span: Duration) {
        let until = Instant::now() + span;
        let mut state = self.state();
        state.paused_until = state.paused_until.max(Some(until));
        state.hindered_at = state.hindered_at.max(Some(until));
    }

    pub(crate) fn cut_off(&self, port: Port, span: Duration) {
        let until = Some(Instant::now() + span);
        let mut state = self.state();
        match port {
            Port::Aws | Port::Send => state.aws_away_until = until,
            Port::Read | Port::Write => {
                state.store_away_until = until;
                state.row_away_until = until;
                state.hindered_at = state.hindered_at.max(until);
            }
            // the leader session uses a separate connection
            Port::Lead => {
                state.row_away_until = until;
                state.hindered_at = state.hindered_at.max(until);
            }
        }
    }

    pub(crate) fn calm(&self) {
        let mut state = self.state();
        state.chances = Chances::default();
        state.planned = None;
        state.paused_until = None;
        state.store_away_until = None;
        state.row_away_until = None;
        state.aws_away_until = None;
        state.pause_unsent = None;
        state.is_calm = true;
        drop(state);
        self.goes_on.notify_waiters();
    }

    pub(crate) fn unhindered_since(&self) -> Option<Instant> {
        let state = self.state();
        let since = state.hindered_at.filter(|at| *at <= Instant::now());
        since.filter(|_| !state.is_killed)
    }

    /// Returns whether a pause ended within the last tenth of a second.
    pub(crate) fn has_just_gone_on(&self) -> bool {
        let until = self.state().paused_until;
        until.is_some_and(|until| until.elapsed() < Duration::from_millis(100))
    }

    pub(crate) fn wake(&self) {
        self.goes_on.notify_waiters();
    }

    /// Waits until the process is not paused; never returns once it is killed.
    pub(crate) async fn going_on(&self) {
        loop {
            let goes_on = self.goes_on.notified();
            if self.is_killed() {
                std::future::pending::<()>().await;
            }
            if self.paused_until().is_none() {
                return;
            }
            goes_on.await;
        }
    }

    async fn wait(&self, span: Duration) {
        if !span.is_zero() {
            sleep(span).await;
        }
        self.going_on().await;
    }

    /// Applies the pause planned right before a write is sent.
    pub(crate) async fn unsent(&self) -> bool {
        let pause = self.state().pause_unsent.take();
        if let Some(span) = pause {
            self.pause(span);
            self.going_on().await;
        }
        pause.is_some()
    }

    /// Returns the travel time of a request to AWS.
    pub(crate) fn way(&self) -> Duration {
        let mut state = self.state();
        let slow = state.rng.u8(0..4) == 0 && !state.is_calm;
        let most = if slow { 1_000 } else { 40 };
        Duration::from_millis(state.rng.u64(1..=most))
    }

    fn draw(&self, port: Port) -> (Option<Mishap>, Duration) {
        let mut state = self.state();
        state.calls += 1;
        let call = state.calls;
        let latency = match port {
            Port::Read | Port::Write if state.rng.u8(0..4) > 0 => 0,
            Port::Read | Port::Write => state.rng.u64(1..=3),
            Port::Aws | Port::Send => state.rng.u64(2..=60),
            Port::Lead => state.rng.u64(1..=20),
        };
        let latency = Duration::from_millis(latency);
        if let Some(planned) = state.planned {
            return ((planned.call == call).then_some(planned.mishap), latency);
        }
        // writes to AWS are rare and matter most
        let weight = if port == Port::Send { 10 } else { 1 };
        let chances = state.chances;
        let mut at = state.rng.u32(0..10_000);
        let mut comes = |chance: u32| {
            let is_here = at < chance * weight;
            at = at.saturating_sub(chance * weight);
            is_here
        };
        let span = |rng: &mut Rng| Duration::from_millis(rng.u64(200..12_000));
        let mishap = if comes(chances.fail) {
            Some(Mishap::Fail)
        } else if comes(chances.lose_answer) {
            Some(Mishap::LoseAnswer)
        } else if comes(chances.kill) {
            let after = state.rng.bool();
            Some(if after {
                Mishap::KillAfter
            } else {
                Mishap::KillBefore
            })
        } else if comes(chances.pause) {
            let span = span(&mut state.rng);
            let after = state.rng.bool();
            Some(if after {
                Mishap::PauseAfter(span)
            } else {
                Mishap::PauseBefore(span)
            })
        } else if port == Port::Send && comes(chances.pause_unsent) {
            Some(Mishap::PauseUnsent(span(&mut state.rng)))
        } else {
            None
        };
        (mishap, latency)
    }

    fn is_away(&self, port: Port) -> bool {
        let state = self.state();
        let until = match port {
            Port::Aws | Port::Send => state.aws_away_until,
            Port::Read | Port::Write => state.store_away_until,
            Port::Lead => state.row_away_until,
        };
        until.is_some_and(|until| Instant::now() < until)
    }

    fn note_away(&self, port: Port, works: bool) {
        let reached = &self.ledger.reached;
        match port {
            Port::Aws | Port::Send if works => reached.note(Landmark::AwsCutOff),
            Port::Write if works => reached.note(Landmark::StoreCutOff),
            Port::Read | Port::Write | Port::Aws | Port::Send | Port::Lead => {}
        }
    }

    fn note_lost(&self, port: Port) {
        let reached = &self.ledger.reached;
        match port {
            Port::Send => reached.note(Landmark::AnswerLost),
            Port::Write => reached.note(Landmark::CommitLost),
            Port::Lead => reached.note(Landmark::RenewalLost),
            Port::Read | Port::Aws => {}
        }
    }

    /// Returns whether this process leads according to the store.
    pub(crate) async fn truly_leads(&self) -> bool {
        let found = self.truth.look().await;
        let leader = found.ok().flatten();
        leader.is_some_and(|it| !it.is_over && it.node.id == self.node.id)
    }

    pub(crate) async fn truly_leads_in(&self, epoch: u64) -> bool {
        let found = self.truth.look().await;
        let leader = found.ok().flatten();
        leader.is_some_and(|it| !it.is_over && it.is_of(&self.node.id, epoch))
    }

    /// Passes a call to `port`; `works` marks leader work.
    pub(crate) async fn pass<T, E>(
        &self,
        (port, works): (Port, bool),
        call: impl Future<Output = Result<T, E>>,
        fault: impl Fn(&str) -> E,
    ) -> Result<T, E> {
        self.going_on().await;
        let (mishap, latency) = self.draw(port);
        if port == Port::Lead && mishap.is_some() {
            let mut state = self.state();
            state.hindered_at = state.hindered_at.max(Some(Instant::now()));
        }
        self.wait(latency).await;
        if self.is_away(port) {
            self.note_away(port, works);
            self.wait(Duration::from_secs(1)).await;
            return Err(fault("nothing answers there"));
        }
        match mishap {
            Some(Mishap::Fail) => return Err(fault("simulated failure before the effect")),
            Some(Mishap::KillBefore) => self.kill(),
            Some(Mishap::PauseBefore(span)) => self.pause(span),
            Some(Mishap::PauseUnsent(span)) => self.state().pause_unsent = Some(span),
            Some(Mishap::LoseAnswer | Mishap::KillAfter | Mishap::PauseAfter(_)) | None => {}
        }
        self.going_on().await;
        let answer = call.await;
        if works && port == Port::Write {
            self.hold_against_the_fence(answer.is_ok()).await;
        }
        match mishap {
            Some(Mishap::KillAfter) => self.kill(),
            Some(Mishap::PauseAfter(span)) => self.pause(span),
            Some(Mishap::LoseAnswer) => {
                self.note_lost(port);
                return Err(fault("simulated failure after the effect"));
            }
            Some(_) | None => {}
        }
        self.wait(if matches!(port, Port::Aws | Port::Send) {
            latency
        } else {
            Duration::ZERO
        })
        .await;
        answer
    }

    /// Checks that leader work was written by the current leader.
    async fn hold_against_the_fence(&self, was_written: bool) {
        let leads = self.truly_leads().await;
        match (was_written, leads) {
            (true, false) => self.ledger.note_unfenced(&self.node.name),
            (false, false) => self.ledger.reached.note(Landmark::FenceRefused),
            (_, true) => {}
        }
    }
}
