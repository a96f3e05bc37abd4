//! Finds records by their texts: index ranges are read in parallel in the requested order, and each
//! record is checked against the query.
//!
//! One call reads a bounded number of records; the next continues.

use std::collections::BTreeSet;

use hallpass_audit::{FoundRecords, Order, Record, RecordQuery, RecordSubject, Words};
use hallpass_base::{GrantId, RequestId, UserId};

use super::listing::Bounds;
use super::numbers::{self, Numbered};
use super::{counter, number, search};
use crate::database::{DatabaseError, Optional, OwnedValue, TableRow, Transaction};
use crate::fault::StorageFault;
use crate::rows::read_record;

const ENTRIES_MIN: usize = 20;
/// Maximum texts matching words; beyond it so many records match that scanning the log is fast.
const TEXTS_MAX: usize = 500;
/// The index has no shorter words.
const PART_MIN: usize = 3;

macro_rules! ranges {
    ($from:literal, $of:literal) => {
        [ranges!($from, $of, "seq DESC"), ranges!($from, $of, "seq")]
    };
    ($from:literal, $of:literal, $order:literal) => {
        concat!(
            "SELECT seq FROM ",
            $from,
            " WHERE ",
            $of,
            " AND seq >= ?1 AND seq < ?2
                 ORDER BY ",
            $order,
            " LIMIT ?3"
        )
    };
}

/// Newest first, oldest first.
type Both = [&'static str; 2];

const ALL: Both = ranges!("audit", "true");
const OF_TEXT: Both = ranges!("audit_mentions", "text = ?4");
const OF_REQUEST: Both = ranges!("audit INDEXED BY audit_by_request", "request_id = ?4");
const OF_GRANT: Both = ranges!("audit INDEXED BY audit_by_grant", "grant_id = ?4");
const OF_ID: Both = ranges!("audit", "id = ?4");

struct SequenceRange {
    sql: Both,
    of: Option<OwnedValue>,
}

impl SequenceRange {
    fn of(sql: Both, of: impl Into<OwnedValue>) -> Self {
        Self {
            sql,
            of: Some(of.into()),
        }
    }
}

#[derive(Clone, Copy)]
struct Span {
    order: Order,
    from: u64,
    before: u64,
}

impl Span {
    fn is_empty(self) -> bool {
        self.from >= self.before
    }

    fn after(self, seq: u64) -> Self {
        match self.order {
            Order::NewestFirst => Self {
                before: seq,
                ..self
            },
            Order::OldestFirst => Self {
                from: seq + 1,
                ..self
            },
        }
    }
}

pub(super) fn request_bytes(id: Option<&str>) -> Option<[u8; 16]> {
    let id: RequestId = id?.parse().ok()?;
    Some(*id.uuid().as_bytes())
}

pub(super) fn grant_bytes(id: Option<&str>) -> Option<[u8; 16]> {
    let id: GrantId = id?.parse().ok()?;
    Some(*id.uuid().as_bytes())
}

pub(super) fn find(
    tx: &Transaction<'_>,
    query: &RecordQuery,
    limit: u32,
    bounds: Bounds,
) -> Result<FoundRecords, StorageFault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let ranges = ranges(tx, query)?;
    let mut left = Span {
        order: query.order,
        from: query.from,
        before: query.before.unwrap_or(u64::MAX).min(newest(tx)? + 1),
    };
    let (mut found, mut read) = (FoundRecords::default(), 0);
    if limit == 0 {
        return Ok(found);
    }
    let mut body = tx.prepare("SELECT body FROM audit WHERE seq = ?1")?;
    while !left.is_empty() {
        let wanted = (limit - found.records.len())
            .saturating_mul(2)
            .clamp(20, 1_000);
        let (numbers, cut) = round(
            tx,
            &ranges,
            left,
            wanted.min(bounds.entries / ranges.len().max(1)),
        )?;
        for seq in numbers {
            let body: Vec<u8> = body.query_row([number(seq)], |row| row.get(0))?;
            let record: Record = read_record(&body)?;
            read += 1;
            if query.fits(&record) {
                found.records.push(record);
            }
            if found.records.len() >= limit || read >= bounds.records {
                found.next = Some(seq).filter(|seq| !left.after(*seq).is_empty());
                return Ok(found);
            }
        }
        let Some(cut) = cut else { break };
        left = left.after(cut);
    }
    Ok(found)
}

