//! Every notice in every channel, as a committed file. `BLESS=1` rewrites it.

use std::fmt::Write as _;

use hallpass_access::{
    AfterReview, Approval, Closing, CredentialsAfterEnd, Directory, EndCause, EndOutcome, Grant,
    GrantState, LateRemoval, LiveSessions, LostAccess, News, Notice, NoticeContext, NoticeKind,
    Origin, PastUse, Request, RequestState, Review, Shortened, Stuck, UnmovedEnd,
};
use hallpass_activity::{
    AccountSpan, GrantCall, GrantUse, GrantUseState, NotableKind, SessionCall,
};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::notice::mail::letter;
use hallpass_channels::wording::notice::slack::{Mentions, SlackFacts, direct, reply};
use hallpass_channels::wording::notice::{ReaderRole, webhook_text};
use hallpass_channels::wording::{ChannelStyle, SlackStyle};
use hallpass_store_testing::{a_grant, a_notice, a_request, approved, at, email};
use jiff::tz::TimeZone;

use crate::golden;

/// A malicious name.
const HOSTILE: &str = "Eve \u{202e}<!channel>\u{200b}\r\nBcc: x";

struct Case {
    title: &'static str,
    told: NoticeContext,
}

fn case(
    title: &'static str,
    news: News,
    request: Request,
    grant: impl Into<Option<Grant>>,
) -> Case {
    let told = NoticeContext {
        number: 17,
        notice: Notice {
            news,
            to: vec![email(900)],
            at: at(3_600),
            ..a_notice(1)
        },
        attempts: 0,
        request,
        grant: grant.into(),
        used: None,
    };
    Case { title, told }
}

fn decided(state: RequestState) -> Request {
    Request {
        state,
        ..a_request(1)
    }
}

fn reviewed() -> Request {
    let mut request = a_request(1);
    request.decided.approvals_needed = 2;
    request.reviews = vec![Review {
        by: email(900),
        user: None,
        at: at(60),
        comment: None,
        counts: true,
    }];
    request
}

/// Approved for a shorter time, with a malicious comment.
fn commented(mut request: Request) -> Request {
    request.shortened = Some(Shortened {
        from: TimeSpan::hours(4),
        by: email(900),
    });
    let words = Some(HOSTILE.to_owned());
    match (&mut request.state, request.reviews.last_mut()) {
        (RequestState::Approved { comment, .. }, _) => *comment = words,
        (_, Some(review)) => review.comment = words,
        (_, None) => {}
    }
    request
}

fn in_state(state: GrantState) -> Grant {
    Grant {
        granted_at: Some(at(10)),
        state,
        ..a_grant(1)
    }
}

fn active() -> Grant {
    in_state(GrantState::Active)
}

fn over(why: EndOutcome) -> Grant {
    in_state(GrantState::Ended {
        cause: EndCause::Expired,
        at: at(3_600),
        removed: why == EndOutcome::Removed,
        why,
    })
}

fn ended(credentials: CredentialsAfterEnd, error: Option<&str>) -> News {
    News::Ended {
        credentials,
        error: error.map(str::to_owned),
    }
}

fn waiting_cases() -> Vec<Case> {
    vec![
        case("waits for one", News::ReviewWanted, a_request(1), None),
        case("still waits", News::Reminder, a_request(1), None),
        case("one of two said yes", News::Reviewed, reviewed(), None),
        case("in words", News::Reviewed, commented(reviewed()), None),
    ]
}

fn decided_cases() -> Vec<Case> {
    let (by, at, reason) = (email(900), at(60), Some("Use the replica.".to_owned()));
    let denied = RequestState::Denied {
        by: by.clone(),
        at,
        reason,
    };
    let rejected = RequestState::Rejected {
        at,
        code: "too_long".to_owned(),
        detail: "At most 1h.".to_owned(),
    };
    let own = RequestState::Approved {
        by: email(1),
        at,
        approval: Approval::NotRequired,
        comment: None,
    };
    let refused = GrantState::Failed {
        at,
        error: "No such <principal>.".to_owned(),
    };
    vec![
        case(
            "by a peer",
            News::Approved,
            decided(approved(60)),
            in_state(GrantState::Scheduled),
        ),
        case(
            "by a rule",
            News::Approved,
            decided(own),
            in_state(GrantState::Scheduled),
        ),
        case("with words", News::Denied, decided(denied), None),
        case("too long", News::Rejected, decided(rejected), None),
        case(
            "by an approver",
            News::Discarded,
            decided(RequestState::Discarded { by, at }),
            None,
        ),
        case(
            "lapsed",
            News::Expired,
            decided(RequestState::Expired { at }),
            None,
        ),
        case(
            "AWS refused",
            News::Failed,
            decided(approved(60)),
            in_state(refused),
        ),
    ]
}

