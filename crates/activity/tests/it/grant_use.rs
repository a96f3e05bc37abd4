//! Use of a grant (`inventory.md` H-28), one row per case.

use std::collections::BTreeMap;

use hallpass_activity::{
    AccountActivity, AccountSpan, GrantUse, GrantWindow, NotableKind, SessionAccount, SessionCall,
    SessionOfDay, grant_use,
};
use hallpass_base::Timestamp;

use crate::stage::at;

const DAY: &str = "2026-11-20";

fn time(text: &str) -> Timestamp {
    match text.split_once(' ') {
        Some((day, clock)) => at(&format!("{day}T{clock}:00Z")),
        None => at(&format!("{DAY}T{text}:00Z")),
    }
}

fn window(until: Option<&str>) -> GrantWindow {
    GrantWindow {
        account: "111111111111".to_owned(),
        permission_set: "Admin".to_owned(),
        user_id: "u-1".to_owned(),
        names: vec!["ana".to_owned(), "ana@acme.example".to_owned()],
        from: time("10:00"),
        until: until.map(time),
    }
}

fn session(
    person: &str,
    user_id: Option<&str>,
    set: &str,
    started: Option<&str>,
    calls: &[&str],
) -> SessionOfDay {
    let call = |words: &&str| {
        let (clock, action) = words.rsplit_once('=').unwrap();
        SessionCall {
            service: "s3".to_owned(),
            action: action.to_owned(),
            error_code: None,
            is_write: Some(action.starts_with("Put")),
            count: 1,
            first: time(clock),
            last: time(clock),
            resources: Vec::new(),
        }
    };
    SessionOfDay {
        person: person.to_owned(),
        user_id: user_id.map(str::to_owned),
        permission_set: set.to_owned(),
        started: started.map(time),
        calls: calls.iter().map(call).collect(),
    }
}

fn log(from: &str, until: &str, days: &[(&str, Vec<SessionOfDay>)]) -> AccountActivity {
    let mut by_day = BTreeMap::new();
    for (day, sessions) in days {
        by_day.insert(
            day.parse().unwrap(),
            SessionAccount {
                sessions: sessions.clone(),
            },
        );
    }
    AccountActivity {
        span: Some(AccountSpan {
            from: time(from),
            until: time(until),
        }),
        days: by_day,
    }
}

fn said(found: &GrantUse) -> String {
    let calls = found.calls.iter().map(|it| {
        let after = if it.is_after_end { "!" } else { "" };
        format!("{}{after}", it.call.action)
    });
    format!(
        "{} {} {}",
        found.state.name(),
        found.count,
        calls.collect::<Vec<_>>().join(",")
    )
}

/// `NAME | PERSON USER SET START | CALLS | RESULT`; `-` for nothing.
const SESSIONS: &str = "
hers                                    | ana u-1 Admin 10:30 | 10:31=GetAcl                | used 1 GetAcl
begun as it was made, before seen       | ana u-1 Admin 09:57 | 10:31=GetAcl                | used 1 GetAcl
begun before                            | ana u-1 Admin 09:54 | 10:31=GetAcl                | never_used 0
begun after                             | ana u-1 Admin 11:01 | 11:02=GetAcl                | never_used 0
gone on after the end                   | ana u-1 Admin 10:59 | 10:59=GetAcl 13:00=PutAcl   | used 2 PutAcl!,GetAcl
without its start                       | ana u-1 Admin -     | 10:31=GetAcl 12:00=PutAcl   | used 2 PutAcl!,GetAcl
without its start, from before          | ana u-1 Admin -     | 09:00=PutAcl 10:31=GetAcl   | never_used 0
of another set                          | ana u-1 Other 10:30 | 10:31=GetAcl                | never_used 0
of another user of that name            | ana u-2 Admin 10:30 | 10:31=GetAcl                | never_used 0
by name alone                           | ANA@acme.example - Admin 10:30 | 10:31=GetAcl     | used 1 GetAcl
by another name                         | anna - Admin 10:30  | 10:31=GetAcl                | never_used 0
";

