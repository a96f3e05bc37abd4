//! Access changes between two snapshots, with reasons (`inventory.md` W-6): by row, and compared
//! with both snapshots' folded paths.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_inventory::{
    AccessSnapshot, PersonAccessChange, PersonAccessChangeKind, Snapshot, access_changes,
    effective, import, who,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::coverage::{failed, ok, record};

const TABLES: [&str; 8] = [
    "aws_organizations_accounts",
    "aws_ssoadmin_permission_sets",
    "aws_ssoadmin_account_assignments",
    "aws_identitystore_users",
    "aws_identitystore_groups",
    "aws_identitystore_group_memberships",
    "aws_ssoadmin_provisioned",
    "aws_account_access_entitlements",
];

/// A snapshot of lines: `account 1 [SUSPENDED]`, `set S`, `user ana [DISABLED]`, `group G`, `in G
/// ana`, `has S 1 ana [GRANT]`, `has S 1 @G`, `may R 1 ana`, `may R 1 @G`. `unread` tables have
/// failed.
fn snapshot(lines: &BTreeSet<String>, unread: &[&str]) -> Snapshot {
    let mut tables: BTreeMap<&str, Vec<Value>> =
        TABLES.iter().map(|it| (*it, Vec::new())).collect();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |index: usize| words.get(index).copied();
        let (table, row) = match words[0] {
            "account" => (
                "aws_organizations_accounts",
                json!({"id": word(1), "name": format!("name {}", words[1]), "state": word(2).unwrap_or("ACTIVE")}),
            ),
            "set" => (
                "aws_ssoadmin_permission_sets",
                json!({"permission_set_arn": word(1), "permission_set_name": word(1)}),
            ),
            "user" => (
                "aws_identitystore_users",
                json!({"identity_store_id": "d", "user_id": word(1), "idc_user_name": word(1),
                    "idc_status": word(2).unwrap_or("ENABLED")}),
            ),
            "group" => (
                "aws_identitystore_groups",
                json!({"identity_store_id": "d", "group_id": word(1), "display_name": word(1)}),
            ),
            "in" => (
                "aws_identitystore_group_memberships",
                json!({"group_id": word(1), "member_user_id": word(2)}),
            ),
            "may" => {
                let group = words[3].strip_prefix('@');
                (
                    "aws_account_access_entitlements",
                    json!({"entitlement_id": line, "role_arn": word(1), "account_id": word(2),
                        "principal_type": if group.is_some() { "GROUP" } else { "USER" },
                        "principal_id": group.unwrap_or(words[3])}),
                )
            }
            _ => {
                let group = words[3].strip_prefix('@');
                (
                    "aws_ssoadmin_account_assignments",
                    json!({"permission_set_arn": word(1), "account_id": word(2),
                        "principal_type": if group.is_some() { "GROUP" } else { "USER" },
                        "principal_id": group.unwrap_or(words[3]), "hallpass_grant_id": word(4)}),
                )
            }
        };
        if !unread.contains(&table) {
            tables.get_mut(table).unwrap().push(row);
        }
    }
    let slices = TABLES.map(|table| {
        let outcome = if unread.contains(&table) {
            failed("AccessDenied")
        } else {
            ok(0)
        };
        (table, "*", outcome)
    });
    Snapshot {
        record: record("2026-11-20T10:20:30Z", &slices),
        rows: import(&json!({ "tables": tables })).unwrap().rows,
    }
}

pub(crate) fn access(lines: &BTreeSet<String>, unread: &[&str]) -> AccessSnapshot {
    AccessSnapshot::new(&snapshot(lines, unread), &[])
}

/// `- ana 1 S: left_group group:G, …`
fn shown(change: &PersonAccessChange) -> String {
    let sign = match change.change {
        PersonAccessChangeKind::Gained => '+',
        PersonAccessChangeKind::Lost => '-',
        PersonAccessChangeKind::Unknown => '?',
    };
    let reasons = change.reasons.iter().map(|it| {
        let kind = serde_json::to_value(it.kind).unwrap();
        let grant = it.grant_id.iter().map(|it| format!(" {it}"));
        format!(
            "{} {}{}",
            kind.as_str().unwrap(),
            it.via,
            grant.collect::<String>()
        )
    });
    let reasons = reasons.collect::<Vec<_>>().join(", ");
    let person = change.person.user_name.as_deref().unwrap();
    let set = change.role.arn();
    format!("{sign} {person} {} {set}: {reasons}", change.account_id)
}

