//! Reads for checks: calls are independent. A refused read is stored as such, never as empty.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_aws_model::page_rows;
use hallpass_base::AccountId;
use serde_json::{Map, Value, json};

const PAGES_MAX: usize = 1_000;

/// By default Hallpass's own credentials and Region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadPlace {
    /// Assume the role of this account.
    pub account: Option<AccountId>,
    pub region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadCallFailed {
    pub code: String,
    pub message: String,
    /// May succeed later: no answer, service failure, throttling.
    pub passing: bool,
}

/// The answer in API names, and the input for the next page.
pub type ReadAnswer = Result<(Value, Option<Map<String, Value>>), ReadCallFailed>;

/// Read-only calls; implementations retry.
#[async_trait]
pub trait ReadCalls: Send + Sync {
    async fn call(&self, place: &ReadPlace, operation: Operation, input: &Value) -> ReadAnswer;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadFact {
    /// Such as `iam:GetAccountSummary`.
    pub action: String,
    /// Error code and message.
    pub reason: String,
    pub passing: bool,
}

/// The value, or why it is unread.
pub type ReadFact<T> = Result<T, UnreadFact>;

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

#[derive(Clone)]
pub(crate) struct Reader<'a> {
    pub(crate) calls: &'a dyn ReadCalls,
    pub(crate) place: ReadPlace,
}

impl Reader<'_> {
    pub(crate) async fn one(&self, operation: Operation, input: Value) -> ReadFact<Value> {
        Ok(self.page(operation, &input).await?.0)
    }

    /// One page, and the input for the next.
    pub(crate) async fn page(
        &self,
        operation: Operation,
        input: &Value,
    ) -> ReadFact<(Value, Option<Map<String, Value>>)> {
        let found = self.calls.call(&self.place, operation, input);
        found.await.map_err(|it| failed(operation, &it))
    }

    /// `None` if the error `code` means nothing exists.
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

    pub(crate) async fn list(
        &self,
        operation: Operation,
        input: Value,
        name: &str,
    ) -> ReadFact<Vec<Value>> {
        let rows = self.list_unless(operation, input, name, None).await?;
        Ok(rows.unwrap_or_default())
    }

    /// `None` if the error `code` means nothing exists.
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

/// Reads all pages of a listing.
///
/// # Errors
/// A failed read, and an endless listing.
pub async fn read_all(
    calls: &dyn ReadCalls,
    place: ReadPlace,
    operation: Operation,
    input: Value,
    name: &str,
) -> ReadFact<Vec<Value>> {
    Reader { calls, place }.list(operation, input, name).await
}

/// Uses Hallpass's own credentials for its own account.
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

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
