//! Changes: guards, races, legal steps, atomicity, and the chain of records.

use hallpass_access::{
    AcceptanceWrite, Change, CommitError, Grant, GrantState, GrantStateKind, GroupAssignmentWrite,
    GroupSyncWrite, LocksSeen, Request, RequestFilter, RequestState, RequestStateKind, Stuck,
    Write,
};
use hallpass_audit::{Input, Record};

use super::Store;
use crate::{
    a_campaign, a_campaign_line, a_digest, a_draft, a_grant, a_group_assignment, a_lock, a_notice,
    a_request, a_sweep, a_sweep_item, account_key, an_absence, an_acceptance, an_answer, approved,
    at, ended, ending, grant_id, grant_states, request_id, request_states, sweep_id, user, wanted,
    with_grant, with_request,
};

pub(super) fn raced(outcome: &Result<Vec<Record>, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Raced(_)))
}

fn illegal(outcome: &Result<Vec<Record>, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::IllegalStep(_)))
}

pub async fn an_insert_is_stored_as_it_is(store: Store) {
    store
        .commit(Change {
            requests: vec![Write::Insert(a_request(1))],
            grants: vec![Write::Insert(a_grant(1))],
            ..Change::default()
        })
        .await
        .unwrap();
    assert_eq!(
        store.request(request_id(1)).await.unwrap(),
        Some(a_request(1))
    );
    assert_eq!(store.grant(grant_id(1)).await.unwrap(), Some(a_grant(1)));
    assert_eq!(store.request(request_id(2)).await.unwrap(), None);
    assert_eq!(store.grant(grant_id(2)).await.unwrap(), None);
}

pub async fn every_state_reads_back(store: Store) {
    for (n, state) in (1..).zip(request_states()) {
        let request = Request {
            state,
            ..a_request(n)
        };
        store
            .commit(with_request(Write::Insert(request.clone())))
            .await
            .unwrap();
        assert_eq!(store.request(request.id).await.unwrap(), Some(request));
    }
    for (n, state) in (1..).zip(grant_states()) {
        let grant = Grant {
            state,
            stuck: Some(Stuck {
                since: at(5),
                reason: "denied".to_owned(),
            }),
            ..a_grant(n)
        };
        store
            .commit(with_grant(Write::Insert(grant.clone())))
            .await
            .unwrap();
        assert_eq!(store.grant(grant.id).await.unwrap(), Some(grant));
    }
}

pub async fn an_update_needs_the_version_that_was_read(store: Store) {
    let request = a_request(1);
    store
        .commit(with_request(Write::Insert(request.clone())))
        .await
        .unwrap();
    let reviewed = |version| Request {
        version,
        ticket: Some(format!("read at {version}")),
        ..request.clone()
    };
    for (version, wins) in [(1, false), (0, true), (0, false), (1, true), (7, false)] {
        let outcome = store
            .commit(with_request(Write::Update(reviewed(version))))
            .await;
        assert_eq!(outcome.is_ok(), wins, "over version {version}: {outcome:?}");
        assert!(wins || raced(&outcome), "{outcome:?}");
    }
    let stored = store.request(request.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.version, stored.ticket),
        (2, Some("read at 1".to_owned()))
    );

    let grant = a_grant(1);
    assert!(raced(
        &store.commit(with_grant(Write::Update(grant.clone()))).await
    ));
    store
        .commit(with_grant(Write::Insert(grant.clone())))
        .await
        .unwrap();
    store
        .commit(with_grant(Write::Update(grant.clone())))
        .await
        .unwrap();
    assert!(raced(
        &store.commit(with_grant(Write::Update(grant.clone()))).await
    ));
    assert_eq!(store.grant(grant.id).await.unwrap().unwrap().version, 1);
}

