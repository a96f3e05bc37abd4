//! Reading for checks: every call by itself, so that one that is refused leaves the others known. What was refused is
//! kept as that, and is never taken for nothing.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_aws_model::page_rows;
use hallpass_base::AccountId;
use serde_json::{Map, Value, json};

/// The most pages of a listing that are read.
const PAGES_MAX: usize = 1_000;

/// Where a call is made; by default with the credentials and in the Region that we began with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadPlace {
    /// The account whose role is assumed.
    pub account: Option<AccountId>,
    /// The Region.
    pub region: Option<String>,
}

/// A call that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCallFailed {
    /// The code of the answer.
    pub code: String,
    /// What it said.
    pub message: String,
    /// Whether it may pass by itself: no answer, a failure of the service, too many calls.
    pub passing: bool,
}

/// An answer with the names of the API, and what the next page is asked with.
pub type ReadAnswer = Result<(Value, Option<Map<String, Value>>), ReadCallFailed>;

/// Calls that read. Each is repeated by whoever implements this, as far as that is worth it.
#[async_trait]
pub trait ReadCalls: Send + Sync {
    /// One call.
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer;
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadFact {
    /// The action: `iam:GetAccountSummary`.
    pub action: String,
    /// The code and words of the refusal.
    pub reason: String,
    /// Whether it may pass by itself.
    pub passing: bool,
}

/// What was read, or why it was not.
pub type ReadFact<T> = Result<T, UnreadFact>;

/// Service and operation.
pub type Operation = (&'static str, &'static str);

pub(crate) fn unread((service, operation): Operation, reason: impl Into<String>) -> UnreadFact {
    UnreadFact {
        action: format!("{service}:{operation}"),
        reason: reason.into(),
        passing: false,
    }
}

pub(crate) fn failed(operation: Operation, failed: &ReadCallFailed) -> UnreadFact {
    UnreadFact {
        passing: failed.passing,
        ..unread(operation, format!("{}: {}", failed.code, failed.message))
    }
}

/// Reads in one place.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    pub(crate) calls: &'a dyn ReadCalls,
    pub(crate) place: ReadPlace,
}

impl Reader<'_> {
    /// One answer.
    pub(crate) async fn one(&self, operation: Operation, input: Value) -> ReadFact<Value> {
        Ok(self.page(operation, &input).await?.0)
    }

    /// One answer, and what the next page is asked with.
    pub(crate) async fn page(
        &self,
        operation: Operation,
        input: &Value,
    ) -> ReadFact<(Value, Option<Map<String, Value>>)> {
        let found = self.calls.call(&self.place, operation, input);
        found.await.map_err(|it| failed(operation, &it))
    }

    /// One answer; none where the service says with `code` that there is nothing.
    pub(crate) async fn one_unless(
        &self,
        operation: Operation,
        input: Value,
        code: &str,
    ) -> ReadFact<Option<Value>> {
        let found = self.calls.call(&self.place, operation, &input);
        match found.await {
            Ok((answer, _)) => Ok(Some(answer)),
            Err(it) if it.code == code => Ok(None),
            Err(it) => Err(failed(operation, &it)),
        }
    }

    /// The rows of every page.
    pub(crate) async fn list(
        &self,
        operation: Operation,
        input: Value,
        name: &str,
    ) -> ReadFact<Vec<Value>> {
        let rows = self.list_unless(operation, input, name, None).await?;
        Ok(rows.unwrap_or_default())
    }

    /// The rows of every page; none where the service says with `code` that there is nothing.
    pub(crate) async fn list_unless(
        &self,
        operation: Operation,
        input: Value,
        name: &str,
        code: Option<&str>,
    ) -> ReadFact<Option<Vec<Value>>> {
        let (mut input, mut all) = (input, Vec::new());
        let mut asked = BTreeSet::new();
        for _ in 0..PAGES_MAX {
            let found = self.calls.call(&self.place, operation, &input);
            let (answer, next) = match found.await {
                Ok(found) => found,
                Err(it) if code == Some(it.code.as_str()) => return Ok(None),
                Err(it) => return Err(failed(operation, &it)),
            };
            let rows = page_rows(&answer, name);
            let no_list = || unread(operation, format!("`{name}` of the answer is no list"));
            all.extend(rows.ok_or_else(no_list)?.iter().cloned());
            let Some(next) = next else {
                return Ok(Some(all));
            };
            if !asked.insert(Value::Object(next.clone()).to_string()) {
                let again = "the token of the next page is one that was asked with before";
                return Err(unread(operation, again));
            }
            if let Some(members) = input.as_object_mut() {
                members.extend(next);
            }
        }
        Err(unread(operation, "the answer has no end"))
    }
}

/// The rows of every page of a listing, in one place.
///
/// # Errors
/// What could not be read, and a listing that has no end.
pub async fn read_all(
    calls: &dyn ReadCalls,
    place: ReadPlace,
    operation: Operation,
    input: Value,
    name: &str,
) -> ReadFact<Vec<Value>> {
    Reader { calls, place }.list(operation, input, name).await
}

/// Reads in an account; with our own credentials where it is ours.
pub(crate) fn inside<'a>(
    calls: &'a dyn ReadCalls,
    account: &AccountId,
    region: Option<&str>,
) -> Reader<'a> {
    Reader {
        calls,
        place: ReadPlace {
            account: Some(account.clone()),
            region: region.map(str::to_owned),
        },
    }
}

/// The Regions that are on in an account.
pub(crate) async fn enabled_regions(
    calls: &dyn ReadCalls,
    account: &AccountId,
) -> ReadFact<BTreeSet<String>> {
    let input = json!({ "RegionOptStatusContains": ["ENABLED", "ENABLED_BY_DEFAULT"] });
    let operation = ("account", "ListRegions");
    let reader = inside(calls, account, None);
    let rows = reader.list(operation, input, "Regions").await?;
    let names = rows.iter().map(|row| text(row, "/RegionName"));
    Ok(names.map(str::to_owned).collect())
}

/// A text of an answer; empty where it is missing.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
