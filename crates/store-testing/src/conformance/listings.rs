//! Listings: pages, filters, and counts.

use hallpass_access::{
    Change, Ends, Grant, GrantFilter, GrantState, GrantStateKind, PastQuery, Request,
    RequestFilter, RequestState, RequestStateKind, Review, Subject, SubjectSet, ViewerScope, Write,
};
use hallpass_base::{GrantId, RequestId, TargetNames};

use super::Store;
use super::queries::{grant_ids, put, request_ids};
use crate::{
    a_grant, a_request, account, account_key, approved, at, email, ended, ending, group_key,
    person, user,
};

pub(super) async fn all_requests(
    store: &Store,
    filter: &RequestFilter,
    limit: u32,
) -> Vec<RequestId> {
    let (mut filter, mut ids) = (filter.clone(), Vec::new());
    loop {
        let page = store.requests(&filter, limit).await.unwrap();
        ids.extend(page.rows.iter().map(|request| request.id));
        let Some(next) = page.next else { return ids };
        filter.before = Some(next);
    }
}

pub(super) async fn all_grants(store: &Store, filter: &GrantFilter, limit: u32) -> Vec<GrantId> {
    let (mut filter, mut ids) = (filter.clone(), Vec::new());
    loop {
        let page = store.grants(&filter, limit).await.unwrap();
        ids.extend(page.rows.iter().map(|grant| grant.id));
        let Some(next) = page.next else { return ids };
        filter.before = Some(next);
    }
}

fn set_named(name: &str) -> TargetNames {
    TargetNames::Account {
        account: "payments-prod".to_owned(),
        permission_set: name.to_owned(),
    }
}

pub(super) fn asked(n: u64, by: u64, set: &str) -> Request {
    Request {
        requester: person(by),
        key: Some(account_key(by, 1)),
        names: set_named(set),
        state: approved(n),
        ..a_request(n)
    }
}

pub(super) fn held(n: u64, by: u64, set: &str) -> Grant {
    Grant {
        holder: person(by),
        key: account_key(by, 1),
        names: set_named(set),
        granted_at: Some(at(n)),
        state: ended(n),
        ..a_grant(n)
    }
}

pub(super) async fn numbers(store: &Store, sets: &[&str]) -> SubjectSet {
    let known = store.subjects(0, 99).await.unwrap();
    let of_set = |subject: &Subject| match subject {
        Subject::Account { permission_set, .. } => sets.contains(&permission_set.as_str()),
        Subject::Group { .. } => sets.contains(&"group"),
    };
    known
        .iter()
        .filter(|(_, subject)| of_set(subject))
        .map(|(number, _)| *number)
        .collect()
}

pub async fn pieces_of_a_listing_make_the_whole(store: Store) {
    let sets = ["A", "B", "C"];
    let set = |n: u64| {
        *sets
            .iter()
            .cycle()
            .nth(usize::try_from(n).unwrap())
            .unwrap()
    };
    let requests = (1..=40).map(|n| asked(n, n % 4, set(n))).collect();
    let grants = (1..=40).map(|n| held(n, n % 4, set(n))).collect();
    put(&store, requests, grants).await;
    let sight = ViewerScope {
        user: Some(user(1)),
        subjects: numbers(&store, &["B"]).await,
    };
    let numbers: Vec<u64> = (1..=40)
        .rev()
        .filter(|n| n % 4 == 1 || n % 3 == 1)
        .collect();
    for limit in [1, 2, 3, 7, 39, 40, 99] {
        let requests = RequestFilter {
            sight: Some(sight.clone()),
            ..RequestFilter::default()
        };
        assert_eq!(
            all_requests(&store, &requests, limit).await,
            request_ids(&numbers),
            "by {limit}"
        );
        let grants = GrantFilter {
            sight: Some(sight.clone()),
            ..GrantFilter::default()
        };
        assert_eq!(
            all_grants(&store, &grants, limit).await,
            grant_ids(&numbers),
            "by {limit}"
        );
        let of_state = RequestFilter {
            state: Some(RequestStateKind::Denied),
            ..requests
        };
        assert_eq!(all_requests(&store, &of_state, limit).await, []);
    }
}

fn of_several_people() -> (Vec<Request>, Vec<Grant>) {
    let with_approvers = |n, approvers: &[u64]| {
        let mut request = asked(n, 1, "A");
        request.decided.approver_users = approvers.iter().map(|n| user(*n)).collect();
        request
    };
    let mut reviewed = with_approvers(4, &[]);
    reviewed.reviews = vec![Review {
        by: email(77),
        user: Some(user(6)),
        at: at(4),
        comment: None,
        counts: true,
    }];
    let requests = vec![
        with_approvers(1, &[5]),
        with_approvers(2, &[5, 6]),
        with_approvers(3, &[]),
        reviewed,
        asked(5, 2, "B"),
        Request {
            key: None,
            state: RequestState::Pending,
            ..with_approvers(6, &[6])
        },
    ];
    let grants = vec![
        held(1, 1, "A"),
        Grant {
            approver_user: Some(user(6)),
            ..held(2, 1, "A")
        },
        held(3, 2, "B"),
        Grant {
            key: group_key(3, 1),
            holder: person(3),
            names: TargetNames::Group { group: "g".into() },
            state: GrantState::Active,
            ..held(4, 3, "A")
        },
    ];
    (requests, grants)
}

