//! Accounts due for standards checks (`organization.md` S-8): SQLite answers like the memory model.

use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_enforcement::standards_visits::{
    AppliedFile, ChangeAuthor, ChangedThing, StandardsChange, StandardsVisit, VisitCause,
    VisitStore,
};
use hallpass_enforcement::testing::MemoryVisits;
use hallpass_plans::PlanId;
use hallpass_store_testing::at;

use crate::Place;

fn visit(account: &str, now: Timestamp) -> StandardsVisit {
    let account = AccountId::new(account).unwrap();
    StandardsVisit::now(account, VisitCause::Created, now)
}

async fn whole_life(store: &dyn VisitStore) {
    let (one, other) = (visit("111111111111", at(10)), visit("222222222222", at(5)));
    store
        .ask_visits(&[one.clone(), other.clone()])
        .await
        .unwrap();
    assert_eq!(store.due_visits(at(4), 9).await.unwrap(), []);
    let both = [other.clone(), one.clone()];
    assert_eq!(store.due_visits(at(10), 9).await.unwrap(), both);
    assert_eq!(
        store.due_visits(at(10), 1).await.unwrap(),
        std::slice::from_ref(&other)
    );
    let begun = StandardsVisit {
        plan: Some(PlanId::named("0123456789abcdef")),
        put_back: vec![StandardsChange {
            region: "eu-west-1".to_owned(),
            what: ChangedThing::Standard("pci-dss/v/3.2.1".to_owned()),
            wanted_on: true,
            author: ChangeAuthor::Known {
                who: "ana".to_owned(),
                at: at(3),
                event: "BatchDisableStandards".to_owned(),
            },
        }],
        ..one.clone()
    };
    assert!(store.settle_visit(&one, Some(&begun)).await.unwrap());
    let later = StandardsVisit {
        due: TimeSpan::minutes(10).after(at(10)),
        looks: 1,
        why: "not yet".to_owned(),
        ..begun.clone()
    };
    assert!(store.settle_visit(&begun, Some(&later)).await.unwrap());
    assert_eq!(
        store.due_visits(at(10), 9).await.unwrap(),
        std::slice::from_ref(&other)
    );
    assert!(!store.settle_visit(&one, None).await.unwrap());
    let anew = visit("111111111111", at(20));
    store.ask_visits(std::slice::from_ref(&anew)).await.unwrap();
    assert!(!store.settle_visit(&later, None).await.unwrap());
    let known = StandardsVisit {
        plan: begun.plan.clone(),
        ..anew.clone()
    };
    assert_eq!(
        store.due_visits(at(20), 9).await.unwrap(),
        [other, known.clone()]
    );
    assert!(store.settle_visit(&known, None).await.unwrap());
    assert_eq!(store.due_visits(at(20), 9).await.unwrap().len(), 1);
    assert_eq!(store.last_sweep().await.unwrap(), None);
    store.swept(at(1)).await.unwrap();
    store.swept(at(2)).await.unwrap();
    assert_eq!(store.last_sweep().await.unwrap(), Some(at(2)));
}

/// The first application since another file counts.
async fn files_applied(store: &dyn VisitStore) {
    let applied = |hash: &str, second, by: &str| AppliedFile {
        hash: hash.to_owned(),
        at: at(second),
        by: by.to_owned(),
    };
    assert_eq!(store.last_applied().await.unwrap(), None);
    for (hash, second, by, kept) in [
        ("one", 10, "ana", applied("one", 10, "ana")),
        ("one", 20, "ben", applied("one", 10, "ana")),
        ("two", 30, "ben", applied("two", 30, "ben")),
        ("one", 40, "cai", applied("one", 40, "cai")),
    ] {
        store
            .file_applied(&applied(hash, second, by))
            .await
            .unwrap();
        assert_eq!(store.last_applied().await.unwrap(), Some(kept));
    }
}

/// Changes are limited per day, over all callers; a visit keeps its share.
async fn changes_of_a_day(store: &dyn VisitStore) {
    let (today, tomorrow) = ("2026-11-24", "2026-11-25");
    let visits = [
        visit("111111111111", at(1)),
        visit("222222222222", at(1)),
        visit("111111111111", at(2)),
    ];
    let mut took = Vec::new();
    for visit in visits.iter().chain(&visits) {
        took.push(store.take_change(visit, today, 2).await.unwrap());
    }
    assert_eq!(took, [true, true, false, true, true, false]);
    assert_eq!(store.changes_taken(today).await.unwrap(), 2);
    assert_eq!(store.changes_taken(tomorrow).await.unwrap(), 0);
    assert!(store.take_change(&visits[2], tomorrow, 1).await.unwrap());
    assert!(!store.take_change(&visits[0], tomorrow, 1).await.unwrap());
    assert_eq!(store.changes_taken(tomorrow).await.unwrap(), 1);
}

async fn visits_are_asked_for_put_off_and_ended(place: Place) {
    let memory = MemoryVisits::default();
    let store = place.open().await;
    let both: [&dyn VisitStore; 2] = [&memory, &store];
    for store in both {
        whole_life(store).await;
        files_applied(store).await;
        changes_of_a_day(store).await;
    }
}

crate::anywhere!(visits_are_asked_for_put_off_and_ended);
