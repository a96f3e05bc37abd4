use hallpass_base::TimeSpan;

#[derive(Clone, Debug)]
pub struct SessionSettings {
    pub idle: TimeSpan,
    pub absolute: TimeSpan,
    pub renew: TimeSpan,
    /// Whether the public URL is TLS-only, so that the cookie can be restricted to it.
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
    /// `__Host-` makes browsers require TLS, this host and the root path.
    pub(crate) const fn cookie_name(&self) -> &'static str {
        if self.secure {
            "__Host-hallpass"
        } else {
            "hallpass"
        }
    }
}