pub(super) fn sight(who: Option<u64>, subjects: SubjectSet) -> ViewerScope {
    ViewerScope {
        user: who.map(user),
        subjects,
    }
}

pub async fn a_sight_leaves_out_what_is_not_somebody_s(store: Store) {
    let (requests, grants) = of_several_people();
    put(&store, requests, grants).await;
    let none = SubjectSet::default;
    let (b, group) = (
        numbers(&store, &["B"]).await,
        numbers(&store, &["B", "group"]).await,
    );
    let rows: [(ViewerScope, &[u64], &[u64]); 8] = [
        (sight(None, none()), &[], &[]),
        (sight(Some(2), none()), &[5], &[3]),
        (sight(Some(5), none()), &[2, 1], &[]),
        (sight(Some(6), none()), &[6, 4, 2], &[2]),
        (sight(Some(6), b.clone()), &[6, 5, 4, 2], &[3, 2]),
        (sight(Some(99), none()), &[], &[]),
        (sight(None, group), &[5], &[4, 3]),
        (sight(Some(1), b), &[6, 5, 4, 3, 2, 1], &[3, 2, 1]),
    ];
    for (sight, requests, grants) in rows {
        sees(&store, &sight, requests, grants).await;
    }
}

async fn sees(store: &Store, sight: &ViewerScope, requests: &[u64], grants: &[u64]) {
    let filter = RequestFilter {
        sight: Some(sight.clone()),
        ..RequestFilter::default()
    };
    assert_eq!(
        all_requests(store, &filter, 2).await,
        request_ids(requests),
        "{sight:?}"
    );
    let pending = RequestFilter {
        state: Some(RequestStateKind::Pending),
        ..filter
    };
    let waits: Vec<u64> = requests.iter().copied().filter(|n| *n == 6).collect();
    assert_eq!(
        all_requests(store, &pending, 2).await,
        request_ids(&waits),
        "{sight:?}"
    );
    let filter = GrantFilter {
        sight: Some(sight.clone()),
        ..GrantFilter::default()
    };
    assert_eq!(
        all_grants(store, &filter, 2).await,
        grant_ids(grants),
        "{sight:?}"
    );
    let live = GrantFilter {
        states: vec![GrantStateKind::Active],
        ..filter
    };
    let held: Vec<u64> = grants.iter().copied().filter(|n| *n == 4).collect();
    assert_eq!(
        all_grants(store, &live, 2).await,
        grant_ids(&held),
        "{sight:?}"
    );
}

pub async fn a_sight_of_very_much_is_whole_too(store: Store) {
    let set = |n: u64| format!("Set{n}");
    let requests = (1..=260).map(|n| asked(n, n % 3, &set(n))).collect();
    let grants = (1..=260).map(|n| held(n, n % 3, &set(n))).collect();
    put(&store, requests, grants).await;
    let sight = ViewerScope {
        user: Some(user(2)),
        subjects: (1..=250).collect(),
    };
    let numbers: Vec<u64> = (1..=260)
        .rev()
        .filter(|n| *n <= 250 || n % 3 == 2)
        .collect();
    for limit in [7, 300] {
        let requests = RequestFilter {
            sight: Some(sight.clone()),
            ..RequestFilter::default()
        };
        assert_eq!(
            all_requests(&store, &requests, limit).await,
            request_ids(&numbers)
        );
        let grants = GrantFilter {
            sight: Some(sight.clone()),
            ..GrantFilter::default()
        };
        assert_eq!(
            all_grants(&store, &grants, limit).await,
            grant_ids(&numbers)
        );
    }
}

pub async fn subjects_are_numbered_once_in_order(store: Store) {
    let membership = Grant {
        key: group_key(1, 1),
        names: TargetNames::Group { group: "g".into() },
        ..held(4, 1, "A")
    };
    put(
        &store,
        vec![asked(1, 1, "A"), asked(2, 2, "B"), asked(3, 3, "A")],
        vec![membership],
    )
    .await;
    let unresolved = Request {
        key: None,
        ..asked(5, 1, "Never")
    };
    put(
        &store,
        vec![unresolved, asked(6, 1, "C")],
        vec![held(6, 1, "A")],
    )
    .await;
    let account = |set: &str| Subject::Account {
        account: account(1),
        permission_set: set.to_owned(),
    };
    let group = match group_key(1, 1).target {
        hallpass_base::Target::Group { group } => Subject::Group { group },
        hallpass_base::Target::Account { .. } => unreachable!("a group's key"),
    };
    let all = vec![
        (1, account("A")),
        (2, account("B")),
        (3, group),
        (4, account("C")),
    ];
    assert_eq!(store.subjects(0, 99).await.unwrap(), all);
    assert_eq!(store.subjects(1, 2).await.unwrap(), all[1..3]);
    assert_eq!(store.subjects(4, 9).await.unwrap(), []);
}

