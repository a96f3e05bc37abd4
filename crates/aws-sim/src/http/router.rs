use std::{borrow::Cow, io::Read as _, net::IpAddr};

use crate::base::{ConnectionHandle, Cut, Millis, pause};
use axum::{body::Body, extract::ConnectInfo, http::Response};
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, request::Parts};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    inspect,
    parsed::{ParsedRequest, RequestParts},
    render::Envelope,
    routing,
};
use crate::{
    auth::{Authorization, KeyRing, Mistake, Presented, verify},
    call_log::CallRecord,
    concurrent_actor::Beside,
    core::{
        self,
        call::{Call, Output},
        caller::AwsCaller,
        errors::{ApiError, ErrorClass},
        messages, portal, queues,
        service::{SimService, throttled},
    },
    faults::{Effects, ReplyFault, When},
    services::{self, redact::redact},
    state::Record,
    vocabulary::regions,
    world::{Shared, SimWorld},
};

/// The largest unpacked request, in bytes.
const UNPACKED_MAX: u64 = 64 * 1024 * 1024;

/// Answers a request, or closes the connection without an answer.
pub(crate) async fn answer(
    shared: &Shared,
    parts: &Parts,
    body: Bytes,
) -> Result<Response<Body>, Cut> {
    let request = Raw {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
        content: &unpack(&parts.headers, &body),
        source_ip: source_ip(shared, parts),
    };
    let mut exchange = {
        let mut world = shared.lock();
        Exchange::begin(shared, &mut world, &request)
    };
    pause(exchange.effects.before_ms).await;
    exchange.wait_for_message(shared).await;
    let reply = {
        let mut world = shared.lock();
        exchange.act(shared, &mut world)
    };
    pause(exchange.effects.after_ms).await;
    reply
}

fn source_ip(shared: &Shared, parts: &Parts) -> String {
    let given = text(&parts.headers, "x-sim-source-ip");
    let given = given.parse::<IpAddr>().ok();
    let given = given.filter(|_| shared.access.lets_in(&parts.headers, &parts.extensions));
    let line = parts.extensions.get::<ConnectInfo<ConnectionHandle>>();
    let peer = line.and_then(|ConnectInfo(line)| line.peer());
    let address = given.or(peer).map(|address| address.to_canonical());
    address
        .map(|address| address.to_string())
        .unwrap_or_default()
}

/// Unpacks gzip bodies. Invalid ones stay packed for the parser to refuse.
fn unpack<'a>(headers: &HeaderMap, body: &'a [u8]) -> Cow<'a, [u8]> {
    if text(headers, "content-encoding") != "gzip" {
        return Cow::Borrowed(body);
    }
    let mut content = Vec::new();
    let unpacked = GzDecoder::new(body)
        .take(UNPACKED_MAX)
        .read_to_end(&mut content);
    match unpacked {
        Ok(_) => Cow::Owned(content),
        Err(_) => Cow::Borrowed(body),
    }
}

/// Interval of checks for messages, in milliseconds.
const LOOK_AGAIN: u64 = 50;

struct Raw<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    /// As received and signed.
    body: &'a [u8],
    content: &'a [u8],
    source_ip: String,
}

/// A recognised request, authenticated or refused.
struct Exchange {
    asked: ParsedRequest,
    service: String,
    region: String,
    seq: u64,
    request_id: String,
    user_agent: String,
    origin: String,
    source_ip: String,
    started: Timestamp,
    wall: Timestamp,
    caller: Result<AwsCaller, ApiError>,
    effects: Effects,
    /// The answer, if an act needs it.
    answered: Value,
}

