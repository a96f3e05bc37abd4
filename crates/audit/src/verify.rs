//! Verification of an export by somebody who has nothing but the export.
//!
//! Names the first bad record and what is wrong with it. What it cannot see, it does not claim: a
//! log cut short *and* published nowhere looks like a shorter log, which is why heads are
//! published (`access.md` §14.2).

use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::thread;

use crate::{GENESIS_HASH, Head, Record};

/// Records that are read before they are checked.
const BATCH: usize = 2_048;
/// So few are checked faster by one core.
const PART_MIN: usize = 256;

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Its bytes are not those that were recorded.
    Changed,
    /// It is not there.
    Missing,
    /// It stands in another's place.
    Reordered,
    /// It is whole, but does not follow from the record before it or a published head.
    Forked,
    /// The signature of a head of it, or of what a witness said of it, is not one of who is trusted.
    Forged,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Reordered => "reordered",
            Self::Forked => "forked",
            Self::Forged => "forged",
        })
    }
}

/// The first bad record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// Its number in the chain.
    pub seq: u64,
    /// What is wrong.
    pub kind: FaultKind,
    /// A sentence for people, with the object or line where it was found.
    pub detail: String,
}

/// What was checked when nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many records were checked.
    pub records: u64,
    /// Number of the first one; larger than 1 when the export begins later.
    pub first: u64,
    /// The last record's number and hash; `None` for an empty export without heads.
    pub head: Option<(u64, String)>,
    /// How many published heads, and whatever else was said of records, were found to hold.
    pub heads: u64,
}

/// The answer of [`verify`].
pub type VerifyResult = Result<Verified, BadRecord>;

/// One piece of an export: where it was found, and its bytes.
#[derive(Clone, Debug)]
pub struct Input {
    /// The object's path, or the file and line.
    pub place: String,
    /// The UUID in the object's name; `None` for a line of a file.
    pub named: Option<String>,
    /// The record's bytes.
    pub bytes: Vec<u8>,
}

/// What is kept of a record that is whole: a log is larger than memory may be.
struct Link {
    hash: String,
    prev_hash: String,
    place: String,
}

/// What somebody says of a record: a published head, or a witness who saw one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The record's number.
    pub seq: u64,
    /// The hash it had.
    pub hash: String,
    /// Who said so and when, as the subject of a sentence.
    pub said_by: String,
}

impl From<&Head> for Claim {
    fn from(head: &Head) -> Self {
        Self {
            seq: head.seq,
            hash: head.hash.clone(),
            said_by: format!("the head published at {}", head.time),
        }
    }
}

enum CheckedRecord {
    Good(u64, Link),
    Changed { claimed: Option<u64>, place: String },
    Misplaced { seq: u64, place: String },
}

fn check(input: Input) -> CheckedRecord {
    let Ok(record) = Record::parse(&input.bytes) else {
        return CheckedRecord::Changed {
            claimed: None,
            place: input.place,
        };
    };
    let bytes = input.bytes.strip_suffix(b"\n").unwrap_or(&input.bytes);
    if !record.hash_holds() || record.canonical().as_bytes() != bytes {
        return CheckedRecord::Changed {
            claimed: Some(record.seq()),
            place: input.place,
        };
    }
    match &input.named {
        Some(name) if *name != record.id().uuid().to_string() => CheckedRecord::Misplaced {
            seq: record.seq(),
            place: input.place,
        },
        _ => CheckedRecord::Good(
            record.seq(),
            Link {
                hash: record.hash().to_owned(),
                prev_hash: record.prev_hash().to_owned(),
                place: input.place,
            },
        ),
    }
}

/// Each input by itself, in order: whether it is a line of a file, and what was found.
fn checked(inputs: impl Iterator<Item = Input>) -> impl Iterator<Item = (bool, CheckedRecord)> {
    let mut inputs = inputs.fuse();
    let batches = std::iter::from_fn(move || {
        let batch: Vec<Input> = inputs.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then(|| side_by_side(batch))
    });
    batches.flatten()
}

