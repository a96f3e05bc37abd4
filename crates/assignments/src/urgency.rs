//! Priorities of rationed AWS requests.

/// Manual revocations, then ends, grants, reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    AtOnce,
    End,
    Grant,
    /// Drift checks, directory reads.
    Background,
}
