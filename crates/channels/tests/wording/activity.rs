//! Texts about a grant's use: unlogged activity is never reported as none.

use hallpass_activity::{
    AccountSpan, GrantCall, GrantUse, GrantUseState, NotableKind, SessionCall,
};
use hallpass_base::Timestamp;
use hallpass_channels::wording::{PlainStyle, activity};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn found(state: GrantUseState) -> GrantUse {
    GrantUse {
        state,
        log: Some(AccountSpan {
            from: at("2026-11-01T00:00:00Z"),
            until: at("2026-11-20T14:05:00Z"),
        }),
        is_cut: false,
        first: None,
        last: None,
        sessions: 0,
        count: 0,
        denied: 0,
        services: Vec::new(),
        calls: Vec::new(),
    }
}

#[test]
fn each_answer_says_how_far_the_log_goes() {
    let call = GrantCall {
        call: SessionCall {
            service: "s3".to_owned(),
            action: "PutObject".to_owned(),
            error_code: None,
            is_write: Some(true),
            count: 1_200,
            first: at("2026-11-20T10:00:00Z"),
            last: at("2026-11-20T14:00:00Z"),
            resources: Vec::new(),
        },
        notable: None,
        is_after_end: true,
    };
    let used = GrantUse {
        sessions: 1,
        count: 1_200,
        denied: 7,
        services: vec!["s3".to_owned()],
        calls: vec![call],
        ..found(GrantUseState::Used)
    };
    let mut refused = used.clone();
    refused.calls[0].call.error_code = Some("AccessDenied".to_owned());
    let once = GrantUse {
        count: 1,
        sessions: 2,
        is_cut: true,
        services: vec!["s3".to_owned(), "ec2".to_owned()],
        ..found(GrantUseState::Used)
    };
    let no_log = GrantUse {
        log: None,
        ..found(GrantUseState::NotKnown)
    };
    let until = "The log of this account reaches until 2026-11-20 14:05 UTC.";
    let rows = [
        (used, format!("1,200 calls of 1 service in 1 session, 7 of them refused or failed. Some went through after the grant’s end, the last 2026-11-20 14:00 UTC. {until}")),
        (refused, format!("1,200 calls of 1 service in 1 session, 7 of them refused or failed. After the grant’s end all were refused, the last 2026-11-20 14:00 UTC. {until}")),
        (once, format!("1 call of 2 services in 2 sessions. {until} Only its first 62 days were read.")),
        (found(GrantUseState::NeverUsed), format!("Never used. {until}")),
        (found(GrantUseState::NotSoFar), format!("No use as far as the log goes. {until}")),
        (found(GrantUseState::NotKnown), "Not known: the log of this account begins 2026-11-01 00:00 UTC, reaches until 2026-11-20 14:05 UTC and does not have all days of this grant.".to_owned()),
        (found(GrantUseState::LogEndsBefore), "Not known: the log of this account ends 2026-11-20 14:05 UTC, before this grant begins.".to_owned()),
        (no_log, "Not known: there is no log of this account.".to_owned()),
    ];
    for (found, wanted) in rows {
        assert_eq!(activity::grant_use(&found, &PlainStyle), wanted);
    }
}

#[test]
fn every_kind_of_notable_call_has_words_of_its_own() {
    let words: std::collections::BTreeSet<&str> = NotableKind::ALL
        .into_iter()
        .map(activity::notable)
        .collect();
    assert_eq!(words.len(), NotableKind::ALL.len());
}
