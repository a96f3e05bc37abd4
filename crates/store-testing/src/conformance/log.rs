//! Log searches, the log id, and records waiting for export.

use std::collections::BTreeSet;

use hallpass_access::Change;
use hallpass_audit::{Draft, Event, Order, Origin, Record, RecordQuery, RecordSubject, Words};
use hallpass_base::AuditId;

use super::Store;
use crate::{a_draft, account, account_key, at, email, grant_id, names, request_id, user, uuid};

fn draft(n: u64, event: Event, by: &str, reason: &str) -> Draft {
    let draft = Draft::new(AuditId::new(uuid(n)), event, at(n), by, Origin::Web)
        .about(request_id(n % 10), Some(grant_id(n % 10)))
        .reason(reason);
    match (0..9).find(|person| email(*person).as_str() == by) {
        Some(person) => draft.actor_user(&user(person)),
        None => draft,
    }
}

async fn found(store: &Store, query: &RecordQuery, limit: u32) -> Vec<u64> {
    let found = store.records_found(query, limit).await.unwrap();
    found.records.iter().map(Record::seq).collect()
}

async fn all(store: &Store, query: &RecordQuery, limit: u32) -> Vec<u64> {
    let (mut query, mut seqs) = (query.clone(), Vec::new());
    loop {
        let found = store.records_found(&query, limit).await.unwrap();
        seqs.extend(found.records.iter().map(Record::seq));
        let Some(next) = found.next else { return seqs };
        query = query.after(next);
    }
}

async fn tell(store: &Store, drafts: Vec<Draft>) -> Vec<Record> {
    let change = Change {
        audit: drafts,
        ..Change::default()
    };
    store.commit(change).await.unwrap()
}

pub async fn records_are_found_newest_first(store: Store) {
    tell(&store, (1..=6).map(a_draft).collect()).await;
    let query = |from, before| RecordQuery {
        from,
        before,
        ..RecordQuery::default()
    };
    let rows: [(RecordQuery, u32, &[u64]); 8] = [
        (query(0, None), 9, &[6, 5, 4, 3, 2, 1]),
        (query(0, None), 2, &[6, 5]),
        (query(0, None), 0, &[]),
        (query(0, Some(4)), 9, &[3, 2, 1]),
        (query(2, Some(4)), 9, &[3, 2]),
        (query(0, Some(1)), 9, &[]),
        (query(7, None), 9, &[]),
        (query(u64::MAX, Some(u64::MAX)), 9, &[]),
    ];
    for (query, limit, expected) in rows {
        assert_eq!(found(&store, &query, limit).await, expected, "{query:?}");
        let oldest_first = RecordQuery {
            order: Order::OldestFirst,
            ..query
        };
        let expected: Vec<u64> = expected.iter().rev().copied().collect();
        let from_the_other_end = if limit == 2 { vec![1, 2] } else { expected };
        let seen = found(&store, &oldest_first, limit).await;
        assert_eq!(seen, from_the_other_end, "{oldest_first:?}");
    }
}

fn words(text: &str, named: &[&str]) -> RecordQuery {
    RecordQuery {
        words: Some(Words {
            text: text.to_owned(),
            named: named.iter().map(|it| (*it).to_owned()).collect(),
        }),
        ..RecordQuery::default()
    }
}

fn events(names: &[&str]) -> RecordQuery {
    RecordQuery {
        events: names.iter().map(|it| (*it).to_owned()).collect(),
        ..RecordQuery::default()
    }
}

fn naming(people: &[u64]) -> RecordQuery {
    RecordQuery {
        naming: Some(people.iter().map(|n| user(*n)).collect()),
        ..RecordQuery::default()
    }
}

fn about_people(people: &[&str]) -> RecordQuery {
    RecordQuery {
        people: Some(people.iter().map(|it| (*it).to_owned()).collect()),
        ..RecordQuery::default()
    }
}

fn in_accounts(accounts: &[&str]) -> RecordQuery {
    RecordQuery {
        accounts: Some(accounts.iter().map(|it| (*it).to_owned()).collect()),
        ..RecordQuery::default()
    }
}

fn about(request: Option<u64>, grant: Option<u64>) -> RecordQuery {
    RecordQuery {
        about: Some(RecordSubject {
            request: request.map(|n| request_id(n).to_string()),
            grant: grant.map(|n| grant_id(n).to_string()),
        }),
        ..RecordQuery::default()
    }
}

async fn tell_of_an_incident(store: &Store) -> String {
    let (ana, bo) = (email(1).to_string(), email(2).to_string());
    tell(
        store,
        vec![
            draft(1, Event::RequestCreated, &ana, "INC-77: the Queue is stuck"),
            draft(2, Event::RequestApproved, &bo, "INC-77: the Queue is stuck"),
            draft(3, Event::GrantRequested, "hallpass", "say \"yes\" 100%_"),
            draft(11, Event::EndStarted, "hallpass", "\u{c4}rger"),
            draft(14, Event::EndSucceeded, &ana, "")
                .subject(&email(1), &account_key(1, 1), &names())
                .error(&format!("{bo} denied it")),
        ],
    )
    .await;
    bo
}

/// Checks each query in pages of any size and from either end.
async fn find(store: &Store, rows: Vec<(RecordQuery, &[u64])>) {
    for (query, expected) in rows {
        for limit in [1, 2, 9] {
            assert_eq!(
                all(store, &query, limit).await,
                expected,
                "{query:?} by {limit}"
            );
        }
        let backwards = RecordQuery {
            order: Order::OldestFirst,
            ..query
        };
        let expected: Vec<u64> = expected.iter().rev().copied().collect();
        assert_eq!(all(store, &backwards, 1).await, expected, "{backwards:?}");
    }
}

