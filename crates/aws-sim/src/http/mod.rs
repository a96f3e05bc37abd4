//! The HTTP layer: detects the protocol, checks the signature, calls the state machine under one
//! lock, applies faults, renders the answer.

mod buckets;
mod chunks;
mod inspect;
mod parsed;
mod render;
mod rest;
mod router;
mod routing;

pub(crate) use router::answer;

/// The requested service, independent of the signature.
#[cfg(test)]
pub(crate) fn signing_name(request: &::http::Request<()>, body: &[u8]) -> Option<String> {
    let (uri, headers) = (request.uri(), request.headers());
    let query = uri.query().unwrap_or_default();
    let parts = parsed::RequestParts {
        headers,
        method: request.method().as_str(),
        path: uri.path(),
        query,
        body,
        scope: None,
    };
    routing::recognise(parts).signing_name
}
