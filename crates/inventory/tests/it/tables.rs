//! Table names and keys are a contract for users' queries.

use std::collections::BTreeSet;

use hallpass_inventory::{ColumnType, META, RowSource, SyncGroup, TABLES, key_id, table};

#[test]
fn every_table_and_column_is_named_once_and_keys_are_columns() {
    let mut names = BTreeSet::new();
    for table in TABLES.iter().chain(META) {
        assert!(names.insert(table.name), "{} is there twice", table.name);
        let columns: BTreeSet<_> = table.columns.iter().map(|it| it.name).collect();
        assert_eq!(columns.len(), table.columns.len(), "{}", table.name);
        assert_eq!(table.columns[0].name, "cq_id", "{}", table.name);
        assert!(
            !table.key.is_empty() && !table.from.to_string().is_empty() && !table.about.is_empty()
        );
        let sliced = [table.slice.account, table.slice.region]
            .into_iter()
            .flatten();
        for column in table.key.iter().copied().chain(sliced) {
            assert!(columns.contains(column), "{}: no `{column}`", table.name);
        }
        let fits = |it: &str| {
            it.bytes()
                .all(|b| b == b'_' || b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        assert!(columns.iter().copied().all(fits), "{}", table.name);
    }
}

/// `inventory.md` T-14: in a join of two of these tables, column names are unambiguous.
#[test]
fn names_of_the_articles_queries_are_ambiguous_in_no_pair() {
    let of_users = [
        "account_id",
        "arn",
        "user_name",
        "password_enabled",
        "password_last_used",
    ];
    let of_keys = ["access_key_id", "last_used"];
    let is_iam = |name: &str| name.starts_with("aws_iam_");
    let joined: Vec<_> = TABLES
        .iter()
        .filter(|it| is_iam(it.name) || it.name == "okta_users")
        .collect();
    for one in &joined {
        for other in joined.iter().filter(|it| it.name > one.name) {
            for name in of_users.iter().chain(&of_keys).chain(&["tags"]) {
                let both = one.column(name).is_some() && other.column(name).is_some();
                assert!(!both, "`{name}` of {} and {}", one.name, other.name);
            }
        }
    }
    let has = |table_name: &str, names: &[&str]| {
        let table = table(table_name).unwrap();
        names.iter().all(|name| table.column(name).is_some())
    };
    assert!(has("aws_iam_users", &of_users) && has("aws_iam_user_access_keys", &of_keys));
    for table in TABLES.iter().filter(|it| it.name != "aws_iam_users") {
        for name in ["password_enabled", "password_last_used"] {
            assert!(table.column(name).is_none(), "`{name}` of {}", table.name);
        }
    }
    let okta = table("okta_users").unwrap();
    assert!(okta.column("tags").is_none() && okta.column("arn").is_none());
    assert_eq!(okta.column("profile").unwrap().1.kind, ColumnType::Json);
}

/// Ids are stored in snapshots, so their inputs must not change.
#[test]
fn the_same_thing_has_the_same_id_for_ever() {
    let arn = "arn:aws:iam::222222222222:user/ana";
    assert_eq!(
        key_id("aws_iam_users", &[Some(arn)]),
        "38dab15a-9962-5e54-ab7f-4e129bb47038"
    );
    let ids = [
        key_id("a", &[Some("b"), Some("c")]),
        key_id("a", &[Some("bc"), Some("")]),
        key_id("a", &[Some("bc"), None]),
        key_id("a", &[Some("bc")]),
        key_id("ab", &[Some("c")]),
    ];
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(ids.iter().all(|id| id.as_bytes()[14] == b'5'), "{ids:?}");
}

/// Such tables must belong to a group whose accounts are visited, or they would never be collected.
#[test]
fn what_one_operation_answers_is_in_a_group_that_is_asked() {
    let mut answered = 0;
    for table in TABLES.iter() {
        let RowSource::Answer(_) = table.from else {
            continue;
        };
        answered += 1;
        let group = SyncGroup::of(table.name);
        let walked = [
            SyncGroup::Organizations,
            SyncGroup::Iam,
            SyncGroup::Contacts,
        ];
        let is_asked = match group {
            Some(group) if table.slice.account.is_some() => walked.contains(&group),
            Some(group) => group != SyncGroup::Okta,
            None => false,
        };
        assert!(is_asked, "{} of {group:?}", table.name);
    }
    assert!(answered > 0);
}

#[test]
fn every_group_has_tables_and_a_table_has_one_group() {
    let mut seen = BTreeSet::new();
    for group in SyncGroup::ALL {
        assert!(group.tables().next().is_some(), "{group}");
        for table in group.tables() {
            assert!(seen.insert(table.name), "{} of {group}", table.name);
            assert_eq!(SyncGroup::of(table.name), Some(group));
        }
        let sliced = group.whole_tables().len() + group.account_tables().len();
        assert_eq!(sliced, group.tables().count(), "{group}");
    }
}
