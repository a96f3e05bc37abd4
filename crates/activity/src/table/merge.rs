//! Merges sorted parts row by row (`inventory.md` H-23). Events of a row ascend, so only the next
//! ones are in memory.

use std::collections::btree_set;
use std::iter::Peekable;

use super::row::{ActivityFacts, ActivityKey, ActivityTotals};

/// Events of a row per piece.
pub const PIECE_EVENTS: usize = 4096;

/// A row or a part of its events; pieces of a row are adjacent.
pub type RowPiece = (ActivityKey, ActivityFacts);

#[derive(Clone, Copy, Debug)]
pub struct MergedPiece<'a> {
    pub key: &'a ActivityKey,
    /// Distinct and ascending; at most [`PIECE_EVENTS`].
    pub events: &'a [u64],
    /// Totals so far, these events included.
    pub totals: &'a ActivityTotals,
    pub is_last: bool,
}

/// A part is unsorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its rows are not in their order")]
pub struct UnorderedPart;

struct OpenPart<I> {
    pieces: I,
    head: Option<RowPiece>,
}

impl<I, E> OpenPart<I>
where
    I: Iterator<Item = Result<RowPiece, E>>,
    E: From<UnorderedPart>,
{
    fn open(mut pieces: I) -> Result<Self, E> {
        let head = pieces.next().transpose()?;
        Ok(Self { pieces, head })
    }

    fn is_at(&self, key: &ActivityKey) -> bool {
        self.head.as_ref().is_some_and(|it| it.0 == *key)
    }

    fn take(&mut self, key: &ActivityKey) -> Result<Option<ActivityFacts>, E> {
        let Some((_, facts)) = self.head.take_if(|it| it.0 == *key) else {
            return Ok(None);
        };
        self.head = self.pieces.next().transpose()?;
        if self.head.as_ref().is_some_and(|it| it.0 < *key) {
            return Err(UnorderedPart.into());
        }
        Ok(Some(facts))
    }
}

struct PartEvents<'a, I> {
    part: &'a mut OpenPart<I>,
    events: Peekable<btree_set::IntoIter<u64>>,
}

struct OpenRow<'a, F> {
    key: &'a ActivityKey,
    totals: Option<ActivityTotals>,
    events: Vec<u64>,
    last: Option<u64>,
    take: &'a mut F,
}

impl<F, E> OpenRow<'_, F>
where
    F: FnMut(&MergedPiece<'_>) -> Result<(), E>,
    E: From<UnorderedPart>,
{
    fn join(&mut self, facts: &ActivityFacts) {
        let known = ActivityTotals {
            events: 0,
            ..facts.totals()
        };
        match &mut self.totals {
            Some(totals) => totals.join(known),
            None => self.totals = Some(known),
        }
    }

    fn add(&mut self, event: u64) -> Result<(), E> {
        if self.last.is_some_and(|it| event <= it) {
            return Err(UnorderedPart.into());
        }
        self.last = Some(event);
        if self.events.len() == PIECE_EVENTS {
            self.hand_on(false)?;
        }
        self.events.push(event);
        Ok(())
    }

    fn hand_on(&mut self, is_last: bool) -> Result<(), E> {
        let Some(totals) = &mut self.totals else {
            return Ok(());
        };
        totals.events += self.events.len() as u64;
        (self.take)(&MergedPiece {
            key: self.key,
            events: &self.events,
            totals,
            is_last,
        })?;
        self.events.clear();
        Ok(())
    }
}

/// Merges parts and passes on rows in key order, in one or more pieces.
///
/// # Errors
/// Those of the parts and of `take`; an unsorted part.
pub fn merge_rows<I, E>(
    parts: impl IntoIterator<Item = I>,
    mut take: impl FnMut(&MergedPiece<'_>) -> Result<(), E>,
) -> Result<(), E>
where
    I: Iterator<Item = Result<RowPiece, E>>,
    E: From<UnorderedPart>,
{
    let parts: Result<Vec<_>, E> = parts.into_iter().map(OpenPart::open).collect();
    let mut parts = parts?;
    loop {
        let heads = parts.iter().filter_map(|it| it.head.as_ref());
        let Some(key) = heads.map(|it| &it.0).min().cloned() else {
            return Ok(());
        };
        let mut row = OpenRow {
            key: &key,
            totals: None,
            events: Vec::new(),
            last: None,
            take: &mut take,
        };
        let mut open = Vec::new();
        for part in parts.iter_mut().filter(|it| it.is_at(&key)) {
            if let Some(events) = next_events(part, &mut row)? {
                open.push(PartEvents { part, events });
            }
        }
        merge_events(&mut open, &mut row)?;
        row.hand_on(true)?;
    }
}

fn next_events<I, E, F>(
    part: &mut OpenPart<I>,
    row: &mut OpenRow<'_, F>,
) -> Result<Option<Peekable<btree_set::IntoIter<u64>>>, E>
where
    I: Iterator<Item = Result<RowPiece, E>>,
    E: From<UnorderedPart>,
    F: FnMut(&MergedPiece<'_>) -> Result<(), E>,
{
    while let Some(facts) = part.take(row.key)? {
        row.join(&facts);
        if !facts.events.is_empty() {
            return Ok(Some(facts.events.into_iter().peekable()));
        }
    }
    Ok(None)
}

/// Merges events, distinct and ascending.
fn merge_events<I, E, F>(
    open: &mut Vec<PartEvents<'_, I>>,
    row: &mut OpenRow<'_, F>,
) -> Result<(), E>
where
    I: Iterator<Item = Result<RowPiece, E>>,
    E: From<UnorderedPart>,
    F: FnMut(&MergedPiece<'_>) -> Result<(), E>,
{
    loop {
        let next = open.iter_mut().filter_map(|it| it.events.peek().copied());
        let Some(next) = next.min() else {
            return Ok(());
        };
        row.add(next)?;
        for from in open.iter_mut() {
            if from.events.next_if_eq(&next).is_some()
                && from.events.peek().is_none()
                && let Some(events) = next_events(from.part, row)?
            {
                from.events = events;
            }
        }
    }
}
