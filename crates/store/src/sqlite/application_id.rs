//! What tells our files from those of other programs.

use rusqlite::Connection;

/// Set in each of our files (`PRAGMA application_id`): `hall`.
pub(super) const APPLICATION_ID: i64 = 0x6861_6c6c;

/// Whether a file is one of ours, whatever its schema's version.
pub(super) fn is_ours(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection
        .pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0))
        .map(|application| application == APPLICATION_ID)
}
