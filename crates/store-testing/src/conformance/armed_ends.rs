//! Enforced expiry: added with a grant, moved with its assignment, settled together with dependent
//! waits.

use hallpass_access::{
    ArmedEndCounts, ArmedEndRequest, ArmedEndStatus, Change, DesiredAssignment, ExternalAccess,
    Grant, GrantState, GrantToArm, NeverArmed, NoticeKind, ShownBy, UnseenEnd, Write,
};
use hallpass_assignments::{AssignmentRow, Gate, Verdict};
use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::{AuditId, HoldKey, Timestamp};
use hallpass_org::armed_ends::{
    ArmedEnd, ArmedEndChange, ArmedEndNews, ArmedEndState, GateChange, NotArmed, SettledEnds,
    UnseenWrite, WhyNotArmed,
};
use uuid::Uuid;

use super::Store;
use crate::{a_grant, account_key, at, ended, ending, wanted, wanted_instead, with_grant};

fn key() -> HoldKey {
    account_key(1, 1)
}

fn arm(asked: u64, until: u64) -> ArmedEndRequest {
    let grant = a_grant(1);
    ArmedEndRequest::Arm(Box::new(GrantToArm {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email,
        key: key(),
        names: grant.names,
        required: false,
        ends_at: at(until),
        asked_at: at(asked),
        arm_by: at(asked + 60),
        gate_until: at(asked + 60),
        moved_by: at(asked + 300),
    }))
}

