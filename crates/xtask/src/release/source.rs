pub(super) const PROGRAMS: [&str; 2] = ["hallpass", "hallpass-query"];

/// Released crates: the programs, and the image's certificate roots.
pub(super) const CRATES: [&str; 3] = ["hallpass", "hallpass-query", "webpki-root-certs"];

#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) version: String,
    /// 40 hex digits.
    pub(super) commit: String,
    /// Seconds since 1970.
    pub(super) at: u64,
    /// RFC 3339.
    pub(super) at_words: String,
    /// Target platform, as Rust names it.
    pub(super) target: String,
    pub(super) host: String,
    pub(super) compiler: String,
}
