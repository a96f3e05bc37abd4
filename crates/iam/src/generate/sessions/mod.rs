//! Revoking sessions (`policies.md` §12): who is cut off, as entries of one policy.
//!
//! [`generate`] turns a [`RevocationSpec`] into policies. [`Revocations`] is a policy of that kind taken
//! apart, so that entries can be added and removed later. Knows nothing of attaching anything.

mod entry;
mod form;
mod order;
mod read;
mod spec;

pub use entry::{EntryKind, PRE_STAGED, RevocationEntry, Revocations};
pub use form::RevocationForm;
pub use spec::{
    GeneratedRevocation, MAX_SESSION, Match, RevocationSpec, SCP_SLOTS, Split, generate,
};
