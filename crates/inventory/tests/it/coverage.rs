use hallpass_inventory::{
    Slice, SliceFailure, SliceKey, SliceOutcome, SnapshotId, SnapshotRecord, SnapshotState,
    TableCoverage, carried_from, coverage_of,
};
use jiff::{SignedDuration, Timestamp};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn ok(row_count: u64) -> SliceOutcome {
    SliceOutcome::Ok { row_count }
}

pub(crate) fn failed(code: &str) -> SliceOutcome {
    SliceOutcome::Failed {
        failure: SliceFailure {
            stage: "call".to_owned(),
            operation: "iam:ListUsers".to_owned(),
            code: code.to_owned(),
            message: "no".to_owned(),
            http_status: Some(403),
            attempts: 1,
            request_id: None,
        },
        more: Vec::new(),
    }
}

pub(crate) fn record(began: &str, slices: &[(&str, &str, SliceOutcome)]) -> SnapshotRecord {
    let started = at(began);
    let slices = slices.iter().map(|(table, account, outcome)| Slice {
        key: SliceKey {
            account: (*account != "*").then(|| (*account).to_owned()),
            ..SliceKey::whole(table)
        },
        started,
        finished: Some(started),
        outcome: outcome.clone(),
    });
    SnapshotRecord {
        id: SnapshotId::new(started, 7),
        started,
        finished: started,
        host: "here".to_owned(),
        version: "1".to_owned(),
        slices: slices.collect(),
    }
}

const DAY: &str = "2026-11-20T10:20:30Z";

#[test]
fn ids_have_the_form_of_the_contract_and_sort_by_time() {
    let id = SnapshotId::new(at("2026-11-20T10:20:30.9Z"), 0xab);
    assert_eq!(id.as_str(), "20261120T102030Z-dbba00ab");
    assert_eq!(id.day(), "2026-11-20");
    assert_eq!("20261120T102030Z-dbba00ab".parse(), Ok(id.clone()));
    let rising = [
        "10:20:30.9Z",
        "10:20:30.900001Z",
        "10:20:30.999999Z",
        "10:20:31Z",
    ];
    let ids = rising.map(|time| SnapshotId::new(at(&format!("2026-11-20T{time}")), u32::MAX));
    assert!(ids.is_sorted() && ids[3] > id);
    for text in [
        "",
        "20261120T102030Z",
        "20261120T102030Z-000000AB",
        "../20261120T102030Z-0000000",
        "2026112éT10203Z-000000ab",
    ] {
        assert!(text.parse::<SnapshotId>().is_err(), "{text}");
    }
}

#[test]
fn one_failed_slice_makes_a_snapshot_partial_and_no_accounts_make_it_failed() {
    let users = "aws_iam_users";
    let skipped = SliceOutcome::Skipped {
        reason: "suspended".to_owned(),
    };
    for (slices, state) in [
        (
            vec![(users, "1", ok(0)), (users, "2", skipped)],
            SnapshotState::Complete,
        ),
        (
            vec![(users, "1", ok(0)), (users, "2", failed("Throttling"))],
            SnapshotState::Partial,
        ),
        (
            vec![("aws_organizations_accounts", "*", failed("AccessDenied"))],
            SnapshotState::Failed,
        ),
    ] {
        assert_eq!(record(DAY, &slices).state(), state, "{slices:?}");
    }
}

#[test]
fn no_table_is_silently_empty() {
    let users = "aws_iam_users";
    let record = record(
        DAY,
        &[
            (users, "1", ok(0)),
            (users, "2", failed("AccessDenied")),
            (users, "3", failed("Throttling")),
            (users, "4", failed("AccessDenied")),
            ("okta_users", "*", ok(0)),
        ],
    );
    assert_eq!(
        coverage_of(&record, "okta_groups"),
        TableCoverage::NotSynced
    );
    assert_eq!(coverage_of(&record, "okta_users"), TableCoverage::Complete);
    let TableCoverage::Partial(groups) = coverage_of(&record, users) else {
        panic!("partial data were called complete");
    };
    let groups = groups.iter().map(|it| (it.code.as_str(), it.slices.len()));
    assert_eq!(
        groups.collect::<Vec<_>>(),
        [("AccessDenied", 2), ("Throttling", 1)]
    );
}

#[test]
fn rows_are_carried_from_the_newest_that_has_them_and_is_not_too_old() {
    let users = "aws_iam_users";
    let slice = |account: &str| SliceKey {
        account: Some(account.to_owned()),
        ..SliceKey::whole(users)
    };
    let earlier = [
        record(
            "2026-11-17T00:00:00Z",
            &[(users, "1", ok(3)), (users, "2", ok(1))],
        ),
        record("2026-11-18T12:00:00Z", &[(users, "1", ok(4))]),
        record(
            "2026-11-19T00:00:00Z",
            &[(users, "1", failed("Throttling"))],
        ),
    ];
    let from = |account: &str| {
        let hours = SignedDuration::from_hours(48);
        carried_from(&slice(account), &earlier, at("2026-11-20T00:00:00Z"), hours)
    };
    assert_eq!(from("1"), Some(&earlier[1].id));
    assert_eq!(from("2"), None);
    assert_eq!(from("3"), None);
}
