//! Pages of listings from indexes: ranges are read in parallel, newest first, and only visible rows
//! are read from their table.
//!
//! Each range has a bounded number of entries. Rows beyond the first range that ended early are
//! left for the next call, so that none is skipped.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::str::FromStr;

use hallpass_access::{Listed, ListingConditions};
use hallpass_base::Timestamp;

use super::numbers::{self, Numbered};
use super::stored_id;
use super::unreadable::{PackedRow, unpacked_or_told};
use crate::database::{DatabaseError, OwnedValue, TableRow, Transaction};
use crate::fault::StorageFault;

#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) entries: usize,
    pub(super) records: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            entries: 5_000,
            records: 500,
        }
    }
}

const ENTRIES_MIN: usize = 100;
/// Maximum parallel ranges; beyond it everything is read.
pub(super) const RANGES_MAX: usize = 200;

/// An index range: a query with `?1` for the exclusive upper id, `?2` for the lowest one, `?3` for
/// the number of entries, and `?4` for the range's value, if any. Its first column is the id.
pub(super) struct ScanRange {
    pub(super) sql: &'static str,
    pub(super) of: Option<OwnedValue>,
}

impl ScanRange {
    pub(super) fn all(sql: &'static str) -> Self {
        Self { sql, of: None }
    }

    pub(super) fn number(sql: &'static str, number: i64) -> Self {
        let of = Some(OwnedValue::Integer(number));
        Self { sql, of }
    }

    pub(super) fn text(sql: &'static str, text: &str) -> Self {
        let of = Some(OwnedValue::Text(text.to_owned()));
        Self { sql, of }
    }
}

/// A filter that checks index entries before rows.
pub(super) trait IndexedFilter {
    type Row: PackedRow;
    type Id: Copy + Display + FromStr<Err: Display>;

    /// Reads a row's `body` and `subject` by its id.
    const LISTED_SQL: &'static str;

    fn only(&self) -> &ListingConditions;

    fn before(&self) -> Option<Self::Id>;

    /// The first id of an instant.
    fn first_at(at: Timestamp) -> Self::Id;