fn newest(tx: &Transaction<'_>) -> Result<u64, DatabaseError> {
    let newest: Option<i64> = tx
        .prepare("SELECT seq FROM audit ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(newest.map_or(0, counter))
}

/// Returns the next distinct numbers of all ranges in order, and up to where they are complete;
/// `None` at the end.
fn round(
    tx: &Transaction<'_>,
    ranges: &[SequenceRange],
    left: Span,
    wanted: usize,
) -> Result<(Vec<u64>, Option<u64>), StorageFault> {
    let most = wanted.max(ENTRIES_MIN);
    let (mut all, mut cuts) = (BTreeSet::new(), BTreeSet::new());
    for range in ranges {
        let [newest_first, oldest_first] = range.sql;
        let sql = match left.order {
            Order::NewestFirst => newest_first,
            Order::OldestFirst => oldest_first,
        };
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let span = (number(left.from), number(left.before), limit);
        let mut statement = tx.prepare(sql)?;
        let read = |row: &TableRow<'_>| Ok(counter(row.get(0)?));
        let numbers: Vec<u64> = match &range.of {
            Some(of) => statement
                .query_map((span.0, span.1, span.2, of), read)?
                .collect::<Result<_, _>>()?,
            None => statement.query_map(span, read)?.collect::<Result<_, _>>()?,
        };
        if numbers.len() >= most {
            cuts.extend(numbers.last());
        }
        all.extend(numbers);
    }
    Ok(match left.order {
        Order::NewestFirst => {
            let cut = cuts.last().copied();
            let whole = all.into_iter().rev();
            (
                whole
                    .filter(|seq| cut.is_none_or(|cut| cut <= *seq))
                    .collect(),
                cut,
            )
        }
        Order::OldestFirst => {
            let cut = cuts.first().copied();
            let whole = all.into_iter();
            (
                whole
                    .filter(|seq| cut.is_none_or(|cut| *seq <= cut))
                    .collect(),
                cut,
            )
        }
    })
}

fn ranges(tx: &Transaction<'_>, query: &RecordQuery) -> Result<Vec<SequenceRange>, StorageFault> {
    if let Some(about) = &query.about {
        return Ok(about_ranges(about));
    }
    let words = match &query.words {
        Some(words) => word_ranges(tx, words)?,
        None => None,
    };
    let people = match &query.naming {
        Some(users) => Some(text_ranges(tx, users.iter().map(UserId::as_str))?),
        None => None,
    };
    let events = if query.events.is_empty() {
        None
    } else {
        Some(text_ranges(tx, query.events.iter().map(String::as_str))?)
    };
    let wanted = [&query.people, &query.accounts].into_iter().flatten();
    let wanted = wanted.filter(|texts| texts.len() <= TEXTS_MAX);
    let wanted = wanted.map(|texts| text_ranges(tx, texts.iter().map(String::as_str)));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    // words match few texts, people and accounts some, events many records each
    let narrow = words.into_iter().chain(people).chain(wanted);
    let narrow = narrow.min_by_key(Vec::len);
    let all = || vec![SequenceRange { sql: ALL, of: None }];
    Ok(narrow.or(events).unwrap_or_else(all))
}

fn about_ranges(about: &RecordSubject) -> Vec<SequenceRange> {
    let request = request_bytes(about.request.as_deref());
    let grant = grant_bytes(about.grant.as_deref());
    let request = request.map(|id| SequenceRange::of(OF_REQUEST, id.to_vec()));
    let grant = grant.map(|id| SequenceRange::of(OF_GRANT, id.to_vec()));
    request.into_iter().chain(grant).collect()
}

fn text_ranges<'a>(
    tx: &Transaction<'_>,
    texts: impl Iterator<Item = &'a str>,
) -> Result<Vec<SequenceRange>, StorageFault> {
    let mut ranges = Vec::new();
    for text in texts {
        let number = numbers::find(tx, Numbered::AuditText, text)?;
        ranges.extend(number.map(|number| SequenceRange::of(OF_TEXT, number)));
    }
    Ok(ranges)
}

/// Returns ranges of texts with the words; `None` when too many match or a word is too short.
fn word_ranges(
    tx: &Transaction<'_>,
    words: &Words,
) -> Result<Option<Vec<SequenceRange>>, StorageFault> {
    let text = words.text.trim();
    let can_be_looked_up = text.chars().count() >= PART_MIN && !text.contains('\0');
    if !can_be_looked_up || words.named.len() > TEXTS_MAX {
        return Ok(None);
    }
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    // identifiers match whole, in any notation
    let whole = text.to_lowercase();
    for text in words.named.iter().chain([&whole]) {
        numbers.extend(numbers::find(tx, Numbered::AuditText, text)?);
    }
    let most = i64::try_from(TEXTS_MAX + 1).unwrap_or(i64::MAX);
    numbers.extend(search::find(tx, text, most)?);
    if numbers.len() > TEXTS_MAX {
        return Ok(None);
    }
    let texts = numbers
        .into_iter()
        .map(|number| SequenceRange::of(OF_TEXT, number));
    let id: Option<hallpass_base::AuditId> = whole.parse().ok();
    let id = id.map(|id| SequenceRange::of(OF_ID, id.uuid().as_bytes().to_vec()));
    let about = about_ranges(&RecordSubject {
        request: Some(whole.clone()),
        grant: Some(whole),
    });
    Ok(Some(texts.chain(id).chain(about).collect()))
}

#[cfg(test)]
pub(super) const RANGES: [Both; 5] = [ALL, OF_TEXT, OF_REQUEST, OF_GRANT, OF_ID];
