//! What is stored, byte by byte: one file per kind of body in `tests/golden/bodies`, which `BLESS=1` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use hallpass_access::identity::{Browsing, SignedIn, WebSession};
use hallpass_access::{
    AfterReview, AgreedStart, Alarm, AlarmKind, AlarmState, Approval, Closing, CredentialsAfterEnd,
    EndCause, Fate, GrantState, HeldAccess, HolderGroups, LateRemoval, Lifted, LiveSessions,
    LostAccess, Message, News, Notice, OutlivingSessions, PlannedStart, RequestState, Review,
    Shortened, Stuck, SweepState, UnmovedEnd, Wanted,
};
use hallpass_assignments::{AssignmentRow, OperationKind};
use hallpass_base::{TargetNames, TimeSpan};
use hallpass_enforcement::session_revocation::SessionRevocationState;
use hallpass_enforcement::{Drill, Revocation};
use hallpass_findings::events::{EventKey, EventRecord, EventState};
use hallpass_iam::generate::sessions::RevocationEntry;
use hallpass_plans::{
    Final, JournalEntry, Lane, Plan, PlanId, PlanLimits, PlanStep, StepEnd, StepId, StepProbe,
    StepTarget, TakenBack,
};
use serde_json::json;

use super::*;
use crate::steps::{desired, revocation_of};
use hallpass_store_testing::{a_blocked_alert, an_absence, an_alert, an_alert_state};
use hallpass_store_testing::{
    a_campaign, a_campaign_line, a_digest, a_grant, a_lock, a_notice, a_report, a_request, a_sweep,
    a_sweep_item, account_key, an_acceptance, an_answer, an_answered_line, at, email, grant_id,
    grant_states, group_id, group_key, in_flight, person, request_states, user, wanted,
};

fn golden(kind: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bodies");
    folder.join(format!("{}.v1.txt", kind.replace(' ', "_")))
}

/// Compares the stored form of values with their kind's file, and reads the file.
fn check<T: PartialEq + Debug>(
    kind: &str,
    values: &[T],
    write: impl Fn(&T) -> String,
    read: impl Fn(&str) -> Result<T, StorageFault>,
) {
    let written: Vec<String> = values.iter().map(write).collect();
    let path = golden(kind);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, written.join("\n") + "\n").unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    let stored: Vec<&str> = stored.lines().collect();
    assert_eq!(
        stored.len(),
        values.len(),
        "{kind}: BLESS=1 adds a new value"
    );
    for ((value, written), stored) in values.iter().zip(&written).zip(stored) {
        assert_eq!(&read(stored).unwrap(), value, "{kind} as it was stored");
        assert_eq!(written, stored, "{kind} as it is stored now");
    }
}

fn check_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(kind: &str, values: &[T]) {
    check(
        kind,
        values,
        |value| body(value).unwrap(),
        |text| read_body(kind, text),
    );
}

/// In every state, one with every member but a start, and one that starts later.
fn requests() -> Vec<Request> {
    let mut all: Vec<Request> = request_states()
        .into_iter()
        .map(|state| Request {
            state,
            ..a_request(7)
        })
        .collect();
    let closed = Closing {
        by: email(3),
        at: at(90),
        words: Some("it was right".to_owned()),
    };
    all.push(Request {
        wanted: Wanted::Group {
            group: "oncall".to_owned(),
        },
        key: Some(group_key(7, 2)),
        names: TargetNames::Group {
            group: "oncall".to_owned(),
        },
        ticket: Some("OPS-1".to_owned()),
        secondary_domain: true,
        extends: Some(grant_id(4)),
        reviews: vec![Review {
            by: email(900),
            user: Some(user(900)),
            at: at(8),
            comment: Some("not on a Friday".to_owned()),
            counts: true,
        }],
        grant: Some(grant_id(4)),
        after_review: Some(AfterReview {
            justification: "the database is down".to_owned(),
            opened_at: at(9),
            closed: Some(closed),
        }),
        state: RequestState::Approved {
            by: email(7),
            at: at(9),
            approval: Approval::BreakGlass,
            comment: Some("until the standby is up".to_owned()),
        },
        shortened: Some(Shortened {
            from: TimeSpan::hours(4),
            by: email(900),
        }),
        version: 3,
        ..a_request(7)
    });
    all.push(Request {
        start: Some(PlannedStart {
            at: at(86_400),
            agreed: Some(AgreedStart {
                by: email(900),
                user: Some(user(900)),
                at: at(8),
                approval: Approval::Peer,
            }),
        }),
        ..a_request(7)
    });
    all.push(without_a_yes());
    all
}

fn without_a_yes() -> Request {
    Request {
        reviews: vec![Review {
            by: email(901),
            user: Some(user(901)),
            at: at(4),
            comment: None,
            counts: false,
        }],
        state: RequestState::Approved {
            by: email(900),
            at: at(5),
            approval: Approval::Peer,
            comment: None,
        },
        ..a_request(7)
    }
}

