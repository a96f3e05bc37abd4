//! Runs the requests of a suite.

use serde::Serialize;

use super::coverage::Coverage;
use super::format::{Expected, OneOrMany, Suite, SuiteRow};
use crate::evaluation::{Decision, Layers, Request, explain};
use crate::input::BadInput;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowOutcome {
    pub name: String,
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub expected: Expected,
    pub got: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_sid: Option<String>,
    pub passed: bool,
    pub because: Vec<String>,
}

/// Runs every request of a suite, and counts the statements that decided.
///
/// # Errors
/// `E_SUITE`, or the engine's code, for an invalid row.
pub fn run(
    suite: &Suite,
    layers: &Layers,
    coverage: &mut Coverage,
) -> Result<Vec<RowOutcome>, BadInput> {
    coverage.expect(layers);
    let mut outcomes = Vec::new();
    for (index, row) in suite.rows.iter().enumerate() {
        let defaults = &suite.defaults;
        let context = suite.context(row, index)?;
        let everything = [String::from("*")];
        let resources = match chosen(&row.resource, &defaults.resource) {
            [] => &everything,
            some => some,
        };
        for action in chosen(&row.action, &defaults.action) {
            for resource in resources {
                let request = question(suite, row, action, resource, context.clone());
                let request = request.map_err(|error| {
                    let pointer = format!("/case/{index}{}", error.pointer);
                    BadInput::new(error.code.as_str(), error.message, pointer)
                })?;
                outcomes.push(ask(suite, row, index, layers, &request, coverage));
            }
        }
    }
    Ok(outcomes)
}

fn chosen<'s>(own: &'s OneOrMany, default: &'s OneOrMany) -> &'s [String] {
    if own.as_slice().is_empty() {
        default.as_slice()
    } else {
        own.as_slice()
    }
}

fn question(
    suite: &Suite,
    row: &SuiteRow,
    action: &str,
    resource: &str,
    context: crate::evaluation::Context,
) -> Result<Request, crate::LoadError> {
    let defaults = &suite.defaults;
    let principal = row.principal.as_ref().or(defaults.principal.as_ref());
    let principal = principal.map_or("", String::as_str);
    let flag = |own: Option<bool>, default: Option<bool>| own.or(default).unwrap_or(false);
    let mut request = Request::new(principal, action, resource, context)?
        .management_account(flag(row.management_account, defaults.management_account))
        .root_user(flag(row.root_user, defaults.root_user));
    let account = row.resource_account.as_ref();
    if let Some(account) = account.or(defaults.resource_account.as_ref()) {
        request = request.resource_account(account);
    }
    request.derive_keys();
    Ok(request)
}

fn ask(
    suite: &Suite,
    row: &SuiteRow,
    index: usize,
    layers: &Layers,
    request: &Request,
    coverage: &mut Coverage,
) -> RowOutcome {
    let explanation = explain(layers, request);
    coverage.count(&explanation);
    let got = explanation.decision;
    // parsing ensures that each row has an expectation
    let expected = row.expect.or(suite.defaults.expect);
    let expected = expected.unwrap_or(Expected::Denied);
    let sid = row.sid.as_ref().or(suite.defaults.sid.as_ref());
    let decided = explanation.decided_by.as_ref();
    let decided = decided.and_then(|it| it.sid.as_ref());
    let expected_sid = sid.filter(|sid| Some(*sid) != decided).cloned();
    let words = explanation.words(request);
    RowOutcome {
        name: row
            .name
            .clone()
            .unwrap_or_else(|| format!("case {}", index + 1)),
        principal: request.caller().as_str().to_owned(),
        action: request.action_as_written().to_owned(),
        resource: request.resource().to_owned(),
        expected,
        got,
        passed: expected.admits(got) && expected_sid.is_none(),
        expected_sid,
        because: words.into_iter().skip(1).collect(),
    }
}
