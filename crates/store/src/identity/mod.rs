//! The SQLite ports of `identity`: a step's change and its record, in one transaction.

mod sessions;
mod tokens;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hallpass_access::identity::IdentityRecord;
use hallpass_base::{AuditId, IdSource, Timestamp};

pub use sessions::StoredSessions;
pub use tokens::StoredTokens;

fn next_record(ids: &Arc<dyn IdSource>, now: Timestamp) -> IdentityRecord {
    IdentityRecord {
        id: AuditId::new(ids.next(now)),
        at: now,
    }
}
