//! Conditions that listings of requests and of grants share.

use hallpass_access::{Grant, GrantFilter, ListingConditions, RequestFilter, ViewerScope};

use super::Store;
use super::listings::{all_grants, all_requests, asked, held, numbers, sight};
use super::queries::{grant_ids, put, request_ids};
use crate::{at, user};

fn with(set: impl FnOnce(&mut ListingConditions)) -> ListingConditions {
    let mut only = ListingConditions::default();
    set(&mut only);
    only
}

fn people(only: &mut ListingConditions, numbers: &[u64]) {
    only.people = Some(numbers.iter().map(|n| user(*n)).collect());
}

fn rule(only: &mut ListingConditions, name: &str) {
    only.rule = Some(name.to_owned());
}

/// Requests and grants 1 to 12: person by `n % 4`, set by `n % 3`, rule by `n % 2`.
pub async fn conditions_narrow_requests_and_grants_alike(store: Store) {
    let (sets, rules) = (["A", "B", "C"], ["even", "odd"]);
    let pick = |of: &[&str], n: u64| of[usize::try_from(n).unwrap() % of.len()].to_owned();
    let requests = (1..=12).map(|n| {
        let mut request = asked(n, n % 4, &pick(&sets, n));
        request.decided.based_on = vec![pick(&rules, n)];
        request
    });
    let grants = (1..=12).map(|n| Grant {
        based_on: vec![pick(&rules, n)],
        ..held(n, n % 4, &pick(&sets, n))
    });
    put(&store, requests.collect(), grants.collect()).await;
    let (b, a_or_b) = (
        numbers(&store, &["B"]).await,
        numbers(&store, &["A", "B"]).await,
    );
    let rows: [(ListingConditions, &[u64]); 8] = [
        (with(|it| people(it, &[1, 3])), &[11, 9, 7, 5, 3, 1]),
        (with(|it| people(it, &[])), &[]),
        (with(|it| people(it, &[99])), &[]),
        (with(|it| it.subjects = Some(b)), &[10, 7, 4, 1]),
        (with(|it| rule(it, "even")), &[12, 10, 8, 6, 4, 2]),
        (with(|it| rule(it, "none")), &[]),
        (
            with(|it| (it.from, it.to) = (Some(at(4)), Some(at(7)))),
            &[6, 5, 4],
        ),
        (
            with(|it| {
                people(it, &[0, 2]);
                rule(it, "even");
                (it.subjects, it.from) = (Some(a_or_b), Some(at(5)));
            }),
            &[12, 10, 6],
        ),
    ];
    for (only, wanted) in rows {
        for sight in [None, Some(sight(Some(1), (1..=3).collect()))] {
            narrow_alike(&store, &only, sight, wanted).await;
        }
    }
}

async fn narrow_alike(
    store: &Store,
    only: &ListingConditions,
    sight: Option<ViewerScope>,
    wanted: &[u64],
) {
    for limit in [1, 2, 99] {
        let filter = RequestFilter {
            only: only.clone(),
            sight: sight.clone(),
            ..RequestFilter::default()
        };
        let found = all_requests(store, &filter, limit).await;
        assert_eq!(found, request_ids(wanted), "{filter:?}");
        let filter = GrantFilter {
            only: only.clone(),
            sight: sight.clone(),
            ..GrantFilter::default()
        };
        let found = all_grants(store, &filter, limit).await;
        assert_eq!(found, grant_ids(wanted), "{filter:?}");
    }
}
