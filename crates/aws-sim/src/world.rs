//! All mutable state under one lock, with clock, state log and access control.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::base::{ControlAccess, Millis, Random, Refusal, instant};
use crate::slack::SlackSimulator;
use axum::http::StatusCode;
use hallpass_base::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    call_log::{CallLog, CallRecord},
    commands,
    core::{
        self,
        event_history::HistoryEvent,
        load::{Overrides, load, place_portal},
        state::SimState,
    },
    faults::Faults,
    organization::{OrganizationFile, Problem, parse_value},
    services,
    state::{LoadedLog, Record, Snapshot, StateLog},
};

const NUMBERS_LEFT_OUT: u64 = 1_000_000;

pub(crate) struct SimWorld {
    pub state: SimState,
    pub faults: Faults,
    pub calls: CallLog,
    /// Virtual minus wall clock.
    pub offset: Millis,
    /// The instant of a stopped clock.
    pub frozen: Option<Millis>,
    pub loaded: OrganizationFile,
    seq: u64,
    log: Option<StateLog>,
}

impl SimWorld {
    pub(crate) fn now(&self, wall: Timestamp) -> Millis {
        self.frozen
            .unwrap_or_else(|| wall.as_millisecond() + self.offset)
    }

    pub(crate) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub(crate) fn request_id(&self, seq: u64) -> String {
        Random::new(self.state.seed, &format!("request {seq}")).uuid()
    }

    pub(crate) fn persist(&mut self, record: &Record) -> io::Result<()> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        log.append(record)?;
        if log.is_long() {
            self.snapshot()?;
        }
        Ok(())
    }

    pub(crate) fn snapshot(&mut self) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let path = log.path().to_owned();
        self.keep_log(&path)
    }

    pub(crate) fn keep_log(&mut self, path: &Path) -> io::Result<()> {
        self.log = Some(self.start_log(path)?);
        Ok(())
    }

    /// Runs a command, logs it as a foreign call, and syncs it.
    pub(crate) fn run_command(
        &mut self,
        wall: Timestamp,
        name: &str,
        body: Value,
    ) -> Result<Value, Refusal> {
        let seq = self.next_seq();
        let now = self.now(wall);
        let command = commands::Command {
            name,
            body: &body,
            seq,
        };
        let answer = commands::run(&mut self.state, command, now)?;
        // the state ignores a clock set back
        let now = self.state.latest.max(now);
        if name == "mutate" {
            let operation = body
                .as_object()
                .and_then(|body| body.keys().find(|key| *key != "async"));
            let operation = operation.cloned().unwrap_or_default();
            let shown = json!({
                "seq": seq, "at": instant(now), "wall": wall.to_string(), "service": "sim",
                "operation": operation, "caller": { "arn": "somebody-else" }, "request": body,
                "outcome": "ok", "effect": true,
            });
            self.calls.push(CallRecord {
                seq,
                service: "sim".to_owned(),
                operation,
                outcome: "ok",
                shown,
            });
        }
        let record = Record::Command {
            name: name.to_owned(),
            body,
            seq,
            now,
        };
        self.persist(&record).map_err(|error| {
            tracing::error!(%error, "the state log could not be written");
            Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "state_log",
                "the change could not be recorded",
            )
        })?;
        Ok(answer)
    }

    fn start_log(&self, path: &Path) -> io::Result<StateLog> {
        let snapshot = Snapshot {
            version: 1,
            seq: self.seq,
            offset: self.offset,
            frozen: self.frozen,
            loaded: serde_json::to_value(&self.loaded)?,
            state: self.state.clone(),
        };
        StateLog::start(path, &snapshot)
    }

    fn replay(&mut self, record: Record) {
        match record {
            Record::Call { call, caller, now } => {
                self.seq = self.seq.max(call.seq);
                let _ = services::handle(&mut self.state, &call, &caller, now).changed;
            }
            Record::Command {
                name,
                body,
                seq,
                now,
            } => {
                self.seq = self.seq.max(seq);
                let command = commands::Command {
                    name: &name,
                    body: &body,
                    seq,
                };
                let _ = commands::run(&mut self.state, command, now);
            }
            Record::Clock {
                offset,
                frozen,
                now,
            } => {
                self.offset = offset;
                self.frozen = frozen;
                core::advance(&mut self.state, now);
            }
        }
    }
}