fn grants() -> Vec<Grant> {
    let mut all: Vec<Grant> = grant_states()
        .into_iter()
        .map(|state| Grant {
            state,
            ..a_grant(7)
        })
        .collect();
    all.push(Grant {
        key: group_key(7, 2),
        names: TargetNames::Group {
            group: "oncall".to_owned(),
        },
        secondary_domain: true,
        granted_at: Some(at(20)),
        standing: true,
        warned: true,
        refusals: 2,
        stuck: Some(Stuck {
            since: at(30),
            reason: "AccessDenied".to_owned(),
        }),
        end_sessions: true,
        aws_request: Some("0f0f".to_owned()),
        seen_news: 4,
        state: GrantState::Ending {
            cause: EndCause::Guard {
                guard: "one".to_owned(),
                removed_at: at(40),
            },
            since: at(41),
        },
        version: 6,
        ..a_grant(7)
    });
    all.push(Grant {
        holder_groups: Some(HolderGroups {
            ids: BTreeSet::from([group_id(3)]),
            names: BTreeSet::from(["oncall".to_owned()]),
        }),
        longest_session: Some(TimeSpan::hours(12)),
        ..a_grant(7)
    });
    all.push(Grant {
        lengthened_by: BTreeSet::from(["oncall".to_owned()]),
        ..a_grant(7)
    });
    all
}

#[test]
fn requests_and_grants() {
    let packed = |text: String| hex::encode(pack(&text));
    check(
        "request",
        &requests(),
        |request| request_text(request).unwrap(),
        read_request_text,
    );
    check(
        "request.packed",
        &requests(),
        |request| packed(request_text(request).unwrap()),
        |stored| read_request(&hex::decode(stored).unwrap()),
    );
    check(
        "grant",
        &grants(),
        |grant| grant_text(grant).unwrap(),
        read_grant_text,
    );
    check(
        "grant.packed",
        &grants(),
        |grant| packed(grant_text(grant).unwrap()),
        |stored| read_grant(&hex::decode(stored).unwrap()),
    );
}

fn all_news() -> Vec<News> {
    vec![
        News::ReviewWanted,
        News::Reminder,
        News::Reviewed,
        News::Approved,
        News::Denied,
        News::Rejected,
        News::Discarded,
        News::Expired,
        News::Granted,
        News::Failed,
        News::Extended,
        News::NotExtended {
            unmoved: Some(UnmovedEnd {
                until: at(50),
                may: false,
                why: "denied".to_owned(),
            }),
        },
        News::EndsSoon,
        News::Ended {
            credentials: CredentialsAfterEnd::WorkUntil(at(50)),
            error: Some("denied".to_owned()),
        },
        News::Ended {
            credentials: CredentialsAfterEnd::Stop,
            error: None,
        },
        News::Stuck,
        News::SessionsLive {
            sessions: Some(LiveSessions {
                why: "AccessDenied".to_owned(),
                until: at(60),
            }),
        },
        News::Lost {
            how: LostAccess::RemovedElsewhere,
        },
        News::Lost {
            how: LostAccess::NotSetUpAgain {
                reason: "denied".to_owned(),
            },
        },
        News::SetUpAgain,
        News::GuardActed {
            removal: Some(LateRemoval {
                guard: "one".to_owned(),
                late: TimeSpan::minutes(3),
            }),
        },
        News::BreakGlass,
        News::ReviewClosed,
        News::Adopted,
    ]
}

fn an_alarm() -> Alarm {
    Alarm {
        alarm: AlarmKind::EndsOverdue,
        state: AlarmState::Begun,
        since: at(1),
        at: at(2),
        text: "2 ends are late".to_owned(),
    }
}

#[test]
fn messages_and_alarms() {
    let notices = all_news().into_iter().map(|news| {
        Message::Notice(Notice {
            news,
            grant: Some(grant_id(1)),
            ..a_notice(1)
        })
    });
    let others = [
        Message::Digest(a_digest(1)),
        Message::Alarm(an_alarm()),
        Message::Alert(Box::new(an_alert())),
        Message::Alert(Box::new(a_blocked_alert())),
    ];
    check_json("alert_state", &[an_alert_state()]);
    let digests = hallpass_store_testing::digests()
        .into_iter()
        .map(Message::Digest);
    let messages = notices.chain(others).chain(digests).collect::<Vec<_>>();
    check_json("message", &messages);
    check_json("alarm", &[an_alarm()]);
}

