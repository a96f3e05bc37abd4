//! Calls of a step: one account, one session.

use hallpass_plans::{Class, Retry, StepError};
use serde_json::Value;

use crate::remediation::ports::{
    MemberCalls, MemberFault, MemberFaultKind, MemberOperation, MemberPlace,
};

const PAGES_MAX: usize = 100;
pub(crate) const NOT_ENTERED: &str = "NotEntered";

pub(crate) struct StepCalls<'a> {
    pub(crate) calls: &'a dyn MemberCalls,
    pub(crate) place: MemberPlace,
}

impl StepCalls<'_> {
    pub(crate) async fn read(
        &self,
        operation: MemberOperation,
        input: Value,
    ) -> Result<Value, StepError> {
        let found = self.calls.read(&self.place, operation, &input).await;
        Ok(found.map_err(|fault| setback(operation, fault))?.0)
    }

    pub(crate) async fn read_unless(
        &self,
        operation: MemberOperation,
        input: Value,
        codes: &[&str],
    ) -> Result<Option<Value>, StepError> {
        match self.calls.read(&self.place, operation, &input).await {
            Ok((answer, _)) => Ok(Some(answer)),
            Err(fault) if codes.contains(&fault.code.as_str()) => Ok(None),
            Err(fault) => Err(setback(operation, fault)),
        }
    }

    pub(crate) async fn list(
        &self,
        operation: MemberOperation,
        mut input: Value,
        name: &str,
    ) -> Result<Vec<Value>, StepError> {
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let found = self.calls.read(&self.place, operation, &input).await;
            let (answer, next) = found.map_err(|fault| setback(operation, fault))?;
            let rows = answer.get(name).and_then(Value::as_array);
            all.extend(rows.into_iter().flatten().cloned());
            let Some(next) = next else { return Ok(all) };
            if let Some(members) = input.as_object_mut() {
                members.extend(next);
            }
        }
        Err(StepError::failed(
            "Endless",
            &format!("{}: the answer has no end", operation.1),
        ))
    }

    pub(crate) async fn send(
        &self,
        operation: MemberOperation,
        input: Value,
    ) -> Result<Value, StepError> {
        let sent = self.calls.send(&self.place, operation, &input).await;
        sent.map_err(|fault| setback(operation, fault))
    }
}

fn setback((_, operation): MemberOperation, fault: MemberFault) -> StepError {
    let MemberFault {
        kind,
        code,
        message,
    } = fault;
    let why = format!("{operation}: {code}: {message}");
    let later = |class| {
        StepError::Retry(Retry {
            class,
            after: None,
            why: why.clone(),
        })
    };
    match kind {
        MemberFaultKind::Passing => later(Class::Throttle),
        MemberFaultKind::Conflict => later(Class::Conflict),
        MemberFaultKind::NotEntered => {
            StepError::failed(NOT_ENTERED, &format!("{code}: {message}"))
        }
        MemberFaultKind::Refused => StepError::failed(&code, &format!("{operation}: {message}")),
    }
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

pub(crate) fn number(value: &Value, name: &str) -> Option<i64> {
    let found = value.get(name)?;
    found
        .as_i64()
        .or_else(|| found.as_str().and_then(|it| it.parse().ok()))
}