impl Exchange {
    fn begin(shared: &Shared, world: &mut SimWorld, request: &Raw<'_>) -> Self {
        let started = shared.clock.now();
        let seq = world.next_seq();
        let now = world.now(started);
        // due changes decide whether a role's sessions are still valid
        core::advance(&mut world.state, now);
        let authorization = Authorization::parse(request.headers, request.query);
        let scope = authorization
            .as_ref()
            .ok()
            .map(|scope| scope.service.as_str());
        let asked = routing::recognise(RequestParts {
            headers: request.headers,
            method: request.method,
            path: request.path,
            query: request.query,
            body: request.content,
            scope,
        });
        let region = match &authorization {
            Ok(one) => one.region.clone(),
            Err(_) if asked.unsigned => {
                let host = text(request.headers, "host");
                let home = &world.state.center.home_region;
                regions::named_by(host).unwrap_or(home).to_owned()
            }
            Err(_) => String::new(),
        };
        let service = asked
            .signing_name
            .clone()
            .or_else(|| scope.map(str::to_owned))
            .unwrap_or_else(|| "unknown".to_owned());
        let mut exchange = Self {
            service,
            region,
            seq,
            request_id: world.request_id(seq),
            user_agent: text(request.headers, "user-agent").to_owned(),
            origin: format!("http://{}", text(request.headers, "host")),
            source_ip: request.source_ip.clone(),
            started,
            wall: started,
            caller: Err(ApiError::new("InternalFailure", "").status(500)),
            effects: Effects::default(),
            answered: Value::Null,
            asked,
        };
        exchange.caller = exchange.authenticate(shared, world, request, authorization, now);
        if let Ok(caller) = &exchange.caller {
            let subject = exchange.subject(world, &caller.account);
            let seed = world.state.seed;
            let early = exchange.effects.fault.take();
            exchange.effects = world.faults.apply(&subject, seed, now);
            exchange.effects.fault = exchange.effects.fault.take().or(early);
        }
        exchange
    }

    /// Long polling: a receive on an empty queue waits for its stated time.
    async fn wait_for_message(&self, shared: &Shared) {
        let (Ok(caller), Ok(input)) = (&self.caller, &self.asked.input) else {
            return;
        };
        if self.service != "sqs" || self.asked.operation != "ReceiveMessage" {
            return;
        }
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(key) =
            queues::key_of(&self.region, text("QueueUrl")).filter(|key| key.1 == caller.account)
        else {
            return;
        };
        let seconds = input
            .get("WaitTimeSeconds")
            .and_then(Value::as_u64)
            .unwrap_or(0)
            .min(20);
        for _ in 0..seconds * 1_000 / LOOK_AGAIN {
            let is_there = {
                let world = shared.lock();
                let now = world.now(shared.clock.now());
                messages::has_some(&world.state, &key, now)
            };
            if is_there {
                return;
            }
            pause(LOOK_AGAIN).await;
        }
    }

    fn subject(&self, world: &SimWorld, caller_account: &str) -> crate::faults::Subject {
        let null = Value::Null;
        inspect::subject(
            &world.state,
            &self.service,
            self.asked.service,
            &self.asked.operation,
            &self.region,
            caller_account,
            self.asked.input.as_ref().unwrap_or(&null),
        )
    }

    /// Order of checks: header, key and token, scope, date, signature, expiry.
    fn authenticate(
        &mut self,
        shared: &Shared,
        world: &mut SimWorld,
        request: &Raw<'_>,
        authorization: Result<Authorization, Mistake>,
        now: Millis,
    ) -> Result<AwsCaller, ApiError> {
        if self.asked.unknown {
            return Err(routing::unknown_operation(&self.asked));
        }
        if self.asked.unsigned {
            return Ok(self.bearer(&world.state, now));
        }
        let protocol = self.asked.protocol;
        let refuse = |mistake: Mistake| mistake.error(protocol);
        let authorization = authorization.map_err(refuse)?;
        let ring = KeyRing {
            state: &world.state,
            secret: shared.secret.as_deref(),
        };
        let (caller, secret) = ring
            .find(&authorization.access_key_id, authorization.token.as_deref())
            .map_err(refuse)?;
        self.check_scope(shared, &authorization).map_err(refuse)?;
        let subject = self.subject(world, &caller.account);
        let seed = world.state.seed;
        let early = world.faults.early(&subject, seed, now);
        let skew = jiff::SignedDuration::from_secs(early.skew_seconds);
        self.wall = self.started.saturating_add(skew).unwrap_or(self.started);
        self.effects.fault = early.fault;
        let presented = Presented {
            method: request.method,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
        };
        verify(&authorization, &presented, &secret, self.wall).map_err(refuse)?;
        if early.expired || caller.expires.is_some_and(|expires| now >= expires) {
            return Err(refuse(Mistake::Expired));
        }
        Ok(caller)
    }