#[test]
fn locks_answers_and_tokens() {
    let lifted = hallpass_access::Lock {
        until: Some(at(70)),
        held: HeldAccess::EndsWithSessions,
        lifted: Some(Lifted {
            by: person(900),
            at: at(60),
            reason: "found".to_owned(),
        }),
        ..a_lock(1)
    };
    check_json("lock", &[a_lock(1), lifted]);
    let alone = hallpass_access::Absence {
        delegate: None,
        ..an_absence(2)
    };
    check_json("absence", &[an_absence(1), alone]);
    check_json("campaign", &[a_campaign(1)]);
    let answered = an_answered_line(1, 2, hallpass_access::AnswerKind::Keep);
    check_json("campaign_line", &[a_campaign_line(1, 1), answered]);
    check_json("answer", &[an_answer(1, "key")]);
    let token = crate::TokenRow {
        id: hallpass_base::TokenId::new(hallpass_store_testing::uuid(1)),
        hash: format!("{:064x}", 1),
        user: email(1),
        user_id: Some(user(1)),
        secondary_domain: false,
        scopes: vec!["read".to_owned()],
        created_at: at(1),
        expires_at: at(86_401),
        revoked_at: None,
        name: "token 1".to_owned(),
        source: hallpass_access::identity::TokenSource::SignIn,
        used_at: None,
    };
    let revoked = crate::TokenRow {
        secondary_domain: true,
        revoked_at: Some(at(9)),
        used_at: Some(at(8)),
        ..token.clone()
    };
    check_json("token", &[token, revoked]);
}

#[test]
fn assignments() {
    let desire = wanted(&account_key(1, 1), 100, 1);
    let fresh = desired(None, &desire, 0).unwrap().unwrap();
    let mut full: AssignmentRow = in_flight(&fresh, OperationKind::Delete, 5);
    full.desired.removed_at = Some(at(4));
    full.desired.haste = hallpass_assignments::EndPriority::AtOnce;
    full.execution.created_at = Some(at(2));
    full.execution.deleted_at = Some(at(5));
    full.execution.last_present_at = Some(at(3));
    full.execution.last_error = Some("AccessDenied".to_owned());
    full.execution.aws_request = Some("0f0f".to_owned());
    full.execution.verdict = hallpass_assignments::Verdict::Stuck {
        since: at(6),
        reason: "AccessDenied".to_owned(),
    };
    let mut unanswered = fresh.clone();
    unanswered.execution.unanswered_create = Some(hallpass_assignments::UnansweredCreate {
        at: at(4),
        is_one_of_several: true,
    });
    unanswered.execution.removed_again_at = Some(at(7));
    check_json("assignment", &[fresh, full, unanswered]);
}

#[test]
fn sweeps() {
    let done = hallpass_access::Sweep {
        report: Some(a_report(1)),
        state: SweepState::Done { at: at(9) },
        ..a_sweep(1)
    };
    check_json("sweep", &[a_sweep(1), done]);
    let (key, group) = (account_key(1, 1), group_key(1, 1));
    let stuck = hallpass_access::SweepItem {
        fate: Fate::Stuck {
            since: at(4),
            reason: "AccessDenied".to_owned(),
        },
        ..a_sweep_item(1, &group)
    };
    check_json("sweep item", &[a_sweep_item(1, &key), stuck]);
    check_json("acceptance", &[an_acceptance(&key)]);
}

#[test]
fn plans_and_what_they_leave_behind() {
    let grant = a_grant(1);
    let wanted = revocation_of(&OutlivingSessions {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email,
        key: grant.key,
        names: grant.names,
        at: at(1),
        issued_before: at(2),
        until: at(3),
    });
    let gone = hallpass_enforcement::session_revocation::SessionRevocation {
        state: SessionRevocationState::Gone { at: at(9) },
        failed: Some("AccessDenied".to_owned()),
        ..wanted.clone()
    };
    check_json("cut", &[wanted, gone]);
    let drill = Drill {
        id: "0123456789ab".to_owned(),
        target: "ou-1".to_owned(),
        accounts: vec!["000000000001".to_owned()],
        statement: "{}".to_owned(),
        starts_at: at(1),
        ends_at: at(2),
        applied_at: Some(at(1)),
        removed_at: None,
    };
    check_json("drill", &[drill]);
    let plan = Plan {
        id: PlanId::named("one"),
        kind: "test".to_owned(),
        organization: "o-abcdefghij".to_owned(),
        generation: 1,
        round: 0,
        before: None,
        steps: Vec::new(),
        facts: serde_json::json!({"n": 1}),
        limits: PlanLimits::USUAL,
        expected: BTreeMap::new(),
        takes_back: BTreeMap::new(),
        account_names: BTreeMap::new(),
        made_at: at(0),
        made_by: "ana".to_owned(),
    };
    let again = Plan {
        round: 1,
        before: Some(PlanId::named("none")),
        ..plan.clone()
    };
    check_json("plan", &[plan.clone(), a_plan_with_a_step(plan), again]);
    check_json("plan_journal", &journal_records());
}