pub async fn who_left_is_found_by_the_address_of_their_newest_grant(store: Store) {
    let other = Grant {
        holder: hallpass_access::Person {
            email: email(1),
            ..person(2)
        },
        ..held(3, 2, "A")
    };
    assert_eq!(store.holder_of(&email(1)).await.unwrap(), None);
    put(
        &store,
        vec![asked(9, 9, "A")],
        vec![held(1, 1, "A"), held(2, 3, "A")],
    )
    .await;
    assert_eq!(store.holder_of(&email(1)).await.unwrap(), Some(user(1)));
    put(&store, vec![], vec![other]).await;
    assert_eq!(store.holder_of(&email(1)).await.unwrap(), Some(user(2)));
    // holders only: others have nothing to end
    assert_eq!(store.holder_of(&email(9)).await.unwrap(), None);
    assert_eq!(store.holder_of(&email(900)).await.unwrap(), None);
}

pub async fn the_past_is_counted_by_subject_holder_and_time(store: Store) {
    let never_seen = Grant {
        granted_at: None,
        ..held(25, 1, "A")
    };
    let grants = vec![
        held(10, 1, "A"),
        held(20, 2, "A"),
        never_seen,
        held(30, 1, "A"),
        held(40, 1, "B"),
        held(50, 1, "A"),
    ];
    put(&store, vec![], grants.clone()).await;
    let query = |set: &str, holder: Option<u64>, from: u64, before: u64| PastQuery {
        subject: Subject::Account {
            account: account(1),
            permission_set: set.to_owned(),
        },
        holder: holder.map(user),
        from: GrantId::first_at(at(from)),
        before: GrantId::first_at(at(before)),
    };
    let rows = [
        (query("A", None, 0, 99), 4, Some(50)),
        (query("A", None, 10, 50), 3, Some(30)),
        (query("A", None, 11, 31), 2, Some(30)),
        (query("A", Some(1), 0, 99), 3, Some(50)),
        (query("A", Some(2), 0, 99), 1, Some(20)),
        (query("A", Some(3), 0, 99), 0, None),
        (query("B", None, 0, 99), 1, Some(40)),
        (query("C", None, 0, 99), 0, None),
        (query("A", None, 50, 10), 0, None),
    ];
    for (query, count, newest) in rows {
        let past = store.past(&query).await.unwrap();
        let newest = newest.map(|n| grant_ids(&[n])[0]);
        let seen = (past.count, past.more, past.newest.map(|grant| grant.id));
        assert_eq!(seen, (count, false, newest), "{query:?}");
    }
}

pub async fn ends_are_told_by_those_that_hold(store: Store) {
    let until = |n, end, state| Grant {
        ends_at: at(end),
        state,
        ..a_grant(n)
    };
    assert_eq!(store.ends(at(99)).await.unwrap(), Ends::default());
    let grants = vec![
        until(1, 50, GrantState::Active),
        until(2, 60, GrantState::Scheduled),
        until(3, 70, GrantState::Granting),
        until(4, 80, ending(10)),
        until(5, 20, ending(30)),
        until(6, 10, ended(11)),
    ];
    put(&store, vec![], grants.clone()).await;
    for (soon, count) in [(50, 0), (51, 1), (61, 2), (99, 3)] {
        let ends = store.ends(at(soon)).await.unwrap();
        assert_eq!(
            ends,
            Ends {
                soon: count,
                next: Some(at(50))
            },
            "{soon}"
        );
    }
    for (now, limit, late) in [
        (10, 9, vec![]),
        (21, 9, vec![4, 5]),
        (55, 9, vec![4, 5, 1]),
        (55, 1, vec![4]),
    ] {
        let found = store.grants_late(at(now), limit).await.unwrap();
        let ids: Vec<GrantId> = found.iter().map(|grant| grant.id).collect();
        assert_eq!(ids, grant_ids(&late), "{now}");
    }
    let change = Change {
        grants: vec![Write::Update(Grant {
            state: ending(12),
            ..grants[0].clone()
        })],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    assert_eq!(
        store.ends(at(99)).await.unwrap(),
        Ends {
            soon: 2,
            next: Some(at(60))
        }
    );
}