const BEFORE: &str = "
    account 1 | account 2 | account 3 SUSPENDED | set S | set T
    user ana | user ben | user cho DISABLED
    group G | group H | in G ana | in G ben | in H cho | in H ana
    has S 1 @G | has T 1 ana | has T 2 ana g1 | has S 2 @H | has S 3 @G | has T 3 ben";

pub(crate) fn lines(text: &str) -> BTreeSet<String> {
    let lines = text.split(['\n', '|']).map(str::trim);
    lines
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

const REASONS: &[(&str, &[&str])] = &[
    ("", &[]),
    ("- has T 1 ana", &["- ana 1 T: assignment_removed direct"]),
    ("+ has T 1 ben", &["+ ben 1 T: assignment_added direct"]),
    ("- has T 2 ana g1", &["- ana 2 T: grant_ended direct g1"]),
    ("+ has T 2 ben g2", &["+ ben 2 T: grant_made direct g2"]),
    // a grant that becomes permanent does not change access
    ("- has T 2 ana g1 | + has T 2 ana", &[]),
    ("- in G ben", &["- ben 1 S: left_group group:G"]),
    ("+ in H ben", &["+ ben 2 S: joined_group group:H"]),
    (
        "- has S 1 @G",
        &[
            "- ana 1 S: group_lost_set group:G",
            "- ben 1 S: group_lost_set group:G",
        ],
    ),
    ("+ has T 2 @G", &["+ ben 2 T: group_got_set group:G"]),
    (
        "- group G | - in G ana | - in G ben | - has S 1 @G | - has S 3 @G",
        &[
            "- ana 1 S: group_deleted group:G",
            "- ben 1 S: group_deleted group:G",
        ],
    ),
    // assignments of a deleted group remain
    (
        "- group G | - in G ana | - in G ben",
        &[
            "- ana 1 S: group_deleted group:G",
            "- ben 1 S: group_deleted group:G",
        ],
    ),
    (
        "- user cho DISABLED | + user cho",
        &["+ cho 2 S: user_enabled group:H"],
    ),
    (
        "- user ben | + user ben DISABLED",
        &["- ben 1 S: user_disabled group:G"],
    ),
    (
        "- user ben | - in G ben | - has T 3 ben",
        &["- ben 1 S: user_deleted group:G"],
    ),
    (
        "+ user dia | + in G dia",
        &["+ dia 1 S: user_added group:G"],
    ),
    (
        "- account 3 SUSPENDED | + account 3",
        &[
            "+ ana 3 S: account_reactivated group:G",
            "+ ben 3 S: account_reactivated group:G",
            "+ ben 3 T: account_reactivated direct",
        ],
    ),
    (
        "- account 2 | + account 2 SUSPENDED",
        &[
            "- ana 2 S: account_suspended group:H",
            "- ana 2 T: account_suspended direct",
        ],
    ),
    (
        "- account 2 | - has T 2 ana g1 | - has S 2 @H",
        &[
            "- ana 2 S: account_left group:H",
            "- ana 2 T: account_left direct",
        ],
    ),
    (
        "- set T | - has T 1 ana | - has T 2 ana g1 | - has T 3 ben",
        &[
            "- ana 1 T: permission_set_deleted direct",
            "- ana 2 T: permission_set_deleted direct",
        ],
    ),
    (
        "+ set U | + has U 1 @G",
        &[
            "+ ana 1 U: permission_set_added group:G",
            "+ ben 1 U: permission_set_added group:G",
        ],
    ),
    (
        "- in G ben | - has S 1 @G",
        &[
            "- ana 1 S: group_lost_set group:G",
            "- ben 1 S: left_group group:G, group_lost_set group:G",
        ],
    ),
    (
        "+ may R 1 ana",
        &["+ ana 1 R: entitlement_added entitlement"],
    ),
    (
        "+ may R 1 @G",
        &[
            "+ ana 1 R: entitlement_added entitlement:group:G",
            "+ ben 1 R: entitlement_added entitlement:group:G",
        ],
    ),
    (
        "+ may R 1 @G | - in G ben",
        &[
            "+ ana 1 R: entitlement_added entitlement:group:G",
            "- ben 1 S: left_group group:G",
        ],
    ),
    ("+ may R 3 ana", &[]),
    // another path remains: nothing is lost
    ("- in G ana | + has S 1 ana", &[]),
    ("- in G ana | + has S 1 @H", &[]),
];

#[test]
fn every_reason_is_said_and_what_follows_from_it_is_not() {
    let mut wrong = Vec::new();
    for (edits, expected) in REASONS {
        let (before, mut after) = (lines(BEFORE), lines(BEFORE));
        for edit in lines(edits) {
            let (sign, line) = edit.split_once(' ').unwrap();
            let done = match sign {
                "-" => after.remove(line),
                _ => after.insert(line.to_owned()),
            };
            assert!(done, "{edit}");
        }
        let found = access_changes(&access(&before, &[]), &access(&after, &[]));
        let found: Vec<String> = found.changes.iter().map(shown).collect();
        if found != *expected {
            wrong.push(format!(
                "{edits}\n  expected {expected:?}\n  found    {found:?}"
            ));
        }
        let back = access_changes(&access(&after, &[]), &access(&before, &[]));
        assert_eq!(back.changes.len(), found.len(), "{edits}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_one_of_the_two_does_not_know_is_never_lost() {
    let all = lines(BEFORE);
    let whole = access(&all, &[]);
    for table in TABLES {
        let partial = access(&all, &[table]);
        for (before, after) in [(&whole, &partial), (&partial, &whole)] {
            let found = access_changes(before, after);
            let kinds: BTreeSet<_> = found.changes.iter().map(|it| it.change).collect();
            let expected = match table {
                "aws_ssoadmin_permission_sets"
                | "aws_ssoadmin_provisioned"
                | "aws_account_access_entitlements" => BTreeSet::new(),
                _ => BTreeSet::from([PersonAccessChangeKind::Unknown]),
            };
            assert_eq!(kinds, expected, "{table}");
            assert!(found.changes.iter().all(|it| it.reasons.is_empty()));
            let named = (table != "aws_ssoadmin_provisioned").then(|| table.to_owned());
            assert_eq!(found.not_compared, named.into_iter().collect());
        }
    }
    let mut more = all.clone();
    more.insert("has T 1 ben".to_owned());
    let after = access(&more, &["aws_identitystore_groups"]);
    let found = access_changes(&whole, &after);
    let found: Vec<String> = found.changes.iter().map(shown).collect();
    let expected = [
        "? ana 1 S: ",
        "? ana 2 S: ",
        "? ben 1 S: ",
        "+ ben 1 T: assignment_added direct",
    ];
    assert_eq!(found, expected);
}

#[test]
fn entitlements_that_were_not_asked_for_are_never_lost_nor_gained() {
    let entitled = lines(&format!("{BEFORE} | may R 1 @G | may Q 2 ana"));
    let whole = access(&entitled, &[]);
    let failed = access(&entitled, &["aws_account_access_entitlements"]);
    let mut before = serde_json::to_value(access(&lines(BEFORE), &[])).unwrap();
    before.as_object_mut().unwrap().remove("has_entitlements");
    let before: AccessSnapshot = serde_json::from_value(before).unwrap();
    assert!(whole.has_entitlements && failed.has_entitlements && !before.has_entitlements);
    for (other, named) in [(&failed, true), (&before, false)] {
        let found = access_changes(other, &whole);
        let said: Vec<String> = found.changes.iter().map(shown).collect();
        assert_eq!(said, ["? ana 1 R: ", "? ana 2 Q: ", "? ben 1 R: "]);
        // a skipped table is not a failure; callers report the gap
        assert_eq!(!found.not_compared.is_empty(), named);
    }
}

/// Effective access from the folded paths: the slow algorithm.
fn reached(snapshot: &Snapshot) -> BTreeSet<(String, String, String)> {
    let paths = effective(&who(&snapshot.rows, &[]).paths);
    let can = paths.into_iter().filter(|it| {
        it.person.user_status.as_deref() == Some("ENABLED")
            && it.account_state.as_deref() == Some("ACTIVE")
    });
    can.map(|it| {
        (
            it.person.user_id.unwrap(),
            it.account_id,
            it.role.arn().to_owned(),
        )
    })
    .collect()
}

fn any_lines() -> impl Strategy<Value = BTreeSet<String>> {
    let mut all = Vec::new();
    for account in ["1", "2", "3"] {
        all.push(format!("account {account}"));
        for holder in ["ana", "ben", "cho", "@G", "@H", "@K"] {
            for set in ["S", "T"] {
                all.push(format!("has {set} {account} {holder}"));
            }
            all.push(format!("may R {account} {holder}"));
        }
    }
    for user in ["ana", "ben", "cho"] {
        all.push(format!("user {user}"));
        for group in ["G", "H", "K"] {
            all.push(format!("in {group} {user}"));
        }
    }
    all.extend(["set S", "set T", "group G", "group H", "group K"].map(str::to_owned));
    prop::collection::vec(0..10_u8, all.len()).prop_map(move |chosen| {
        let chosen = all.iter().zip(chosen).filter_map(|(line, draw)| {
            let is_a_thing = line.starts_with("user") || line.starts_with("account");
            match draw {
                0 if is_a_thing && line.starts_with("user") => Some(format!("{line} DISABLED")),
                0 if is_a_thing => Some(format!("{line} SUSPENDED")),
                1 => None,
                2..=6 if line.starts_with("has") || line.starts_with("may") => None,
                2..=4 if line.starts_with("in") => None,
                _ => Some(line.clone()),
            }
        });
        chosen.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gained_and_lost_are_the_difference_of_the_folded_paths(
        before in any_lines(),
        after in any_lines(),
    ) {
        let (old, new) = (snapshot(&before, &[]), snapshot(&after, &[]));
        let found = access_changes(
            &AccessSnapshot::new(&old, &[]),
            &AccessSnapshot::new(&new, &[]),
        );
        let (was, is) = (reached(&old), reached(&new));
        let of = |kind| {
            let of_kind = found.changes.iter().filter(move |it| it.change == kind);
            let keys = of_kind.map(|it| (
                it.person.user_id.clone().unwrap(),
                it.account_id.clone(),
                it.role.arn().to_owned(),
            ));
            keys.collect::<Vec<_>>()
        };
        let (gained, lost) = (of(PersonAccessChangeKind::Gained), of(PersonAccessChangeKind::Lost));
        prop_assert_eq!(gained.len() + lost.len(), found.changes.len());
        prop_assert_eq!(BTreeSet::from_iter(gained), is.difference(&was).cloned().collect());
        prop_assert_eq!(BTreeSet::from_iter(lost), was.difference(&is).cloned().collect());
        prop_assert!(found.changes.iter().all(|it| !it.reasons.is_empty()));
    }

    #[test]
    fn what_is_written_beside_the_tables_reads_as_it_was(lines in any_lines()) {
        let access = access(&lines, &["aws_ssoadmin_provisioned"]);
        let text = serde_json::to_string(&access).unwrap();
        prop_assert_eq!(serde_json::from_str::<AccessSnapshot>(&text).unwrap(), access);
    }
}

/// A partial sync loses no entitlements of other accounts.
#[test]
fn entitlements_of_accounts_that_were_not_asked_for_are_not_lost() {
    let all = lines(
        "account 100000000001 | account 100000000002 | account 100000000003 SUSPENDED | user ana
         may R 100000000002 ana",
    );
    let few = lines(
        "account 100000000001 | account 100000000002 | account 100000000003 SUSPENDED | user ana",
    );
    let table = "aws_account_access_entitlements";
    let of_accounts = |lines: &BTreeSet<String>, accounts: &[&str]| {
        let mut snapshot = snapshot(lines, &[]);
        let slices = &mut snapshot.record.slices;
        let whole = slices.iter().position(|it| it.key.table == table).unwrap();
        let whole = slices.remove(whole);
        slices.extend(accounts.iter().map(|account| {
            let mut slice = whole.clone();
            slice.key.account = Some((*account).to_owned());
            slice
        }));
        AccessSnapshot::new(&snapshot, &[])
    };
    let before = of_accounts(&all, &["100000000001", "100000000002"]);
    for (accounts, expected) in [
        (
            &["100000000001", "100000000002"][..],
            PersonAccessChangeKind::Lost,
        ),
        (&["100000000001"][..], PersonAccessChangeKind::Unknown),
    ] {
        let found = access_changes(&before, &of_accounts(&few, accounts));
        let changes: Vec<_> = found.changes.iter().map(|it| it.change).collect();
        assert_eq!(changes, [expected], "{accounts:?}");
        let is_compared = expected == PersonAccessChangeKind::Lost;
        assert_eq!(!found.not_compared.contains(table), is_compared);
    }
}
