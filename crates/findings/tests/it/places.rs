//! Account moves are reread before changes (`organization.md` E-4).

use hallpass_base::AccountId;
use hallpass_findings::{AccountFacts, EnrichSettings, RefusalKind};

use crate::world::World;

const MOVED: &str = "012345678901";

#[tokio::test]
async fn an_account_that_was_moved_or_has_left_stands_where_it_is_within_five_minutes() {
    let world = World::new();
    let enricher = world.enricher(EnrichSettings::default());
    let account = AccountId::new(MOVED).unwrap();
    let unit = || async { enricher.unit(&account).await };
    assert_eq!(unit().await.unwrap().as_deref(), Some("Dev"));
    world.relocate(MOVED, "Prod");
    world.pass(299);
    assert_eq!(unit().await.unwrap().as_deref(), Some("Dev"));
    world.pass(1);
    assert_eq!(unit().await.unwrap().as_deref(), Some("Prod"));
    let AccountFacts::Member(member) = enricher.facts(&account).await.unwrap().0 else {
        panic!("it is the organization's");
    };
    assert_eq!(member.unit, "Prod", "the written fields have it too");
    // an unreadable place is unknown, not cached
    world.pass(300);
    world.refuse("DescribeAccount", RefusalKind::Denied, "AccessDenied", 1);
    assert!(unit().await.is_err());
    world.take(MOVED);
    assert_eq!(unit().await.unwrap(), None);
    let facts = enricher.facts(&account).await.unwrap().0;
    assert_eq!(facts, AccountFacts::Outside);
}

#[tokio::test]
async fn an_account_that_joined_is_known_within_five_minutes() {
    let world = World::new();
    let enricher = world.enricher(EnrichSettings::default());
    let account = AccountId::new(MOVED).unwrap();
    let before = world.take(MOVED);
    assert_eq!(enricher.unit(&account).await.unwrap(), None);
    world.put(MOVED, before);
    world.pass(300);
    assert_eq!(
        enricher.unit(&account).await.unwrap().as_deref(),
        Some("Dev")
    );
}

#[tokio::test]
async fn a_storm_of_findings_asks_once() {
    let world = World::new();
    let enricher = world.enricher(EnrichSettings::default());
    let account = AccountId::new(MOVED).unwrap();
    for _ in 0..100 {
        enricher.unit(&account).await.unwrap();
    }
    world.pass(300);
    for _ in 0..100 {
        enricher.unit(&account).await.unwrap();
    }
    assert_eq!(world.inputs("DescribeAccount").len(), 2);
}
