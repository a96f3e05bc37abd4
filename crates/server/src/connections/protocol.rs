//! What is spoken over a connection.

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 (RFC 9112): one call at a time.
    Http1,
    /// HTTP/2 (RFC 9113): calls beside each other.
    Http2,
}

impl Protocol {
    /// How TLS names it (RFC 7301, RFC 9113 §3.1).
    pub(super) const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}
