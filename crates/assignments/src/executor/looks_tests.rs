//! When looks are made together, and at what.

use std::time::Duration;

use super::*;
use crate::outcome::later;
use crate::row::tests::{at, row};

#[test]
fn looks_are_made_together_every_two_seconds() {
    for (nanos, then) in [
        (0, 0),
        (1, 2),
        (1_000_000_000, 2),
        (1_000_000_001, 2),
        (2_000_000_000, 2),
        (2_000_000_001, 4),
    ] {
        let from = later(at(0), Duration::from_nanos(nanos));
        assert_eq!(next_shared_look(from), at(then), "{nanos}");
    }
}

#[test]
fn only_a_removal_that_aws_has_done_with_is_over() {
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    assert!(!is_over(&row()));
    for (kind, ended, expected) in [
        (create, true, false),
        (delete, true, true),
        (delete, false, false),
    ] {
        let mut row = row().begin(kind, at(20));
        if ended {
            row = row.over(at(30), at(31));
        }
        assert_eq!(is_over(&row), expected, "{kind:?} {ended}");
    }
}
