//! Which records a query finds, by member; every store narrows with an index and then calls this.

use std::collections::BTreeSet;

use hallpass_audit::{
    Approval, Draft, Event, Head, Order, Origin, Record, RecordQuery, RecordSubject, Words, seal,
};
use hallpass_base::{AuditId, Email, GrantId, RequestId, UserId};
use uuid::Uuid;

use crate::world::minutes;

fn user(n: u32) -> UserId {
    UserId::new(format!("{n:08}-0000-4000-8000-000000000000")).unwrap()
}

fn email(n: u32) -> Email {
    format!("person{n}@corp.example").parse().unwrap()
}

fn request(n: u64) -> RequestId {
    RequestId::new(uuid7(n))
}

fn uuid7(n: u64) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n))
}

/// Four records: a request of person 1, person 2's approval by two rules, the end of its grant, and
/// one that names no user.
fn log() -> Vec<Record> {
    let grant = GrantId::new(uuid7(77));
    let draft = |seq, event, actor: &str, origin| {
        Draft::new(AuditId::new(uuid7(seq)), event, minutes(seq), actor, origin)
    };
    let rules = ["prod".to_owned(), "two \"eyes\"".to_owned()];
    let drafts = [
        draft(
            1,
            Event::RequestCreated,
            "person1@corp.example",
            Origin::Web,
        )
        .person(&user(1), &email(1))
        .actor_user(&user(1))
        .about(request(5), None)
        .reason("The queue is STUCK"),
        draft(
            2,
            Event::RequestApproved,
            "person2@corp.example",
            Origin::Slack,
        )
        .person(&user(1), &email(1))
        .approved_by(&email(2), Some(&user(2)), Approval::Peer)
        .about(request(5), Some(grant))
        .decided("RequiresApproval", &rules, "abc"),
        draft(3, Event::EndSucceeded, "hallpass", Origin::System)
            .person(&user(1), &email(1))
            .about(request(6), Some(grant))
            .decided("RequiresApproval", &["prod".to_owned()], "abc"),
        draft(4, Event::ConfigLoaded, "hallpass", Origin::System).why("on SIGHUP"),
    ];
    let mut records: Vec<Record> = Vec::new();
    for draft in drafts {
        let head = records.last().map(|record| Head {
            seq: record.seq(),
            hash: record.hash().to_owned(),
            time: minutes(0),
        });
        records.push(seal(draft, head.as_ref()).unwrap());
    }
    records
}

fn found(query: &RecordQuery) -> Vec<u64> {
    let log = log();
    let fitting = log.iter().filter(|record| query.fits(record));
    fitting.map(Record::seq).collect()
}

#[test]
fn places_and_events_narrow() {
    let all = RecordQuery::default;
    let rows: [(&str, RecordQuery, &[u64]); 5] = [
        ("everything", all(), &[1, 2, 3, 4]),
        (
            "before is not among them",
            RecordQuery {
                before: Some(3),
                ..all()
            },
            &[1, 2],
        ),
        ("from is", RecordQuery { from: 3, ..all() }, &[3, 4]),
        (
            "one event",
            RecordQuery {
                events: vec!["end.succeeded".into()],
                ..all()
            },
            &[3],
        ),
        (
            "two events",
            RecordQuery {
                events: vec!["end.succeeded".into(), "config.loaded".into()],
                ..all()
            },
            &[3, 4],
        ),
    ];
    for (what, query, expected) in rows {
        assert_eq!(found(&query), expected, "{what}");
    }
}

fn about(request: Option<u64>, grant: Option<u64>) -> RecordQuery {
    let about = RecordSubject {
        request: request.map(|n| RequestId::new(uuid7(n)).to_string()),
        grant: grant.map(|n| GrantId::new(uuid7(n)).to_string()),
    };
    RecordQuery {
        about: Some(about),
        ..RecordQuery::default()
    }
}

fn naming(n: u32) -> RecordQuery {
    RecordQuery {
        naming: Some(BTreeSet::from([user(n)])),
        ..RecordQuery::default()
    }
}

#[test]
fn people_and_subjects_narrow_and_all_conditions_must_hold() {
    let rows: [(&str, RecordQuery, &[u64]); 9] = [
        ("as requester or actor", naming(1), &[1, 2, 3]),
        ("as approver", naming(2), &[2]),
        ("nobody", naming(3), &[]),
        ("a request", about(Some(5), None), &[1, 2]),
        ("a grant", about(None, Some(77)), &[2, 3]),
        ("either", about(Some(5), Some(77)), &[1, 2, 3]),
        ("neither", about(None, None), &[]),
        ("another's", about(Some(9), None), &[]),
        (
            "a request, by its approver, of its first half",
            RecordQuery {
                before: Some(2),
                naming: naming(2).naming,
                ..about(Some(5), None)
            },
            &[],
        ),
    ];
    for (what, query, expected) in rows {
        assert_eq!(found(&query), expected, "{what}");
    }
}

#[test]
fn words_are_found_in_texts_and_identifiers_only_whole() {
    let id = request(5).to_string();
    for (text, expected) in [
        ("stuck", &[1_u64][..]),
        (" The Queue ", &[1]),
        ("PERSON2@", &[2]),
        ("sighup", &[4]),
        ("end.succe", &[3]),
        ("prod", &[2, 3]),
        ("two \"eyes\"", &[2]),
        (&id, &[1, 2]),
        (id.get(..id.len() - 1).unwrap(), &[]),
        (user(2).as_str(), &[2]),
        ("nothing of the kind", &[]),
    ] {
        let words = Some(Words {
            text: text.to_owned(),
            ..Words::default()
        });
        let query = RecordQuery {
            words,
            ..RecordQuery::default()
        };
        assert_eq!(found(&query), expected, "{text}");
    }
    let words = Some(Words {
        text: "nothing of the kind".to_owned(),
        named: BTreeSet::from(["person2@corp.example".to_owned()]),
    });
    let query = RecordQuery {
        words,
        ..RecordQuery::default()
    };
    assert_eq!(found(&query), [2]);
}

#[test]
fn a_query_goes_on_where_an_answer_ended() {
    let query = |order| RecordQuery {
        order,
        events: vec!["end.succeeded".into(), "config.loaded".into()],
        ..RecordQuery::default()
    };
    assert_eq!(found(&query(Order::NewestFirst).after(4)), [3]);
    assert_eq!(found(&query(Order::NewestFirst).after(3)), [0_u64; 0]);
    assert_eq!(found(&query(Order::OldestFirst).after(3)), [4]);
    assert_eq!(found(&query(Order::OldestFirst).after(2)), [3, 4]);
}

#[test]
fn records_are_the_same_when_their_bytes_are() {
    let (log, again) = (log(), log());
    for (at, record) in log.iter().enumerate() {
        for (other_at, other) in again.iter().enumerate() {
            assert_eq!(record == other, at == other_at, "{at} {other_at}");
        }
    }
    let events: Vec<&str> = log.iter().map(Record::event).collect();
    let expected = [
        "request.created",
        "request.approved",
        "end.succeeded",
        "config.loaded",
    ];
    assert_eq!(events, expected);
}
