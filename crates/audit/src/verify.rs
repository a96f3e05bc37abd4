//! Verifies an export with no other data.
//!
//! Names the first bad record and the fault. It cannot detect a log truncated *and* published
//! nowhere, which is why heads are published (`access.md` §14.2).

use std::collections::BTreeMap;
use std::fmt;
use std::panic::resume_unwind;
use std::thread;

use crate::{GENESIS_HASH, Head, Record};

const BATCH: usize = 2_048;
/// Fewer are checked faster on one core.
const PART_MIN: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    Changed,
    Missing,
    Reordered,
    Forked,
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    pub seq: u64,
    pub kind: FaultKind,
    pub detail: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub records: u64,
    pub first: u64,
    /// The last record's number and hash; `None` for an empty export without heads.
    pub head: Option<(u64, String)>,
    /// Number of published heads and other claims that were verified.
    pub heads: u64,
}

pub type VerifyResult = Result<Verified, BadRecord>;

#[derive(Clone, Debug)]
pub struct Input {
    pub place: String,
    pub named: Option<String>,
    pub bytes: Vec<u8>,
}

/// The part kept of an intact record: a log may be larger than memory.
struct Link {
    hash: String,
    prev_hash: String,
    place: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub seq: u64,
    pub hash: String,
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

fn checked(inputs: impl Iterator<Item = Input>) -> impl Iterator<Item = (bool, CheckedRecord)> {
    let mut inputs = inputs.fuse();
    let batches = std::iter::from_fn(move || {
        let batch: Vec<Input> = inputs.by_ref().take(BATCH).collect();
        (!batch.is_empty()).then(|| side_by_side(batch))
    });
    batches.flatten()
}

/// In parallel: hashing is most of the work, and records are independent.
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

/// Checks the records of an export against each other and against published heads. `Order::Lines`
/// inputs must keep the file's order.
///
/// # Errors
/// The [`BadRecord`] with the lowest number.
pub fn verify(inputs: impl IntoIterator<Item = Input>, heads: &[Head]) -> VerifyResult {
    let claims: Vec<Claim> = heads.iter().map(Claim::from).collect();
    verify_claims(inputs, &claims)
}

/// As [`verify`], against claims by heads and witnesses.
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
    // also names a damaged last record without a head
    let last_missing = fault(after_last, FaultKind::Changed, unreadable.join(", "));
    if !unreadable.is_empty() && faults.is_empty() {
        faults.push(last_missing);
    }
}

/// Describes a missing number: changed when some object is unreadable, else missing.
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
