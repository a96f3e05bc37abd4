//! The HTTP face: recognises the protocol, checks the signature, asks the state machine under
//! one lock, lets faults have their way, writes the answer in the protocol's words.

mod buckets;
mod chunks;
mod inspect;
mod parsed;
mod render;
mod rest;
mod router;
mod routing;

pub(crate) use router::answer;

/// The service that a request is for, by what it asks and not by who signed it.
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