fn held_cases() -> Vec<Case> {
    let request = || decided(approved(60));
    let standing = Grant {
        standing: true,
        ..active()
    };
    let adopted = Request {
        origin: Origin::System,
        ..decided(RequestState::Approved {
            by: email(1),
            at: at(60),
            approval: Approval::Adopted,
            comment: None,
        })
    };
    vec![
        case("it is there", News::Granted, request(), active()),
        case("it stood before", News::Granted, request(), standing),
        case("longer", News::Extended, request(), active()),
        case(
            "longer, in words",
            News::Extended,
            commented(request()),
            active(),
        ),
        case(
            "not longer yet",
            News::NotExtended {
                unmoved: Some(UnmovedEnd {
                    until: at(3_600),
                    may: false,
                    why: "AWS refuses it (`AccessDeniedException`)".to_owned(),
                }),
            },
            request(),
            active(),
        ),
        case(
            "not longer as far as known",
            News::NotExtended {
                unmoved: Some(UnmovedEnd {
                    until: at(3_600),
                    may: true,
                    why: "AWS had not taken it in time: no answer".to_owned(),
                }),
            },
            request(),
            active(),
        ),
        case(
            "not longer yet, without the facts",
            News::NotExtended { unmoved: None },
            request(),
            active(),
        ),
        case("an hour left", News::EndsSoon, request(), active()),
        case("by a sweep", News::Adopted, adopted, active()),
    ]
}

fn ended_cases() -> Vec<Case> {
    let request = || decided(approved(60));
    let until = CredentialsAfterEnd::WorkUntil(at(7_200));
    let said = CredentialsAfterEnd::NotSaid;
    let stop = CredentialsAfterEnd::Stop;
    vec![
        case(
            "credentials work on",
            ended(until, None),
            request(),
            over(EndOutcome::Removed),
        ),
        case(
            "credentials stop",
            ended(stop, None),
            request(),
            over(EndOutcome::Removed),
        ),
        case(
            "it stood before",
            ended(said, None),
            request(),
            over(EndOutcome::Standing),
        ),
        case(
            "another holds it",
            ended(said, None),
            request(),
            over(EndOutcome::HeldByOtherGrant),
        ),
        case(
            "it never was",
            ended(said, Some("Throttled")),
            request(),
            over(EndOutcome::NeverCreated),
        ),
        case(
            "removed by another user",
            News::Lost {
                how: LostAccess::RemovedElsewhere,
            },
            request(),
            over(EndOutcome::AlreadyAbsent),
        ),
        case(
            "not made again",
            News::Lost {
                how: LostAccess::NotSetUpAgain {
                    reason: "No such account".to_owned(),
                },
            },
            request(),
            over(EndOutcome::Guard),
        ),
    ]
}

fn operators_cases() -> Vec<Case> {
    let request = || decided(approved(60));
    let stuck = Grant {
        stuck: Some(Stuck {
            since: at(60),
            reason: "Conflict".to_owned(),
        }),
        ..active()
    };
    let sessions = Some(LiveSessions {
        why: "policies are off".to_owned(),
        until: at(7_200),
    });
    let removal = Some(LateRemoval {
        guard: "g1".to_owned(),
        late: TimeSpan::seconds(65),
    });
    vec![
        case("AWS refuses", News::Stuck, request(), stuck),
        case(
            "they go on",
            News::SessionsLive { sessions },
            request(),
            over(EndOutcome::Removed),
        ),
        case(
            "it was late",
            News::GuardActed { removal },
            request(),
            over(EndOutcome::Guard),
        ),
        case("too early", News::SetUpAgain, request(), active()),
    ]
}

fn break_glass_cases() -> Vec<Case> {
    let broken = |closed| Request {
        after_review: Some(AfterReview {
            justification: "The site is down & no one answers.".to_owned(),
            opened_at: at(60),
            closed,
        }),
        ..decided(RequestState::Approved {
            by: email(1),
            at: at(60),
            approval: Approval::BreakGlass,
            comment: None,
        })
    };
    let closing = Closing {
        by: email(900),
        at: at(120),
        words: Some("Looked at it".to_owned()),
    };
    let mut hostile = broken(None);
    HOSTILE.clone_into(&mut hostile.requester.name);
    vec![
        case("by a hostile user", News::BreakGlass, hostile, active()),
        case("taken", News::BreakGlass, broken(None), active()),
        case(
            "looked at",
            News::ReviewClosed,
            broken(Some(closing)),
            active(),
        ),
    ]
}

