//! Sweeps: runs, findings, acceptances.

use hallpass_access::{
    Acceptance, AcceptanceWrite, Accepted, Brake, Change, CommitError, Consent, Fate,
    GroupAssignment, GroupAssignmentWrite, ItemKind, LeftAlone, Sweep, SweepAction, SweepItem,
    SweepMode, SweepState, Trigger, Wait, Write,
};
use hallpass_assignments::Absence;
use hallpass_base::{HoldKey, SweepId, TimeSpan};

use super::Store;
use crate::{
    a_digest, a_grant, a_group_assignment, a_notice, a_report, a_sweep, a_sweep_item, account_key,
    an_acceptance, at, email, grant_id, group_key, sweep_id,
};

fn with_sweep(write: Write<Sweep>) -> Change {
    Change {
        sweeps: vec![write],
        ..Change::default()
    }
}

fn with_items(items: Vec<Write<SweepItem>>) -> Change {
    Change {
        sweep_items: items,
        ..Change::default()
    }
}

fn with_acceptance(write: AcceptanceWrite) -> Change {
    Change {
        accepted: vec![write],
        ..Change::default()
    }
}

pub(super) fn raced<T>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Raced(_)))
}

fn states() -> Vec<SweepState> {
    vec![
        SweepState::Queued,
        SweepState::Running,
        SweepState::Interrupted { at: at(5) },
        SweepState::Failed {
            at: at(5),
            error: "AWS is throttling".to_owned(),
        },
        SweepState::Planned { at: at(5) },
        SweepState::Stopped {
            at: at(5),
            brake: Brake::Share { would: 3, of: 9 },
        },
        SweepState::Replaced {
            at: at(5),
            by: sweep_id(7),
        },
        SweepState::Working { since: at(5) },
        SweepState::Done { at: at(5) },
    ]
}

fn fates() -> Vec<Fate> {
    let adopt = SweepAction::Adopt {
        length: TimeSpan::hours(8),
    };
    vec![
        Fate::Reported,
        Fate::Waits {
            cause: Wait::SecondRun,
        },
        Fate::Waits {
            cause: Wait::Days { until: at(99) },
        },
        Fate::Waits {
            cause: Wait::Holder,
        },
        Fate::InHand { by: sweep_id(1) },
        Fate::Planned { action: adopt },
        Fate::Due {
            action: SweepAction::Remove,
        },
        Fate::Removing { since: at(6) },
        Fate::Gone {
            at: at(6),
            why: Absence::Removed,
        },
        Fate::Stuck {
            since: at(6),
            reason: "no such user".to_owned(),
        },
        Fate::Adopted {
            grant: grant_id(1),
            at: at(6),
            until: at(60),
        },
        Fate::LeftAlone {
            at: at(6),
            why: LeftAlone::Held,
        },
    ]
}

fn kinds() -> Vec<ItemKind> {
    let pattern = Acceptance::Pattern {
        pattern: "*/*/*".to_owned(),
    };
    vec![
        ItemKind::Unknown,
        ItemKind::Preexisting { until: at(90) },
        ItemKind::UnderGrant,
        ItemKind::Accepted { by: pattern },
        ItemKind::ReviewOverdue {
            by: an_acceptance(&account_key(1, 1)).acceptance(),
        },
    ]
}

