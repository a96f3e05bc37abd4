//! AWS errors, in every protocol.

use serde_json::Value;

use crate::wire::cbor;
use crate::wire::response::WireResponse;
use crate::wire::xml::Element;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// `AccessDenied`; `HTTP 503` without a name.
    pub code: String,
    /// May be empty.
    pub message: String,
    pub request_id: Option<String>,
}

pub fn read_error(response: &WireResponse<'_>) -> WireError {
    let from_json = json(response);
    let found = from_json.unwrap_or_else(|| xml(response.body));
    let (code, message, inside) = found;
    let request_id = request_id(response);
    let fallback = || format!("HTTP {}", response.status);
    WireError {
        code: code.unwrap_or_else(fallback),
        message: message.unwrap_or_default(),
        request_id: request_id.map(str::to_owned).or(inside),
    }
}

/// The request id header.
pub fn request_id<'a>(response: &'a WireResponse<'_>) -> Option<&'a str> {
    let named = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"];
    named.iter().find_map(|name| response.header(name))
}

type Found = (Option<String>, Option<String>, Option<String>);

/// `None` with neither a code header nor a JSON or CBOR body.
fn json(response: &WireResponse<'_>) -> Option<Found> {
    let header = response.header("x-amzn-errortype");
    let is_cbor = response.header("content-type") == Some("application/cbor");
    let body: Option<Value> = if is_cbor {
        cbor::read(response.body)
    } else {
        serde_json::from_slice(response.body).ok()
    };
    if header.is_none() && body.is_none() {
        return None;
    }
    let body = body.unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    // a missing resource then means the key, not the requested one
    let code = key_reason(&body)
        .or(header)
        .map(str::to_owned)
        .or_else(|| text("__type"))
        .or_else(|| text("code"));
    let message = text("message").or_else(|| text("Message"));
    Some((code.map(|code| bare(&code)), message, None))
}

/// Why IAM Identity Center cannot use its customer managed key, from `Reason` of its exceptions;
/// `None` for other reasons and for throttling by the key. Spelling differs by service:
/// `KMS_DisabledException` (sso-admin, sso-oidc), `KMS_DISABLED` (identitystore). Such an exception
/// may be called `ResourceNotFoundException`.
pub fn key_reason(body: &Value) -> Option<&str> {
    let reason = body
        .get("Reason")
        .or_else(|| body.get("reason"))?
        .as_str()?;
    let rest = reason.strip_prefix("KMS_")?.to_ascii_lowercase();
    (!rest.starts_with("throttling")).then_some(reason)
}

fn bare(code: &str) -> String {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code).trim().to_owned()
}

fn xml(body: &[u8]) -> Found {
    let Ok(root) = Element::read(body) else {
        return (None, None, None);
    };
    let error = root.find("Error").unwrap_or(&root);
    let text = |name: &str| error.child(name).map(|it| it.text.trim().to_owned());
    let id = ["RequestId", "RequestID"]
        .iter()
        .find_map(|name| root.find(name));
    (
        text("Code"),
        text("Message"),
        id.map(|it| it.text.trim().to_owned()),
    )
}
