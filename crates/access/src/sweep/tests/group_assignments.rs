use super::*;

fn key(account: &str, set: &str) -> GroupAssignmentKey {
    GroupAssignmentKey {
        account: account.parse().unwrap(),
        permission_set: arn(set),
        group: GROUP.parse().unwrap(),
    }
}

fn row(key: GroupAssignmentKey, unread_since: Option<Timestamp>) -> GroupAssignment {
    GroupAssignment {
        key,
        first_seen: at(0),
        unread_since,
    }
}

/// `access.md` §10: a row stays while its place cannot be read, with the time of the first failure.
#[test]
fn a_listing_changes_rows_of_group_assignments() {
    let directory = directory();
    let key = key(ACCOUNT, "Admin");
    let scope = StandingScope::of_targets([&key.target()], &directory);
    let nothing = StandingScope::of_targets([], &directory);
    let failed = Unread {
        what: UnreadPlace::Account {
            account: key.account.clone(),
        },
        error: "ThrottlingException".to_owned(),
    };
    let store = |unread_since| vec![GroupAssignmentWrite::Store(row(key.clone(), unread_since))];
    let remove = || vec![GroupAssignmentWrite::Remove(key.clone())];
    let stored = |unread_since| Some(row(key.clone(), unread_since));
    for (name, before, is_listed, is_read, scope, expected) in [
        ("listed again", stored(None), true, true, &scope, vec![]),
        ("gone", stored(None), false, true, &scope, remove()),
        (
            "unread",
            stored(None),
            false,
            false,
            &scope,
            store(Some(at(9))),
        ),
        (
            "still unread",
            stored(Some(at(3))),
            false,
            false,
            &scope,
            vec![],
        ),
        (
            "read again",
            stored(Some(at(3))),
            true,
            true,
            &scope,
            store(None),
        ),
        ("outside", stored(None), false, false, &nothing, remove()),
        ("never listed", None, false, false, &scope, vec![]),
    ] {
        let listing = StandingListing {
            began: at(9),
            group_assignments: is_listed.then(|| key.clone()).into_iter().collect(),
            unread: (!is_read).then(|| failed.clone()).into_iter().collect(),
            ..StandingListing::default()
        };
        let changes = group_assignment_changes(before.as_slice(), &listing, scope);
        assert_eq!(changes, expected, "{name}");
    }
    let listing = StandingListing {
        began: at(9),
        group_assignments: [key.clone()].into(),
        ..StandingListing::default()
    };
    let new = GroupAssignment {
        first_seen: at(9),
        ..row(key.clone(), None)
    };
    let changes = group_assignment_changes(&[], &listing, &scope);
    assert_eq!(changes, [GroupAssignmentWrite::Store(new)]);
}
