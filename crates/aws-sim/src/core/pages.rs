//! Pages and their tokens (`simulator.md` PG-1 to PG-3).

use crate::base::{Millis, hash};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_aws_model::PageMembers;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    call::{Call, Output},
    caller::AwsCaller,
    errors::ApiError,
    portal::TOKEN,
};

const UNTABLED: PageMembers<'static> = PageMembers {
    token: Some("NextToken"),
    limit: Some("MaxResults"),
    rows: None,
    next: Some("NextToken"),
    more: None,
};

fn members_of(call: &Call) -> PageMembers<'static> {
    let model = call.service.model(&call.operation);
    let named = model.map(|(service, operation)| service.page_members(operation));
    named.unwrap_or(UNTABLED)
}

/// Token validity, in virtual time.
const TOKEN_TTL: Millis = 3_600_000;

#[derive(Serialize, Deserialize)]
struct PageToken {
    operation: String,
    account: String,
    parameters: u64,
    order: u64,
    id: String,
    issued: Millis,
}

pub(crate) struct PageCursor {
    pub after: Option<(u64, String)>,
    limit: usize,
    secret: hmac::Key,
    context: (String, String, u64),
    now: Millis,
}

impl PageCursor {
    /// Reads page size and token.
    ///
    /// # Errors
    /// The token belongs to another operation, caller or parameters, or is too old.
    pub(crate) fn of(
        call: &Call,
        caller: &AwsCaller,
        seed: u64,
        now: Millis,
    ) -> Result<Self, ApiError> {
        let names = members_of(call);
        let given = |name: Option<&str>| name.and_then(|it| call.input.get(it));
        let size = given(names.limit).and_then(whole).filter(|size| *size > 0);
        let size = size
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(call.service.page_rows);
        let mut page = Self {
            after: None,
            limit: call
                .modifiers
                .page_items
                .map_or(size, |items| items.min(size)),
            secret: hmac::Key::new(hmac::HMAC_SHA256, format!("page tokens {seed}").as_bytes()),
            context: (
                call.operation.clone(),
                caller.account.clone(),
                parameters(&call.input, &names),
            ),
            now,
        };
        if let Some(text) = given(names.token).and_then(Value::as_str)
            && !text.is_empty()
        {
            let token = (!call.modifiers.token_expired)
                .then(|| page.open(text))
                .flatten();
            let token = token.ok_or_else(|| (call.service.errors.page_token)())?;
            page.after = (!token.id.is_empty()).then_some((token.order, token.id));
        }
        Ok(page)
    }

    fn open(&self, text: &str) -> Option<PageToken> {
        // some services have no `-` and no `_` in their tokens
        let text = text.replace('+', "-").replace('/', "_");
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, body) = bytes.split_at_checked(32)?;
        hmac::verify(&self.secret, body, tag).ok()?;
        let token: PageToken = serde_json::from_slice(body).ok()?;
        let (operation, account, parameters) = &self.context;
        let right = token.operation == *operation
            && token.account == *account
            && token.parameters == *parameters
            && token.issued <= self.now
            && self.now - token.issued <= TOKEN_TTL;
        right.then_some(token)
    }

    fn seal(&self, order: u64, id: &str) -> String {
        let (operation, account, parameters) = self.context.clone();
        let token = PageToken {
            operation,
            account,
            parameters,
            order,
            id: id.to_owned(),
            issued: self.now,
        };
        let body = serde_json::to_vec(&token).unwrap_or_default();
        let mut bytes = hmac::sign(&self.secret, &body).as_ref().to_vec();
        bytes.extend(body);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Token of an empty page: the same position but a different text, because a client takes a
    /// repeated token for a loop. One per position.
    pub(crate) fn again(&self) -> Option<String> {
        let (order, id) = self.after.as_ref()?;
        (*order == 0).then(|| self.seal(1, id))
    }

    pub(crate) fn take<T>(
        &self,
        rows: impl Iterator<Item = (u64, String, T)>,
    ) -> (Vec<T>, Option<String>) {
        let mut last = self.after.clone().unwrap_or_default();
        let mut taken = Vec::new();
        for (order, id, row) in rows {
            if taken.len() >= self.limit {
                return (taken, Some(self.seal(last.0, &last.1)));
            }
            last = (order, id);
            taken.push(row);
        }
        (taken, None)
    }
}

fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A hash of the parameters that must be equal on every page.
fn parameters(input: &Value, names: &PageMembers<'_>) -> u64 {
    let mut rest = input.clone();
    if let Some(members) = rest.as_object_mut() {
        for name in [names.token, names.limit, Some(TOKEN)]
            .into_iter()
            .flatten()
        {
            members.remove(name);
        }
        members.sort_keys();
    }
    hash(&rest.to_string())
}

pub(crate) fn paged(call: &Call, rows: Vec<Value>, token: Option<String>) -> Output {
    let mut members = Map::new();
    if let Some(name) = members_of(call).rows {
        members.insert(name.to_owned(), Value::Array(rows));
    }
    put_next(call, &mut members, token);
    Output::Members(Value::Object(members))
}

pub(crate) fn put_next(call: &Call, members: &mut Map<String, Value>, token: Option<String>) {
    let names = members_of(call);
    if let Some(more) = names.more {
        members.insert(more.to_owned(), token.is_some().into());
    }
    if let (Some(name), Some(token)) = (names.next, token) {
        members.insert(name.to_owned(), token.into());
    }
}
