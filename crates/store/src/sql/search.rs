//! Substring search in record texts, by each engine's method.

use crate::database::{DatabaseError, Engine, Transaction};

/// SQLite's index of texts, three letters at a time.
pub(super) const SQLITE_TABLE: &str = "
CREATE VIRTUAL TABLE audit_search USING fts5 (text, content = '', tokenize = 'trigram');
";

/// PostgreSQL's table of lower-case texts with a trigram index.
pub(super) const POSTGRES_TABLE: &str = "
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE audit_search (rowid INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX audit_search_parts ON audit_search USING gin (text gin_trgm_ops);
";

pub(super) fn add(tx: &Transaction<'_>, number: i64, text: &str) -> Result<(), DatabaseError> {
    let folded = match tx.engine() {
        Engine::Sqlite => None,
        Engine::Postgres => Some(text.to_lowercase()),
    };
    tx.prepare("INSERT INTO audit_search (rowid, text) VALUES (?1, ?2)")?
        .execute((number, folded.as_deref().unwrap_or(text)))?;
    Ok(())
}

pub(super) fn find(tx: &Transaction<'_>, part: &str, most: i64) -> Result<Vec<i64>, DatabaseError> {
    let (sql, pattern) = match tx.engine() {
        Engine::Sqlite => (
            "SELECT rowid FROM audit_search WHERE audit_search MATCH ?1 LIMIT ?2",
            // quoted, so that nothing in it is syntax
            format!("\"{}\"", part.replace('"', "\"\"")),
        ),
        Engine::Postgres => (
            "SELECT rowid FROM audit_search WHERE text LIKE ?1 LIMIT ?2",
            format!("%{}%", literal(&part.to_lowercase())),
        ),
    };
    tx.prepare(sql)?
        .query_map((pattern, most), |row| row.get(0))?
        .collect()
}

fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_no_letter_that_stands_for_another() {
        assert_eq!(literal(r"50%_\é"), r"50\%\_\\é");
    }
}
