//! Revoking sessions (`policies.md` §12): who is cut off, as entries of one policy.
//!
//! [`generate`] turns a [`Wish`] into policies. [`Revocations`] is a policy of that kind taken
//! apart, so that entries can be added and removed later. Knows nothing of attaching anything.

mod entry;
mod order;
mod read;
mod wish;

pub use entry::{Entry, EntryKind, PRE_STAGED, Revocations};
pub use wish::{Form, MAX_SESSION, Made, Match, SCP_SLOTS, Split, Wish, generate};