async fn commit(store: &Store, desired: DesiredAssignment, wish: Option<ArmedEndRequest>) {
    let change = Change {
        desired: vec![desired],
        armed_ends: wish.into_iter().collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

async fn hold_until_600(store: &Store) {
    commit(store, wanted(&key(), 600, 10), Some(arm(10, 600))).await;
    let read = armed(&end(store).await, at(600));
    let settled = settle(store, read, opened(None)).await;
    assert_eq!(settled, SettledEnds::Stored);
}

async fn hold_no_more(store: &Store) {
    let over = ArmedEndRequest::Over {
        key: key(),
        lasts_until: at(4_000),
    };
    let ended = wanted_instead(&row(store).await, 5, 10);
    commit(store, ended, Some(over)).await;
}

async fn row(store: &Store) -> AssignmentRow {
    store.assignment(&key()).await.unwrap().unwrap()
}

async fn end(store: &Store) -> ArmedEnd {
    store.armed_ends_of(&[key()]).await.unwrap().remove(0)
}

fn armed(end: &ArmedEnd, until: Timestamp) -> ArmedEnd {
    ArmedEnd {
        state: ArmedEndState::Armed {
            until,
            ends_at: end.ends_at,
            at: at(20),
            unmoved: None,
        },
        due: at(300),
        ..end.clone()
    }
}

fn record(n: u128) -> Draft {
    let id = AuditId::new(Uuid::from_u128(n));
    Draft::new(id, Event::EndArmed, at(20), "hallpass", Origin::System)
}

fn opened(refused: Option<&str>) -> GateChange {
    GateChange {
        key: key(),
        refused: refused.map(str::to_owned),
        at: at(20),
    }
}

async fn settle(store: &Store, end: ArmedEnd, gate: GateChange) -> SettledEnds {
    let change = ArmedEndChange {
        ends: vec![end],
        gates: vec![gate],
        ..ArmedEndChange::default()
    };
    store.settle_armed_ends(change).await.unwrap()
}

async fn settle_alone(store: &Store, end: ArmedEnd) -> SettledEnds {
    let change = ArmedEndChange {
        ends: vec![end],
        ..ArmedEndChange::default()
    };
    store.settle_armed_ends(change).await.unwrap()
}

pub async fn an_armed_end_closes_the_gate_and_follows_its_assignment(store: Store) {
    commit(&store, wanted(&key(), 600, 10), Some(arm(10, 600))).await;
    let until = at(70);
    assert_eq!(row(&store).await.gate, Gate::Closed { until });
    let first = end(&store).await;
    assert_eq!(
        (&first.state, first.ends_at, first.due),
        (&ArmedEndState::Wanted, at(600), at(10))
    );
    assert_eq!(store.open_armed_ends().await.unwrap(), [first]);
    let counted = store.counts(at(0)).await.unwrap().armed_ends;
    let one_waits = ArmedEndCounts {
        waiting: 1,
        ..ArmedEndCounts::default()
    };
    assert_eq!(counted, one_waits);
    commit(&store, wanted_instead(&row(&store).await, 900, 10), None).await;
    let moved = end(&store).await;
    assert_eq!((moved.ends_at, moved.version), (at(900), 1));
    assert_eq!(row(&store).await.gate, Gate::Closed { until });
    commit(&store, wanted_instead(&row(&store).await, 900, 10), None).await;
    assert_eq!(end(&store).await, moved);
    commit(&store, wanted(&account_key(2, 2), 600, 10), None).await;
    assert_eq!(store.open_armed_ends().await.unwrap().len(), 1);
}

/// The reason an end is never armed is stored with its grant, and counted while live.
pub async fn why_an_end_is_never_armed_is_kept_with_its_grant(store: Store) {
    let kinds = [
        NeverArmed::Off,
        NeverArmed::Group,
        NeverArmed::ManagementAccount,
        NeverArmed::StoodBefore,
    ];
    let counted = async || store.counts(at(0)).await.unwrap().armed_ends;
    for (n, why) in (1..).zip(kinds) {
        let grant = Grant {
            never_armed: Some(why),
            ..a_grant(n)
        };
        let change = with_grant(Write::Insert(grant.clone()));
        store.commit(change).await.unwrap();
        let kept = store.grant(grant.id).await.unwrap().unwrap();
        assert_eq!(kept.never_armed, Some(why));
        assert_eq!(counted().await.never_armed, n);
    }
    store
        .commit(with_grant(Write::Insert(a_grant(5))))
        .await
        .unwrap();
    assert_eq!(counted().await.never_armed, 4);
    let mut grant = store.grant(a_grant(1).id).await.unwrap().unwrap();
    for state in [
        GrantState::Granting,
        GrantState::Active,
        ending(50),
        ended(60),
    ] {
        grant.state = state;
        let change = with_grant(Write::Update(grant.clone()));
        store.commit(change).await.unwrap();
        grant.version += 1;
    }
    let left = ArmedEndCounts {
        never_armed: 3,
        ..ArmedEndCounts::default()
    };
    assert_eq!(counted().await, left);
}

pub async fn armed_ends_are_settled_whole_over_the_version_that_was_read(store: Store) {
    commit(&store, wanted(&key(), 600, 10), Some(arm(10, 600))).await;
    let read = end(&store).await;
    commit(&store, wanted_instead(&row(&store).await, 900, 10), None).await;
    let late = armed(&read, at(600));
    let settled = store
        .settle_armed_ends(ArmedEndChange {
            ends: vec![late],
            gates: vec![opened(None)],
            records: vec![record(1)],
            ..ArmedEndChange::default()
        })
        .await;
    assert_eq!(
        settled,
        Ok(SettledEnds::Moved),
        "it moved since it was read"
    );
    assert!(
        !row(&store).await.gate.is_open(),
        "and nothing of it is stored"
    );
    assert!(store.records_from(1, 10).await.unwrap().is_empty());
    let now = armed(&end(&store).await, at(900));
    let settled = store
        .settle_armed_ends(ArmedEndChange {
            ends: vec![now],
            gates: vec![opened(None)],
            records: vec![record(1)],
            ..ArmedEndChange::default()
        })
        .await;
    assert_eq!(settled, Ok(SettledEnds::Stored));
    let open = row(&store).await;
    assert_eq!((&open.gate, open.execution.due), (&Gate::Open, at(10)));
    assert_eq!(store.records_from(1, 10).await.unwrap().len(), 1);
    let told = store.armed_ends(&[key(), account_key(2, 2)]).await.unwrap();
    let status = ArmedEndStatus::Armed {
        until: at(900),
        seen: at(20),
        moves_to: None,
        unmoved: None,
        unseen: None,
    };
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [(key(), status)]);
    let again = end(&store).await;
    let refused = settle(&store, again, opened(Some("no"))).await;
    assert_eq!(refused, SettledEnds::Stored);
    assert_eq!(row(&store).await.gate, Gate::Open);
}

pub async fn news_of_an_end_that_aws_does_not_move_are_stored_with_it(store: Store) {
    commit(&store, wanted(&key(), 900, 10), Some(arm(10, 900))).await;
    let now = armed(&end(&store).await, at(900));
    let settled = settle(&store, now, opened(None)).await;
    assert_eq!(settled, SettledEnds::Stored);
    // a later end is reported only once AWS has it, with the reason for a failure
    commit(&store, wanted_instead(&row(&store).await, 1_200, 30), None).await;
    let later = end(&store).await;
    let news = ArmedEndNews {
        grant: later.grant,
        request: later.request,
        holder: later.holder.clone(),
        until: at(900),
        may: false,
        why: "denied".to_owned(),
        at: at(40),
    };
    store.open_channel("mail", at(30)).await.unwrap();
    let stale = ArmedEnd {
        version: later.version - 1,
        ..later.clone()
    };
    for (end, stored, waiting) in [
        (stale, SettledEnds::Moved, 0),
        (later, SettledEnds::Stored, 1),
    ] {
        let settled = store
            .settle_armed_ends(ArmedEndChange {
                ends: vec![end],
                news: vec![news.clone()],
                ..ArmedEndChange::default()
            })
            .await;
        assert_eq!(settled, Ok(stored));
        let counts = store.counts(at(0)).await.unwrap();
        assert_eq!(counts.notices.get("mail"), Some(&waiting));
    }
    let told = store.armed_ends(&[key()]).await.unwrap();
    let status = ArmedEndStatus::Armed {
        until: at(900),
        seen: at(20),
        moves_to: Some(at(1_200)),
        unmoved: None,
        unseen: None,
    };
    assert_eq!(told.get(&key()), Some(&status));
    let many: Vec<HoldKey> = (1..20).map(|n| account_key(n, 1)).collect();
    assert_eq!(store.armed_ends(&many).await.unwrap(), told);
    let taken = store.take_notices("mail", at(50), at(60), 9).await.unwrap();
    let [waiting] = &taken[..] else {
        panic!("{taken:?}");
    };
    let notice = waiting.notice().unwrap();
    assert_eq!(
        (notice.grant, &notice.to[..]),
        (Some(news.grant), &[news.holder][..])
    );
    assert_eq!(notice.kind(), NoticeKind::NotExtended);
}

pub async fn a_refused_gate_is_the_end_of_a_create_that_was_not_sent(store: Store) {
    commit(&store, wanted(&key(), 600, 10), Some(arm(10, 600))).await;
    let read = end(&store).await;
    let settled = settle(&store, read, opened(Some("no room"))).await;
    assert_eq!(settled, SettledEnds::Stored);
    let refused = row(&store).await;
    assert!(refused.gave_up() && !refused.is_wanted(at(20)));
    assert!(matches!(
        hallpass_assignments::next(&refused, at(20)),
        hallpass_assignments::RowAction::Settle(Verdict::Refused { reason, .. }) if reason == "no room"
    ));
}

pub async fn an_armed_end_that_is_over_moves_no_more_and_can_be_held_again(store: Store) {
    hold_until_600(&store).await;
    hold_no_more(&store).await;
    let spent = end(&store).await;
    assert_eq!(
        (spent.ends_at, spent.lasts_until),
        (at(600), Some(at(4_000)))
    );
    // a new hold takes over the end in force
    commit(
        &store,
        wanted_instead(&row(&store).await, 2_000, 1_000),
        Some(arm(1_000, 2_000)),
    )
    .await;
    let again = end(&store).await;
    assert_eq!(
        (again.ends_at, again.lasts_until, again.due),
        (at(2_000), None, at(1_000))
    );
    assert_eq!(again.armed_until(), Some(at(600)));
    // the end in force would refuse it: it waits for the move, longer than a minute
    assert_eq!(again.arm_by, at(1_300));
    assert_eq!(
        row(&store).await.waits_for_gate(at(5_000)),
        Some(Timestamp::MAX)
    );
    let gone = ArmedEnd {
        state: ArmedEndState::Gone { at: at(4_000) },
        ..again
    };
    let settled = settle_alone(&store, gone).await;
    assert_eq!(settled, SettledEnds::Stored);
    assert!(store.open_armed_ends().await.unwrap().is_empty());
    assert!(store.armed_ends(&[key()]).await.unwrap().is_empty());
}

/// An end past before anything was sent refuses nothing: the person may have had other access. An
/// earlier hold's remains do.
pub async fn an_end_before_anything_was_sent_refuses_nothing_from_then_on(store: Store) {
    hold_until_600(&store).await;
    commit(&store, wanted_instead(&row(&store).await, 30, 30), None).await;
    let kept = end(&store).await;
    assert_eq!((kept.ends_at, kept.is_first), (at(600), true));
    let over = ArmedEndRequest::Over {
        key: key(),
        lasts_until: at(4_000),
    };
    let ended = wanted_instead(&row(&store).await, 40, 40);
    commit(&store, ended, Some(over)).await;
    let again = wanted_instead(&row(&store).await, 2_000, 1_000);
    commit(&store, again, Some(arm(1_000, 2_000))).await;
    commit(
        &store,
        wanted_instead(&row(&store).await, 1_100, 1_100),
        None,
    )
    .await;
    let moved = end(&store).await;
    assert_eq!((moved.ends_at, moved.is_first), (at(1_100), false));
}

async fn status(store: &Store) -> ArmedEndStatus {
    let told = store.armed_ends(&[key()]).await.unwrap();
    told[&key()].clone()
}

/// A written instant counts until the next check, whatever happens to the end.
pub async fn what_was_written_and_not_seen_stays_with_the_end(store: Store) {
    commit(&store, wanted(&key(), 600, 10), Some(arm(10, 600))).await;
    let unseen = Some(UnseenWrite {
        from: at(600),
        is_told: false,
    });
    let read = end(&store).await;
    let written = ArmedEnd { unseen, ..read };
    assert_eq!(settle_alone(&store, written).await, SettledEnds::Stored);
    let waiting = ArmedEndStatus::Waiting { unseen: None };
    assert_eq!(status(&store).await, waiting, "it is the end");
    commit(&store, wanted_instead(&row(&store).await, 630, 20), None).await;
    let told = |moves_to| {
        Some(UnseenEnd {
            from: at(600),
            moves_to,
        })
    };
    let waiting = ArmedEndStatus::Waiting { unseen: told(None) };
    assert_eq!(status(&store).await, waiting, "less than a minute");
    commit(&store, wanted_instead(&row(&store).await, 1_200, 30), None).await;
    let later = end(&store).await;
    assert_eq!((later.unseen, later.arm_by), (unseen, at(70)));
    let why = NotArmed {
        why: WhyNotArmed::Unanswered,
        words: "no answer".to_owned(),
    };
    let state = ArmedEndState::NotArmed { why, at: at(70) };
    let settled = settle_alone(&store, ArmedEnd { state, ..later }).await;
    assert_eq!(settled, SettledEnds::Stored);
    let not_armed = ArmedEndStatus::NotArmed {
        why: "no answer".to_owned(),
        unseen: told(Some(at(1_200))),
    };
    assert_eq!(status(&store).await, not_armed);
    commit(&store, wanted_instead(&row(&store).await, 2_000, 100), None).await;
    assert_eq!(end(&store).await.arm_by, at(160), "then it is reported");
    let over = ArmedEndRequest::Over {
        key: key(),
        lasts_until: at(9_000),
    };
    let ended = wanted_instead(&row(&store).await, 500, 500);
    commit(&store, ended, Some(over)).await;
    let again = wanted_instead(&row(&store).await, 3_000, 1_000);
    commit(&store, again, Some(arm(1_000, 3_000))).await;
    let held = end(&store).await;
    assert_eq!(
        (held.unseen, held.state, held.arm_by),
        (unseen, ArmedEndState::Wanted, at(1_300))
    );
    assert_eq!(
        row(&store).await.waits_for_gate(at(5_000)),
        Some(Timestamp::MAX)
    );
}

/// Live access continues and is extended with its end. A past end is removed first; the create
/// waits if AWS refuses it now or soon.
pub async fn what_is_in_force_goes_before_a_hold_that_is_not_armed(store: Store) {
    let release = |asked: u64| ArmedEndRequest::Release {
        key: key(),
        asked_at: at(asked),
        gone_by: at(asked + 300),
    };
    commit(&store, wanted(&key(), 600, 10), Some(release(10))).await;
    assert!(store.armed_ends_of(&[key()]).await.unwrap().is_empty());
    assert!(row(&store).await.gate.is_open());
    let lengthened = wanted_instead(&row(&store).await, 900, 20);
    commit(&store, lengthened, Some(arm(20, 900))).await;
    let read = armed(&end(&store).await, at(900));
    let settled = settle(&store, read, opened(None)).await;
    assert_eq!(settled, SettledEnds::Stored);
    let lengthened = wanted_instead(&row(&store).await, 2_000, 30);
    commit(&store, lengthened, Some(release(30))).await;
    let held = end(&store).await;
    assert_eq!((held.ends_at, held.lasts_until), (at(2_000), None));
    assert!(row(&store).await.gate.is_open());
    let over = ArmedEndRequest::Over {
        key: key(),
        lasts_until: at(9_000),
    };
    let ended = wanted_instead(&row(&store).await, 900, 30);
    commit(&store, ended, Some(over)).await;
    let again = wanted_instead(&row(&store).await, 3_000, 1_000);
    commit(&store, again, Some(release(1_000))).await;
    let spent = end(&store).await;
    assert_eq!(
        (spent.lasts_until, spent.arm_by, spent.armed_until()),
        (Some(at(1_000)), at(1_300), Some(at(900)))
    );
    assert_eq!(
        row(&store).await.waits_for_gate(at(5_000)),
        Some(Timestamp::MAX)
    );
}

async fn looked_again(
    store: &Store,
    given: ExternalAccess,
    second: u64,
    shown: ShownBy,
) -> ArmedEnd {
    let wish = ArmedEndRequest::LookAgain {
        at: at(second),
        given: Box::new(given),
        shown,
    };
    let change = Change {
        armed_ends: vec![wish],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    end(store).await
}

pub async fn ends_are_looked_at_again_where_their_people_may_have_been_given_the_same(
    store: Store,
) {
    hold_until_600(&store).await;
    let told = |given, second, shown| looked_again(&store, given, second, shown);
    let before = end(&store).await;
    let given = |to_people: &[HoldKey], members: &[HoldKey]| ExternalAccess {
        to_people: to_people.iter().cloned().collect(),
        members: members.iter().map(|key| key.user.clone()).collect(),
        ..ExternalAccess::default()
    };
    let (hers, into_a_group) = (|| given(&[key()], &[]), || given(&[], &[key()]));
    let of_others = given(&[account_key(2, 1)], &[account_key(2, 1)]);
    assert_eq!(told(of_others, 30, ShownBy::Soon).await, before);
    assert_eq!(told(hers(), 30, ShownBy::Soon).await, before, "ours");
    let seen = told(into_a_group(), 40, ShownBy::Now).await;
    assert_eq!(
        (seen.due, seen.given_at, seen.version),
        (at(40), None, before.version + 1)
    );
    let stale = ArmedEnd {
        due: at(900),
        ..before
    };
    let settled = settle_alone(&store, stale).await;
    assert_eq!(
        settled,
        SettledEnds::Moved,
        "requested before it was reported"
    );
    let soon = told(into_a_group(), 50, ShownBy::Soon).await;
    assert_eq!((soon.due, soon.given_at), (at(40), Some(at(50))));
    hold_no_more(&store).await;
    let gone = told(hers(), 60, ShownBy::Soon).await;
    assert_eq!(gone.given_at, Some(at(60)), "the own row is deleted");
    let gone = ArmedEnd {
        state: ArmedEndState::Gone { at: at(70) },
        ..gone
    };
    let settled = settle_alone(&store, gone).await;
    assert_eq!(settled, SettledEnds::Stored);
    let over = end(&store).await;
    assert_eq!(told(into_a_group(), 80, ShownBy::Soon).await, over);
}
