//! Known cycles between sibling modules, with reasons. The list may only shrink.

#[derive(Clone, Copy)]
pub(crate) struct KnownCircles {
    pub(crate) place: &'static str,
    pub(crate) members: &'static [&'static str],
    /// Why it misleads no reader.
    pub(crate) why: &'static str,
}

pub(crate) const KNOWN: &[KnownCircles] = &[KnownCircles {
    place: "server",
    members: &[
        "app", "last_day", "logins", "oidc", "session", "sign_in", "status",
    ],
    why: "`App` holds what signing in keeps between requests, and each part of signing in takes `App` as its state",
}];
