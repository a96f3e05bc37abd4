//! Review decisions compared with a snapshot (`inventory.md` W-7).

use hallpass_inventory::{
    AccessReview, AccessSnapshot, ReviewRemoval, UnreadAccessTable, read_review,
};

use crate::access_changes::{access, lines};

const WORLD: &str = "
    account 100000000001 | account 100000000002 | set S | set T | set AWSAdministratorAccess
    user ana | user ben | group G | group H | in G ana | in G ben | in H ana | group E
    has S 100000000001 @G | has T 100000000001 @G | has T 100000000002 @H | has S 100000000002 ana
    has T 100000000001 ben g1 | has S 100000000001 @H | has S 100000000001 @E
    has AWSAdministratorAccess 100000000001 ana";

const HEADER: &str =
    "user_name,user_id,principal_type,principal_id,account_id,permission_set_arn,decision,reason";

fn world() -> AccessSnapshot {
    access(&lines(WORLD), &[])
}

/// Rows `user type principal account set decision reason`; the account by its last digit.
fn file(rows: &[&str]) -> String {
    let rows = rows.iter().map(|row| {
        let mut words: Vec<String> = row.split(' ').map(str::to_owned).collect();
        if words[3].len() == 1 {
            words[3] = format!("10000000000{}", words[3]);
        }
        format!("\"'=HYPERLINK(\"\"x\"\")\",{}", words.join(","))
    });
    let rows = rows.collect::<Vec<_>>().join("\r\n");
    format!("{HEADER}\r\n{rows}\r\n")
}

fn read(rows: &[&str]) -> Result<AccessReview, Vec<String>> {
    let read = read_review(&file(rows), &world());
    read.map_err(|it| it.iter().map(ToString::to_string).collect())
}

#[test]
fn rows_to_remove_become_assignments_and_memberships() {
    let review = read(&[
        "ana USER ana 2 S remove left-the-team",
        "ana GROUP G 1 S REMOVE moved",
        "ana GROUP G 1 T remove moved",
        "ben GROUP G 1 S keep ",
        "ben GROUP G 1 T  ",
        "ben GROUP H 1 S remove gone-already",
        " GROUP E 1 S  ",
    ])
    .unwrap();
    let removals: Vec<_> = review
        .removals
        .iter()
        .map(|it| (&it.removal, it.lines.as_slice(), it.reason.as_str()))
        .collect();
    let direct = ReviewRemoval::Assignment {
        user_id: "ana".into(),
        permission_set_arn: "S".into(),
        account_id: "100000000002".into(),
    };
    let member = ReviewRemoval::Membership {
        user_id: "ana".into(),
        group_id: "G".into(),
    };
    assert_eq!(
        removals,
        [
            (&direct, &[2][..], "left-the-team"),
            (&member, &[3, 4][..], "moved")
        ]
    );
    assert_eq!((review.kept, review.undecided), (1, 2));
    assert_eq!(review.gone, [7]);
    // S in the first account remains through the other group
    let losses = review.losses(&world());
    let lost: Vec<_> = losses
        .iter()
        .map(|it| (it.account_id.as_str(), it.role.arn()))
        .collect();
    assert_eq!(lost, [("100000000001", "T"), ("100000000002", "S")]);
    assert_eq!(review.besides(losses), []);
    // unrequested losses through the membership are identified
    let review = read(&["ana GROUP G 1 S remove "]).unwrap();
    let besides = review.besides(review.losses(&world()));
    assert_eq!(besides.len(), 1);
    assert_eq!(besides[0].role.arn(), "T");
}

#[test]
fn everything_that_is_wrong_is_said_at_its_line() {
    let table: &[(&[&str], &[&str])] = &[
        (
            &[
                "ana USER ana 2 S maybe ",
                "ana USER ana 1e+11 S remove ",
                "ana ROLE ana 2 S remove ",
                "ana USER ben 2 S remove ",
            ],
            &[
                "line 2: `maybe` is no decision: `keep`, `remove`, or nothing",
                "line 3: `1e+11` is no account's id; a spreadsheet may have taken it for a number",
                "line 4: `ROLE` is no type of a principal: `USER` or `GROUP`",
                "line 5: `user_id` and `principal_id` of a direct assignment differ",
            ],
        ),
        (
            &["ben USER ben 1 T remove ", " GROUP E 1 S remove "],
            &[
                "line 2: it is temporary and Hallpass ends it (grant g1); `hallpass revoke` ends it now",
                "line 3: the group has no members: there is no user to take it from",
            ],
        ),
        (
            &["ana USER ana 1 AWSAdministratorAccess remove "],
            &[
                "line 2: permission set `AWSAdministratorAccess` is one of AWS's own: the service that made it assigns it",
            ],
        ),
        (
            &["ana GROUP G 1 S remove ", "ana GROUP G 1 T keep "],
            &[
                "line 3: it is to be kept, and line 2 removes the person's membership of the group, with all \
                 that the group gives",
            ],
        ),
    ];
    for (rows, expected) in table {
        assert_eq!(read(rows).unwrap_err(), *expected);
    }
    let said = |text: &str| read_review(text, &world()).unwrap_err()[0].to_string();
    assert_eq!(said(""), "line 1: the file is empty");
    assert_eq!(
        said("user_id,decision\n"),
        "line 1: there is no column `principal_type`, `principal_id`, `account_id`, `permission_set_arn`"
    );
    assert_eq!(
        said(&format!("{HEADER}\n\"x\n")),
        "line 2: a quote is never closed"
    );
}

