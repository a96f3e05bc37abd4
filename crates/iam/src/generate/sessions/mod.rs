//! Revokes sessions (`policies.md` §12).
//!
//! [`generate`] builds policies from a [`RevocationSpec`]. [`Revocations`] is a parsed policy for
//! later changes. Does not attach policies.

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
