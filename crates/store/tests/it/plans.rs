//! Plans, journals, lanes, drills and revocations: SQLite answers like the memory models, and
//! reported writes are durable.

use std::collections::BTreeMap;

use hallpass_audit::AuditStore;
use hallpass_base::{AuditId, TimeSpan, Timestamp};
use hallpass_enforcement::testing::MemoryOrg;
use hallpass_enforcement::{Drill, OrgStore, Revocation};
use hallpass_iam::generate::sessions::RevocationEntry as Selection;
use hallpass_plans::testing::MemoryPlans;
use hallpass_plans::{
    Final, JournalAddition, JournalEntry, LaneClaim, LeaseAnswer, Plan, PlanId, PlanLimits,
    PlanStore, Saved, StepEnd, StepId, StepTarget, TargetChange, fold,
};
use hallpass_store::SqlStore;
use hallpass_store_testing::at;
use rusqlite::Connection;
use serde_json::json;
use tempfile::tempdir;
use uuid::Uuid;

use crate::Place;

fn plan(id: &str, generation: u32) -> Plan {
    Plan {
        id: PlanId::named(id),
        kind: "test".into(),
        organization: "o-abcdefghij".into(),
        generation,
        round: 0,
        before: None,
        steps: Vec::new(),
        facts: json!({"n": id}),
        limits: PlanLimits::USUAL,
        expected: BTreeMap::new(),
        takes_back: BTreeMap::new(),
        account_names: BTreeMap::new(),
        made_at: at(0),
        made_by: "ana".into(),
    }
}

fn step() -> StepId {
    StepId::named("0123456789abcdef")
}

fn entries() -> [JournalEntry; 3] {
    [
        JournalEntry::Planned {
            expected: BTreeMap::new(),
        },
        JournalEntry::Intent {
            step: step(),
            token: "t".into(),
            old: json!(null),
        },
        JournalEntry::Final {
            step: step(),
            end: Final::without_change(StepEnd::Changed, "", 1),
        },
    ]
}

fn change(plan: &Plan) -> TargetChange {
    TargetChange {
        audit: AuditId::new(Uuid::from_u128(7)),
        at: at(3),
        actor: "arn:aws:iam::111122223333:user/admin".into(),
        plan: plan.id.clone(),
        plan_kind: plan.kind.clone(),
        step: step(),
        step_kind: "policy.attach".into(),
        target: StepTarget::global("111122223333", "x"),
        old: json!(null),
        new: json!({"id": "p-1"}),
    }
}

