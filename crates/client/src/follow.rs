//! Follows a request until its access is active or impossible.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use hallpass_api::{EndCause, Grant, GrantState, Request, RequestState};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::{health, lists, states, time};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;
use hallpass_terminal::words;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::tables::{self, Viewpoint};

const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_LATER: Duration = Duration::from_secs(2);
const FIRST_FOR: Duration = Duration::from_secs(15);
const TICK: Duration = Duration::from_millis(120);

#[derive(Debug)]
pub enum Followed {
    Active(Box<Grant>),
    Over(Box<Last>, Failure),
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "there are few of them at a time")]
pub enum Last {
    Request(Request),
    Grant(Grant),
}

/// Polls until the access is active, impossible, or `patience` expires. Retries while the server is
/// unreachable.
pub async fn follow(client: &Client, last: Last, patience: TimeSpan) -> Result<Followed, Failure> {
    follow_since(client, last, patience, Instant::now()).await
}

/// Follows one of several requests with a common start. Polls at least once, even after `patience`.
pub async fn follow_since(
    client: &Client,
    mut last: Last,
    patience: TimeSpan,
    begun: Instant,
) -> Result<Followed, Failure> {
    let limit = Duration::from_secs(patience.as_seconds());
    let mut is_old = begun.elapsed() >= limit;
    let mut progress = Progress::new();
    loop {
        progress.show(&headline(&last));
        if let Some(failure) = over(&last, &Viewpoint::here()) {
            return Ok(Followed::Over(Box::new(last), failure));
        }
        match last {
            Last::Grant(grant)
                if grant.state == GrantState::Active && !is_being_extended(&grant) =>
            {
                return Ok(Followed::Active(Box::new(grant)));
            }
            _ => {}
        }
        if begun.elapsed() >= limit && !is_old {
            let failure = too_long(&last, patience);
            return Ok(Followed::Over(Box::new(last), failure));
        }
        if !matches!(&last, Last::Request(request) if grant_of(request).is_some()) {
            let pause = if begun.elapsed() < FIRST_FOR {
                PAUSE_FIRST
            } else {
                PAUSE_LATER
            };
            sleep(pause.min(limit.saturating_sub(begun.elapsed()))).await;
        }
        match look(client, &last).await {
            Ok(seen) => {
                last = seen;
                is_old &= matches!(&last, Last::Request(request) if grant_of(request).is_some());
            }
            Err(failure) if failure.is_unreachable() => {
                is_old = false;
                progress.show("Can't reach Hallpass; trying again");
                sleep(PAUSE_LATER).await;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Whether its extension is approved, but not yet enforced by AWS. Without enforced expiry there is
/// no more to see.
fn is_being_extended(grant: &Grant) -> bool {
    grant.extending_to.is_some() && grant.not_moved.is_none()
}

fn grant_of(request: &Request) -> Option<&String> {
    let grant = request.grant_id.as_ref().or(request.extends.as_ref());
    grant.filter(|_| request.state == RequestState::Approved)
}

async fn look(client: &Client, last: &Last) -> Result<Last, Failure> {
    let grant = match last {
        Last::Request(request) => grant_of(request),
        Last::Grant(grant) => Some(&grant.id),
    };
    match (grant, last) {
        (None, Last::Request(request)) => {
            let path = ["requests", &request.id];
            client.get(&path, &[]).await.map(Last::Request)
        }
        (Some(id), _) | (None, Last::Grant(Grant { id, .. })) => {
            client.get(&["grants", id], &[]).await.map(Last::Grant)
        }
    }
}

fn headline(last: &Last) -> String {
    match last {
        Last::Request(request) if request.state == RequestState::Pending => {
            let target = tables::asked_for(request);
            let who = lists::any_of(&request.approvers);
            format!("Waiting for {who} to approve {target}")
        }
        Last::Request(request) => {
            let badge = states::word(request.state.name());
            format!("{badge}: {}", tables::asked_for(request))
        }
        Last::Grant(grant) if is_being_extended(grant) => {
            format!("Being extended: {}", tables::held(grant))
        }
        Last::Grant(grant) => {
            let (badge, held) = (states::word(grant.state.name()), tables::held(grant));
            match (grant.aws_silent_since, &grant.queue) {
                (Some(since), _) => {
                    let why = health::until_it_answers(&time::utc(since));
                    format!("{badge}: {held}; {why}")
                }
                (None, Some(queue)) => format!("{badge}: {held}; {}", words::in_line(queue)),
                (None, None) => format!("{badge}: {held}"),
            }
        }
    }
}

fn over(last: &Last, view: &Viewpoint) -> Option<Failure> {
    let failure = match last {
        Last::Request(request) => over_request(request, view)?,
        Last::Grant(grant) => over_grant(grant)?,
    };
    Some(failure)
}

fn over_request(request: &Request, view: &Viewpoint) -> Option<Failure> {
    let by = request.decided_by.as_deref().unwrap_or("a user");
    let at = request.decided_at.map(|at| view.time(at));
    let at = at.map_or_else(String::new, |at| format!(" at {at}"));
    let failure = match request.state {
        RequestState::Denied => Failure::failed(format!("denied by {by}{at}")),
        RequestState::Discarded => Failure::failed(format!("discarded by {by}{at}")),
        RequestState::Expired => {
            Failure::failed(format!("the request expired{at}; nothing was granted"))
                .help("request again")
        }
        RequestState::Rejected => Failure::failed("this is not possible; nothing was granted"),
        RequestState::Pending | RequestState::Approved | RequestState::Unknown => return None,
    };
    let failure = failure.code(request.code.as_deref().unwrap_or(request.state.name()));
    Some(match &request.detail {
        Some(detail) => failure.detail(detail),
        None => failure,
    })
}

fn over_grant(grant: &Grant) -> Option<Failure> {
    let failure = match (grant.state, &grant.error) {
        (GrantState::Failed, Some(error)) => {
            Failure::failed(format!("AWS refused: {error}; nothing was granted"))
        }
        (GrantState::Failed, None) => {
            Failure::failed("the access could not be set up; nothing was granted")
        }
        (GrantState::Ending | GrantState::Ended, _) => {
            let cause = grant.cause.map_or("unknown cause", EndCause::name);
            Failure::failed(format!("the access is over already: {cause}"))
        }
        (
            GrantState::Scheduled | GrantState::Granting | GrantState::Active | GrantState::Unknown,
            _,
        ) => return None,
    };
    Some(failure.code(grant.state.name()))
}

fn too_long(last: &Last, patience: TimeSpan) -> Failure {
    let id = match last {
        Last::Request(request) => &request.id,
        Last::Grant(grant) => &grant.id,
    };
    Failure::failed(format!("`{id}` is not active after {patience}"))
        .code("timeout")
        .help("the server continues it; `hallpass requests` and `hallpass grants` show it")
}

/// A line that changes in place on a terminal; a line per change elsewhere.
pub struct Progress {
    bar: Option<ProgressBar>,
    last: String,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self {
            bar,
            last: String::new(),
        }
    }

    pub fn show(&mut self, line: &str) {
        if line == self.last {
            return;
        }
        line.clone_into(&mut self.last);
        let line = output::plain(line);
        match &self.bar {
            Some(bar) => bar.set_message(line),
            None => output::say(&line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
