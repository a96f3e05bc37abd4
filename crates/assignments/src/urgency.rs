//! Who goes first when requests to AWS are rationed.

/// Who goes first when requests to AWS are rationed: what a person takes away, then ends, then
/// grants, then looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Taking access away because a person said so.
    AtOnce,
    /// Taking access away.
    End,
    /// Giving access.
    Grant,
    /// Looking for drift, reading the directory.
    Background,
}
