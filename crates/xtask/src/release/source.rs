//! What is released, and from what.

/// The programs that are released.
pub(super) const PROGRAMS: [&str; 2] = ["hallpass", "hallpass-query"];

/// The crates that a release is made of: the programs, and the roots of certificates that an image has as a file.
pub(super) const CRATES: [&str; 3] = ["hallpass", "hallpass-query", "webpki-root-certs"];

/// A commit, compiled for a platform.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) version: String,
    /// The commit, 40 hex digits.
    pub(super) commit: String,
    /// Its time in seconds since 1970.
    pub(super) at: u64,
    /// Its time as RFC 3339.
    pub(super) at_words: String,
    /// The platform that it is compiled for, as Rust names it.
    pub(super) target: String,
    /// The platform that it is compiled on.
    pub(super) host: String,
    /// The compiler's own words of its version.
    pub(super) compiler: String,
}
