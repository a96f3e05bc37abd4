//! Limits of sessions, and the name of their cookie.

use hallpass_base::TimeSpan;

/// Limits of sessions.
#[derive(Clone, Debug)]
pub struct SessionSettings {
    /// How long one may rest.
    pub idle: TimeSpan,
    /// How long one may last.
    pub absolute: TimeSpan,
    /// How often its secret is replaced.
    pub renew: TimeSpan,
    /// Whether people reach us over TLS only, so that the cookie may be bound to it.
    pub secure: bool,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            idle: TimeSpan::hours(8),
            absolute: TimeSpan::hours(24),
            renew: TimeSpan::hours(1),
            secure: false,
        }
    }
}

impl SessionSettings {
    /// The cookie's name. `__Host-` makes browsers insist on TLS, this host and the root path.
    pub(crate) const fn cookie_name(&self) -> &'static str {
        if self.secure {
            "__Host-hallpass"
        } else {
            "hallpass"
        }
    }
}
