//! Circles between sibling modules that are known, and why each is left. The list may only shrink.

/// Siblings each of which leads to every other one.
#[derive(Clone, Copy)]
pub(crate) struct KnownCircles {
    /// The crate's folder, and the module that they are in.
    pub(crate) place: &'static str,
    /// In the order of the alphabet.
    pub(crate) members: &'static [&'static str],
    /// Why nobody is misled.
    pub(crate) why: &'static str,
}

/// What is left.
pub(crate) const KNOWN: &[KnownCircles] = &[KnownCircles {
    place: "server",
    members: &[
        "app", "last_day", "logins", "oidc", "session", "sign_in", "status",
    ],
    why: "`App` holds what signing in keeps between requests, and each part of signing in takes `App` as its state",
}];
