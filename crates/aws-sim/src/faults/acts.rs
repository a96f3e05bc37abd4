//! Third-party actions beside a call: own calls, changes (`simulator.md` §4.1).

use hallpass_aws_model::validate;
use serde_json::{Map, Value};

use super::fields::{Fields, Wrong};
use crate::{
    core::{mutate, service::SimService},
    services,
    vocabulary::regions,
};

#[derive(Debug, Clone)]
pub(crate) enum Act {
    Call(Box<ActCall>),
    /// The body of `/_sim/mutate`.
    Mutate(Value),
}

#[derive(Debug, Clone)]
pub(crate) struct ActCall {
    pub service: &'static SimService,
    pub operation: String,
    /// Absent: the original call's.
    pub region: Option<String>,
    /// The caller's account by id or name; absent: the principal's, else the management account.
    pub account: Option<String>,
    /// Absent: the account's `sim-admin`.
    pub principal: Option<Principal>,
    pub input: Value,
}

/// The actor, by an ARN of IAM or of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Principal {
    pub account: String,
    pub kind: PrincipalKind,
    pub arn: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PrincipalKind {
    Iam,
    Session { role: String, name: String },
}

/// Maximum acts of one fault.
const ACTS_MAX: usize = 100;

/// Key of a value taken from the original call's input.
const FROM_REQUEST: &str = "$request";
/// Key of a value taken from the original call's answer.
const FROM_ANSWER: &str = "$answer";

/// Reads the acts of a fault; `answered`: they follow the call, and may use its answer.
pub(super) fn read(fields: &mut Fields, answered: bool) -> Result<Vec<Act>, Wrong> {
    let rows: Vec<Value> = fields.need("acts")?;
    if rows.is_empty() || rows.len() > ACTS_MAX {
        return fields.wrong("acts", format!("must be 1 to {ACTS_MAX}"));
    }
    let numbered = rows.iter().enumerate();
    numbered
        .map(|(index, row)| one(&fields.name(&format!("acts[{index}]")), row, answered))
        .collect()
}

fn one(place: &str, row: &Value, answered: bool) -> Result<Act, Wrong> {
    let mut fields = Fields::of(place, row)?;
    if let Some(change) = fields.take::<Map<String, Value>>("mutate")? {
        let mut names = change.keys().filter(|key| *key != "async");
        let is_one =
            matches!((names.next(), names.next()), (Some(name), None) if mutate::is_change(name));
        if !is_one {
            return fields.wrong(
                "mutate",
                "give exactly one change that `/_sim/mutate` knows",
            );
        }
        fields.done()?;
        return Ok(Act::Mutate(Value::Object(change)));
    }
    let service = service(&mut fields)?;
    let operation: String = fields.need("operation")?;
    if !services::behaves(service, &operation) {
        let name = service.signing_name;
        return fields.wrong("operation", format!("{name}:{operation} is not simulated"));
    }
    let region: Option<String> = fields.take("region")?;
    if region
        .as_deref()
        .is_some_and(|name| !regions::is_known(name))
    {
        return fields.wrong("region", "there is no such Region");
    }
    let account: Option<String> = fields.take("account")?;
    let principal = principal(&mut fields)?;
    let others = principal.as_ref().map(|principal| &principal.account);
    if let (Some(account), Some(other)) = (&account, others)
        && account != other
    {
        return fields.wrong("account", format!("`as` is of the account {other}"));
    }
    let input = Value::Object(fields.take("input")?.unwrap_or_default());
    check_input(&fields, service, &operation, &input, answered)?;
    fields.done()?;
    Ok(Act::Call(Box::new(ActCall {
        service,
        operation,
        region,
        account,
        principal,
        input,
    })))
}

fn service(fields: &mut Fields) -> Result<&'static SimService, Wrong> {
    let name: String = fields.need("service")?;
    match services::of_principals(&name) {
        Some(service) => Ok(service),
        None => fields.wrong(
            "service",
            format!("`{name}` is no signing name of a simulated service"),
        ),
    }
}

