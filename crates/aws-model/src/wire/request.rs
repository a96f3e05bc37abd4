//! A request without host and signature, and why there is none.

/// A request without host and signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    /// HTTP method.
    pub method: String,
    /// Path and query string, percent-encoded.
    pub target: String,
    /// Headers, `content-type` included.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What stands before the host's name: `111122223333.`.
    pub host_prefix: String,
}

/// Why no request can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// We do not speak the service's protocol.
    #[error("`{0}` speaks no protocol that we do")]
    Protocol(String),
    /// The answer is a stream.
    #[error("`{0}` answers with a stream of events")]
    Events(String),
    /// The service takes bodies in XML, and we do not know the namespace of its elements.
    #[error("`{0}` takes a body in XML of a service that we do not know")]
    XmlBody(String),
    /// A part of the path is empty or missing.
    #[error("`{0}` is part of the path and must not be empty")]
    EmptyLabel(String),
}
