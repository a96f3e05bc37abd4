//! Accounts through Organizations: rows 1, 3, 5 and 11 of the table of `organization.md` §1.

use hallpass_base::TimeSpan;
use hallpass_enforcement::OrganizationFault;
use hallpass_org::vending::{Adoption, ListWishes};
use hallpass_plans::Exit;
use hallpass_plans::testing::Gate;

use super::world::{UNIT, World, ends, list};

fn calm() -> std::sync::Arc<Gate> {
    Gate::new(None)
}

#[tokio::test]
async fn three_rows_make_three_accounts_one_after_the_other() {
    let world = World::new(TimeSpan::seconds(3));
    let ran = world
        .vend(&list(&["a", "b", "c"]), "first", &calm())
        .await
        .unwrap();
    assert_eq!(ran.report.exit(), Exit::Ok);
    let made = ["a", "b", "c"].map(|name| (name.to_owned(), UNIT.to_owned()));
    assert_eq!(world.accounts.standing(), made);
    for end in ends(&ran.csv) {
        assert!(end.starts_with("SUCCEEDED,9"), "{end}");
    }
    assert_eq!(world.writes().len(), 9, "{:?}", world.writes());
}

#[tokio::test]
async fn what_aws_could_not_make_keeps_its_reason_and_the_others_go_on() {
    let world = World::new(TimeSpan::ZERO);
    world
        .accounts
        .fail("b@example.com", &["ACCOUNT_LIMIT_EXCEEDED"; 9]);
    let ran = world
        .vend(&list(&["a", "b", "c"]), "first", &calm())
        .await
        .unwrap();
    assert_eq!(ran.report.exit(), Exit::Failed);
    let ends = ends(&ran.csv);
    assert_eq!(ends[1], "FAILED,,ACCOUNT_LIMIT_EXCEEDED");
    assert!(
        ends[0].starts_with("SUCCEEDED") && ends[2].starts_with("SUCCEEDED"),
        "{ends:?}"
    );
    let before = world.writes();
    let again = world.vend(&ran.csv, "second", &calm()).await.unwrap();
    assert_eq!((world.writes(), again.csv), (before, ran.csv));
    world.accounts.fail("b@example.com", &[]);
    let retried = world.retry(&ran.plan).await;
    assert_eq!(retried.report.exit(), Exit::Ok);
    assert!(
        retried
            .csv
            .lines()
            .skip(1)
            .all(|row| row.contains(",SUCCEEDED,9")),
        "{}",
        retried.csv
    );
}

#[tokio::test]
async fn what_passes_is_asked_for_again() {
    let world = World::new(TimeSpan::ZERO);
    world.accounts.fail(
        "a@example.com",
        &["INTERNAL_FAILURE", "CONCURRENT_ACCOUNT_MODIFICATION"],
    );
    let ran = world.vend(&list(&["a"]), "first", &calm()).await.unwrap();
    assert_eq!(ran.report.exit(), Exit::Ok);
    assert_eq!(world.writes().len(), 3);
}

#[tokio::test]
async fn what_aws_does_not_take_on_is_not_provisioned() {
    for words in ["too many", "ConstraintViolationException: too many"] {
        let world = World::new(TimeSpan::ZERO);
        world.accounts.refuse(OrganizationFault::Refused {
            code: "ConstraintViolationException".to_owned(),
            message: words.to_owned(),
        });
        let ran = world.vend(&list(&["a"]), "first", &calm()).await.unwrap();
        assert_eq!(
            ends(&ran.csv),
            ["NOT_PROVISIONED,,ConstraintViolationException: too many"]
        );
        assert!(world.writes().is_empty(), "{:?}", world.writes());
    }
}

#[tokio::test]
async fn row_11_access_that_fails_is_all_that_is_tried_again() {
    let world = World::new(TimeSpan::ZERO);
    world
        .access
        .refuses
        .lock()
        .unwrap()
        .insert("a@example.com".to_owned());
    let ran = world
        .vend(&list(&["a", "b"]), "first", &calm())
        .await
        .unwrap();
    let rows = ends(&ran.csv);
    assert!(
        rows[0].starts_with("ASSIGN_FAILED,9") && rows[0].ends_with("no such group"),
        "{rows:?}"
    );
    assert!(rows[1].starts_with("SUCCEEDED,9"), "{rows:?}");
    world.access.refuses.lock().unwrap().clear();
    let before = world.accounts.writes();
    let retried = world.retry(&ran.plan).await;
    assert!(
        ends(&retried.csv)
            .iter()
            .all(|it| it.starts_with("SUCCEEDED,9")),
        "{}",
        retried.csv
    );
    assert_eq!(world.accounts.writes(), before);
}

#[tokio::test]
async fn an_account_that_is_there_is_taken_on_only_when_it_was_said() {
    let world = World::new(TimeSpan::ZERO);
    world.accounts.add("222222222222", "a", "a@example.com");
    let refused = world.vend(&list(&["a"]), "first", &calm()).await.unwrap();
    assert_eq!(
        ends(&refused.csv),
        ["INVALID,,AccountEmail in use by account 222222222222"]
    );
    let adopting = ListWishes {
        adopt: Adoption::SameNameAndAddress,
        ..ListWishes::default()
    };
    let taken = world
        .vend_with(&list(&["a"]), &adopting, "second", &calm())
        .await
        .unwrap();
    assert_eq!(ends(&taken.csv), ["EXISTS,222222222222,"]);
    assert_eq!(world.writes(), ["move 222222222222"]);
}