pub async fn records_are_found_by_what_they_hold(store: Store) {
    tell_of_an_incident(&store).await;
    let rows: Vec<(RecordQuery, &[u64])> = vec![
        (events(&["request.created", "end.started"]), &[4, 1]),
        (events(&["no.such"]), &[]),
        (naming(&[1]), &[5, 1]),
        // text mentions are not person references
        (naming(&[2]), &[2]),
        (naming(&[1, 2]), &[5, 2, 1]),
        (naming(&[]), &[]),
        (about_people(&[user(2).as_str(), "nobody"]), &[2]),
        (
            about_people(&[email(2).as_str(), user(1).as_str()]),
            &[5, 2, 1],
        ),
        (about_people(&[]), &[]),
        (in_accounts(&[account(1).as_str()]), &[5]),
        (in_accounts(&[account(2).as_str()]), &[]),
        (
            RecordQuery {
                accounts: in_accounts(&[account(1).as_str()]).accounts,
                ..about_people(&[user(2).as_str()])
            },
            &[],
        ),
        (
            RecordQuery {
                events: events(&["end.succeeded"]).events,
                ..naming(&[1])
            },
            &[5],
        ),
        (about(Some(1), None), &[4, 1]),
        (about(None, Some(4)), &[5]),
        (about(Some(1), Some(4)), &[5, 4, 1]),
        (about(Some(9), Some(8)), &[]),
        (about(None, None), &[]),
    ];
    find(&store, rows).await;
}

pub async fn records_are_found_by_words_in_them(store: Store) {
    let bo = tell_of_an_incident(&store).await;
    let id = AuditId::new(uuid(3)).to_string();
    let rows: Vec<(RecordQuery, &[u64])> = vec![
        (words("inc-77", &[]), &[2, 1]),
        (words("  QUEUE is ", &[]), &[2, 1]),
        (words("queue  is", &[]), &[]),
        (words("k", &[]), &[2, 1]),
        (words("\"yes\" 100%_", &[]), &[3]),
        (words("y_s", &[]), &[]),
        (words("\u{e4}RGER", &[]), &[4]),
        (words("nobody", &[bo.as_str()]), &[2]),
        (words("person2", &[]), &[5, 2]),
        (words("end.", &[]), &[5, 4]),
        (words(&id, &[]), &[3]),
        (words(&id.to_uppercase(), &[]), &[3]),
        (words(id.get(..20).unwrap(), &[]), &[]),
        (words(&request_id(1).to_string(), &[]), &[4, 1]),
        (words(&grant_id(4).to_string(), &[]), &[5]),
        (words("a\0b", &[]), &[]),
        (
            RecordQuery {
                naming: naming(&[1]).naming,
                ..words("person2", &[])
            },
            &[5],
        ),
        (
            RecordQuery {
                before: Some(5),
                from: 2,
                ..words("person2", &[])
            },
            &[2],
        ),
    ];
    find(&store, rows).await;
}

pub async fn a_search_goes_on_where_it_ended(store: Store) {
    let wanted = |n: u64| if n.is_multiple_of(7) { "needle" } else { "hay" };
    let events = [Event::RequestCreated, Event::EndStarted, Event::Extend];
    for batch in 0..10_u64 {
        let drafts = (1..=50).map(|n| batch * 50 + n).map(|n| {
            let event = *events
                .iter()
                .cycle()
                .nth(usize::try_from(n).unwrap())
                .unwrap();
            draft(n, event, &email(n % 5).to_string(), wanted(n))
        });
        tell(&store, drafts.collect()).await;
    }
    for limit in [1, 3, 50, 1_000] {
        let query = RecordQuery {
            words: Some(Words {
                text: "needle".to_owned(),
                named: BTreeSet::new(),
            }),
            naming: Some([user(1), user(2)].into()),
            ..RecordQuery::default()
        };
        let expected = (1..=500_u64)
            .rev()
            .filter(|n| n.is_multiple_of(7) && [1, 2].contains(&(n % 5)));
        assert_eq!(
            all(&store, &query, limit).await,
            expected.collect::<Vec<_>>(),
            "by {limit}"
        );
        let query = RecordQuery {
            order: Order::OldestFirst,
            events: vec!["extend".to_owned(), "end.started".to_owned()],
            ..RecordQuery::default()
        };
        let expected = (1..=500_u64).filter(|n| !n.is_multiple_of(3));
        assert_eq!(
            all(&store, &query, limit).await,
            expected.collect::<Vec<_>>(),
            "by {limit}"
        );
    }
}

pub async fn a_log_has_an_id_from_its_first_record_on(store: Store) {
    assert_eq!(store.log_id().await.unwrap(), None);
    let commit = async |n: u64| {
        let change = Change {
            audit: vec![a_draft(n)],
            ..Change::default()
        };
        store.commit(change).await.unwrap();
        store.log_id().await.unwrap()
    };
    let id = commit(1).await;
    assert!(id.is_some());
    assert_eq!(commit(2).await, id, "the same ever after");
}

pub async fn the_oldest_record_that_waits_for_the_export_is_known(store: Store) {
    assert_eq!(store.oldest_unexported().await.unwrap(), None);
    let change = Change {
        audit: (1..=3).map(a_draft).collect(),
        ..Change::default()
    };
    let records = store.commit(change).await.unwrap();
    for (exported, oldest) in [(0, Some(0)), (1, Some(1)), (2, Some(2)), (3, None)] {
        store.set_exported(exported).await.unwrap();
        let expected = oldest.map(|index: usize| records[index].at().unwrap());
        let found = store.oldest_unexported().await.unwrap();
        assert_eq!(found, expected, "exported up to {exported}");
    }
}
