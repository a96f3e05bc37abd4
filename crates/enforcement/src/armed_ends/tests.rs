//! Statements checked with the policy engine; capacity; next write.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, GrantId, RequestId, TargetNames, TimeSpan, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fitting::{Allowance, fit};
use super::observed::{Act, Observed, SeenPolicy, begun, next};
use super::outage_tracker::Silence;
use super::rounds::Round;
use super::statement::{Denial, account_of_name, parts, policy_name, text};
use super::{ArmedEnd, ArmedEndState, NotArmed, POLICIES_MAX, WhyNotArmed};
use crate::account_policy::deciding::{ACCOUNT, check, hold_key, roles};

const END: &str = "2026-11-20T14:00:00Z";
const ROOM: Allowance = Allowance {
    policies: 1,
    characters: 10_240,
};

pub(super) fn begin() -> Timestamp {
    at("2026-11-20T10:00:00Z")
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn end(user: u32, set: &str, ends_at: &str) -> ArmedEnd {
    let asked_at = at("2026-11-20T10:00:00Z");
    ArmedEnd {
        key: hold_key(user, set),
        names: TargetNames::Account {
            account: "dev".into(),
            permission_set: set.into(),
        },
        grant: GrantId::new(Uuid::from_u128(u128::from(user))),
        request: RequestId::new(Uuid::from_u128(u128::from(user))),
        holder: Email::new("ana@example.com").unwrap(),
        required: false,
        asked_at,
        arm_by: TimeSpan::minutes(1).after(asked_at),
        ends_at: at(ends_at),
        lasts_until: None,
        alone_at: None,
        given_at: None,
        is_first: true,
        unseen: None,
        state: ArmedEndState::Wanted,
        attempts: 0,
        due: asked_at,
        version: 0,
    }
}

fn denied(ends: &[ArmedEnd]) -> BTreeSet<Denial> {
    let now = at("2026-11-20T10:00:00Z");
    ends.iter().filter_map(|end| Denial::of(end, now)).collect()
}

#[test]
fn exactly_that_person_in_that_role_is_denied_from_the_end_on() {
    let ends = [end(7, "Admin", END), end(9, "Admin", END)];
    let content = text(&[], &denied(&ends)).unwrap();
    let [plain, regional, longer] = roles();
    let after = "2026-11-20T14:00:01Z";
    let rows = [
        (7, plain.as_str(), after, true, "a role without a Region"),
        (7, &regional, after, true, "a role with one"),
        (9, &regional, after, true, "another person of the statement"),
        (7, &regional, END, false, "at the very end"),
        (7, &regional, "2026-11-20T13:59:59Z", false, "before it"),
        (7, &regional, "2027-01-01T00:00:00Z", true, "long after it"),
        (8, &regional, after, false, "another person"),
        (7, &longer, after, false, "a set whose name begins so"),
        (7, "Admin", after, false, "their own role"),
    ];
    check(&content, "aws:CurrentTime", &rows);
    let statements: Value = serde_json::from_str(&content).unwrap();
    assert_eq!(
        statements["Statement"].as_array().unwrap().len(),
        1,
        "shared"
    );
}

#[test]
fn an_end_ahead_is_rounded_up_to_the_minute_and_one_that_came_is_not() {
    let now = at("2026-11-20T10:00:00Z");
    for (ends_at, instant) in [
        ("2026-11-20T14:00:00Z", "2026-11-20T14:00:00Z"),
        ("2026-11-20T14:00:00.001Z", "2026-11-20T14:01:00Z"),
        ("2026-11-20T14:00:59Z", "2026-11-20T14:01:00Z"),
        ("2026-11-20T09:59:59.5Z", "2026-11-20T10:00:00Z"),
        ("2026-11-20T09:58:01Z", "2026-11-20T09:58:01Z"),
    ] {
        assert_eq!(
            end(7, "Admin", ends_at).instant(now),
            at(instant),
            "{ends_at}"
        );
    }
    let armed = |ends_at: &str| ArmedEnd {
        state: ArmedEndState::Armed {
            until: at("2026-11-20T14:01:00Z"),
            ends_at: at("2026-11-20T14:00:30Z"),
            at: now,
            unmoved: None,
        },
        ..end(7, "Admin", ends_at)
    };
    for (ends_at, instant, what) in [
        (
            "2026-11-20T14:00:30Z",
            "2026-11-20T14:01:00Z",
            "the policy in force for this end",
        ),
        (
            "2026-11-20T14:00:40Z",
            "2026-11-20T14:01:00Z",
            "later within the minute",
        ),
        ("2026-11-20T14:02:30Z", "2026-11-20T14:03:00Z", "later"),
        (
            "2026-11-20T14:00:10Z",
            "2026-11-20T14:01:00Z",
            "a little earlier",
        ),
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z", "now"),
    ] {
        assert_eq!(armed(ends_at).instant(now), at(instant), "{what}");
    }
}

fn seen(contents: &[Option<&str>]) -> Observed {
    let mut seen = Observed::default();
    for (place, content) in seen.ours.iter_mut().zip(contents) {
        *place = content.map(|content| SeenPolicy {
            id: format!("p-{}", content.len()),
            content: content.to_owned(),
            parts: parts(content).unwrap(),
        });
    }
    seen
}

fn wanted(ends: &[ArmedEnd]) -> Vec<(&ArmedEnd, Denial)> {
    wanted_at(ends, begin())
}

fn wanted_at(ends: &[ArmedEnd], now: Timestamp) -> Vec<(&ArmedEnd, Denial)> {
    let denial = |end| Some((end, Denial::of(end, now)?));
    ends.iter().filter_map(denial).collect()
}

#[test]
fn what_is_written_is_read_back_and_anything_else_is_somebody_elses() {
    let ends = [
        end(7, "Admin", END),
        end(8, "Reader", "2026-11-20T15:00:00Z"),
    ];
    let content = text(&[], &denied(&ends)).unwrap();
    let read = parts(&content).unwrap();
    assert_eq!((read.denials, read.foreign.len()), (denied(&ends), 0));
    let statements: Value = serde_json::from_str(&content).unwrap();
    for (member, other, what) in [
        ("Sid", json!("Mine"), "another Sid"),
        ("Action", json!("s3:*"), "fewer actions"),
        ("Effect", json!("Allow"), "an allow"),
        ("NotAction", json!("iam:*"), "one member more"),
    ] {
        let mut changed = statements.clone();
        changed["Statement"][0][member] = other;
        let read = parts(&changed.to_string()).unwrap();
        assert_eq!((read.denials.len(), read.foreign.len()), (1, 1), "{what}");
        assert_eq!(read.foreign[0], changed["Statement"][0], "{what}");
    }
    assert!(parts("[]").is_none() && parts("{").is_none());
}

/// No denials of unknown people.
fn none() -> [BTreeSet<Denial>; POLICIES_MAX] {
    [const { BTreeSet::new() }; POLICIES_MAX]
}

/// A recreated permission set has another ARN, and a role of the same name.
#[test]
fn one_denial_of_a_role_is_in_force_from_the_later_end_on() {
    let now = at("2026-11-20T13:00:00Z");
    let over = ArmedEnd {
        lasts_until: Some(at("2026-11-20T20:00:00Z")),
        ..end(1, "Admin", "2026-11-20T12:00:00Z")
    };
    let mut anew = end(1, "Admin", END);
    anew.key = hold_key(1, "Anew");
    let ends = [over, anew.clone(), end(2, "Admin", END)];
    let (wanted, joined) = super::wanted::wanted(&ends, &BTreeMap::new(), &BTreeSet::new(), now);
    let froms: BTreeSet<(&str, Timestamp)> = wanted
        .iter()
        .map(|(end, denial)| (end.key.user.as_str(), denial.from))
        .collect();
    let users = [ends[0].key.user.as_str(), ends[2].key.user.as_str()];
    assert_eq!(
        froms,
        BTreeSet::from([(users[0], at(END)), (users[1], at(END))])
    );
    assert_eq!(joined, BTreeSet::from([ends[0].key.clone()]));
    let shared = super::wanted::shared_roles(&ends, now);
    let users: Vec<&str> = shared.iter().map(|(user, _)| user.as_str()).collect();
    assert_eq!(users, [ends[0].key.user.as_str()]);
    assert_eq!(
        wanted.iter().filter(|(end, _)| end.key == anew.key).count(),
        1
    );
}

#[test]
fn what_is_in_force_never_gives_way_to_what_is_new() {
    let many: Vec<ArmedEnd> = (0..60)
        .map(|n| {
            let ends_at = TimeSpan::minutes(n).after(at(END));
            end(u32::try_from(n).unwrap(), "Admin", &ends_at.to_string())
        })
        .collect();
    let fitted = fit(
        &Observed::default(),
        (&wanted(&many), none()),
        ROOM,
        begin(),
    );
    let fits = fitted.all();
    assert!((20..60).contains(&fits.len()), "{}", fits.len());
    // the first forty are in force, in any order
    let standing = text(&[], &fits).unwrap();
    assert!(standing.len() <= ROOM.characters);
    let again = fit(
        &seen(&[Some(&standing)]),
        (&wanted(&many), none()),
        ROOM,
        begin(),
    );
    assert_eq!(again.all(), fits);
    assert_eq!(next(&seen(&[Some(&standing)]), &again), None);
    let roomy = Allowance {
        policies: 3,
        ..ROOM
    };
    let all = fit(
        &seen(&[Some(&standing)]),
        (&wanted(&many), none()),
        roomy,
        begin(),
    );
    assert_eq!(all.all().len(), 60);
    assert!(matches!(
        next(&seen(&[Some(&standing)]), &all),
        Some(Act::Make { number: 1, .. })
    ));
}

#[test]
fn what_begins_to_be_denied_is_written_before_what_is_no_longer() {
    // in force in the second policy; the first has space again, and another end starts there
    let (stays, goes) = ([end(1, "Admin", END)], [end(2, "Reader", END)]);
    let first = text(&[], &denied(&goes)).unwrap();
    let second = text(&[], &denied(&stays)).unwrap();
    let seen = seen(&[Some(&first), Some(&second)]);
    let ends = [end(1, "Admin", "2026-11-20T16:00:00Z")];
    let fitted = fit(
        &seen,
        (&wanted(&ends), none()),
        Allowance {
            policies: 2,
            ..ROOM
        },
        begin(),
    );
    // the instant moves in place, and only then the other policy is removed
    let Some(Act::Update { content, .. }) = next(&seen, &fitted) else {
        panic!("{:?}", next(&seen, &fitted));
    };
    assert!(content.contains("16:00:00Z"));
}

#[test]
fn beside_a_statement_of_somebody_else_nothing_new_is_begun() {
    let foreign = json!({"Sid": "Theirs", "Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    let before = [end(1, "Admin", END)];
    let content = text(std::slice::from_ref(&foreign), &denied(&before)).unwrap();
    let seen = seen(&[Some(&content)]);
    let ends = [end(1, "Admin", END), end(2, "Admin", END)];
    let fitted = fit(&seen, (&wanted(&ends), none()), ROOM, begin());
    assert_eq!(fitted.all(), denied(&before));
    assert_eq!(fitted.beside_foreign, [ends[1].key.clone()]);
    let nothing = fit(&seen, (&[], none()), ROOM, begin());
    let Some(Act::Update { content, .. }) = next(&seen, &nothing) else {
        panic!("their statement is kept");
    };
    assert_eq!(parts(&content).unwrap().foreign, [foreign]);
}

#[test]
fn names_say_the_account() {
    for number in 0..3 {
        assert_eq!(
            account_of_name(&policy_name(ACCOUNT, number)),
            Some(ACCOUNT)
        );
    }
    for other in [
        "hallpass-armed-ends",
        "hallpass-armed-ends-12",
        "hallpass-ended-sessions-222233334444",
        "x",
    ] {
        assert_eq!(account_of_name(other), None, "{other}");
    }
}

#[test]
fn every_state_is_stored_and_read_back() {
    let now = at(END);
    for state in [
        ArmedEndState::Wanted,
        ArmedEndState::Armed {
            until: now,
            ends_at: at("2026-11-20T13:59:30Z"),
            at: now,
            unmoved: None,
        },
        ArmedEndState::Armed {
            until: now,
            ends_at: at("2026-11-20T13:59:30Z"),
            at: now,
            unmoved: Some(NotArmed {
                why: WhyNotArmed::Refused,
                words: "denied".to_owned(),
            }),
        },
        ArmedEndState::NotArmed {
            why: NotArmed {
                why: WhyNotArmed::HeldOtherwise,
                words: "through a group".to_owned(),
            },
            at: now,
        },
        ArmedEndState::Gone { at: now },
    ] {
        for lasts_until in [None, Some(now)] {
            let end = ArmedEnd {
                state: state.clone(),
                lasts_until,
                ..end(7, "Admin", END)
            };
            let text = serde_json::to_string(&end).unwrap();
            assert_eq!(
                serde_json::from_str::<ArmedEnd>(&text).unwrap(),
                end,
                "{text}"
            );
        }
    }
}

#[test]
fn while_aws_is_silent_one_account_is_asked_and_once_it_answers_all_that_waited_are() {
    let now = at("2026-11-20T10:00:00Z");
    let later = |seconds| TimeSpan::seconds(seconds).after(now);
    let waits = |due| ArmedEnd {
        attempts: 7,
        due: later(due),
        ..end(7, "Admin", END)
    };
    let rests = |due| ArmedEnd {
        due: later(due),
        ..end(8, "Admin", END)
    };
    let begin = || {
        BTreeMap::from([
            ("1".to_owned(), vec![waits(150), rests(140)]),
            ("2".to_owned(), vec![waits(130), waits(145)]),
            ("3".to_owned(), vec![rests(120)]),
        ])
    };
    let silence = Silence::default();
    let asked = |at: Timestamp| {
        let mut accounts = begin();
        silence.ask_again(&mut accounts, at);
        let ends = accounts.into_iter().flat_map(|(account, ends)| {
            let due = ends.into_iter().filter(move |end| end.due == at);
            due.map(move |_| account.clone())
        });
        ends.collect::<Vec<_>>().concat()
    };
    for (row, heard, seconds, wanted) in [
        ("no attempt yet: the next turn", None, 0, "22"),
        ("a moment ago", None, 4, ""),
        ("again", None, 5, "22"),
        ("no answer", Some(false), 10, "22"),
        ("an answer, a moment after a question", Some(true), 12, ""),
        ("and all that waited", None, 15, "122"),
        ("once", None, 25, ""),
        ("it still answers", Some(true), 26, ""),
        ("and stops answering", Some(false), 27, "22"),
        ("for a moment", Some(true), 40, "122"),
    ] {
        if let Some(has_answered) = heard {
            silence.note(has_answered);
        }
        assert_eq!(asked(later(seconds)), wanted, "{row}");
    }
}

pub(super) fn armed(end: ArmedEnd) -> ArmedEnd {
    let state = ArmedEndState::Armed {
        until: end.ends_at,
        ends_at: end.ends_at,
        at: begin(),
        unmoved: None,
    };
    ArmedEnd { state, ..end }
}

fn froms(denials: &BTreeSet<Denial>) -> BTreeMap<u32, String> {
    let user = |it: &Denial| it.user.split('-').next().unwrap().parse().unwrap();
    denials
        .iter()
        .map(|it| (user(it), it.from.to_string()))
        .collect()
}

fn room_for(standing: &str) -> Allowance {
    Allowance {
        policies: 1,
        characters: standing.len(),
    }
}

#[test]
fn in_a_full_policy_what_cannot_move_stays_where_it_stands() {
    let now = at("2026-11-20T12:00:00Z");
    let later = "2026-11-20T15:00:00Z";
    let before =
        [(1, END), (2, END), (3, later)].map(|(who, until)| armed(end(who, "Admin", until)));
    let standing = text(&[], &denied(&before)).unwrap();
    let seen = seen(&[Some(&standing)]);
    for moved_to in ["2026-11-20T12:00:00Z", "2026-11-20T16:00:00Z"] {
        let mut ends = before.clone();
        ends[0].ends_at = at(moved_to);
        let wanted = wanted_at(&ends, now);
        let full = fit(&seen, (&wanted, none()), room_for(&standing), now);
        assert_eq!(full.all(), denied(&before), "{moved_to}");
        assert_eq!(next(&seen, &full), None, "{moved_to}");
        assert_eq!(
            begun(&wanted, &full, &seen.denials(), now),
            [],
            "{moved_to}"
        );
        let roomy = fit(&seen, (&wanted, none()), ROOM, now);
        assert_eq!(froms(&roomy.all())[&1], moved_to);
    }
    let past = "2026-11-20T11:00:00Z";
    let before =
        [(1, END), (2, END), (3, past)].map(|(who, until)| armed(end(who, "Admin", until)));
    let standing = text(&[], &denied(&before)).unwrap();
    let seen = self::seen(&[Some(&standing)]);
    let mut ends = before.clone();
    ends[0].ends_at = now;
    let wanted = wanted_at(&ends, now);
    let joined = fit(&seen, (&wanted, none()), room_for(&standing), now);
    let common = "2026-11-20T11:59:00Z".to_owned();
    let expected = [(1, common.clone()), (2, END.to_owned()), (3, common)];
    assert_eq!(froms(&joined.all()), BTreeMap::from(expected));
}

#[test]
fn in_a_full_policy_what_an_earlier_hold_has_left_goes() {
    let now = at("2026-11-20T12:00:00Z");
    let past = "2026-11-20T11:00:00Z";
    let before =
        [(1, past), (2, past), (3, END)].map(|(who, until)| armed(end(who, "Admin", until)));
    let standing = text(&[], &denied(&before)).unwrap();
    let seen = seen(&[Some(&standing)]);
    let mut ends = before.clone();
    ends[0].asked_at = at("2026-11-20T11:30:00Z");
    ends[0].ends_at = at("2026-11-20T15:00:00Z");
    let wanted = wanted_at(&ends, now);
    let full = fit(&seen, (&wanted, none()), room_for(&standing), now);
    let expected = [(2, past.to_owned()), (3, END.to_owned())];
    assert_eq!(froms(&full.all()), BTreeMap::from(expected));
}

#[test]
fn past_instants_of_a_role_are_joined_where_there_is_no_room_and_stay_so() {
    let now = at("2026-11-20T12:00:00Z");
    let past = (1..=5).map(|n| armed(end(n, "Admin", &format!("2026-11-20T11:0{n}:00Z"))));
    let mut ends: Vec<ArmedEnd> = past.chain([armed(end(6, "Admin", END))]).collect();
    let standing = text(&[], &denied(&ends)).unwrap();
    let seen = seen(&[Some(&standing)]);
    let room = room_for(&standing);
    let rest = fit(&seen, (&wanted_at(&ends, now), none()), room, now);
    assert_eq!(
        next(&seen, &rest),
        None,
        "each has its own while there is room"
    );
    ends.push(end(7, "Admin", "2026-11-20T15:00:00Z"));
    let wanted = wanted_at(&ends, now);
    let joined = fit(&seen, (&wanted, none()), room, now);
    let common = (1..=5).map(|n| (n, "2026-11-20T11:59:00Z".to_owned()));
    let others = [(6, END.to_owned()), (7, "2026-11-20T15:00:00Z".to_owned())];
    assert_eq!(froms(&joined.all()), common.chain(others).collect());
    let begun = begun(&wanted, &joined, &seen.denials(), now);
    assert_eq!(begun, [(ends[6].key.clone(), at("2026-11-20T15:00:00Z"))]);
    let Some(Act::Update { content, .. }) = next(&seen, &joined) else {
        panic!("{:?}", next(&seen, &joined));
    };
    let seen = self::seen(&[Some(&content)]);
    for later in [
        now,
        TimeSpan::minutes(1).after(now),
        at("2026-11-20T13:30:00Z"),
    ] {
        let again = fit(&seen, (&wanted_at(&ends, later), none()), room, later);
        assert_eq!(next(&seen, &again), None, "{later}");
    }
}

#[test]
fn forty_overdue_ends_of_an_account_find_room_together() {
    let now = at("2026-11-20T12:00:00Z");
    let overdue = |n: u32| end(n, "Admin", &format!("2026-11-20T11:{n:02}:{n:02}Z"));
    let ends: Vec<ArmedEnd> = (0..40).map(overdue).collect();
    let wanted = wanted_at(&ends, now);
    let fitted = fit(&Observed::default(), (&wanted, none()), ROOM, now);
    let all = fitted.all();
    assert_eq!(all.len(), 40);
    assert!(all.iter().all(|it| it.from <= now), "{all:?}");
    let begun = begun(&wanted, &fitted, &BTreeSet::new(), now);
    assert_eq!(begun.len(), 40, "each is stored before it is written");
    let content = text(&[], &all).unwrap();
    assert!(content.len() <= ROOM.characters);
    let seen = seen(&[Some(&content)]);
    let again = fit(&seen, (&wanted, none()), ROOM, now);
    assert_eq!(next(&seen, &again), None);
}

#[test]
fn nobody_is_denied_unasked_who_may_have_been_given_it_otherwise() {
    let lost = at("2026-11-20T15:00:00Z");
    let now = TimeSpan::minutes(10).after(lost);
    for (alone, given, expected) in [
        (Some(30), None, true),
        (None, None, false),
        (Some(700), None, false),
        (Some(30), Some(20), false),
        (Some(30), Some(60), false),
        (Some(30), Some(90), true),
    ] {
        let before = |seconds: Option<u64>| seconds.map(|it| TimeSpan::seconds(it).before(lost));
        let end = ArmedEnd {
            alone_at: before(alone),
            given_at: before(given),
            ..end(1, "Admin", END)
        };
        let is_denied = end.is_denied_unasked(lost, now);
        assert_eq!(is_denied, expected, "{alone:?} {given:?}");
    }
}

#[test]
fn accounts_with_an_end_in_a_hurry_come_first() {
    let now = at("2026-11-20T12:00:00Z");
    let cut_off = ArmedEnd {
        ends_at: now,
        ..armed(end(1, "Admin", END))
    };
    let overdue = ArmedEnd {
        ends_at: TimeSpan::minutes(20).before(now),
        alone_at: Some(TimeSpan::minutes(30).before(now)),
        ..end(5, "Admin", END)
    };
    let soon = armed(end(6, "Admin", "2026-11-20T12:00:20Z"));
    let accounts = || {
        BTreeMap::from([
            ("1".to_owned(), vec![end(2, "Admin", END)]),
            ("2".to_owned(), vec![armed(end(3, "Admin", END))]),
            (
                "3".to_owned(),
                vec![armed(end(4, "Admin", END)), cut_off.clone()],
            ),
            ("4".to_owned(), vec![overdue.clone()]),
            ("5".to_owned(), vec![soon.clone()]),
        ])
    };
    let lost = TimeSpan::minutes(25).before(now);
    for (denies, wanted) in [
        (None, ["3", "5", "1", "2", "4"]),
        (Some(lost), ["3", "4", "5", "1", "2"]),
    ] {
        let mut round = Round::new(accounts(), denies, now);
        let order = std::iter::from_fn(|| round.next(now));
        let order: Vec<String> = order.map(|(account, _)| account).collect();
        assert_eq!(order, wanted, "{denies:?}");
    }
}