pub async fn a_run_is_stored_with_what_it_found(store: Store) {
    let sweep = a_sweep(1);
    store
        .commit(with_sweep(Write::Insert(sweep.clone())))
        .await
        .unwrap();
    assert_eq!(store.newest_listing().await.unwrap(), None);
    let looked = Sweep {
        trigger: Trigger::Person { by: email(900) },
        mode: SweepMode::Adopt {
            length: TimeSpan::hours(8),
        },
        report: Some(a_report(2)),
        consent: Some(Consent {
            by: email(900),
            at: at(3),
        }),
        state: SweepState::Done { at: at(3) },
        ..sweep
    };
    let mut items = Vec::new();
    for (n, fate) in (1_u64..).zip(fates()) {
        let key = account_key(n, 1);
        items.push(SweepItem {
            fate,
            ..a_sweep_item(1, &key)
        });
    }
    for (n, kind) in (1_u64..).zip(kinds()) {
        let key = group_key(n, 1);
        items.push(SweepItem {
            kind,
            holder: None,
            unaccepted_since: None,
            ..a_sweep_item(1, &key)
        });
    }
    let change = Change {
        sweeps: vec![Write::Update(looked.clone())],
        sweep_items: items.iter().cloned().map(Write::Insert).collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let stored = Sweep {
        version: 1,
        ..looked
    };
    assert_eq!(
        store.sweep(sweep_id(1)).await.unwrap(),
        Some(stored.clone())
    );
    assert_eq!(store.newest_listing().await.unwrap(), Some(stored));
    items.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(store.sweep_items(sweep_id(1)).await.unwrap(), items);
    let one = store.sweep_item(sweep_id(1), &items[3].key).await.unwrap();
    assert_eq!(one.as_ref(), Some(&items[3]));
    let none = store.sweep_item(sweep_id(2), &items[3].key).await.unwrap();
    assert_eq!(none, None);
}

pub async fn one_run_looks_at_a_time(store: Store) {
    store
        .commit(with_sweep(Write::Insert(a_sweep(1))))
        .await
        .unwrap();
    let second = store.commit(with_sweep(Write::Insert(a_sweep(2)))).await;
    assert!(raced(&second), "{second:?}");
    let change = Change {
        sweeps: vec![
            Write::Update(Sweep {
                state: SweepState::Interrupted { at: at(9) },
                ..a_sweep(1)
            }),
            Write::Insert(a_sweep(3)),
        ],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    assert_eq!(open_ids(&store).await, [sweep_id(3)]);
    let newest_first: Vec<_> = store.sweeps(None, 9).await.unwrap();
    let ids: Vec<_> = newest_first.iter().map(|sweep| sweep.id).collect();
    assert_eq!(ids, [sweep_id(3), sweep_id(1)]);
    let before = store.sweeps(Some(sweep_id(3)), 9).await.unwrap();
    assert_eq!(before.len(), 1);
}

async fn open_ids(store: &Store) -> Vec<SweepId> {
    let open = store.open_sweeps().await.unwrap();
    open.iter().map(|sweep| sweep.id).collect()
}

pub async fn one_run_waits_for_the_one_that_looks(store: Store) {
    let queued = |n| Sweep {
        state: SweepState::Queued,
        ..a_sweep(n)
    };
    for row in [a_sweep(1), queued(2)] {
        store.commit(with_sweep(Write::Insert(row))).await.unwrap();
    }
    let second = store.commit(with_sweep(Write::Insert(queued(3)))).await;
    assert!(raced(&second), "{second:?}");
    assert_eq!(open_ids(&store).await, [sweep_id(1), sweep_id(2)]);
    store.prune_sweeps(0, 0).await.unwrap();
    assert_eq!(open_ids(&store).await, [sweep_id(1), sweep_id(2)]);
    let early = store.commit(with_sweep(Write::Update(a_sweep(2)))).await;
    assert!(raced(&early), "{early:?}");
    let over = Sweep {
        state: SweepState::Done { at: at(9) },
        ..a_sweep(1)
    };
    for row in [over, a_sweep(2)] {
        store.commit(with_sweep(Write::Update(row))).await.unwrap();
    }
    assert_eq!(open_ids(&store).await, [sweep_id(2)]);
}

pub async fn every_step_of_a_run_is_taken_and_no_other(store: Store) {
    let mut n = 0;
    for prior in states() {
        for next in states() {
            n += 1;
            let row = Sweep {
                state: prior.clone(),
                ..a_sweep(n)
            };
            store
                .commit(with_sweep(Write::Insert(row.clone())))
                .await
                .unwrap();
            let step = (prior.name(), next.name());
            let changed = Sweep {
                state: next.clone(),
                ..row.clone()
            };
            let outcome = store.commit(with_sweep(Write::Update(changed))).await;
            let is_legal = SweepState::STEPS.contains(&step);
            assert_eq!(outcome.is_ok(), is_legal, "{step:?}: {outcome:?}");
            let is_named = matches!(outcome, Err(CommitError::IllegalStep(_)));
            assert!(is_legal || is_named, "{step:?}: {outcome:?}");
            let stored = store.sweep(row.id).await.unwrap().unwrap();
            if matches!(stored.state, SweepState::Queued | SweepState::Running) {
                let over = Sweep {
                    state: SweepState::Failed {
                        at: at(9),
                        error: "over".to_owned(),
                    },
                    ..stored
                };
                store.commit(with_sweep(Write::Update(over))).await.unwrap();
            }
        }
    }
}

pub async fn runs_and_items_are_guarded_by_version(store: Store) {
    let key = account_key(1, 1);
    let change = Change {
        sweeps: vec![Write::Insert(a_sweep(1))],
        sweep_items: vec![Write::Insert(a_sweep_item(1, &key))],
        ..Change::default()
    };
    store.commit(change.clone()).await.unwrap();
    assert!(raced(&store.commit(change).await));
    let stale = Sweep {
        version: 7,
        ..a_sweep(1)
    };
    assert!(raced(&store.commit(with_sweep(Write::Update(stale))).await));
    let item = a_sweep_item(1, &key);
    let due = SweepItem {
        fate: fates()[6].clone(),
        ..item.clone()
    };
    store
        .commit(with_items(vec![Write::Update(due.clone())]))
        .await
        .unwrap();
    let again = store.commit(with_items(vec![Write::Update(due)])).await;
    assert!(raced(&again), "{again:?}");
    let stored = store.sweep_item(sweep_id(1), &key).await.unwrap().unwrap();
    assert_eq!(stored.version, 1);
}

pub async fn open_items_are_found_until_they_are_settled(store: Store) {
    let mut writes = Vec::new();
    for (n, fate) in (1_u64..).zip(fates()) {
        let key = account_key(n, 1);
        writes.push(Write::Insert(SweepItem {
            fate,
            ..a_sweep_item(2, &key)
        }));
    }
    let older = SweepItem {
        fate: Fate::Removing { since: at(1) },
        ..a_sweep_item(1, &account_key(50, 1))
    };
    writes.push(Write::Insert(older.clone()));
    store.commit(with_items(writes)).await.unwrap();
    let open = store.open_sweep_items().await.unwrap();
    let found: Vec<_> = open
        .iter()
        .map(|item| (item.sweep, item.fate.name()))
        .collect();
    let wanted = [
        (sweep_id(1), "removing"),
        (sweep_id(2), "due"),
        (sweep_id(2), "removing"),
        (sweep_id(2), "stuck"),
    ];
    assert_eq!(found, wanted);
    let gone = SweepItem {
        fate: Fate::Gone {
            at: at(9),
            why: Absence::AlreadyAbsent,
        },
        ..older
    };
    store
        .commit(with_items(vec![Write::Update(gone)]))
        .await
        .unwrap();
    assert_eq!(store.open_sweep_items().await.unwrap().len(), 3);
}

pub async fn acceptance_is_stored_changed_and_withdrawn(store: Store) {
    let (key, other) = (account_key(1, 1), group_key(2, 1));
    for key in [&key, &other] {
        let insert = AcceptanceWrite::Insert(an_acceptance(key));
        store.commit(with_acceptance(insert)).await.unwrap();
    }
    let twice = AcceptanceWrite::Insert(an_acceptance(&key));
    assert!(raced(&store.commit(with_acceptance(twice)).await));
    let reworded = Accepted {
        reason: "the export, until it moves".to_owned(),
        review_at: None,
        ..an_acceptance(&key)
    };
    let update = AcceptanceWrite::Update(reworded.clone());
    store.commit(with_acceptance(update.clone())).await.unwrap();
    assert!(raced(&store.commit(with_acceptance(update)).await));
    let stored = store.accepted_one(&key).await.unwrap().unwrap();
    assert_eq!(
        stored,
        Accepted {
            version: 1,
            ..reworded
        }
    );
    let mut all: Vec<HoldKey> = vec![key.clone(), other.clone()];
    all.sort();
    let listed: Vec<HoldKey> = store
        .accepted()
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.key)
        .collect();
    assert_eq!(listed, all);
    let stale = AcceptanceWrite::Withdraw(an_acceptance(&key));
    assert!(raced(&store.commit(with_acceptance(stale)).await));
    let withdraw = AcceptanceWrite::Withdraw(stored);
    store.commit(with_acceptance(withdraw)).await.unwrap();
    assert_eq!(store.accepted_one(&key).await.unwrap(), None);
    assert_eq!(store.accepted().await.unwrap().len(), 1);
}

pub async fn group_assignments_are_replaced_and_removed_by_key(store: Store) {
    let with = |writes: Vec<GroupAssignmentWrite>| Change {
        group_assignments: writes,
        ..Change::default()
    };
    let (one, two) = (a_group_assignment(1), a_group_assignment(2));
    let both = [&two, &one].map(|row| GroupAssignmentWrite::Store(row.clone()));
    store.commit(with(both.to_vec())).await.unwrap();
    let unread = GroupAssignment {
        unread_since: Some(at(9)),
        ..one.clone()
    };
    let next = vec![
        GroupAssignmentWrite::Store(unread.clone()),
        GroupAssignmentWrite::Remove(a_group_assignment(3).key),
    ];
    store.commit(with(next)).await.unwrap();
    let stored = store.group_assignments().await.unwrap();
    assert_eq!(stored, vec![unread, two.clone()]);
    let gone = vec![GroupAssignmentWrite::Remove(one.key)];
    store.commit(with(gone)).await.unwrap();
    assert_eq!(store.group_assignments().await.unwrap(), vec![two]);
}

pub async fn old_findings_are_dropped_and_open_ones_stay(store: Store) {
    let key = account_key(1, 1);
    let stuck = account_key(2, 1);
    for n in 1..=6 {
        let state = if n == 2 {
            SweepState::Planned { at: at(n) }
        } else {
            SweepState::Done { at: at(n) }
        };
        let run = Sweep {
            report: (n != 5).then(|| a_report(n)),
            state,
            ..a_sweep(n)
        };
        let mut items = vec![Write::Insert(a_sweep_item(n, &key))];
        if n == 1 || n == 3 {
            let acted_on = SweepItem {
                fate: if n == 1 {
                    fates()[9].clone()
                } else {
                    fates()[8].clone()
                },
                ..a_sweep_item(n, &stuck)
            };
            items.push(Write::Insert(acted_on));
        }
        let change = Change {
            sweeps: vec![Write::Insert(run)],
            sweep_items: items,
            ..Change::default()
        };
        store.commit(change).await.unwrap();
    }
    for _ in 0..2 {
        store.prune_sweeps(2, 3).await.unwrap();
    }
    let runs = store.sweeps(None, 99).await.unwrap();
    let runs: Vec<_> = runs.iter().map(|run| run.id).collect();
    // the newest three, the waiting plan, and the one with an open item
    assert_eq!(runs, [6, 5, 4, 2, 1].map(sweep_id));
    let mut left = Vec::new();
    for n in 1..=6 {
        left.push(store.sweep_items(sweep_id(n)).await.unwrap().len());
    }
    assert_eq!(left, [1, 1, 0, 1, 0, 1]);
    assert_eq!(store.open_sweep_items().await.unwrap().len(), 1);
    store.prune_sweeps(1, 9).await.unwrap();
    assert_eq!(store.sweep_items(sweep_id(4)).await.unwrap().len(), 0);
}

pub async fn what_was_acted_on_is_kept_with_its_run(store: Store) {
    for n in 1..=4 {
        let gone = SweepItem {
            fate: fates()[8].clone(),
            ..a_sweep_item(n, &account_key(1, 1))
        };
        let run = Sweep {
            report: Some(a_report(n)),
            state: SweepState::Done { at: at(n) },
            ..a_sweep(n)
        };
        let change = Change {
            sweeps: vec![Write::Insert(run)],
            sweep_items: vec![
                Write::Insert(gone),
                Write::Insert(a_sweep_item(n, &account_key(2, 1))),
            ],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
    }
    store.prune_sweeps(1, 3).await.unwrap();
    let mut left = Vec::new();
    for n in 1..=4 {
        left.push(store.sweep_items(sweep_id(n)).await.unwrap().len());
    }
    assert_eq!(left, [0, 1, 1, 2]);
}

pub async fn digests_wait_like_notices(store: Store) {
    store.open_channel("log", at(0)).await.unwrap();
    let change = Change {
        grants: vec![Write::Insert(a_grant(1))],
        notices: vec![a_notice(1)],
        digests: vec![a_digest(2)],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let taken = store.take_notices("log", at(9), at(20), 9).await.unwrap();
    let about: Vec<bool> = taken.iter().map(|it| it.notice().is_some()).collect();
    assert_eq!(about, [true, false]);
    let hallpass_access::Message::Digest(digest) = &taken[1].message else {
        unreachable!("a digest was stored as a notice")
    };
    assert_eq!(*digest, a_digest(2));
    store
        .notice_delivered("log", taken[1].number)
        .await
        .unwrap();
    assert_eq!(
        store
            .take_notices("log", at(30), at(40), 9)
            .await
            .unwrap()
            .len(),
        1
    );
}
