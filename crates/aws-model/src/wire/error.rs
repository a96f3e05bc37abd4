//! What a refusal says, in every protocol.

use serde_json::Value;

use crate::wire::cbor;
use crate::wire::response::WireResponse;
use crate::wire::xml::Element;

/// A refusal of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireError {
    /// `AccessDenied`; `HTTP 503` where nothing is named.
    pub code: String,
    /// The sentence; may be empty.
    pub message: String,
    /// The request's id, where AWS named one.
    pub request_id: Option<String>,
}

/// Reads a refusal. Whatever came, something is said.
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

/// The id of the request that was answered, where a header names it.
pub fn request_id<'a>(response: &'a WireResponse<'_>) -> Option<&'a str> {
    let named = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"];
    named.iter().find_map(|name| response.header(name))
}

type Found = (Option<String>, Option<String>, Option<String>);

/// None where there is neither a header with the code nor a body in JSON or CBOR.
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
    // that nothing is there is said of a key then, not of what was asked for
    let code = key_reason(&body)
        .or(header)
        .map(str::to_owned)
        .or_else(|| text("__type"))
        .or_else(|| text("code"));
    let message = text("message").or_else(|| text("Message"));
    Some((code.map(|code| bare(&code)), message, None))
}

/// Why IAM Identity Center cannot use the key that its customer manages, as its exceptions give it in `Reason`; `None` for
/// other reasons, and where too much is asked of the key, which passes as any throttle. Its services spell it differently:
/// `KMS_DisabledException` (sso-admin, sso-oidc), `KMS_DISABLED` (identitystore). Such an exception may be called
/// `ResourceNotFoundException`.
pub fn key_reason(body: &Value) -> Option<&str> {
    let reason = body
        .get("Reason")
        .or_else(|| body.get("reason"))?
        .as_str()?;
    let rest = reason.strip_prefix("KMS_")?.to_ascii_lowercase();
    (!rest.starts_with("throttling")).then_some(reason)
}

/// A code without the namespace before it and the address after it.
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