pub async fn an_insert_over_a_row_is_raced(store: Store) {
    let closed = Request {
        state: RequestState::Expired { at: at(9) },
        ..a_request(1)
    };
    store
        .commit(with_request(Write::Insert(closed.clone())))
        .await
        .unwrap();
    assert!(raced(
        &store.commit(with_request(Write::Insert(closed))).await
    ));
    store
        .commit(with_grant(Write::Insert(a_grant(1))))
        .await
        .unwrap();
    assert!(raced(
        &store.commit(with_grant(Write::Insert(a_grant(1)))).await
    ));
}

pub async fn one_equal_request_is_pending_at_a_time(store: Store) {
    let first = a_request(1);
    let second = Request {
        key: first.key.clone(),
        ..a_request(2)
    };
    let extension = Request {
        extends: Some(grant_id(1)),
        key: first.key.clone(),
        ..a_request(3)
    };
    store
        .commit(with_request(Write::Insert(first.clone())))
        .await
        .unwrap();
    assert!(raced(
        &store
            .commit(with_request(Write::Insert(second.clone())))
            .await
    ));
    store
        .commit(with_request(Write::Insert(extension)))
        .await
        .unwrap();
    let decided = Request {
        state: approved(4),
        ..first
    };
    store
        .commit(with_request(Write::Update(decided)))
        .await
        .unwrap();
    store
        .commit(with_request(Write::Insert(second.clone())))
        .await
        .unwrap();
    let third = Request {
        key: second.key.clone(),
        ..a_request(4)
    };
    assert!(raced(
        &store
            .commit(with_request(Write::Insert(third.clone())))
            .await
    ));
    let at_once = Request {
        state: approved(4),
        ..third
    };
    store
        .commit(with_request(Write::Insert(at_once)))
        .await
        .unwrap();
}

pub async fn steps_no_machine_has_are_refused(store: Store) {
    let denied = Request {
        state: RequestState::Expired { at: at(2) },
        ..a_request(1)
    };
    store
        .commit(with_request(Write::Insert(denied.clone())))
        .await
        .unwrap();
    let revived = Request {
        state: RequestState::Pending,
        ..denied.clone()
    };
    assert!(illegal(
        &store.commit(with_request(Write::Update(revived))).await
    ));
    assert_eq!(
        store.request(denied.id).await.unwrap(),
        Some(denied.clone())
    );
    // the version is checked first: a stale writer gets that error
    let stale = Request {
        version: 3,
        state: RequestState::Pending,
        ..denied
    };
    assert!(raced(
        &store.commit(with_request(Write::Update(stale))).await
    ));
}

pub async fn every_step_of_the_tables_is_taken_and_no_other(store: Store) {
    let mut n = 0;
    for prior in request_states() {
        for next in request_states() {
            n += 1;
            let row = Request {
                state: prior.clone(),
                ..a_request(n)
            };
            store
                .commit(with_request(Write::Insert(row.clone())))
                .await
                .unwrap();
            let step = (prior.kind(), next.kind());
            let row = Request {
                state: next.clone(),
                ..row
            };
            let outcome = store.commit(with_request(Write::Update(row))).await;
            let is_legal = RequestStateKind::STEPS.contains(&step);
            assert_eq!(outcome.is_ok(), is_legal, "request {step:?}: {outcome:?}");
            assert!(
                is_legal || illegal(&outcome),
                "request {step:?}: {outcome:?}"
            );
        }
    }
    for prior in grant_states() {
        for next in grant_states() {
            n += 1;
            let row = Grant {
                state: prior.clone(),
                ..a_grant(n)
            };
            store
                .commit(with_grant(Write::Insert(row.clone())))
                .await
                .unwrap();
            let step = (prior.kind(), next.kind());
            let row = Grant {
                state: next.clone(),
                ..row
            };
            let outcome = store.commit(with_grant(Write::Update(row))).await;
            let is_legal = GrantStateKind::STEPS.contains(&step);
            assert_eq!(outcome.is_ok(), is_legal, "grant {step:?}: {outcome:?}");
            assert!(is_legal || illegal(&outcome), "grant {step:?}: {outcome:?}");
        }
    }
}