async fn plans_are_kept(store: &dyn PlanStore) {
    let (one, two) = (plan("one", 0), plan("two", 0));
    store.save_plan(&one).await.unwrap();
    store.save_plan(&two).await.unwrap();
    assert_eq!(store.plan(&PlanId::named("none")).await.unwrap(), None);
    store.set_aborted(&one.id, true).await.unwrap();
    let saved = store.plan(&one.id).await.unwrap().unwrap();
    assert_eq!((&saved.plan, saved.aborted), (&one, true));
    let again = plan("one", 1);
    store.save_plan(&again).await.unwrap();
    let all = store.plans(9).await.unwrap();
    let names: Vec<_> = all.iter().map(|it| it.plan.id.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!((all[0].plan.generation, all[0].aborted), (1, false));
    assert_eq!(store.plans(1).await.unwrap().len(), 1);
}

async fn plans_of_a_kind_are_asked_for(store: &dyn PlanStore) {
    for (id, kind) in [
        ("one", "a"),
        ("two", "b"),
        ("three", "a"),
        ("four", "a.undo"),
    ] {
        let of_kind = Plan {
            kind: kind.into(),
            facts: json!({"kind": "b"}),
            ..plan(id, 0)
        };
        store.save_plan(&of_kind).await.unwrap();
    }
    store
        .set_aborted(&PlanId::named("one"), true)
        .await
        .unwrap();
    for (kind, limit, found) in [
        ("a", 9, &[("three", false), ("one", true)][..]),
        ("a", 1, &[("three", false)]),
        ("a", 0, &[]),
        ("b", 9, &[("two", false)]),
        ("a.undo", 9, &[("four", false)]),
        ("c", 9, &[]),
    ] {
        let of_kind = store.plans_of_kind(kind, limit).await.unwrap();
        assert_eq!(of_kind.unread, [], "{kind} {limit}");
        let names = of_kind
            .plans
            .iter()
            .map(|it| (it.plan.id.as_str(), it.aborted));
        assert_eq!(names.collect::<Vec<_>>(), found, "{kind} {limit}");
    }
}

async fn journals_are_in_order(store: &dyn PlanStore) {
    let (one, two) = (plan("one", 0), plan("two", 0));
    store.save_plan(&one).await.unwrap();
    store.save_plan(&two).await.unwrap();
    for (entry, number) in entries().iter().zip(1..) {
        let change = (number == 3).then(|| change(&one));
        let added = JournalAddition {
            at: at(number),
            entry,
            change: change.as_ref(),
        };
        assert_eq!(store.append(&one.id, added).await.unwrap(), number);
    }
    let other = JournalAddition {
        at: at(9),
        entry: &entries()[0],
        change: None,
    };
    assert_eq!(store.append(&two.id, other).await.unwrap(), 1);
    let stored = store.journal(&one.id).await.unwrap();
    let folded = fold(&stored).unwrap();
    assert_eq!(folded.end(&step()).unwrap().outcome, StepEnd::Changed);
    assert_eq!((folded.began, folded.last), (Some(at(1)), Some(at(3))));
    assert!(
        store
            .journal(&PlanId::named("none"))
            .await
            .unwrap()
            .is_empty()
    );
}

async fn lanes_have_one_holder(store: &dyn PlanStore) {
    let lane = "organizations-write";
    let lease = |holder, now, until| {
        let claim = LaneClaim {
            holder,
            now: at(now),
            until: at(until),
        };
        store.lease(lane, claim)
    };
    let ours = lease("a", 0, 10).await.unwrap();
    assert_eq!(ours, LeaseAnswer::Ours);
    let theirs = lease("b", 9, 20).await.unwrap();
    let held = LeaseAnswer::Held {
        by: "a".into(),
        until: at(10),
    };
    assert_eq!(theirs, held);
    assert_eq!(lease("a", 9, 30).await.unwrap(), LeaseAnswer::Ours);
    store.unlease(lane, "b").await.unwrap();
    assert!(matches!(
        lease("b", 29, 40).await.unwrap(),
        LeaseAnswer::Held { .. }
    ));
    // expired and released leases do not count
    assert_eq!(lease("b", 30, 40).await.unwrap(), LeaseAnswer::Ours);
    store.unlease(lane, "b").await.unwrap();
    assert_eq!(lease("c", 31, 40).await.unwrap(), LeaseAnswer::Ours);
    // a future lease blocks no one, though its holder is dead
    let day = 86_400;
    let ahead = lease("c", day, day + 60).await;
    assert_eq!(ahead.unwrap(), LeaseAnswer::Ours);
    assert_eq!(lease("d", 50, 110).await.unwrap(), LeaseAnswer::Ours);
}

#[tokio::test]
async fn the_models_in_memory_answer_so() {
    plans_are_kept(&MemoryPlans::default()).await;
    plans_of_a_kind_are_asked_for(&MemoryPlans::default()).await;
    journals_are_in_order(&MemoryPlans::default()).await;
    lanes_have_one_holder(&MemoryPlans::default()).await;
    what_policies_cannot_hold_is_kept(&MemoryOrg::default()).await;
}

async fn stored_plans_are_kept(place: Place) {
    plans_are_kept(&place.open().await).await;
}

async fn stored_plans_of_a_kind_are_asked_for(place: Place) {
    plans_of_a_kind_are_asked_for(&place.open().await).await;
}

async fn stored_journals_are_in_order(place: Place) {
    journals_are_in_order(&place.open().await).await;
}

async fn stored_lanes_have_one_holder(place: Place) {
    lanes_have_one_holder(&place.open().await).await;
}

async fn stored_chores_are_kept(place: Place) {
    what_policies_cannot_hold_is_kept(&place.open().await).await;
}

/// A plan with U+0000, which PostgreSQL texts cannot hold.
fn with_nul(id: &str) -> Plan {
    Plan {
        facts: json!({"\u{0}": "a\u{0}b", "like it": "\\u0000"}),
        ..plan(id, 0)
    }
}

fn ids(plans: &[Saved]) -> Vec<&str> {
    plans.iter().map(|it| it.plan.id.as_str()).collect()
}

async fn stored_plans_and_journals_may_have_any_letter(place: Place) {
    let store = place.open().await;
    let nul = with_nul("nul");
    store.save_plan(&plan("one", 0)).await.unwrap();
    store.save_plan(&nul).await.unwrap();
    let entry = JournalEntry::Note {
        step: None,
        text: "a\u{0}b".into(),
    };
    let change = TargetChange {
        old: json!({"\u{0}": "\u{0}"}),
        ..change(&nul)
    };
    let added = JournalAddition {
        at: at(1),
        entry: &entry,
        change: Some(&change),
    };
    assert_eq!(store.append(&nul.id, added).await.unwrap(), 1);
    drop(store);
    let store = place.open().await;
    let found = store.plans_of_kind("test", 9).await.unwrap();
    assert_eq!(ids(&found.plans), ["nul", "one"]);
    assert_eq!(found.plans[0].plan, nul);
    assert_eq!(store.plan(&nul.id).await.unwrap().unwrap().plan, nul);
    let journal = store.journal(&nul.id).await.unwrap();
    assert!(journal[0].text.contains("a\\u0000b"), "{journal:?}");
    let record = store.records_from(1, 9).await.unwrap().remove(0);
    assert!(record.canonical().contains("\\u0000"), "{record:?}");
    // a complete record is never torn, whatever its content
    assert!(store.cut_torn(&nul.id, 1).await.is_err());
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
}

crate::anywhere!(
    stored_plans_are_kept,
    stored_plans_and_journals_may_have_any_letter,
    stored_plans_of_a_kind_are_asked_for,
    stored_journals_are_in_order,
    stored_lanes_have_one_holder,
    stored_chores_are_kept,
);

fn drill(id: &str, ends_at: Timestamp) -> Drill {
    Drill {
        id: id.into(),
        target: "ou-ab12-11111111".into(),
        accounts: vec!["222233334444".into()],
        statement: "{}".into(),
        starts_at: at(0),
        ends_at,
        applied_at: None,
        removed_at: None,
    }
}

fn revocation(policy: &str, who: &str, ends_at: Timestamp) -> Revocation {
    Revocation {
        policy: policy.into(),
        entry: Selection::Name { value: who.into() },
        ends_at,
    }
}

async fn what_policies_cannot_hold_is_kept(store: &dyn OrgStore) {
    let early = drill("aaaaaaaaaaaa", at(10));
    let late = drill("bbbbbbbbbbbb", at(20));
    store.keep_drill(&early).await.unwrap();
    store.keep_drill(&late).await.unwrap();
    let applied = Drill {
        applied_at: Some(at(5)),
        ..early
    };
    store.keep_drill(&applied).await.unwrap();
    assert_eq!(store.drills().await.unwrap(), [late, applied.clone()]);
    assert_eq!(store.drill("aaaaaaaaaaaa").await.unwrap(), Some(applied));
    assert_eq!(store.drill("cccccccccccc").await.unwrap(), None);
    let rows = [
        revocation("p", "john", at(10)),
        revocation("p", "mary", at(10)),
        revocation("q", "john", at(10)),
    ];
    store.keep_revocations(&rows).await.unwrap();
    let later = revocation("p", "john", TimeSpan::hours(1).after(at(10)));
    store
        .keep_revocations(std::slice::from_ref(&later))
        .await
        .unwrap();
    let gone = [rows[1].clone(), revocation("p", "x", at(10))];
    store.drop_revocations(&gone).await.unwrap();
    assert_eq!(store.revocations().await.unwrap(), [later, rows[2].clone()]);
}

#[tokio::test]
async fn a_change_and_its_record_are_there_together_and_survive_a_backup() {
    let folder = tempdir().unwrap();
    let store = SqlStore::open(folder.path().join("a.db")).unwrap();
    journals_are_in_order(&store).await;
    let record = store.records_from(1, 9).await.unwrap().remove(0);
    assert_eq!(record.event(), "plan.changed");
    assert_eq!(record.text("plan_id"), Some("one"));
    assert_eq!(record.text("target"), Some("111122223333/global/x"));
    let one = plan("one", 0);
    let ([_, _, end], change) = (entries(), change(&one));
    let twice = JournalAddition {
        at: at(4),
        entry: &end,
        change: Some(&change),
    };
    assert!(store.append(&one.id, twice).await.is_err());
    assert_eq!(store.journal(&one.id).await.unwrap().len(), 3);
    let copy = folder.path().join("b.db");
    store.backup(&copy).await.unwrap();
    let copy = SqlStore::open(copy).unwrap();
    assert_eq!(
        copy.journal(&one.id).await.unwrap(),
        store.journal(&one.id).await.unwrap()
    );
    assert_eq!(copy.check().await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test]
async fn a_journal_in_the_file_is_append_only_but_for_a_torn_end() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = SqlStore::open(&path).unwrap();
    journals_are_in_order(&store).await;
    let one = PlanId::named("one");
    let connection = Connection::open(&path).unwrap();
    for sql in [
        "UPDATE plan_journal SET body = '{}'",
        "DELETE FROM plan_journal WHERE number = 3",
        "DELETE FROM plan_journal WHERE number = 1",
    ] {
        assert!(connection.execute(sql, ()).is_err(), "{sql}");
    }
    connection
        .execute(
            "INSERT INTO plan_journal VALUES ('one', 4, '{\"at\":\"20')",
            (),
        )
        .unwrap();
    assert!(fold(&store.journal(&one).await.unwrap()).unwrap().torn);
    assert_eq!(store.check().await.unwrap().problems, Vec::<String>::new());
    store.cut_torn(&one, 4).await.unwrap();
    assert_eq!(store.journal(&one).await.unwrap().len(), 3);
    connection
        .execute("INSERT INTO plan_journal VALUES ('one', 5, '{}')", ())
        .unwrap();
    let problems = store.check().await.unwrap().problems;
    assert!(problems[0].contains("record 4"), "{problems:?}");
}

#[tokio::test]
async fn a_plan_that_cannot_be_read_hides_no_other() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = SqlStore::open(&path).unwrap();
    store.save_plan(&plan("one", 0)).await.unwrap();
    let later = r#"{"kind": "test", "body_version": 99}"#;
    let connection = Connection::open(&path).unwrap();
    for (id, number, body) in [("later", 7, later), ("torn", 8, "{\"kind\": \"te")] {
        connection
            .execute(
                "INSERT INTO plans (id, number, aborted, kind, body) VALUES (?1, ?2, 0, 'test', ?3)",
                (id, number, body),
            )
            .unwrap();
    }
    let names = |plans: Vec<Saved>| -> Vec<String> {
        plans.iter().map(|it| it.plan.id.to_string()).collect()
    };
    let owned = |ids: &[&str]| -> Vec<String> { ids.iter().map(|it| (*it).to_owned()).collect() };
    assert_eq!(names(store.plans(9).await.unwrap()), ["one"]);
    for (kind, read, unread) in [
        ("test", &["one"][..], &["torn", "later"][..]),
        ("other", &[], &[]),
    ] {
        let found = store.plans_of_kind(kind, 9).await.unwrap();
        let cannot: Vec<_> = found.unread.iter().map(|it| it.id.to_string()).collect();
        assert_eq!((names(found.plans), cannot), (owned(read), owned(unread)));
    }
    assert!(store.plan(&PlanId::named("torn")).await.is_err());
    let problems = store.check().await.unwrap().problems.join("\n");
    for id in ["later", "torn"] {
        assert!(problems.contains(id), "{id}: {problems}");
    }
}
