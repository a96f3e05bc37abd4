//! Clients. The sealed client id contains the registration, so that it needs no table: command
//! lines keep theirs for ninety days, over any restart.

use crate::base::{Millis, Random};
use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, is_portal, refused};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[("RegisterClient", Writes(register))];

/// 90 days.
const GOOD_FOR: Millis = 90 * 24 * 3_600_000;
/// Maximum redirect addresses and scopes of one client.
const LIST_MAX: usize = 10;
const TEXT_MAX: usize = 500;

pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub(super) const GRANTS: [&str; 3] = [DEVICE_CODE, "authorization_code", "refresh_token"];

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Client {
    #[serde(rename = "i")]
    id: String,
    #[serde(rename = "n")]
    pub name: String,
    /// Empty for the old form without refresh tokens.
    #[serde(rename = "s")]
    pub scopes: Vec<String>,
    /// Empty: device code.
    #[serde(rename = "g")]
    pub grants: Vec<String>,
    #[serde(rename = "r")]
    pub redirects: Vec<String>,
    #[serde(rename = "e")]
    pub expires: Millis,
}

impl Client {
    pub(crate) fn may(&self, grant: &str) -> bool {
        if self.grants.is_empty() {
            return grant != "authorization_code";
        }
        self.grants.iter().any(|known| known == grant)
    }

    /// Whether a code may be sent there: a registered loopback address, with any port (RFC 8252
    /// §7.3).
    pub(crate) fn redirects_to(&self, uri: &str) -> bool {
        let wanted = loopback(uri);
        let registered = |known: &String| loopback(known) == wanted;
        wanted.is_some() && self.redirects.iter().any(registered)
    }
}

/// Host and path of a loopback address.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let plain = |c: char| c.is_ascii_graphic() && !"\\\"<>#@?".contains(c);
    let rest = uri
        .strip_prefix("http://")
        .filter(|rest| rest.chars().all(plain))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = match authority.strip_prefix("[::1]") {
        Some(port) => ("[::1]", port),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let number = port.strip_prefix(':').map(str::parse::<u16>);
    let right_port = port.is_empty() || matches!(number, Some(Ok(_)));
    (right_port && ["127.0.0.1", "[::1]", "localhost"].contains(&host)).then_some((host, path))
}

fn key(seed: u64) -> hmac::Key {
    let secret = format!("hallpass sim clients {seed}");
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn seal(seed: u64, client: &Client) -> String {
    let body = serde_json::to_vec(client).unwrap_or_default();
    let mut bytes = hmac::sign(&key(seed), &body).as_ref().to_vec();
    bytes.extend(body);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The secret of a client id; resembles a JSON web token, as AWS's do.
fn secret_of(seed: u64, client_id: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({ "kid": "key-sim", "alg": "HS256" }));
    let tail = client_id.get(..16).unwrap_or_default();
    let body = part(json!({ "clientId": tail, "region": null }));
    let tag = hmac::sign(&key(seed), format!("secret {client_id}").as_bytes());
    format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()))
}

/// The client of a valid and unexpired id.
pub(crate) fn open(seed: u64, client_id: &str, now: Millis) -> Option<Client> {
    let bytes = URL_SAFE_NO_PAD.decode(client_id).ok()?;
    let (tag, body) = bytes.split_at_checked(32)?;
    hmac::verify(&key(seed), body, tag).ok()?;
    let client: Client = serde_json::from_slice(body).ok()?;
    (now < client.expires).then_some(client)
}

pub(super) fn caller(context: &Context<'_>) -> Result<Client, ApiError> {
    let seed = context.state.seed;
    let (id, secret) = (context.text("clientId"), context.text("clientSecret"));
    let right = verify_slices_are_equal(secret_of(seed, id).as_bytes(), secret.as_bytes()).is_ok();
    open(seed, id, context.now)
        .filter(|_| right)
        .ok_or_else(|| refused("InvalidClientException", "Invalid client provided"))
}

fn texts(context: &Context<'_>, name: &str) -> Result<Vec<String>, ApiError> {
    let list = context.call.input.get(name).and_then(Value::as_array);
    let rows: Vec<String> = list
        .into_iter()
        .flatten()
        .filter_map(|row| row.as_str().map(str::to_owned))
        .collect();
    let short = rows
        .iter()
        .all(|row| !row.is_empty() && row.len() <= TEXT_MAX);
    if rows.len() > LIST_MAX || !short {
        let text = format!("{name} is too long");
        return Err(refused("InvalidRequestException", &text));
    }
    Ok(rows)
}

