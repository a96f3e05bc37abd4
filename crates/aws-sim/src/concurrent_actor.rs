//! Third-party actions of faults beside a call, through the state machine with own callers
//! (`simulator.md` §4.1).

use crate::base::{Millis, instant};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    auth::principal_of,
    call_log::CallRecord,
    core::{
        call::{Call, Modifiers, Output},
        caller::AwsCaller,
        errors::{ApiError, ErrorClass},
        issue::default_key,
        mutate::account_named,
        roles::{self, Role},
        state::SimState,
    },
    faults::{Act, ActCall, FiredActs, Principal, PrincipalKind, filled},
    services::{self, redact::redact},
    state::Record,
    world::SimWorld,
};

/// The third party's address, for documentation (RFC 5737).
const SOMEWHERE: &str = "192.0.2.1";

pub(crate) struct Beside<'a> {
    pub region: &'a str,
    pub request: &'a Value,
    /// Null before the answer.
    pub answer: &'a Value,
}

struct Failed {
    code: String,
    message: String,
}

impl Failed {
    fn of(code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code: code.to_owned(),
            message,
        }
    }
}

impl SimWorld {
    /// Runs a fault's acts in order; records refusals with the fault.
    pub(crate) fn somebody_acts(
        &mut self,
        wall: Timestamp,
        fired: &FiredActs,
        beside: &Beside<'_>,
    ) {
        for (index, act) in fired.acts.iter().enumerate() {
            let (name, done) = match act {
                Act::Call(call) => {
                    let name = format!("{}:{}", call.service.signing_name, call.operation);
                    (
                        name,
                        self.call_of_somebody(wall, &fired.fault, call, beside),
                    )
                }
                Act::Mutate(change) => {
                    let refused = self.run_command(wall, "mutate", change.clone()).err();
                    let failed = refused.map(|refused| Failed::of("Refused", refused.message()));
                    ("mutate".to_owned(), failed.map_or(Ok(()), Err))
                }
            };
            let failure = done.err().map(|failed| {
                json!({
                    "firing": fired.firing, "act": index, "operation": name,
                    "error": failed.code, "message": failed.message,
                })
            });
            self.faults.note_act(&fired.fault, failure);
        }
    }

    fn call_of_somebody(
        &mut self,
        wall: Timestamp,
        fault: &str,
        act: &ActCall,
        beside: &Beside<'_>,
    ) -> Result<(), Failed> {
        let input = filled(&act.input, beside.request, beside.answer)
            .map_err(|message| Failed::of("Incomplete", message))?;
        let now = self.now(wall);
        let caller = caller(&self.state, act, now)?;
        let call = Call {
            service: act.service,
            operation: act.operation.clone(),
            region: act
                .region
                .clone()
                .unwrap_or_else(|| beside.region.to_owned()),
            input,
            seq: self.next_seq(),
            origin: String::new(),
            source_ip: SOMEWHERE.to_owned(),
            modifiers: Modifiers::default(),
        };
        let reply = services::handle(&mut self.state, &call, &caller, now);
        self.log_somebody(wall, fault, &call, &caller, &reply.result, reply.changed);
        let done = match &reply.result {
            Ok(output) => not_all(output),
            Err(error) => Err(Failed::of(&error.code, error.message.clone())),
        };
        if reply.changed {
            let (call, caller) = (Box::new(call), Box::new(caller));
            self.persist(&Record::Call { call, caller, now })
                .map_err(|error| {
                    tracing::error!(%error, "the state log could not be written");
                    Failed::of("StateLog", "the change could not be recorded")
                })?;
        }
        done
    }

    fn log_somebody(
        &mut self,
        wall: Timestamp,
        fault: &str,
        call: &Call,
        caller: &AwsCaller,
        result: &Result<Output, ApiError>,
        effect: bool,
    ) {
        let error = result.as_ref().err();
        let outcome = ErrorClass::outcome(error.map(|error| error.class));
        let service = call.service.signing_name.to_owned();
        let mut shown = json!({
            "seq": call.seq, "at": instant(self.now(wall)), "wall": wall.to_string(),
            "service": service, "operation": call.operation, "region": call.region,
            "request": redact(&call.input), "outcome": outcome,
            "http": error.map_or(200, |error| error.http), "effect": effect,
            "request_id": self.request_id(call.seq),
            "caller": { "account": caller.account, "arn": caller.arn },
            "fault": fault, "by": "somebody-else",
        });
        if let (Some(error), Some(row)) = (error, shown.as_object_mut()) {
            row.insert("error".to_owned(), error.code.clone().into());
        }
        self.calls.push(CallRecord {
            seq: call.seq,
            service,
            operation: call.operation.clone(),
            outcome,
            shown,
        });
    }
}

/// The named principal, or `sim-admin` of the account.
fn caller(state: &SimState, act: &ActCall, now: Millis) -> Result<AwsCaller, Failed> {
    let nobody = |name: &str| Failed::of("Nobody", format!("there is no account `{name}`"));
    let named = act.account.as_deref();
    let named = named.or(act
        .principal
        .as_ref()
        .map(|principal| principal.account.as_str()));
    let named = named.unwrap_or(&state.head.management);
    let account = account_named(state, named).ok_or_else(|| nobody(named))?;
    let Some(principal) = &act.principal else {
        let key = default_key(&account);
        let admin = roles::principal(state.seed, &principal_of(&account), &key);
        return admin.ok_or_else(|| nobody(named));
    };
    match &principal.kind {
        PrincipalKind::Iam => {
            let caller = roles::principal(state.seed, &principal.arn, "");
            caller.ok_or_else(|| nobody(named))
        }
        PrincipalKind::Session { role, name } => Ok(session(state, principal, role, name, now)),
    }
}

fn session(
    state: &SimState,
    principal: &Principal,
    role: &str,
    name: &str,
    now: Millis,
) -> AwsCaller {
    let account = &principal.account;
    let iam = state.iam_now(account);
    let found = iam.roles.iter().find(|found| found.name == role);
    let path = found.and_then(|found| found.path.as_deref()).unwrap_or("/");
    let role = Role {
        account: account.clone(),
        name: role.to_owned(),
        arn: format!("arn:aws:iam::{account}:role{path}{role}"),
        max_session: 3600,
        trust: Value::Null,
    };
    AwsCaller {
        issued: now,
        ..roles::session(state.seed, &role, name, None)
    }
}

/// An answer that lists unprocessed items is a failure.
fn not_all(output: &Output) -> Result<(), Failed> {
    let Output::Members(Value::Object(members)) = output else {
        return Ok(());
    };
    let left = members.iter().find(|(name, value)| {
        let is_some = match value {
            Value::Array(items) => !items.is_empty(),
            Value::Number(count) => count.as_u64() != Some(0),
            _ => false,
        };
        is_some && (name.starts_with("Unprocessed") || name.starts_with("Failed"))
    });
    match left {
        Some((name, value)) => Err(Failed::of(name, value.to_string())),
        None => Ok(()),
    }
}
