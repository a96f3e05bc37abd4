//! The simulator as others compose it: options in, a router or a server out.

use std::{
    future::Future,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State as Extract},
    http::Response,
    routing::any,
};
use hallpass_model::Clock;
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    auth::{KeyRing, principal_of},
    control::{self, CallLog},
    core::{
        self,
        export::export,
        issue::default_key,
        load::{Overrides, load, place_portal},
        random::Random,
        state::SimState,
        table::Millis,
    },
    faults::Faults,
    http::{Conduct, ConnectionHandle, answer},
    organization::{Consistency, OrganizationFile, Problem, Speed},
    pages, services,
    slack::{self, Wires, Workspace},
    state::{self, Record, Snapshot, StateLog},
};

/// How far the numbering of calls jumps at a restart.
const NUMBERS_LEFT_OUT: u64 = 1_000_000;

/// The largest request that is read, in bytes.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// Which rules of who may call what are enforced (`simulator.md` AU-4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authorization {
    /// Account-level rules, role trust, service control policies, and the policies of permission
    /// sets for sessions of the access portal.
    #[default]
    Rules,
    /// Also identity policies, boundaries, session policies and resource control policies.
    Full,
    /// Any valid caller may do anything inside its account.
    Off,
}

/// How a simulator is made.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The organization.
    pub organization: OrganizationFile,
    /// Seed, over the file's.
    pub seed: Option<u64>,
    /// Secret of every account's default key; absent: derived from the seed.
    pub secret: Option<String>,
    /// State log; what is in it wins over the organization.
    pub state: Option<PathBuf>,
    /// Whether calls are throttled at the documented rates.
    pub throttle: bool,
    /// Whether the virtual clock moves only by `advance`.
    pub frozen_clock: bool,
    /// Token that the control API wants.
    pub control_token: Option<String>,
    /// Names of this machine, beside those of loopback, that the control API may be called by.
    pub control_names: Vec<String>,
    /// Calls kept in the log; 0 stands for 100,000.
    pub calls_kept: usize,
    /// Whether global services insist on their Region.
    pub strict_scope: bool,
    /// Which rules are enforced.
    pub authorization: Authorization,
    /// Durations of asynchronous operations, over the file's.
    pub speed: Option<Speed>,
    /// Read-after-write windows, over the file's.
    pub consistency: Option<Consistency>,
    /// Switches, over the file's.
    pub behaviour: Vec<(String, String)>,
    /// Address of the access portal where the organization names none; absent:
    /// `https://<identity store>.awsapps.com/start`. With the simulator's own address
    /// (`http://127.0.0.1:4570/start`) it serves the portal's pages itself, also after a restart
    /// on another port.
    pub portal_url: Option<String>,
}

