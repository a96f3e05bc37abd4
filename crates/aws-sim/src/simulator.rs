use std::{
    future::Future,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use crate::base::{ControlAccess, cut};
use crate::slack::SlackFacts;
use axum::{
    Router,
    body::Body,
    extract::{Request, State as Extract},
    http::Response,
    routing::any,
};
use hallpass_base::Clock;

use crate::{
    auth::{KeyRing, principal_of},
    control,
    core::{export::export, issue::default_key, load::Overrides},
    http::answer,
    organization::{Consistency, OrganizationFile, Problem, Speed},
    pages, state,
    world::{Shared, fresh, restored},
};

/// The largest request, in bytes.
const BODY_MAX: usize = 16 * 1024 * 1024;

pub const CALLS_KEPT: usize = 10_000;

/// Enforced authorization rules (`simulator.md` AU-4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authorization {
    /// Account-level rules, role trust, service control policies, and permission set policies for
    /// portal sessions.
    #[default]
    Rules,
    /// Also identity policies, boundaries, session policies and resource control policies.
    Full,
    /// Any valid caller may do anything inside its account.
    Off,
}

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub organization: OrganizationFile,
    pub seed: Option<u64>,
    /// Secret of every account's default key; absent: derived from the seed.
    pub secret: Option<String>,
    /// State log; overrides the organization, and other options override it. Refuses a different
    /// seed.
    pub state: Option<PathBuf>,
    /// Whether to throttle at the documented rates.
    pub throttle: bool,
    pub frozen_clock: bool,
    pub control_token: Option<String>,
    /// Host names of this machine, other than loopback, accepted by the control API.
    pub control_names: Vec<String>,
    /// Newest calls in the log; absent: `CALLS_KEPT`.
    pub calls_kept: Option<usize>,
    pub strict_scope: bool,
    pub authorization: Authorization,
    pub speed: Option<Speed>,
    pub consistency: Option<Consistency>,
    pub behaviour: Vec<(String, String)>,
    /// Portal address if the organization has none; absent: `https://<identity
    /// store>.awsapps.com/start`. With the simulator's own address (`http://127.0.0.1:4570/start`)
    /// it serves the portal's pages, also after a restart on another port.
    pub portal_url: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the organization has {} problems, first: {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Organization(Vec<Problem>),
    #[error("state log `{path}`")]
    State { path: PathBuf, source: io::Error },
}

#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `AKIA…`
    pub access_key_id: String,
    pub secret_access_key: String,
    /// Only with session keys.
    pub session_token: Option<String>,
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityCenterFacts {
    pub instance_arn: String,
    /// `d-…`
    pub identity_store_id: String,
    pub home_region: String,
    pub portal_url: String,
    /// AWS's portal address, also accepted: the aws CLI requires TLS.
    pub start_url: String,
    pub management_account: String,
}

/// Copies share one world.
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
        let kept = options.calls_kept.unwrap_or(CALLS_KEPT);
        let wall = clock.now();
        let found = match &options.state {
            Some(path) => state::read(path).map_err(|source| LoadError::State {
                path: path.clone(),
                source,
            })?,
            None => None,
        };
        let mut world = match found {
            Some(found) => restored(found, &overrides, kept, wall, options.frozen_clock),
            None => fresh(
                &options.organization,
                &overrides,
                kept,
                wall,
                options.frozen_clock,
            ),
        }
        .map_err(LoadError::Organization)?;
        if let Some(path) = options.state {
            world
                .keep_log(&path)
                .map_err(|source| LoadError::State { path, source })?;
        }
        let shared = Shared {
            slack: Arc::default(),
            clock,
            secret: options.secret,
            strict_scope: options.strict_scope,
            access: Arc::new(ControlAccess {
                token: options.control_token,
                names: options.control_names,
            }),
            overrides,
            world: Mutex::new(world),
        };
        shared.open_slack();
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The default key of an account; `None` for an unknown account.
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

    pub fn organization(&self) -> OrganizationFile {
        export(&self.shared.lock().state)
    }

    pub fn identity_center(&self) -> IdentityCenterFacts {
        let world = self.shared.lock();
        let center = &world.state.center;
        IdentityCenterFacts {
            instance_arn: center.instance_arn.clone(),
            identity_store_id: center.store.clone(),
            home_region: center.home_region.clone(),
            portal_url: center.portal_url.clone(),
            start_url: center.start_url(),
            management_account: world.state.head.management.clone(),
        }
    }

    /// Adds external CloudTrail records, all or none; returns their number.
    ///
    /// # Errors
    /// A record lacks an index member.
    pub fn add_events(&self, records: &[serde_json::Value]) -> Result<usize, String> {
        self.shared.add_events(records)
    }

    /// `None` without a section `slack` in the organization file.
    pub fn slack(&self) -> Option<SlackFacts> {
        self.shared.slack.facts()
    }

    /// Sets the address of Slack interactions, over the file's `request_url`, also for later loads.
    /// Slash commands go to the file's `command_url`; without one, to the same address with
    /// `/slack/commands` in place of a final `/slack/interactions`.
    pub fn set_slack_request_url(&self, url: impl Into<String>) {
        self.shared.slack.set_request_url(url.into());
    }

    /// The services at `/`, the control API under `/_sim/`, the simulated Slack under `/_slack/`,
    /// services of on-call schedules under `/_on_call/`, and of tickets under `/_tickets/`.
    pub fn router(&self) -> Router {
        let services = any(face).with_state(self.shared.clone());
        let slack = crate::slack::router(
            self.shared.slack.clone(),
            self.shared.clone(),
            &self.shared.access,
        );
        control::router(&self.shared, pages::router())
            .merge(slack)
            .merge(crate::on_call::router(&self.shared))
            .merge(crate::tickets::router(&self.shared))
            .fallback_service(services)
    }
}

/// Serves until `shutdown`, with connections that faults can break.
pub async fn serve(
    listener: tokio::net::TcpListener,
    simulator: Simulator,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    crate::base::serve(listener, simulator.router(), shutdown).await
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
        Err(how) => cut(&parts, how).await,
    }
}
