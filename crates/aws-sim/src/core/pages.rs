//! Pages and their tokens (`simulator.md` PG-1 to PG-3).

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_sim_base::{Millis, hash};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    call::{Call, Output},
    caller::AwsCaller,
    errors::ApiError,
};

/// Members that may differ from page to page.
const UNCHECKED: [&str; 12] = [
    "PageSize",
    "PageToken",
    "Limit",
    "Marker",
    "MaxItems",
    "NextToken",
    "nextToken",
    "MaxResults",
    "maxResults",
    "next_token",
    "max_result",
    "x-amz-sso_bearer_token",
];

/// How long a token is good, virtual.
const TOKEN_TTL: Millis = 3_600_000;

/// What a token carries.
#[derive(Serialize, Deserialize)]
struct PageToken {
    operation: String,
    account: String,
    parameters: u64,
    order: u64,
    id: String,
    issued: Millis,
}

/// Where a page starts and how long it is.
pub(crate) struct PageCursor {
    /// The last row of the page before.
    pub after: Option<(u64, String)>,
    limit: usize,
    secret: hmac::Key,
    context: (String, String, u64),
    now: Millis,
}

impl PageCursor {
    /// Reads page size and token from the input.
    ///
    /// # Errors
    /// The token is not from this operation, caller and parameters, or is too old.
    pub(crate) fn of(
        call: &Call,
        caller: &AwsCaller,
        seed: u64,
        default: usize,
        now: Millis,
    ) -> Result<Self, ApiError> {
        let size = first(
            &call.input,
            &[
                "MaxResults",
                "maxResults",
                "max_result",
                "MaxItems",
                "PageSize",
                "Limit",
            ],
        )
        .and_then(whole)
        .filter(|size| *size > 0);
        let size = size
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or(default);
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
                parameters(&call.input),
            ),
            now,
        };
        let given = first(
            &call.input,
            &[
                "NextToken",
                "nextToken",
                "next_token",
                "PageToken",
                "Marker",
            ],
        );
        if let Some(text) = given.and_then(Value::as_str)
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

    /// The token of an empty page: the same place, told apart from the token that led here, since a client
    /// takes one that comes again for a loop. There is one at each place.
    pub(crate) fn again(&self) -> Option<String> {
        let (order, id) = self.after.as_ref()?;
        (*order == 0).then(|| self.seal(1, id))
    }

    /// Takes one page of rows, which must come in order and start after `after`.
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

/// A number, or the text of one, where there is no table that says what it is.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The value of the first name that is there.
fn first<'a>(input: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| input.get(*name))
}

/// A hash of the parameters that must stay the same from page to page.
fn parameters(input: &Value) -> u64 {
    let mut rest = input.clone();
    if let Some(members) = rest.as_object_mut() {
        for name in UNCHECKED {
            members.remove(name);
        }
        members.sort_keys();
    }
    hash(&rest.to_string())
}

/// One page of rows as the answer of an operation.
pub(crate) fn paged(name: &str, rows: Vec<Value>, token: Option<String>) -> Output {
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("NextToken".to_owned(), token.into());
    }
    Output::Members(Value::Object(members))
}
