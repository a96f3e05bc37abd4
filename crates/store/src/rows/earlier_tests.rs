//! Bodies of earlier releases, and bodies outside the journey: sessions, events.

use hallpass_access::identity::{Browsing, SignedIn, WebSession};
use hallpass_access::{Accepted, Alarm, Lock, Message, StoredAnswer, Sweep, SweepItem};
use hallpass_alerts::AlertState;
use hallpass_assignments::AssignmentRow;
use hallpass_findings::events::{EventKey, EventRecord, EventState};
use hallpass_org::{Drill, Revocation, RevocationEntry, session_revocation::SessionRevocation};
use hallpass_plans::Plan;

use super::*;
use hallpass_store_testing::{at, email, user};

type Reader = fn(&str) -> Result<(), StorageFault>;

fn as_json<T: DeserializeOwned>(line: &str) -> Result<(), StorageFault> {
    read_body::<T>("body", line).map(drop)
}

fn packed(line: &str) -> Vec<u8> {
    hex::decode(line).unwrap()
}

const KINDS: &[(&str, Reader)] = &[
    ("acceptance", as_json::<Accepted>),
    ("alarm", as_json::<Alarm>),
    ("alert_state", as_json::<AlertState>),
    ("answer", as_json::<StoredAnswer>),
    ("assignment", as_json::<AssignmentRow>),
    ("cut", as_json::<SessionRevocation>),
    ("drill", as_json::<Drill>),
    ("event", as_json::<EventRecord>),
    ("grant", |line| read_grant_text(line).map(drop)),
    ("grant.packed", |line| read_grant(&packed(line)).map(drop)),
    ("lock", as_json::<Lock>),
    ("message", as_json::<Message>),
    ("plan", as_json::<Plan>),
    ("plan_journal", as_json::<hallpass_plans::Record>),
    ("request", |line| read_request_text(line).map(drop)),
    ("request.packed", |line| {
        read_request(&packed(line)).map(drop)
    }),
    ("revocation", as_json::<Revocation>),
    ("session", |line| read_session(line).map(drop)),
    ("sweep", as_json::<Sweep>),
    ("sweep_item", as_json::<SweepItem>),
    ("token", as_json::<crate::TokenRow>),
];

fn files(folder: &Path, end: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found: Vec<String> = names
        .filter_map(|name| name.strip_suffix(end).map(str::to_owned))
        .collect();
    found.sort();
    found
}

/// Every stored body is readable: those older than some members, which have defaults, and those of
/// the newest release. Each kind has a file.
#[test]
fn bodies_of_earlier_releases_are_read() {
    let folder = golden("x").with_file_name("earlier");
    let kinds: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(files(&folder, ".txt"), kinds, "a file for each kind");
    let now = folder.parent().unwrap();
    assert_eq!(
        files(now, ".v1.txt"),
        kinds,
        "and a golden of the current form"
    );
    let mut unread = Vec::new();
    for (kind, read) in KINDS {
        let stored = std::fs::read_to_string(folder.join(format!("{kind}.txt"))).unwrap();
        assert!(!stored.is_empty(), "{kind}");
        for line in stored.lines() {
            if let Err(fault) = read(line) {
                unread.push(format!("{kind}: {}: {line}", fault.text()));
            }
        }
    }
    assert_eq!(unread, [] as [String; 0]);
}

/// Omitted members keep the meaning they had in the earlier release.
#[test]
fn members_that_were_added_have_the_meaning_of_before() {
    let earlier = |kind: &str| {
        let path = golden("x").with_file_name(format!("earlier/{kind}.txt"));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let request = read_request_text(&earlier("request")).unwrap();
    assert_eq!(
        (request.start, request.shortened, request.after_review),
        (None, None, None)
    );
    assert_eq!(
        (request.asked_with, request.decided.approver_users),
        (vec![], vec![])
    );
    assert_eq!(request.confirmed, []);
    // an approval with only an address counts for no user
    let all = std::fs::read_to_string(golden("x").with_file_name("earlier/request.txt")).unwrap();
    let requests = all.lines().map(|line| read_request_text(line).unwrap());
    let mut reviews = requests.flat_map(|request| request.reviews);
    assert!(reviews.any(|review| review.user.is_none() && review.comment.is_none()));
    let grant = read_grant_text(&earlier("grant")).unwrap();
    assert_eq!((grant.approver_user, grant.end_sessions), (None, false));
    let session = read_session(&earlier("session")).unwrap();
    assert_eq!((session.user_id, session.secondary_domain), (None, false));
    assert_eq!(
        (session.csrf, session.browsing),
        (String::new(), Browsing::default())
    );
}

fn session() -> WebSession {
    WebSession {
        hash: "ab".repeat(32),
        user: email(1),
        user_id: Some(user(1)),
        secondary_domain: false,
        signed_in: SignedIn::Persona,
        began_at: at(1),
        seen_at: at(2),
        renewed_at: at(1),
        ends_at: at(86_401),
        browsing: Browsing::default(),
        csrf: "cd".repeat(32),
        previous: None,
        next: None,
    }
}

#[test]
fn sessions() {
    let full = WebSession {
        secondary_domain: true,
        signed_in: SignedIn::Oidc {
            issuer: "https://id.example".to_owned(),
            subject: "u1".to_owned(),
            sid: Some("s1".to_owned()),
            id_token: Some("a.b.c".to_owned()),
            auth_time: Some(at(0)),
            acr: Some("mfa".to_owned()),
        },
        browsing: Browsing {
            address: Some([192, 0, 2, 1].into()),
            agent: "Firefox".to_owned(),
        },
        previous: Some("01".repeat(32)),
        next: Some("02".repeat(32)),
        ..session()
    };
    check(
        "session",
        &[session(), full],
        |session| session_body(session).unwrap(),
        read_session,
    );
}

#[test]
fn events_and_revocations() {
    let event = |state| EventRecord {
        key: EventKey::of_event("e-1").unwrap(),
        source: "aws.securityhub".to_owned(),
        detail_type: "Security Hub Findings - Imported".to_owned(),
        at: at(1),
        state,
    };
    let (why, body) = (|| "no handler".to_owned(), || "{}".to_owned());
    let states = [
        EventState::Handled {
            outcome: "1 enriched".to_owned(),
        },
        EventState::Parked {
            why: why(),
            body: body(),
        },
        EventState::Replayed {
            why: why(),
            body: body(),
        },
    ];
    check_json("event", &states.map(event));
    let value = || "ana".to_owned();
    let entries = [
        RevocationEntry::Name { value: value() },
        RevocationEntry::Source { value: value() },
    ];
    let revocation = |entry| Revocation {
        policy: "p-1".to_owned(),
        entry,
        ends_at: at(1),
    };
    check_json("revocation", &entries.map(revocation));
}
