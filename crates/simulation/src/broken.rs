//! What a check has seen.

/// A promise that does not hold, with what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The promise's check.
    pub promise: &'static str,
    /// What was seen.
    pub seen: String,
}
