//! AWS TEAM (Temporary Elevated Access Management for IAM Identity Center): its tables of eligibility,
//! approvers, settings and, in releases that have them, policies.
//!
//! What a request comes to there, as its router decides it since June 2024: somebody may ask for a permission set in an
//! account where an entry of theirs, or of a group of theirs, names both; an organizational unit stands for the accounts
//! directly in it. One entry without approval is enough to need none, the longest duration of all their
//! entries counts, and the settings cap it. Members of the groups that are named for the account or for
//! its parent may approve, the requester never. Releases before that ([`Release`]) asked no approvers of the parent
//! where the account has some of its own, needed an approval where one entry for the target needs it, and
//! held the hours of a person's first entry against whatever they ask for.
//!
//! An entry that names policies is about what these name, and about nothing of its own; whoever asks chooses one of
//! them, whose duration counts and whose approvers are the only ones.

mod convert;
mod earlier;
mod entry;
mod history;
mod known;
mod policies;
mod rows;
mod tables;

pub use convert::{Release, TeamExport, TeamExports, import};
pub use history::{PastRequest, history};
pub use tables::TeamTable;