fn principal(fields: &mut Fields) -> Result<Option<Principal>, Wrong> {
    let Some(arn) = fields.take::<String>("as")? else {
        return Ok(None);
    };
    match Principal::of(&arn) {
        Some(principal) => Ok(Some(principal)),
        None => fields.wrong(
            "as",
            "is the ARN of a user, a role, a root user or a role's session",
        ),
    }
}

impl Principal {
    fn of(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", "aws", service, "", account, rest] = parts.as_slice() else {
            return None;
        };
        let is_number =
            account.len() == 12 && account.bytes().all(|letter| letter.is_ascii_digit());
        let (kind, name) = rest.split_once('/').unwrap_or((rest, ""));
        let kind = match (*service, kind, name.is_empty()) {
            ("iam", "user" | "role", false) | ("iam", "root", true) => PrincipalKind::Iam,
            ("sts", "assumed-role", false) => {
                let (role, name) = name
                    .split_once('/')
                    .filter(|(role, name)| !role.is_empty() && !name.is_empty())?;
                PrincipalKind::Session {
                    role: role.to_owned(),
                    name: name.to_owned(),
                }
            }
            _ => return None,
        };
        is_number.then(|| Self {
            account: (*account).to_owned(),
            kind,
            arn: arn.to_owned(),
        })
    }
}

/// Validates the parts of an input without references.
fn check_input(
    fields: &Fields,
    service: &SimService,
    operation: &str,
    input: &Value,
    answered: bool,
) -> Result<(), Wrong> {
    let (mut asks, mut waits) = (false, false);
    references(input, &mut |from| {
        asks |= from == FROM_REQUEST;
        waits |= from == FROM_ANSWER;
    });
    if waits && !answered {
        return fields.wrong(
            "input",
            format!("`{FROM_ANSWER}` is there after the call alone (`\"when\": \"after\"`)"),
        );
    }
    let Some((model, operation)) = service.model(operation) else {
        return Ok(());
    };
    let known = model
        .input(operation)
        .map(hallpass_aws_model::Shape::members)
        .unwrap_or_default();
    let mut given = input.as_object().into_iter().flat_map(Map::keys);
    if let Some(name) = given.find(|name| known.iter().all(|member| member.name != **name)) {
        return fields.wrong(&format!("input.{name}"), "unknown member");
    }
    if asks || waits {
        return Ok(());
    }
    validate(model, operation, input).or_else(|invalid| fields.wrong("input", invalid.to_string()))
}

fn reference(value: &Value) -> Option<(&str, &str)> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (key, pointer) = members.iter().next()?;
    let is_one = key == FROM_REQUEST || key == FROM_ANSWER;
    Some((key.as_str(), pointer.as_str()?)).filter(|_| is_one)
}

fn references(value: &Value, found: &mut impl FnMut(&str)) {
    if let Some((key, _)) = reference(value) {
        found(key);
        return;
    }
    match value {
        Value::Object(members) => members.values().for_each(|one| references(one, found)),
        Value::Array(items) => items.iter().for_each(|one| references(one, found)),
        _ => {}
    }
}

/// Replaces every `{"$request": "/pointer"}` and `{"$answer": "/pointer"}` in an input.
///
/// # Errors
/// An unresolved pointer.
pub(crate) fn filled(input: &Value, request: &Value, answer: &Value) -> Result<Value, String> {
    if let Some((key, pointer)) = reference(input) {
        let from = if key == FROM_REQUEST { request } else { answer };
        let found = from.pointer(pointer).cloned();
        return found.ok_or_else(|| format!("there is no `{pointer}` in {key}"));
    }
    Ok(match input {
        Value::Object(members) => {
            let filled = members
                .iter()
                .map(|(name, value)| Ok((name.clone(), filled(value, request, answer)?)));
            Value::Object(filled.collect::<Result<_, String>>()?)
        }
        Value::Array(items) => {
            let filled = items.iter().map(|value| filled(value, request, answer));
            Value::Array(filled.collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}