    /// The caller of an unsigned request: an access token's user, or anonymous.
    fn bearer(&self, state: &core::state::SimState, now: Millis) -> AwsCaller {
        let token = self.asked.input.as_ref().ok();
        let token = token.and_then(|input| input.get(portal::TOKEN)?.as_str());
        let person = token.and_then(|token| portal::holder(state, token, now));
        let arn = person.map(|one| format!("arn:aws:identitystore:::user/{}", one.user));
        AwsCaller {
            arn: arn.unwrap_or_default(),
            ..AwsCaller::default()
        }
    }

    fn check_scope(&self, shared: &Shared, authorization: &Authorization) -> Result<(), Mistake> {
        if authorization.terminator != "aws4_request" {
            return Err(Mistake::Terminator(authorization.terminator.clone()));
        }
        if let Some(right) = self
            .asked
            .signing_name
            .as_ref()
            .filter(|name| **name != authorization.service)
        {
            return Err(Mistake::ScopeService(right.clone()));
        }
        let region = authorization.region.as_str();
        let service = self.asked.service;
        let global = service.is_some_and(SimService::takes_global_scope);
        if !(regions::is_known(region) || global && region == "aws-global") {
            return Err(Mistake::ScopeRegion(
                "Credential should be scoped to a valid region. "
                    .trim_end()
                    .to_owned(),
            ));
        }
        let elsewhere = service.is_some_and(|service| service.is_elsewhere(region));
        if shared.strict_scope && elsewhere {
            return Err(Mistake::ScopeRegion(format!(
                "Credential should be scoped to a valid region, not '{region}'."
            )));
        }
        Ok(())
    }

    fn act(&mut self, shared: &Shared, world: &mut SimWorld) -> Result<Response<Body>, Cut> {
        if self.somebody_acts(shared, world, When::Before) {
            // acts before this call get earlier numbers
            self.seq = world.next_seq();
            self.request_id = world.request_id(self.seq);
        }
        let answer = self.answer(shared, world);
        self.somebody_acts(shared, world, When::After);
        answer
    }

    fn somebody_acts(&self, shared: &Shared, world: &mut SimWorld, when: When) -> bool {
        let beside = Beside {
            region: &self.region,
            request: self.asked.input.as_ref().unwrap_or(&Value::Null),
            answer: &self.answered,
        };
        let wall = shared.clock.now();
        let mut acted = false;
        for acts in self.effects.acts.iter().filter(|acts| acts.when == when) {
            world.somebody_acts(wall, acts, &beside);
            acted = true;
        }
        acted
    }

    fn answer(&mut self, shared: &Shared, world: &mut SimWorld) -> Result<Response<Body>, Cut> {
        let (result, effect) = match &self.effects.reply {
            Some(ReplyFault::DropBefore(how)) if self.caller.is_ok() => {
                let how = *how;
                self.record(shared, world, "dropped", None, false);
                return Err(how);
            }
            Some(ReplyFault::Error {
                code,
                http,
                message,
            }) => {
                let class = if *http >= 500 {
                    ErrorClass::Server
                } else {
                    ErrorClass::Client
                };
                (
                    Err(ApiError::new(code, message.clone())
                        .status(*http)
                        .class(class)),
                    false,
                )
            }
            Some(ReplyFault::Throttle) => {
                let named = world.state.settings.behaviour.is("throttle_style", "named");
                (Err(throttled(self.asked.service, named)), false)
            }
            _ => self.run(shared, world),
        };
        let dropped = match &self.effects.reply {
            Some(ReplyFault::DropAfter(how)) => Some(*how),
            _ => None,
        };
        let outcome = if dropped.is_some() {
            "dropped"
        } else {
            ErrorClass::outcome(result.as_ref().err().map(|error| error.class))
        };
        self.record(shared, world, outcome, result.as_ref().err(), effect);
        if let (Ok(Output::Members(members)), false) = (&result, self.effects.acts.is_empty()) {
            self.answered.clone_from(members);
        }
        if let Some(how) = dropped {
            return Err(how);
        }
        let envelope = Envelope {
            request_id: &self.request_id,
            wall: self.wall,
        };
        Ok(match &result {
            Ok(output) => envelope.output(&self.asked, output),
            Err(error) => envelope.error(&self.asked, error),
        })
    }