#[test]
fn entitlements_are_reviewed_and_what_is_direct_is_refused() {
    let lines = lines(&format!(
        "{WORLD} | may R 100000000001 ana | may R 100000000001 @G"
    ));
    let world = access(&lines, &[]);
    let header = HEADER.replace("permission_set_arn", "permission_set_arn,role_arn");
    let read = |row: &str| read_review(&format!("{header}\n{row}\n"), &world);
    let left = read("ana,ana,GROUP,G,100000000001,,R,remove,").unwrap();
    let member = ReviewRemoval::Membership {
        user_id: "ana".into(),
        group_id: "G".into(),
    };
    assert_eq!(left.removals[0].removal, member);
    let lost = left.losses(&world);
    assert!(lost.iter().all(|it| it.role.arn() != "R"), "{lost:?}");
    let refused = read("ana,ana,USER,ana,100000000001,,R,remove,").unwrap_err();
    assert_eq!(
        refused[0].to_string(),
        "line 2: role `R` is given by an entitlement, which Hallpass does not take away; \
         `aws account-access delete-entitlement` does"
    );
}

#[test]
fn a_window_has_the_paths_that_all_of_them_have_there() {
    let graph = world().graph;
    let of = |person: &hallpass_inventory::AccessPath| {
        (
            person.person.user_id.clone(),
            person.account_id.clone(),
            person.role.arn().to_owned(),
            person.via.clone(),
        )
    };
    let (all, total) = graph.window(|_| true, 0, usize::MAX);
    assert_eq!((all.len(), total), (9, 9));
    let mut sorted: Vec<_> = all.iter().map(of).collect();
    sorted.sort();
    let mut wanted: Vec<_> = graph
        .paths(|_| true)
        .iter()
        .filter(|it| it.person.user_id.is_some())
        .map(of)
        .collect();
    wanted.sort();
    assert_eq!(sorted, wanted);
    for skip in 0..12 {
        for most in 0..5 {
            let (part, total) = graph.window(|_| true, skip, most);
            let wanted: Vec<_> = all.iter().skip(skip).take(most).cloned().collect();
            assert_eq!((part, total), (wanted, 9), "{skip} {most}");
        }
    }
}

#[test]
fn as_many_paths_are_counted_as_would_be_made() {
    let graph = world().graph;
    let everybody: Vec<usize> = (0..graph.people.len()).collect();
    for people in [None, Some(&everybody[..]), Some(&everybody[..1]), Some(&[])] {
        for account in 0..graph.accounts.len() {
            let is_wanted = |it: &hallpass_inventory::GraphAssignment| it.account == account;
            let made = graph.paths_of_some(is_wanted, people).len();
            let counted = graph.count_of_some(is_wanted, people);
            assert_eq!(counted, made, "{people:?} in {account}");
        }
    }
    assert_eq!(graph.count_of_some(|_| true, None), 10);
}

/// Unread data is not treated as deleted, so a review needs a complete snapshot.
#[test]
fn a_review_is_not_held_against_a_snapshot_that_has_not_all() {
    let row = file(&["ana GROUP G 1 S remove moved"]);
    for table in [
        "aws_organizations_accounts",
        "aws_ssoadmin_account_assignments",
        "aws_identitystore_users",
        "aws_identitystore_groups",
        "aws_identitystore_group_memberships",
        "aws_ssoadmin_permission_sets",
    ] {
        let refused = read_review(&row, &access(&lines(WORLD), &[table])).unwrap_err();
        let said = refused[0].to_string();
        let part = format!("the newest snapshot has not all of `{table}` (AccessDenied)");
        assert!(said.starts_with(&part), "{said}");
    }
    let mut carried = world();
    carried.unread.push(UnreadAccessTable {
        table: "aws_identitystore_groups".to_owned(),
        why: "carried over from 20261119T000000Z-00000001".to_owned(),
    });
    assert!(read_review(&row, &carried).is_err());
    let provisioned = access(&lines(WORLD), &["aws_ssoadmin_provisioned"]);
    assert!(read_review(&row, &provisioned).is_ok());
}

#[test]
fn an_entitlement_that_was_not_looked_for_is_not_gone() {
    let header = HEADER.replace("permission_set_arn", "permission_set_arn,role_arn");
    let rows = format!(
        "{header}\nana,ana,GROUP,G,100000000001,,R,remove,\nana,ana,GROUP,G,100000000001,S,,remove,\n"
    );
    let unread = access(&lines(WORLD), &["aws_account_access_entitlements"]);
    let refused = read_review(&rows, &unread).unwrap_err();
    let said: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["line 2: whether it is still there is not known: the snapshot has not all entitlements"]
    );
    assert_eq!(read_review(&rows, &world()).unwrap().gone, [2]);
}
