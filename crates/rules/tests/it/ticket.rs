//! Requirements of tickets in rule files (`access.md` §25). What they decide is tested with their
//! services, in `simulation`.

use std::collections::BTreeMap;

use hallpass_base::{AccountId, Email, Timestamp};
use hallpass_rules::{
    Ask, Assignee, Decision, DecisionKind, Directory, FindingCode, RuleFile, Ticket, TicketFacts,
    TicketRead, load,
};

fn rule(lines: &str) -> String {
    format!(
        "[[rule]]\nid = 'r'\naccounts = '*'\npermission_sets = '*'\napprovers = ['bo@example.com']\n{lines}\n"
    )
}

#[test]
fn a_requirement_is_read_or_refused_with_its_key() {
    for (lines, expected) in [
        ("ticket = { source = 'jira' }", None),
        (
            "[rule.ticket]\nsource = 'jira'\nstates = ['Open']\nproject = ['A', 'B']\nassigned_to_requester = true\nfallback = 'approval'",
            None,
        ),
        (
            "ticket = { states = ['Open'] }",
            Some((FindingCode::MissingField, "source")),
        ),
        (
            "ticket = { source = ' ' }",
            Some((FindingCode::MissingField, "source")),
        ),
        ("ticket = 'jira'", Some((FindingCode::BadType, "ticket"))),
        (
            "ticket = { source = 'jira', state = 'Open' }",
            Some((FindingCode::UnknownField, "state")),
        ),
        (
            "ticket = { source = 'jira', states = [] }",
            Some((FindingCode::BadType, "states")),
        ),
        (
            "ticket = { source = 'jira', fallback = 'refuse' }",
            Some((FindingCode::BadType, "fallback")),
        ),
        (
            "ticket = { source = 'jira', fallback = 'approval', required = false }",
            Some((FindingCode::BadFlag, "ticket")),
        ),
    ] {
        let loaded = load(&RuleFile::new("rules.toml", rule(lines)));
        match (expected, loaded) {
            (None, Ok(_)) => {}
            (Some((code, field)), Err(errors)) => {
                let first = &errors[0];
                let words = format!(
                    "{} {}",
                    first.message,
                    first.field.as_deref().unwrap_or_default()
                );
                assert!(
                    first.code == code && words.contains(field),
                    "{lines}: {first:?}"
                );
            }
            (expected, loaded) => panic!("{lines}: {expected:?}, {:?}", loaded.err()),
        }
    }
}

fn decide(lines: &str, facts: TicketFacts) -> Decision {
    let rules = load(&RuleFile::new("rules.toml", rule(lines)))
        .unwrap()
        .rules;
    let account = AccountId::new("111122223333").unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "ReadOnly",
    };
    let ana = Email::new("ana@example.com").unwrap();
    let now: Timestamp = "2026-12-01T10:00:00Z".parse().unwrap();
    rules.decide(&ana, &ask, &Directory::default().with_ticket(facts), now)
}

/// No answer of a service gives more than the rule does without its requirement.
#[test]
fn no_answer_loosens_a_rule() {
    let at: Timestamp = "2026-12-01T09:59:59Z".parse().unwrap();
    let ana = Email::new("ana@example.com").unwrap();
    let found = |state: &str, assignee: Assignee| TicketRead::Found {
        at,
        ticket: Ticket {
            key: "OPS-1".to_owned(),
            state: state.to_owned(),
            project: "OPS".to_owned(),
            assignee,
            url: None,
        },
    };
    let answers = [
        None,
        Some(TicketRead::Missing { at }),
        Some(TicketRead::Unread {
            why: "HTTP 500".to_owned(),
        }),
        Some(found("Open", Assignee::Person(ana))),
        Some(found("Open", Assignee::WithoutAddress)),
        Some(found("Done", Assignee::Nobody)),
    ];
    let flags = [
        "",
        "approval_is_not_required = true",
        "approval_is_not_required = false",
    ];
    let terms = [
        "",
        ", required = false",
        ", states = 'Open'",
        ", assigned_to_requester = true",
        ", states = 'Open', fallback = 'approval'",
    ];
    for flag in flags {
        let plain = decide(flag, TicketFacts::Accepted);
        for term in terms {
            for answer in &answers {
                for text in ["", "OPS-1"] {
                    let by_source = answer.iter().map(|it| ("jira".to_owned(), it.clone()));
                    let by_source: BTreeMap<String, TicketRead> = by_source.collect();
                    let facts = TicketFacts::Read {
                        text: text.to_owned(),
                        by_source,
                    };
                    let lines = format!("{flag}\nticket = {{ source = 'jira'{term} }}");
                    let decided = decide(&lines, facts);
                    let case = format!("{lines}, `{text}`, {answer:?}: {decided:?}");
                    if decided.ticket_problem.is_some() {
                        continue;
                    }
                    if decided.kind != plain.kind {
                        assert!(term.contains("fallback"), "{case}");
                        assert_eq!(plain.kind, DecisionKind::ApprovalNotRequired, "{case}");
                        assert_eq!(decided.kind, DecisionKind::RequiresApproval, "{case}");
                    }
                    let is_read = matches!(answer, Some(TicketRead::Found { .. }));
                    let may_lack = term.contains("false") || term.contains("fallback");
                    assert!(may_lack || (is_read && !text.is_empty()), "{case}");
                }
            }
        }
    }
}