    fn plan(&self, tx: &Transaction<'_>) -> Result<(Vec<ScanRange>, impl EntryTest), StorageFault>;

    /// The lowest id that can match, so that a listing need not reach the oldest row.
    fn floor(&self, _: &Transaction<'_>) -> Result<Option<String>, StorageFault> {
        Ok(None)
    }

    fn fits(&self, row: &Self::Row, subject: Option<u64>) -> bool;
}

pub(super) trait EntryTest {
    fn takes(&self, row: &TableRow<'_>) -> Result<bool, DatabaseError>;
}

/// Returns a page of matching rows, newest first. An unreadable one is logged and skipped; the next
/// page begins after it.
pub(super) fn list<F: IndexedFilter>(
    tx: &Transaction<'_>,
    filter: &F,
    limit: u32,
    bounds: Bounds,
) -> Result<Listed<F::Row, F::Id>, StorageFault> {
    let (mut rows, only) = (Vec::new(), filter.only());
    if limit == 0 {
        let next = filter.before();
        return Ok(Listed { rows, next });
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (ranges, wanted) = filter.plan(tx)?;
    let wants = |row: &TableRow<'_>| wanted.takes(row);
    // indexes do not hold rules: rows are read until enough fit
    let most = match only.rule {
        Some(_) => bounds.records.max(limit),
        None => limit,
    };
    let mut found = look(tx, &ranges, bounds, &Between::of(filter), most, wants)?;
    let mut bodies = tx.prepare(F::LISTED_SQL)?;
    let mut ids = found.ids.iter().peekable();
    while let Some(id) = ids.next() {
        let (body, subject) =
            bodies.query_row([id], |row| Ok((row.get::<Vec<u8>>(0), subject(row, 1)?)))?;
        let row = unpacked_or_told::<F::Row>(id, body);
        rows.extend(row.filter(|row| filter.fits(row, subject)));
        if rows.len() >= limit && ids.peek().is_some() {
            found.next = Some(id.clone());
            break;
        }
    }
    let floor = filter.floor(tx)?;
    let next = found.next;
    let next = next.filter(|id| floor.as_ref().is_none_or(|floor| id > floor));
    let next = next.map(|id| stored_id(&id)).transpose()?;
    Ok(Listed { rows, next })
}

pub(super) fn subject(row: &TableRow<'_>, column: usize) -> Result<Option<u64>, DatabaseError> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.and_then(|number| u64::try_from(number).ok()))
}

/// Returns the numbers of a filter's people; people without rows have none.
pub(super) fn people(
    tx: &Transaction<'_>,
    only: &ListingConditions,
) -> Result<Option<Vec<i64>>, DatabaseError> {
    let Some(people) = &only.people else {
        return Ok(None);
    };
    let mut found = Vec::with_capacity(people.len());
    for user in people {
        found.extend(numbers::find(tx, Numbered::Principal, user.as_str())?);
    }
    Ok(Some(found))
}

struct Looked {
    ids: Vec<String>,
    cut: Option<String>,
}

struct FoundRows {
    ids: Vec<String>,
    next: Option<String>,
}

/// Sorts after every id.
pub(super) const AFTER_ALL: &str = "~";

/// The ids of a page: from `from`, before `before`.
struct Between {
    from: String,
    before: String,
}

impl Between {
    fn of<F: IndexedFilter>(filter: &F) -> Self {
        let only = filter.only();
        let first = |at: Option<Timestamp>| at.map(|at| F::first_at(at).to_string());
        let place = filter.before().map(|id| id.to_string());
        let before = place.into_iter().chain(first(only.to)).min();
        Self {
            from: first(only.from).unwrap_or_default(),
            before: before.unwrap_or_else(|| AFTER_ALL.to_owned()),
        }
    }
}

/// Scans ranges for entries that `wants` accepts, at most `limit`.
fn look(
    tx: &Transaction<'_>,
    ranges: &[ScanRange],
    bounds: Bounds,
    between: &Between,
    limit: usize,
    wants: impl Fn(&TableRow<'_>) -> Result<bool, DatabaseError>,
) -> Result<FoundRows, StorageFault> {
    let entries = (bounds.entries / ranges.len().max(1))
        .max(ENTRIES_MIN)
        .max(limit);
    let mut looked = Vec::with_capacity(ranges.len());
    for range in ranges {
        looked.push(look_through(tx, range, between, entries, limit, &wants)?);
    }
    Ok(merged(looked, limit))
}

fn look_through(
    tx: &Transaction<'_>,
    range: &ScanRange,
    Between { from, before }: &Between,
    entries: usize,
    limit: usize,
    wants: &impl Fn(&TableRow<'_>) -> Result<bool, DatabaseError>,
) -> Result<Looked, StorageFault> {
    let mut statement = tx.prepare(range.sql)?;
    let most = i64::try_from(entries).unwrap_or(i64::MAX);
    let mut rows = match &range.of {
        Some(of) => statement.query((before, from, most, of))?,
        None => statement.query((before, from, most))?,
    };
    let (mut ids, mut last, mut count) = (Vec::new(), String::new(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        row.text(0)?.clone_into(&mut last);
        if wants(&row)? {
            ids.push(last.clone());
            if ids.len() >= limit {
                break;
            }
        }
    }
    let has_more = ids.len() >= limit || count >= entries;
    Ok(Looked {
        ids,
        cut: has_more.then_some(last),
    })
}

fn merged(looked: Vec<Looked>, limit: usize) -> FoundRows {
    // the newest early end of a range: older entries are incomplete
    let floor = looked.iter().filter_map(|it| it.cut.clone()).max();
    let ids: BTreeSet<String> = looked.into_iter().flat_map(|it| it.ids).collect();
    let whole = |id: &String| floor.as_ref().is_none_or(|floor| floor <= id);
    let mut ids: Vec<String> = ids.into_iter().rev().filter(whole).collect();
    let next = if ids.len() > limit {
        ids.truncate(limit);
        ids.last().cloned()
    } else {
        floor
    };
    FoundRows { ids, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(ids: &[&str], cut: Option<&str>) -> Looked {
        Looked {
            ids: ids.iter().map(|id| (*id).to_owned()).collect(),
            cut: cut.map(str::to_owned),
        }
    }

    #[test]
    fn ranges_are_merged_down_to_where_the_first_of_them_ended() {
        type ListingCase<'a> = (Vec<Looked>, usize, &'a [&'a str], Option<&'a str>);
        let cases: Vec<ListingCase<'_>> = vec![
            (vec![], 9, &[], None),
            (vec![looked(&["c", "a"], None)], 9, &["c", "a"], None),
            (
                vec![looked(&["c", "a"], None), looked(&["d", "a"], None)],
                9,
                &["d", "c", "a"],
                None,
            ),
            // more than wanted: continue after the last returned
            (
                vec![looked(&["c", "a"], None), looked(&["d", "b"], None)],
                3,
                &["d", "c", "b"],
                Some("b"),
            ),
            // a range that ended at `c` may hold more between `c` and `a`
            (
                vec![looked(&["d"], Some("c")), looked(&["e", "b", "a"], None)],
                9,
                &["e", "d"],
                Some("c"),
            ),
            (
                vec![looked(&[], Some("c")), looked(&["b"], Some("a"))],
                9,
                &[],
                Some("c"),
            ),
            (
                vec![looked(&["c"], Some("c")), looked(&["b"], Some("b"))],
                1,
                &["c"],
                Some("c"),
            ),
        ];
        for (place, (ranges, limit, ids, next)) in cases.into_iter().enumerate() {
            let found = merged(ranges, limit);
            assert_eq!(
                (found.ids, found.next.as_deref()),
                (ids.iter().map(|id| (*id).to_owned()).collect(), next),
                "case {place}"
            );
        }
    }
}
