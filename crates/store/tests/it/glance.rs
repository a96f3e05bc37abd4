//! Reads held access without changing the database.

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_access::{AccessStore as _, Change, DesiredAssignment};
use hallpass_assignments::EndPriority;
use hallpass_base::{GroupId, HoldKey};
use hallpass_store::{OpenError, SqlStore};
use hallpass_store_testing::{account_key, at, group_id, group_key};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::{Place, anywhere};

anywhere!(
    groups_are_those_of_memberships_that_are_held,
    an_empty_database_is_looked_at_and_left_empty,
);

fn held(key: HoldKey) -> DesiredAssignment {
    DesiredAssignment::Until {
        key,
        rev: None,
        until: at(3600),
        asked_at: at(1),
        haste: EndPriority::Ordinary,
    }
}

async fn with_two_groups(store: &SqlStore) {
    let change = Change {
        desired: vec![
            held(group_key(1, 1)),
            held(group_key(2, 1)),
            held(group_key(1, 2)),
            held(account_key(1, 1)),
        ],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

fn two_groups() -> BTreeSet<GroupId> {
    BTreeSet::from([group_id(1), group_id(2)])
}

async fn groups_are_those_of_memberships_that_are_held(place: Place) {
    let store = place.open().await;
    assert_eq!(looked_at(&place).await.unwrap(), BTreeSet::new());
    with_two_groups(&store).await;
    assert_eq!(looked_at(&place).await.unwrap(), two_groups());
    drop(store);
    assert_eq!(looked_at(&place).await.unwrap(), two_groups());
}

async fn looked_at(place: &Place) -> Result<BTreeSet<GroupId>, OpenError> {
    match place {
        Place::File(folder) => SqlStore::groups_held(folder.path().join("hallpass.db")),
        #[cfg(unix)]
        Place::Postgres(url) => SqlStore::groups_held_postgres(crate::postgres::address(url)).await,
    }
}

async fn an_empty_database_is_looked_at_and_left_empty(place: Place) {
    match &place {
        Place::File(folder) => {
            let path = folder.path().join("hallpass.db");
            std::fs::write(&path, "").unwrap();
            assert_eq!(looked_at(&place).await.unwrap(), BTreeSet::new());
            assert_eq!(std::fs::read(&path).unwrap(), b"");
            assert_eq!(names(folder.path()), ["hallpass.db"]);
        }
        #[cfg(unix)]
        Place::Postgres(url) => {
            place.run("CREATE SCHEMA nobodys").await;
            let nobodys = Place::Postgres(format!("{url}?options=-csearch_path%3Dnobodys"));
            assert_eq!(looked_at(&nobodys).await.unwrap(), BTreeSet::new());
            place.run("DROP SCHEMA nobodys").await;
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a_database_of_another_program_holds_no_groups_that_could_be_read() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("theirs.db");
    let theirs = Connection::open(&path).unwrap();
    theirs.execute_batch("CREATE TABLE t (a int)").unwrap();
    let refused = SqlStore::groups_held(&path).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
}

#[test]
fn a_database_of_another_schema_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    drop(SqlStore::open(&path).unwrap());
    let later = "INSERT INTO schema_migrations VALUES (99, 'later', 'x')";
    Connection::open(&path)
        .unwrap()
        .execute_batch(later)
        .unwrap();
    let refused = SqlStore::groups_held(&path).unwrap_err();
    assert!(
        matches!(refused, OpenError::OtherVersion { found: 99, .. }),
        "{refused:?}"
    );
}
