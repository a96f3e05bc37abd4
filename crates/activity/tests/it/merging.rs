//! Streaming merge equals in-memory merge, with few rows and events in memory.

use std::collections::BTreeSet;

use hallpass_activity::{
    ActivityFacts, ActivityKey, ActivityPrincipal, ActivityRows, PIECE_EVENTS, PrincipalKind,
    RowPiece, SampleSet, UnorderedPart, merge_rows, piece_line, read_line, session_day,
    write_lines,
};
use hallpass_base::Timestamp;
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Broken {
    Part,
    Unordered,
}

impl From<UnorderedPart> for Broken {
    fn from(_: UnorderedPart) -> Self {
        Self::Unordered
    }
}

fn key(action: &str, set: Option<&str>, account: u32) -> ActivityKey {
    ActivityKey {
        day: "2026-11-20".parse().unwrap(),
        account_id: format!("{account:012}"),
        region: "eu-west-1".to_owned(),
        principal: ActivityPrincipal {
            kind: PrincipalKind::Person,
            name: "ana".to_owned(),
            user_id: None,
            permission_set: set.map(str::to_owned),
            role: None,
            session_started: None,
        },
        service: "s3".to_owned(),
        action: action.to_owned(),
        error_code: None,
    }
}

fn facts(events: impl IntoIterator<Item = u64>, hour: i64) -> ActivityFacts {
    let at = Timestamp::from_second(1_763_596_800 + 3600 * hour).unwrap();
    ActivityFacts {
        events: events.into_iter().collect(),
        first_seen: at,
        last_seen: at,
        is_write: Some(hour % 2 == 0),
        resources: SampleSet::of([format!("arn:aws:s3:::b{hour}")]),
        source_addresses: SampleSet::of([format!("198.51.100.{hour}")]),
    }
}

fn lines(rows: &ActivityRows) -> Vec<String> {
    let lines = rows.iter().flat_map(|(key, facts)| write_lines(key, facts));
    lines.map(|it| it.unwrap()).collect()
}

fn pieces(lines: &[String]) -> impl Iterator<Item = Result<RowPiece, Broken>> {
    lines
        .iter()
        .map(|it| read_line(it).map_err(|_| Broken::Part))
}

/// Also returns the most events in one piece.
fn merged(parts: &[Vec<String>]) -> Result<(ActivityRows, Vec<String>, usize), Broken> {
    let (mut rows, mut handed, mut most) = (ActivityRows::default(), Vec::new(), 0);
    let mut events: BTreeSet<u64> = BTreeSet::new();
    merge_rows(parts.iter().map(|it| pieces(it)), |piece| {
        most = most.max(piece.events.len());
        handed.push(piece_line(piece).unwrap());
        let before = events.len();
        events.extend(piece.events);
        assert_eq!(events.len(), before + piece.events.len(), "each event once");
        assert_eq!(piece.totals.events, events.len() as u64);
        if piece.is_last {
            let totals = piece.totals.clone();
            let facts = ActivityFacts {
                events: std::mem::take(&mut events),
                first_seen: totals.first_seen,
                last_seen: totals.last_seen,
                is_write: totals.is_write,
                resources: totals.resources,
                source_addresses: totals.source_addresses,
            };
            rows.add(piece.key.clone(), facts);
        }
        Ok::<(), Broken>(())
    })?;
    Ok((rows, handed, most))
}

fn in_memory(parts: &[ActivityRows]) -> ActivityRows {
    let mut all = ActivityRows::default();
    for part in parts {
        all.merge(part.clone());
    }
    all
}

#[test]
fn a_row_of_many_events_comes_in_pieces_and_is_one_row() {
    let many = PIECE_EVENTS as u64 * 3 + 7;
    let mut one = ActivityRows::default();
    one.add(key("Get", None, 1), facts((0..many).map(|it| it * 2), 1));
    one.add(key("Put", None, 1), facts([5], 2));
    let mut other = ActivityRows::default();
    other.add(key("Get", None, 1), facts((0..many).map(|it| it * 3), 3));
    let parts = [lines(&one), lines(&other), Vec::new()];
    assert_eq!(parts[0].len(), 5, "four lines of the one row");
    let (rows, handed, most) = merged(&parts).unwrap();
    assert_eq!(rows, in_memory(&[one, other]));
    assert_eq!(most, PIECE_EVENTS);
    // A merged part is a normal part.
    let (again, _, _) = merged(&[handed, parts[1].clone()]).unwrap();
    assert_eq!(again, rows);
}

#[test]
fn a_part_that_is_not_in_its_order_is_no_part() {
    let mut rows = ActivityRows::default();
    rows.add(key("Get", None, 1), facts(0..PIECE_EVENTS as u64 * 2, 1));
    rows.add(key("Put", None, 1), facts([5], 2));
    let mut text = lines(&rows);
    text.swap(0, 1);
    assert_eq!(merged(&[text.clone()]).unwrap_err(), Broken::Unordered);
    text.swap(0, 2);
    assert_eq!(merged(&[text.clone()]).unwrap_err(), Broken::Unordered);
    text[0] = "{".to_owned();
    assert_eq!(merged(&[text]).unwrap_err(), Broken::Part);
}

#[test]
fn sessions_of_an_account_are_one_line_wherever_their_rows_come_from() {
    let mut rows = ActivityRows::default();
    for (account, set) in [(1, Some("Admin")), (1, None), (2, Some("Admin"))] {
        rows.add(key("Get", set, account), facts([u64::from(account)], 1));
    }
    let text = session_day("2026-11-20".parse().unwrap(), &rows).unwrap();
    assert_eq!(text.lines().count(), 3, "{text}");
}

prop_compose! {
    fn part()(seeds in prop::collection::vec((0..3_u32, 0..4_u8, prop::collection::btree_set(0..40_u64, 1..12), 0..5_i64), 0..9))
        -> ActivityRows {
        let mut rows = ActivityRows::default();
        for (account, action, events, hour) in seeds {
            // An event has the same facts in every part.
            let set = (action % 2 == 0).then_some("Admin");
            rows.add(key(&format!("Do{action}"), set, account), facts(events, hour));
        }
        rows
    }
}

proptest! {
    #[test]
    fn piece_by_piece_is_as_in_memory(parts in prop::collection::vec(part(), 0..6)) {
        let texts: Vec<Vec<String>> = parts.iter().map(lines).collect();
        let (rows, handed, _) = merged(&texts).unwrap();
        prop_assert_eq!(&rows, &in_memory(&parts));
        // Merged in two steps, like many files.
        let (first, second) = texts.split_at(texts.len() / 2);
        let halves = [merged(first).unwrap().1, merged(second).unwrap().1];
        let twice = merged(&halves).unwrap();
        prop_assert_eq!(&twice.0, &rows);
        prop_assert_eq!(twice.1, handed);
    }
}