pub(crate) struct Shared {
    pub clock: Arc<dyn Clock>,
    pub secret: Option<String>,
    pub strict_scope: bool,
    pub access: Arc<ControlAccess>,
    pub overrides: Overrides,
    /// Lock order: before the world's lock, never after.
    pub slack: Arc<SlackSimulator>,
    pub world: Mutex<SimWorld>,
}

impl Shared {
    /// The one lock. Ignores poison: the core has no half-made state, and the simulator must keep
    /// answering.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SimWorld> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restarts the simulated Slack from the current organization.
    pub(crate) fn open_slack(&self) {
        self.slack.open(|| {
            let world = self.lock();
            (world.state.slack.clone(), world.state.seed)
        });
    }

    /// Adds all CloudTrail records or none; returns their number.
    pub(crate) fn add_events(&self, records: &[Value]) -> Result<usize, String> {
        let events: Result<Vec<HistoryEvent>, String> =
            records.iter().map(HistoryEvent::brought).collect();
        let events = events?;
        let added = events.len();
        let mut world = self.lock();
        for event in events {
            world.state.note_sign_in(event);
        }
        Ok(added)
    }

    pub(crate) fn run(&self, name: &str, body: Value) -> Result<Value, Refusal> {
        let wall = self.clock.now();
        self.lock().run_command(wall, name, body)
    }
}

pub(crate) fn fresh(
    file: &OrganizationFile,
    overrides: &Overrides,
    kept: usize,
    wall: Timestamp,
    frozen: bool,
) -> Result<SimWorld, Vec<Problem>> {
    let value = serde_json::to_value(file).unwrap_or(Value::Null);
    let file = parse_value(value)?;
    let state = load(&file, overrides)?;
    let start = file
        .clock
        .as_ref()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .unwrap_or(wall);
    let mut world = SimWorld {
        state,
        faults: Faults::default(),
        calls: CallLog::new(kept, 0),
        offset: start.as_millisecond() - wall.as_millisecond(),
        frozen: frozen.then(|| start.as_millisecond()),
        loaded: file,
        seq: 0,
        log: None,
    };
    world.state.start(start.as_millisecond());
    Ok(world)
}

/// A world from a state log, with overriding options.
pub(crate) fn restored(
    found: LoadedLog,
    overrides: &Overrides,
    kept: usize,
    wall: Timestamp,
    frozen: bool,
) -> Result<SimWorld, Vec<Problem>> {
    let snapshot = found.snapshot;
    let mut world = SimWorld {
        state: snapshot.state,
        faults: Faults::default(),
        calls: CallLog::new(kept, 0),
        offset: snapshot.offset,
        frozen: snapshot.frozen,
        loaded: serde_json::from_value(snapshot.loaded).unwrap_or_default(),
        seq: snapshot.seq,
        log: None,
    };
    // a log from before there were policies
    world.state.found_guardrails();
    for record in found.records {
        world.replay(record);
    }
    // calls without changes left no number in the log; the gap avoids reusing theirs
    world.seq += NUMBERS_LEFT_OUT;
    world.calls = CallLog::new(kept, world.seq);
    let now = world.now(wall);
    world.offset = now - wall.as_millisecond();
    world.frozen = frozen.then_some(now);
    place_portal(
        &mut world.state,
        &world.loaded,
        overrides.portal_url.as_deref(),
    );
    override_settings(&mut world.state, overrides)?;
    Ok(world)
}

/// Applies overriding options. Everything drawn depends on the seed, so it must not change.
fn override_settings(state: &mut SimState, overrides: &Overrides) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    if let Some(seed) = overrides.seed.filter(|seed| *seed != state.seed) {
        let text = format!(
            "{seed} is not the seed that the state was made of: {}",
            state.seed
        );
        problems.push(Problem::new("/seed", text));
    }
    let settings = &mut state.settings;
    for (name, value) in &overrides.behaviour {
        if let Err(message) = settings.behaviour.set(name, value) {
            problems.push(Problem::new(format!("/behaviour/{name}"), message));
        }
    }
    settings.consistency = overrides.consistency.unwrap_or(settings.consistency);
    settings.speed = overrides.speed.unwrap_or(settings.speed);
    settings.throttle = overrides.throttle;
    settings.authorize = overrides.authorize;
    settings.full = overrides.full;
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}