/// Hashing is most of the work, and no record's needs another's.
fn side_by_side(mut batch: Vec<Input>) -> Vec<(bool, CheckedRecord)> {
    let alone = |part: Vec<Input>| -> Vec<(bool, CheckedRecord)> {
        let each = part.into_iter();
        each.map(|input| (input.named.is_none(), check(input)))
            .collect()
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let each = batch.len().div_ceil(cores).max(PART_MIN);
    thread::scope(|scope| {
        let mut parts = Vec::with_capacity(cores);
        while batch.len() > each {
            let rest = batch.split_off(each);
            let part = std::mem::replace(&mut batch, rest);
            parts.push(scope.spawn(move || alone(part)));
        }
        let last = alone(batch);
        let mut all = Vec::new();
        for part in parts {
            all.extend(part.join().unwrap_or_else(|fault| resume_unwind(fault)));
        }
        all.extend(last);
        all
    })
}

/// Checks the records of an export against each other and against published heads.
///
/// `Order::Lines` inputs must come in the file's order; objects of a folder may come in any.
///
/// # Errors
/// The [`BadRecord`] of the lowest record that is not as it was recorded.
pub fn verify(inputs: impl IntoIterator<Item = Input>, heads: &[Head]) -> VerifyResult {
    let claims: Vec<Claim> = heads.iter().map(Claim::from).collect();
    verify_claims(inputs, &claims)
}

/// As [`verify`], against whatever was said of records, by heads and by witnesses.
///
/// # Errors
/// As [`verify`].
pub fn verify_claims(inputs: impl IntoIterator<Item = Input>, claims: &[Claim]) -> VerifyResult {
    let mut good: BTreeMap<u64, Link> = BTreeMap::new();
    let mut faults: Vec<BadRecord> = Vec::new();
    let mut unreadable: Vec<String> = Vec::new();
    let mut last_line = 0;
    for (is_line, checked) in checked(inputs.into_iter()) {
        match checked {
            CheckedRecord::Good(seq, link) => {
                let place = &link.place;
                if is_line && seq < last_line {
                    faults.push(fault(
                        seq,
                        FaultKind::Reordered,
                        format!("{place}: follows record {last_line}"),
                    ));
                }
                last_line = last_line.max(seq);
                match good.get(&seq) {
                    Some(other) if other.hash != link.hash => faults.push(fault(
                        seq,
                        FaultKind::Forked,
                        format!("{place} and {} both claim this number", other.place),
                    )),
                    _ => {
                        good.insert(seq, link);
                    }
                }
            }
            CheckedRecord::Changed {
                claimed: Some(seq),
                place,
            } if seq > 0 => {
                faults.push(fault(
                    seq,
                    FaultKind::Changed,
                    format!("{place}: its hash does not match its content"),
                ));
                unreadable.push(place);
            }
            CheckedRecord::Changed { place, .. } => unreadable.push(place),
            CheckedRecord::Misplaced { seq, place } => {
                faults.push(fault(
                    seq,
                    FaultKind::Reordered,
                    format!("{place}: holds another record's content"),
                ));
            }
        }
    }
    walk(&good, claims, &mut faults, &unreadable);
    match faults.into_iter().min_by_key(|fault| fault.seq) {
        Some(first) => Err(first),
        None => Ok(summary(&good, claims)),
    }
}

fn fault(seq: u64, kind: FaultKind, detail: String) -> BadRecord {
    BadRecord { seq, kind, detail }
}

fn walk(
    good: &BTreeMap<u64, Link>,
    claims: &[Claim],
    faults: &mut Vec<BadRecord>,
    unreadable: &[String],
) {
    let mut previous: Option<(u64, &Link)> = None;
    for (seq, link) in good {
        let place = &link.place;
        let expected = previous.map(|(before, _)| before.saturating_add(1));
        if let Some(expected) = expected.filter(|expected| expected < seq) {
            faults.push(absent(expected, faults, unreadable));
        } else if let Some((before, previous)) = previous {
            if link.prev_hash != previous.hash {
                faults.push(fault(
                    *seq,
                    FaultKind::Forked,
                    format!("{place}: does not follow record {before}"),
                ));
            }
        } else if *seq == 1 && link.prev_hash != GENESIS_HASH {
            faults.push(fault(
                1,
                FaultKind::Forked,
                format!("{place}: the first record links to something"),
            ));
        }
        previous = Some((*seq, link));
    }
    let first = good.keys().next().copied().unwrap_or(1);
    let after_last = previous.map_or(1, |(last, _)| last.saturating_add(1));
    for claim in claims.iter().filter(|claim| claim.seq >= first) {
        match good.get(&claim.seq) {
            Some(link) if link.hash != claim.hash => faults.push(fault(
                claim.seq,
                FaultKind::Forked,
                format!("{}: {} says otherwise", link.place, claim.said_by),
            )),
            None if claim.seq >= after_last => {
                let mut missing = absent(after_last, faults, unreadable);
                missing.detail = format!(
                    "{} ({} knows record {})",
                    missing.detail, claim.said_by, claim.seq
                );
                faults.push(missing);
            }
            _ => {}
        }
    }
    if good.is_empty()
        && faults.is_empty()
        && let Some(place) = unreadable.first()
    {
        faults.push(fault(
            1,
            FaultKind::Changed,
            format!("{place}: cannot be read as a record"),
        ));
    }
    // a damaged last record that no head vouches for still has to be named
    let last_missing = fault(after_last, FaultKind::Changed, unreadable.join(", "));
    if !unreadable.is_empty() && faults.is_empty() {
        faults.push(last_missing);
    }
}

/// A number nobody holds: changed when some object cannot be read, else missing.
fn absent(seq: u64, faults: &[BadRecord], unreadable: &[String]) -> BadRecord {
    let explained = faults.iter().any(|fault| fault.seq == seq);
    match unreadable.first() {
        Some(place) if !explained => fault(
            seq,
            FaultKind::Changed,
            format!("{place}: cannot be read as record {seq}"),
        ),
        _ => fault(
            seq,
            FaultKind::Missing,
            format!("record {seq} is not in the export"),
        ),
    }
}

fn summary(good: &BTreeMap<u64, Link>, claims: &[Claim]) -> Verified {
    let first = good.keys().next().copied().unwrap_or(1);
    Verified {
        records: good.len() as u64,
        first,
        head: good
            .last_key_value()
            .map(|(seq, link)| (*seq, link.hash.clone())),
        heads: claims.iter().filter(|claim| claim.seq >= first).count() as u64,
    }
}