/// A change of every kind, refused by the guard of its last part.
pub async fn a_refused_change_leaves_nothing(store: Store) {
    store.open_channel("log", at(0)).await.unwrap();
    let first = Change {
        answer: Some(an_answer(1, "k")),
        ..Change::default()
    };
    store.commit(first).await.unwrap();
    let refused = Change {
        sessions_to_revoke: Vec::new(),
        armed_ends: Vec::new(),
        locks: vec![Write::Insert(a_lock(1))],
        absences: vec![Write::Insert(an_absence(1))],
        campaigns: vec![Write::Insert(a_campaign(1))],
        campaign_lines: vec![Write::Insert(a_campaign_line(1, 1))],
        credentials_ended: vec![(user(1), at(1))],
        locks_seen: LocksSeen::default(),
        requests: vec![Write::Insert(a_request(1))],
        grants: vec![Write::Insert(a_grant(1))],
        desired: vec![wanted(&account_key(1, 1), 7_200, 1)],
        audit: vec![a_draft(1)],
        notices: vec![a_notice(1)],
        sweeps: vec![Write::Insert(a_sweep(1))],
        sweep_items: vec![Write::Insert(a_sweep_item(1, &account_key(9, 1)))],
        accepted: vec![AcceptanceWrite::Insert(an_acceptance(&account_key(9, 1)))],
        group_assignments: vec![GroupAssignmentWrite::Store(a_group_assignment(1))],
        group_sync_items: vec![GroupSyncWrite::Insert(super::group_sync::an_item(1))],
        group_sync_run: Some(super::group_sync::a_run(1, 0)),
        digests: vec![a_digest(1)],
        answer: Some(an_answer(2, "k")),
        live_grants_seen: None,
        quotas: Vec::new(),
    };
    assert!(raced(&store.commit(refused).await));
    let all = RequestFilter::default();
    assert_eq!(store.requests(&all, 10).await.unwrap().rows, Vec::new());
    assert_eq!(store.grant(grant_id(1)).await.unwrap(), None);
    assert_eq!(store.assignments().await.unwrap(), Vec::new());
    assert_eq!(store.lock_of(&user(1)).await.unwrap(), None);
    assert_eq!(store.absence_of(&user(1)).await.unwrap(), None);
    assert_eq!(store.campaigns(9).await.unwrap(), Vec::new());
    assert_eq!(store.head().await.unwrap(), None);
    assert_eq!(store.records_from(0, 10).await.unwrap(), Vec::new());
    assert_eq!(store.sweeps(None, 10).await.unwrap(), Vec::new());
    let items = store.sweep_items(sweep_id(1)).await.unwrap();
    assert_eq!(items, Vec::new());
    assert_eq!(store.accepted().await.unwrap(), Vec::new());
    assert_eq!(store.group_assignments().await.unwrap(), Vec::new());
    assert_eq!(store.group_sync_items().await.unwrap(), Vec::new());
    assert_eq!(store.group_sync_run().await.unwrap(), None);
    assert!(
        store
            .take_notices("log", at(9), at(10), 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store.answer(&user(1), "k").await.unwrap(),
        Some(an_answer(1, "k"))
    );
}

pub async fn one_change_may_touch_a_row_twice(store: Store) {
    let grant = a_grant(1);
    let granting = Grant {
        state: GrantState::Granting,
        ..grant.clone()
    };
    let over = Grant {
        state: ending(3),
        version: 1,
        ..grant.clone()
    };
    let change = Change {
        grants: vec![
            Write::Insert(grant.clone()),
            Write::Update(granting),
            Write::Update(over),
        ],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let stored = store.grant(grant.id).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.state), (2, ending(3)));
    let skips = Grant {
        state: ended(4),
        version: 2,
        ..grant
    };
    store
        .commit(with_grant(Write::Update(skips)))
        .await
        .unwrap();
}