fn is_scope(scope: &str) -> bool {
    let word = |part: &str| {
        let letter = |c: char| c.is_ascii_alphanumeric() || "_-*".contains(c);
        !part.is_empty() && part.chars().all(letter)
    };
    scope.contains(':') && scope.split(':').all(word)
}

fn register(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("clientName");
    if name.is_empty() || name.len() > TEXT_MAX {
        let text = "clientName is empty or too long";
        return Err(refused("InvalidClientMetadataException", text));
    }
    if context.text("clientType") != "public" {
        let text = "Only public clients can be registered";
        return Err(refused("InvalidClientMetadataException", text));
    }
    let scopes = texts(context, "scopes")?;
    if let Some(scope) = scopes.iter().find(|scope| !is_scope(scope)) {
        let text = format!("Invalid scope {scope}");
        return Err(refused("InvalidScopeException", &text));
    }
    let grants = texts(context, "grantTypes")?;
    if let Some(grant) = grants
        .iter()
        .find(|grant| !GRANTS.contains(&grant.as_str()))
    {
        let text = format!("Unsupported grant type {grant}");
        return Err(refused("UnsupportedGrantTypeException", &text));
    }
    let redirects = texts(context, "redirectUris")?;
    if let Some(uri) = redirects.iter().find(|uri| loopback(uri).is_none()) {
        let text = format!("{uri} is not a loopback address");
        return Err(refused("InvalidRedirectUriException", &text));
    }
    if grants.iter().any(|grant| grant == "authorization_code") && redirects.is_empty() {
        return Err(refused(
            "InvalidRequestException",
            "redirectUris is missing",
        ));
    }
    if context
        .optional("issuerUrl")
        .is_some_and(|url| !is_portal(context, url))
    {
        return Err(refused("InvalidRequestException", "Invalid issuer URL"));
    }
    let (seed, now) = (context.state.seed, context.now);
    let client = Client {
        id: Random::new(seed, &format!("client {}", context.call.seq)).hex(16),
        name: name.to_owned(),
        scopes,
        grants,
        redirects,
        expires: now + GOOD_FOR,
    };
    let id = seal(seed, &client);
    Ok(Output::Members(json!({
        "clientId": id,
        "clientSecret": secret_of(seed, &id),
        "clientIdIssuedAt": now.div_euclid(1000),
        "clientSecretExpiresAt": client.expires.div_euclid(1000),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_to_this_machine_only() {
        let client = Client {
            id: String::new(),
            name: String::new(),
            scopes: Vec::new(),
            grants: Vec::new(),
            redirects: vec!["http://127.0.0.1/oauth/callback".to_owned()],
            expires: 0,
        };
        for (uri, expected) in [
            ("http://127.0.0.1/oauth/callback", true),
            ("http://127.0.0.1:49152/oauth/callback", true),
            ("http://127.0.0.1:/oauth/callback", false),
            ("http://127.0.0.1:49152/oauth/callback?next=x", false),
            ("http://127.0.0.1:49152/other", false),
            ("http://127.0.0.1:99999/oauth/callback", false),
            ("http://localhost:49152/oauth/callback", false),
            ("https://127.0.0.1:49152/oauth/callback", false),
            ("http://127.0.0.1.evil.example/oauth/callback", false),
            ("http://127.0.0.1:80@evil.example/oauth/callback", false),
            ("http://127.0.0.1\\@evil.example/oauth/callback", false),
            ("http://evil.example/oauth/callback", false),
            ("//evil.example/oauth/callback", false),
            ("javascript:alert(1)", false),
            ("", false),
        ] {
            assert_eq!(client.redirects_to(uri), expected, "{uri}");
        }
    }

    #[test]
    fn clients_cannot_be_made_up() {
        let client = Client {
            id: "1".to_owned(),
            name: "cli".to_owned(),
            scopes: Vec::new(),
            grants: Vec::new(),
            redirects: Vec::new(),
            expires: 10,
        };
        let id = seal(1, &client);
        assert_eq!(open(1, &id, 9), Some(client));
        assert_eq!(open(1, &id, 10), None, "expired");
        assert_eq!(open(2, &id, 9), None, "another seed");
        assert_eq!(open(1, &id.replace('A', "B"), 9), None);
        assert_ne!(secret_of(1, &id), secret_of(2, &id));
    }
}