#[test]
fn sessions_of_a_grant_are_its_holders_and_began_while_it_was_there() {
    let mut wrong = Vec::new();
    for row in SESSIONS.trim().lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let who: Vec<&str> = cells[1].split(' ').collect();
        let maybe = |it: &'static str| Some(it).filter(|it| *it != "-");
        let made: Vec<&str> = cells[2].split(' ').collect();
        let session = session(who[0], maybe(who[1]), who[2], maybe(who[3]), &made);
        let days = [("2026-11-19", vec![]), (DAY, vec![session])];
        let activity = log("2026-11-19 00:00", "20:00", &days);
        let found = said(&grant_use(&window(Some("11:00")), &activity, time("21:00")));
        if found.trim() != cells[3] {
            wrong.push(format!("{row}\n  found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `NAME | LOG FROM | UNTIL | ITS DAYS | THE GRANT'S END | RESULT`
const REACHES: &str = "
past the end               | 2026-11-19 00:00 | 11:15            | 19 20    | 11:00            | never_used
not by a quarter of an hour| 2026-11-19 00:00 | 11:14            | 19 20    | 11:00            | not_so_far
the grant continues        | 2026-11-19 00:00 | 20:00            | 19 20    | -                | not_so_far
the log begins later       | 10:01            | 20:00            | 19 20    | 11:00            | not_known
the log ends before        | 2026-11-19 00:00 | 09:58            | 19 20    | -                | not_known
no log                     | -                | -                |          | 11:00            | not_known
a day is missing           | 2026-11-19 00:00 | 2026-11-22 20:00 | 20 22    | 2026-11-22 11:00 | not_known
none is                    | 2026-11-19 00:00 | 2026-11-22 20:00 | 20 21 22 | 2026-11-22 11:00 | never_used
";

#[test]
fn what_the_log_does_not_reach_is_not_nothing() {
    let mut wrong = Vec::new();
    for row in REACHES.trim().lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let days = cells[3]
            .split_whitespace()
            .map(|it| format!("2026-11-{it}"));
        let days: Vec<String> = days.collect();
        let days: Vec<_> = days.iter().map(|it| (it.as_str(), Vec::new())).collect();
        let activity = match cells[1] {
            "-" => AccountActivity::default(),
            from => log(from, cells[2], &days),
        };
        let until = Some(cells[4]).filter(|it| *it != "-");
        let found = grant_use(&window(until), &activity, time("2026-11-23 21:00"));
        if found.state.name() != cells[5] {
            wrong.push(format!("{row}\n  found {}", found.state.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Only the first two months of a long grant are examined, so it is never called unused.
    let (long, later) = (window(None), time("2027-11-23 21:00"));
    let found = grant_use(&long, &AccountActivity::default(), later);
    assert!(found.is_cut && long.days(later).len() == 62);
}

#[test]
fn a_session_over_midnight_is_one() {
    let part = |calls: &[&str]| session("ana", None, "Admin", Some("22:00"), calls);
    let grant = GrantWindow {
        from: time("21:00"),
        until: Some(time("22:30")),
        ..window(None)
    };
    let days = [
        (DAY, vec![part(&["22:10=PutAcl"])]),
        (
            "2026-11-21",
            vec![part(&[
                "2026-11-21 00:10=PutAcl",
                "2026-11-21 00:20=GetAcl",
            ])],
        ),
    ];
    let activity = log("2026-11-20 00:00", "2026-11-21 20:00", &days);
    let found = grant_use(&grant, &activity, time("2026-11-22 00:00"));
    assert_eq!((found.sessions, found.count), (1, 3));
    assert_eq!(said(&found), "used 3 PutAcl!,GetAcl!");
    assert_eq!(
        (found.first, found.last),
        (Some(time("22:10")), Some(time("2026-11-21 00:20")))
    );
}

/// Service, event, write flag, kind.
const NOTABLE: &[(&str, &str, Option<bool>, &str)] = &[
    ("cloudtrail", "StopLogging", Some(true), "logging"),
    ("iam", "CreateAccessKey", Some(true), "credentials"),
    ("iam", "AttachRolePolicy", Some(true), "identity"),
    ("iam", "GetRole", Some(false), "-"),
    ("sso", "CreateAccountAssignment", Some(true), "identity"),
    ("kms", "ScheduleKeyDeletion", Some(true), "keys"),
    ("kms", "Decrypt", Some(false), "-"),
    ("kms", "Decrypt", None, "-"),
    ("organizations", "AttachPolicy", Some(true), "organization"),
    ("s3", "PutBucketPolicy", Some(true), "exposure"),
    ("s3", "PutBucketPolicyStatus", Some(true), "-"),
    ("lambda", "AddPermission20150331v2", Some(true), "exposure"),
    ("ec2", "RunInstances", Some(true), "-"),
    ("sts", "GetSessionToken", Some(false), "credentials"),
    ("sts", "GetWebIdentityToken", Some(false), "credentials"),
    ("sts", "GetDelegatedAccessToken", Some(true), "credentials"),
    ("iam", "AcceptDelegationRequest", Some(true), "credentials"),
    ("iam", "SendDelegationToken", Some(true), "credentials"),
    ("iam", "RejectDelegationRequest", Some(true), "identity"),
    ("iam", "AcquireRole", Some(true), "identity"),
    (
        "iam",
        "EnableOutboundWebIdentityFederation",
        Some(true),
        "exposure",
    ),
    ("iam", "UpdateOpenIDConnectProvider", Some(true), "identity"),
    (
        "lambda",
        "PutResourcePolicy20251001",
        Some(true),
        "exposure",
    ),
    ("lambda", "DeleteResourcePolicy", Some(true), "-"),
    ("s3", "PutBucketAbac", Some(true), "exposure"),
    ("s3", "GetBucketAbac", Some(false), "-"),
    (
        "supportauthz",
        "CreateSupportPermit",
        Some(true),
        "exposure",
    ),
    ("supportauthz", "DeleteSupportPermit", Some(true), "-"),
    ("signin", "CreateOAuth2Token", Some(true), "credentials"),
    ("signin", "CreateOAuth2TokenWithIAM", None, "credentials"),
    ("signin", "CreateBearerToken", Some(false), "credentials"),
    ("signin", "ListSessions", Some(false), "-"),
    (
        "signin",
        "PutConsoleAuthorizationConfiguration",
        Some(true),
        "identity",
    ),
    (
        "signin",
        "DeleteResourcePermissionStatement",
        Some(true),
        "identity",
    ),
];

#[test]
fn notable_calls_are_told_by_service_and_name() {
    for (service, action, is_write, wanted) in NOTABLE.iter().copied() {
        let found = NotableKind::of(service, action, is_write);
        assert_eq!(
            found.map_or("-", NotableKind::name),
            wanted,
            "{service}:{action}"
        );
    }
}