fn a_plan_with_a_step(plan: Plan) -> Plan {
    let step = PlanStep {
        id: step(1),
        target: StepTarget::global("000000000001", "p-1"),
        kind: "policy.attach".to_owned(),
        desired: json!({"policy": "p-1"}),
        lane: Lane {
            apart: Some("ou-1".to_owned()),
            ..Lane::organizations_write()
        },
        after: vec![step(2)],
        token: "0123".to_owned(),
        timeout: TimeSpan::minutes(5),
    };
    let taken_back = TakenBack {
        step: step.clone(),
        drifted: Some("somebody changed it".to_owned()),
    };
    let name = ("000000000001".to_owned(), "shop".to_owned());
    Plan {
        takes_back: BTreeMap::from([(step.id.clone(), taken_back)]),
        account_names: BTreeMap::from([name]),
        steps: vec![step],
        expected: probes(),
        ..plan
    }
}

fn step(n: u64) -> StepId {
    StepId::named(format!("{n:016x}"))
}

fn probes() -> BTreeMap<StepId, StepProbe> {
    let all = [
        StepProbe::Satisfied,
        StepProbe::Absent,
        StepProbe::Differs {
            old: json!({"n": 1}),
        },
        StepProbe::InProgress {
            remote: "car-1".to_owned(),
        },
        StepProbe::Blocked {
            reason: "closed".to_owned(),
        },
    ];
    (1..).map(step).zip(all).collect()
}

fn journal_records() -> Vec<hallpass_plans::Record> {
    let whole = Final {
        old: json!({"n": 1}),
        new: json!({"n": 2}),
        requests: vec!["r-1".to_owned()],
        ..Final::without_change(StepEnd::Failed, "denied", 3)
    };
    let ends = [
        StepEnd::Unchanged,
        StepEnd::Changed,
        StepEnd::Skipped,
        StepEnd::InProgress,
        StepEnd::Blocked,
        StepEnd::Drifted,
    ]
    .map(|outcome| Final::without_change(outcome, "", 0));
    let intent = |old| JournalEntry::Intent {
        step: step(1),
        token: "0123".to_owned(),
        old,
    };
    let note = |about| JournalEntry::Note {
        step: about,
        text: "the lease is lost".to_owned(),
    };
    let (remote, at_remote) = ("car-1".to_owned(), "car-1".to_owned());
    let begun = [
        JournalEntry::Planned { expected: probes() },
        intent(json!({"n": 1})),
        intent(serde_json::Value::Null),
        JournalEntry::Accepted {
            step: step(1),
            remote,
        },
        JournalEntry::Poll {
            step: step(1),
            remote: at_remote,
        },
        note(None),
        note(Some(step(1))),
    ];
    let over = ends.into_iter().chain([whole]);
    let over = over.map(|end| JournalEntry::Final { step: step(1), end });
    let bounds = [Some(1), None].map(|targets| JournalEntry::Bounded { targets });
    let told = JournalEntry::Told {
        what: "row 2 SUCCEEDED ana@acme.example".to_owned(),
    };
    let entries = begun.into_iter().chain(over).chain(bounds).chain([told]);
    entries
        .zip(1..)
        .map(|(entry, n)| hallpass_plans::Record { at: at(n), entry })
        .collect()
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

#[test]
fn what_a_newer_release_wrote_is_refused_by_that_name() {
    let newer = |text: &str| text.replacen('{', r#"{"body_version":2,"#, 1);
    let said = |fault: StorageFault| fault.text();
    let request = newer(&request_text(&a_request(1)).unwrap());
    let grant = newer(&grant_text(&a_grant(1)).unwrap());
    let lock = newer(&body(&a_lock(1)).unwrap());
    let answers = [
        ("request", read_request_text(&request).map(drop)),
        ("request", read_request(&pack(&request)).map(drop)),
        ("grant", read_grant_text(&grant).map(drop)),
        (
            "lock",
            read_body::<hallpass_access::Lock>("lock", &lock).map(drop),
        ),
    ];
    for (what, answer) in answers {
        assert_eq!(
            answer.map_err(said),
            Err(format!(
                "stored {what} was written by a newer hallpass (body version 2, this one reads up to 1); start \
                 that release, or restore a backup of this one"
            ))
        );
    }
    // this version may be named, and words in texts have no effect
    let same = request.replace(r#""body_version":2"#, r#""body_version":1"#);
    assert_eq!(read_request_text(&same), Ok(a_request(1)));
    let quoted = Request {
        reason: r#"{"body_version":2}"#.to_owned(),
        ..a_request(1)
    };
    assert_eq!(
        read_request_text(&request_text(&quoted).unwrap()),
        Ok(quoted)
    );
}