pub async fn records_are_chained(store: Store) {
    let change = |drafts: &[u64]| Change {
        audit: drafts.iter().copied().map(a_draft).collect(),
        ..Change::default()
    };
    let first = store.commit(change(&[1, 2])).await.unwrap();
    let second = store.commit(change(&[3])).await.unwrap();
    assert!(store.commit(change(&[])).await.unwrap().is_empty());
    let all = [first, second].concat();
    assert_eq!(store.records_from(0, 10).await.unwrap(), all);
    assert_eq!(store.records_from(1, 10).await.unwrap(), all);
    assert_eq!(store.records_from(2, 1).await.unwrap(), all[1..2]);
    assert_eq!(store.records_from(4, 10).await.unwrap(), Vec::new());
    assert_eq!(all.iter().map(Record::seq).collect::<Vec<_>>(), [1, 2, 3]);
    let head = store.head().await.unwrap().unwrap();
    assert_eq!((head.seq, head.hash.as_str()), (3, all[2].hash()));
    assert_eq!(head.time, at(3));
}

pub async fn numbers_have_no_gaps_under_concurrent_commits(store: Store) {
    let writers: Vec<_> = (1..=50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let change = Change {
                    requests: vec![Write::Insert(a_request(n))],
                    audit: vec![a_draft(2 * n), a_draft(2 * n + 1)],
                    ..Change::default()
                };
                store.commit(change).await.unwrap()
            })
        })
        .collect();
    for writer in writers {
        let records = writer.await.unwrap();
        assert_eq!(records[1].seq(), records[0].seq() + 1);
    }
    let records = store.records_from(1, 1_000).await.unwrap();
    let inputs = records.iter().map(|record| Input {
        place: format!("record {}", record.seq()),
        named: None,
        bytes: record.canonical().as_bytes().to_vec(),
    });
    let heads: Vec<_> = store.head().await.unwrap().into_iter().collect();
    let verified = hallpass_audit::verify(inputs, &heads).unwrap();
    assert_eq!(
        (verified.records, verified.first, verified.heads),
        (100, 1, 1)
    );
}

pub async fn one_of_many_equal_writers_wins(store: Store) {
    store
        .commit(with_request(Write::Insert(a_request(1))))
        .await
        .unwrap();
    let writers: Vec<_> = (1..=20)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                let change = Change {
                    requests: vec![Write::Update(Request {
                        state: approved(n),
                        ..a_request(1)
                    })],
                    audit: vec![a_draft(n)],
                    ..Change::default()
                };
                store.commit(change).await
            })
        })
        .collect();
    let mut winners = 0;
    for writer in writers {
        match writer.await.unwrap() {
            Ok(_) => winners += 1,
            refused => assert!(raced(&refused), "{refused:?}"),
        }
    }
    assert_eq!(winners, 1);
    assert_eq!(store.head().await.unwrap().unwrap().seq, 1);
}

pub async fn a_record_id_is_used_once(store: Store) {
    let change = || Change {
        audit: vec![a_draft(1)],
        ..Change::default()
    };
    store.commit(change()).await.unwrap();
    assert!(raced(&store.commit(change()).await));
    let twice = Change {
        audit: vec![a_draft(2), a_draft(2)],
        ..Change::default()
    };
    assert!(raced(&store.commit(twice).await));
    assert_eq!(store.head().await.unwrap().unwrap().seq, 1);
}

pub async fn the_exported_mark_never_moves_back(store: Store) {
    assert_eq!(store.exported().await.unwrap(), 0);
    for (set, is) in [(3, 3), (1, 3), (4, 4), (0, 4)] {
        store.set_exported(set).await.unwrap();
        assert_eq!(store.exported().await.unwrap(), is, "after {set}");
    }
}
