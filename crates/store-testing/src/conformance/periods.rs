//! Grants of a period.

use hallpass_access::{Change, Grant, GrantFilter, GrantState, ListingConditions, Period, Write};

use super::Store;
use super::listings::{all_grants, held, numbers};
use super::queries::{grant_ids, put};
use crate::{at, ended, ending, user};

fn of_period(from: u64, to: u64) -> GrantFilter {
    GrantFilter {
        active_in: Period::new(at(from), at(to)),
        ..GrantFilter::default()
    }
}

fn of_several_times() -> Vec<Grant> {
    let over = |n: u64, by, set, end| Grant {
        state: ended(end),
        ..held(n, by, set)
    };
    let active = Grant {
        state: GrantState::Active,
        ..held(1, 1, "C")
    };
    let never = Grant {
        granted_at: None,
        state: GrantState::Failed {
            at: at(52),
            error: "denied".to_owned(),
        },
        ..held(25, 1, "A")
    };
    vec![
        active,
        over(10, 1, "A", 20),
        over(20, 2, "A", 51),
        over(30, 1, "B", 50),
        over(40, 1, "B", 99),
        over(55, 1, "A", 56),
        over(60, 1, "A", 70),
        never,
    ]
}

/// Pages of every size give the same grants.
pub async fn grants_of_a_period_are_those_whose_access_it_overlaps(store: Store) {
    let grants = of_several_times();
    let active = grants[0].id;
    put(&store, vec![], grants).await;
    let of_b = numbers(&store, &["B"]).await;
    let held_by = |n| GrantFilter {
        holder: Some(user(n)),
        ..of_period(50, 60)
    };
    let about_b = GrantFilter {
        only: ListingConditions {
            subjects: Some(of_b),
            ..ListingConditions::default()
        },
        ..of_period(50, 60)
    };
    let rows = [
        (of_period(50, 60), vec![55, 40, 20, 1]),
        (of_period(50, 61), vec![60, 55, 40, 20, 1]),
        (of_period(49, 50), vec![40, 30, 20, 1]),
        (of_period(100, 900), vec![1]),
        (of_period(0, 1), vec![]),
        (held_by(2), vec![20]),
        (held_by(9), vec![]),
        (about_b, vec![40]),
    ];
    for (filter, expected) in rows {
        for limit in [1, 2, 99] {
            let found = all_grants(&store, &filter, limit).await;
            assert_eq!(found, grant_ids(&expected), "{filter:?} by {limit}");
        }
    }
    // a later end is found too
    for state in [ending(79), ended(80)] {
        let found = store.grant(active).await.unwrap().unwrap();
        let change = Change {
            grants: vec![Write::Update(Grant { state, ..found })],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
    }
    for (from, expected) in [(80, vec![40]), (79, vec![40, 1])] {
        let found = all_grants(&store, &of_period(from, 90), 99).await;
        assert_eq!(found, grant_ids(&expected), "{from}");
    }
}
