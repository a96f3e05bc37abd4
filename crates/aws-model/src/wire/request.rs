#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireRequest {
    pub method: String,
    /// Path and query string, percent-encoded.
    pub target: String,
    /// Includes `content-type`.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// `111122223333.`.
    pub host_prefix: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    #[error("`{0}` speaks no protocol that we do")]
    Protocol(String),
    /// The answer is a stream.
    #[error("`{0}` answers with a stream of events")]
    Events(String),
    #[error("`{0}` takes a body in XML of a service that we do not know")]
    XmlBody(String),
    #[error("`{0}` is part of the path and must not be empty")]
    EmptyLabel(String),
}
