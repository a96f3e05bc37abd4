//! The ports of `identity` filled by SQLite: what a step changes and its record, in one transaction.

mod sessions;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hallpass_access::identity::IdentityRecord;
use hallpass_base::{AuditId, IdSource, Timestamp};

pub use sessions::StoredSessions;
pub use tokens::StoredTokens;

/// The record of a step that is about to be stored.
fn next_record(ids: &Arc<dyn IdSource>, now: Timestamp) -> IdentityRecord {
    IdentityRecord {
        id: AuditId::new(ids.next(now)),
        at: now,
    }
}