/// Grant use: once notable with a malicious name, once empty.
fn judged_cases() -> Vec<Case> {
    let call = |service: &str, action: &str, notable| GrantCall {
        call: SessionCall {
            service: service.to_owned(),
            action: action.to_owned(),
            error_code: None,
            is_write: Some(true),
            count: 6,
            first: at(20),
            last: at(30),
            resources: Vec::new(),
        },
        notable,
        is_after_end: false,
    };
    let used = GrantUse {
        state: GrantUseState::Used,
        log: Some(AccountSpan {
            from: at(0),
            until: at(7_200),
        }),
        is_cut: false,
        first: Some(at(20)),
        last: Some(at(30)),
        sessions: 1,
        count: 12,
        denied: 0,
        services: vec!["cloudtrail".to_owned(), "s3".to_owned()],
        calls: vec![
            call("cloudtrail", "StopLogging", Some(NotableKind::Logging)),
            call("<!here>", HOSTILE, Some(NotableKind::Identity)),
            call("s3", "PutObject", None),
        ],
    };
    let never = GrantUse {
        state: GrantUseState::NeverUsed,
        sessions: 0,
        count: 0,
        services: Vec::new(),
        calls: Vec::new(),
        ..used.clone()
    };
    let not_known = GrantUse {
        state: GrantUseState::NotKnown,
        ..never.clone()
    };
    let with = |case: Case, grant: Grant, found: GrantUse| Case {
        told: NoticeContext {
            used: Some(PastUse { grant, found }),
            ..case.told
        },
        ..case
    };
    let asked = |title| case(title, News::ReviewWanted, a_request(1), None);
    let closed = |title| case(title, News::ReviewClosed, a_request(1), active());
    let before = || over(EndOutcome::Removed);
    vec![
        with(asked("asked again, used before"), before(), used.clone()),
        with(asked("asked again, never used"), before(), never.clone()),
        with(asked("longer, not used so far"), active(), never.clone()),
        with(asked("asked again, nothing known"), before(), not_known),
        with(closed("looked at, and used"), active(), used),
        with(closed("looked at, and never used"), active(), never),
    ]
}

fn cases() -> Vec<Case> {
    [
        waiting_cases(),
        decided_cases(),
        held_cases(),
        ended_cases(),
        operators_cases(),
        break_glass_cases(),
        judged_cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn written(case: &Case, out: &mut String) {
    let Case { title, told } = case;
    let (now, directory) = (at(3_660), Directory::default());
    writeln!(out, "\n{}: {title}", told.notice.kind().name()).unwrap();
    let reader = match told.notice.kind() {
        NoticeKind::ReviewWanted | NoticeKind::Reminder | NoticeKind::BreakGlass => {
            ReaderRole::Approver
        }
        NoticeKind::Stuck | NoticeKind::SessionsLive | NoticeKind::GuardActed => {
            ReaderRole::Operator
        }
        _ => ReaderRole::Requester,
    };
    let mut line = |channel: &str, text: &str| {
        let text = text.replace('\r', "\\r").replace('\n', "\\n");
        writeln!(out, "  {channel:<14}{text}").unwrap();
    };
    let letter = letter(told, reader, now);
    line("mail subject", &letter.subject);
    line("mail", &letter.headline);
    if let Some((label, words)) = &letter.quote {
        line("mail quote", &format!("{label}: {words}"));
    }
    for note in &letter.notes {
        line("mail note", note);
    }
    line("webhook", &webhook_text(told));
    let style = SlackStyle {
        directory: &directory,
        zone: &TimeZone::fixed(jiff::tz::offset(1)),
        seen_from: now,
    };
    let asked = Mentions {
        found: vec!["<@U1>".to_owned()],
        missing: vec!["off@example.com".to_owned()],
    };
    let who = style.name(&told.request.requester.name);
    let facts = SlackFacts {
        asked: &asked,
        requester: &who,
        reminders: (at(900), Some(at(2_700))),
        console: "https://portal.example",
        page: "https://h.example/r/1",
        bad: ":red_circle:",
    };
    line(
        "slack reply",
        &reply(told, &facts, &style).unwrap_or_else(|| "-".to_owned()),
    );
    line("slack direct", &direct(told, &facts, &style));
}

#[test]
fn notices_read_as_the_file_says() {
    let mut found =
        String::from("What each notice says in each channel. `BLESS=1` writes this file.\n");
    let cases = cases();
    for kind in NoticeKind::ALL {
        let of_kind = cases.iter().filter(|case| case.told.notice.kind() == kind);
        let before = found.len();
        of_kind.for_each(|case| written(case, &mut found));
        assert!(found.len() > before, "no case of {kind:?}");
    }
    golden::check("notices.txt", &found);
}

#[test]
fn a_notice_without_facts_and_without_a_grant_still_says_something() {
    for case in cases() {
        let mut told = case.told;
        told.grant = None;
        told.notice.news = match told.notice.news {
            News::Ended { .. } => ended(CredentialsAfterEnd::NotSaid, None),
            News::SessionsLive { .. } => News::SessionsLive { sessions: None },
            News::GuardActed { .. } => News::GuardActed { removal: None },
            other => other,
        };
        let text = webhook_text(&told);
        assert!(text.ends_with('.') && !text.contains("  "), "{text}");
    }
}