    fn run(&mut self, shared: &Shared, world: &mut SimWorld) -> (Result<Output, ApiError>, bool) {
        let caller = match &self.caller {
            Ok(caller) => caller.clone(),
            Err(error) => return (Err(error.clone()), false),
        };
        let (service, input) = match (self.asked.service, &self.asked.input) {
            (Some(_), Err(error)) => return (Err(error.clone()), false),
            (Some(service), Ok(input)) if services::behaves(service, &self.asked.operation) => {
                (service, input.clone())
            }
            (Some(_) | None, _) => {
                let name = format!("{}:{}", self.service, self.asked.operation);
                world.state.unsupported.insert(name);
                return (
                    Err(routing::not_simulated(&self.asked, &self.service)),
                    false,
                );
            }
        };
        let call = Call {
            service,
            operation: self.asked.operation.clone(),
            region: self.region.clone(),
            input,
            seq: self.seq,
            origin: if service.names_origin {
                self.origin.clone()
            } else {
                String::new()
            },
            source_ip: self.source_ip.clone(),
            modifiers: std::mem::take(&mut self.effects.modifiers),
        };
        let now = world.now(shared.clock.now());
        let reply = services::handle(&mut world.state, &call, &caller, now);
        let mut result = reply.result;
        if reply.changed {
            let record = Record::Call {
                call: Box::new(call),
                caller: Box::new(caller),
                // the state ignores a clock set back
                now: world.state.latest.max(now),
            };
            if let Err(error) = world.persist(&record) {
                // CRASH: the change is in memory only; the caller gets an error
                tracing::error!(%error, "the state log could not be written");
                let error = (service.errors.internal)("The request could not be recorded.");
                result = Err(error.status(500).class(ErrorClass::Server));
            }
        }
        (result, reply.changed)
    }

    fn record(
        &self,
        shared: &Shared,
        world: &mut SimWorld,
        outcome: &'static str,
        error: Option<&ApiError>,
        effect: bool,
    ) {
        let wall = shared.clock.now();
        let at = Timestamp::from_millisecond(world.now(wall)).unwrap_or(wall);
        let caller = self.caller.as_ref().ok();
        let caller = caller.filter(|caller| !caller.arn.is_empty());
        let input = self.asked.input.as_ref().map(redact).unwrap_or_default();
        let mut shown = json!({
            "seq": self.seq,
            "at": at.to_string(),
            "wall": wall.to_string(),
            "service": self.service,
            "operation": self.asked.operation,
            "region": self.region,
            "request": input,
            "outcome": outcome,
            "http": error.map_or(200, |error| error.http),
            "effect": effect,
            "latency_ms": wall.duration_since(self.started).as_millis(),
            "request_id": self.request_id,
            "user_agent": self.user_agent,
        });
        if let Some(row) = shown.as_object_mut() {
            if let Some(caller) = caller {
                let caller = json!({ "account": caller.account, "arn": caller.arn });
                row.insert("caller".to_owned(), caller);
            }
            if let Some(error) = error {
                row.insert("error".to_owned(), error.code.clone().into());
            }
            if error.is_some_and(|error| error.class == ErrorClass::Denied) {
                let by = error.and_then(|error| error.denied_by.clone());
                let by = by.map_or_else(|| json!({ "layer": "account" }), |by| *by);
                row.insert("denied_by".to_owned(), by);
            }
            if let Some(fault) = &self.effects.fault {
                row.insert("fault".to_owned(), fault.clone().into());
            }
            if outcome == "dropped" {
                row.shift_remove("http");
            }
        }
        world.calls.push(CallRecord {
            seq: self.seq,
            service: self.service.clone(),
            operation: self.asked.operation.clone(),
            outcome,
            shown,
        });
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