/// Why a simulator could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The organization cannot be loaded.
    #[error("the organization has {} problems, first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Organization(Vec<Problem>),
    /// The state log cannot be read or written.
    #[error("state log `{path}`")]
    State {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Access keys as a client needs them.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…`
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// Only with session keys.
    pub session_token: Option<String>,
    /// ARN of the principal.
    pub principal: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Facts about IAM Identity Center that a server's configuration wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityCenterFacts {
    /// ARN of the instance.
    pub instance_arn: String,
    /// `d-…`
    pub identity_store_id: String,
    /// The Region it lives in.
    pub home_region: String,
    /// Address of the access portal.
    pub portal_url: String,
    /// The management account.
    pub management_account: String,
}

/// Facts about the simulated Slack that an app's configuration wants.
#[derive(Clone, PartialEq, Eq)]
pub struct SlackFacts {
    /// Token of the Web API, `xoxb-…`
    pub bot_token: String,
    /// Token of Socket Mode, `xapp-…`
    pub app_token: String,
    /// Key of the signatures on requests to the app.
    pub signing_secret: String,
    /// Id of the first channel, empty when there is none.
    pub channel: String,
    /// Id of the workspace, `T…`
    pub team: String,
}

impl std::fmt::Debug for SlackFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlackFacts")
            .field("channel", &self.channel)
            .field("team", &self.team)
            .finish_non_exhaustive()
    }
}

/// Everything that changes, under one lock.
pub(crate) struct SimWorld {
    pub state: SimState,
    pub faults: Faults,
    pub calls: CallLog,
    /// Virtual minus wall clock.
    pub offset: Millis,
    /// The virtual instant at which the clock stands still.
    pub frozen: Option<Millis>,
    /// The file that `reset` goes back to.
    pub loaded: OrganizationFile,
    /// The simulated Slack; not in the state log: after a restart nothing has been said.
    pub slack: Option<Workspace>,
    /// Where the app's requests go, over the file's.
    pub slack_url: Option<String>,
    seq: u64,
    log: Option<StateLog>,
}

impl SimWorld {
    /// The virtual instant of a wall clock.
    pub(crate) fn now(&self, wall: Timestamp) -> Millis {
        self.frozen
            .unwrap_or_else(|| wall.as_millisecond() + self.offset)
    }

    /// The number of the next call.
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// The request id of a call.
    pub(crate) fn request_id(&self, seq: u64) -> String {
        Random::new(self.state.seed, &format!("request {seq}")).uuid()
    }

    /// Starts the simulated Slack anew from the organization as it is.
    pub(crate) fn open_slack(&mut self) {
        let before = self.slack.as_ref().map_or(0, |space| space.revision);
        let section = self.state.slack.as_ref();
        self.slack = section.map(|section| Workspace::new(section, self.state.seed));
        if let Some(space) = &mut self.slack {
            space.revision = before + 1;
            if self.slack_url.is_some() {
                space.settings.request_url.clone_from(&self.slack_url);
            }
        }
    }

    /// Puts a change on disk.
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

    /// Starts the log anew from the state as it is.
    pub(crate) fn snapshot(&mut self) -> io::Result<()> {
        let Some(log) = &self.log else { return Ok(()) };
        let path = log.path().to_owned();
        self.log = Some(self.start_log(&path)?);
        Ok(())
    }

    fn start_log(&self, path: &std::path::Path) -> io::Result<StateLog> {
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
                let _ = control::command(&mut self.state, &name, &body, seq, now);
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
    pub control_token: Option<String>,
    pub control_names: Vec<String>,
    pub overrides: Overrides,
    /// Connections of the app to the simulated Slack.
    pub wires: Wires,
    /// For requests to the app.
    pub http: reqwest::Client,
    world: Mutex<SimWorld>,
}

impl Shared {
    /// The one lock. A panic of another holder does not poison it: the core has no half-made
    /// state to protect, and a simulator that stops answering helps nobody.
    pub(crate) fn lock(&self) -> MutexGuard<'_, SimWorld> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The simulated organization. Copies share one world.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Simulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulator").finish_non_exhaustive()
    }
}

impl Simulator {
    /// Makes a simulator, from the state log if there is one, else from the organization.
    ///
    /// # Errors
    /// See `LoadError`.
    pub fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, LoadError> {
        let overrides = Overrides {
            seed: options.seed,
            speed: options.speed,
            consistency: options.consistency,
            behaviour: options.behaviour,
            throttle: options.throttle,
            authorize: options.authorization != Authorization::Off,
            full: options.authorization == Authorization::Full,
            portal_url: options.portal_url,
        };
        let kept = if options.calls_kept == 0 {
            100_000
        } else {
            options.calls_kept
        };
        let wall = clock.now();
        let found = match &options.state {
            Some(path) => state::read(path).map_err(|source| LoadError::State {
                path: path.clone(),
                source,
            })?,
            None => None,
        };
        let mut world = match found {
            Some(found) => restored(found, &overrides, kept),
            None => fresh(
                &options.organization,
                &overrides,
                kept,
                wall,
                options.frozen_clock,
            )
            .map_err(LoadError::Organization)?,
        };
        if let Some(path) = options.state {
            let started = world.start_log(&path);
            world.log = Some(started.map_err(|source| LoadError::State { path, source })?);
        }
        world.open_slack();
        let shared = Shared {
            wires: Wires::default(),
            http: client(),
            clock,
            secret: options.secret,
            strict_scope: options.strict_scope,
            control_token: options.control_token,
            control_names: options.control_names,
            overrides,
            world: Mutex::new(world),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The default key of an account; `None` when there is no such account.
    pub fn credentials(&self, account: &str) -> Option<Credentials> {
        let world = self.shared.lock();
        world.state.account(account)?;
        let ring = KeyRing {
            state: &world.state,
            secret: self.shared.secret.as_deref(),
        };
        Some(Credentials {
            access_key_id: default_key(account),
            secret_access_key: ring.default_secret(account),
            session_token: None,
            principal: principal_of(account),
        })
    }

    /// The organization as it is now, with every id.
    pub fn organization(&self) -> OrganizationFile {
        export(&self.shared.lock().state)
    }

    /// Facts about IAM Identity Center.
    pub fn identity_center(&self) -> IdentityCenterFacts {
        let world = self.shared.lock();
        let center = &world.state.center;
        IdentityCenterFacts {
            instance_arn: center.instance_arn.clone(),
            identity_store_id: center.store.clone(),
            home_region: center.home_region.clone(),
            portal_url: center.portal_url.clone(),
            management_account: world.state.head.management.clone(),
        }
    }

    /// Facts about the simulated Slack; `None` when the organization file has no section `slack`.
    pub fn slack(&self) -> Option<SlackFacts> {
        let world = self.shared.lock();
        let settings = &world.slack.as_ref()?.settings;
        let channel = settings.channels.first();
        Some(SlackFacts {
            bot_token: settings.bot_token.clone(),
            app_token: settings.app_token.clone(),
            signing_secret: settings.signing_secret.clone(),
            channel: channel
                .map(|channel| channel.id.clone())
                .unwrap_or_default(),
            team: settings.team.clone(),
        })
    }

    /// Sets where the simulated Slack sends interactions, over the file's `request_url` and for
    /// files loaded later, too. Slash commands go to the file's `command_url`; without one, to
    /// the same address with `/slack/commands` in place of `/slack/interactions` at its end, or
    /// to the same address when it ends otherwise.
    pub fn set_slack_request_url(&self, url: impl Into<String>) {
        let mut world = self.shared.lock();
        world.slack_url = Some(url.into());
        let url = world.slack_url.clone();
        if let Some(space) = &mut world.slack {
            space.settings.request_url = url;
        }
    }

    /// All of it over HTTP: the services at `/`, the control API under `/_sim/`, the simulated
    /// Slack under `/_slack/`.
    pub fn router(&self) -> Router {
        let services = any(face).with_state(self.shared.clone());
        control::router(self.shared.clone())
            .merge(slack::router(self.shared.clone()))
            .fallback_service(services)
    }
}

/// Serves the simulator until `shutdown`, over connections that faults can cut.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: tokio::net::TcpListener,
    simulator: Simulator,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    crate::http::serve(listener, simulator.router(), shutdown).await
}

async fn face(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_MAX).await else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = http::StatusCode::PAYLOAD_TOO_LARGE;
        return response;
    };
    if let Some(page) = pages::answer(&shared, &parts, &body) {
        return page;
    }
    match answer(&shared, &parts, body).await {
        Ok(response) => response,
        Err(conduct) => cut(&parts, conduct),
    }
}

/// Ends the connection without an answer. On a server that is not ours there is no line to cut;
/// there the body breaks off.
pub(crate) fn cut(parts: &http::request::Parts, conduct: Conduct) -> Response<Body> {
    if let Some(ConnectInfo(line)) = parts.extensions.get::<ConnectInfo<ConnectionHandle>>() {
        line.cut(conduct);
    }
    let broken = futures_util::stream::once(async {
        Err::<bytes::Bytes, _>(io::Error::other("cut by a fault"))
    });
    Response::new(Body::from_stream(broken))
}

/// For requests to the app: never through a proxy, never further than told.
fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none());
    builder.build().unwrap_or_default()
}

fn fresh(
    file: &OrganizationFile,
    overrides: &Overrides,
    kept: usize,
    wall: Timestamp,
    frozen: bool,
) -> Result<SimWorld, Vec<Problem>> {
    let value = serde_json::to_value(file).unwrap_or(Value::Null);
    let file = crate::organization::parse_value(value)?;
    let state = load(&file, overrides)?;
    let start = file
        .clock
        .as_ref()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .unwrap_or(wall);
    let mut world = SimWorld {
        state,
        faults: Faults::default(),
        calls: CallLog::new(kept),
        offset: start.as_millisecond() - wall.as_millisecond(),
        frozen: frozen.then(|| start.as_millisecond()),
        loaded: file,
        slack: None,
        slack_url: None,
        seq: 0,
        log: None,
    };
    world.state.latest = start.as_millisecond();
    Ok(world)
}

fn restored(found: state::LoadedLog, overrides: &Overrides, kept: usize) -> SimWorld {
    let snapshot = found.snapshot;
    let mut world = SimWorld {
        state: snapshot.state,
        faults: Faults::default(),
        calls: CallLog::new(kept),
        offset: snapshot.offset,
        frozen: snapshot.frozen,
        loaded: serde_json::from_value(snapshot.loaded).unwrap_or_default(),
        slack: None,
        slack_url: None,
        seq: snapshot.seq,
        log: None,
    };
    // a log from before there were policies
    world.state.found_guardrails();
    for record in found.records {
        world.replay(record);
    }
    // calls that changed nothing left no number behind; none of theirs is drawn again
    world.seq += NUMBERS_LEFT_OUT;
    place_portal(
        &mut world.state,
        &world.loaded,
        overrides.portal_url.as_deref(),
    );
    world.state.settings.throttle = overrides.throttle;
    world.state.settings.authorize = overrides.authorize;
    world.state.settings.full = overrides.full;
    world
}
