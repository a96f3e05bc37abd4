//! `policies.md` §14: residual access after revocation.

use hallpass_iam::residual::{
    self, Deny, EndKind, Event, Graph, Held, HeldEntitlement, HeldEntitlements, Lengths, Residual,
    ResidualQuestion, Sessions, instant, residual, span,
};

const AT: &str = "2026-03-02T09:00:00Z";

/// Builds a question from `key=value` options: `event=… D=… portal=… idp=… deny=…`; `sessions=` and
/// `graph=` name JSON in `files`.
fn ask(words: &str, sessions: Option<&str>, graph: Option<&str>) -> Residual {
    let mut question = ResidualQuestion {
        at: instant(AT, "--at").unwrap(),
        event: Event::IdpDisabled,
        held: Held::Worst,
        lengths: Lengths::default(),
        graph: graph.map(|text| Graph::parse(text).unwrap()),
        deny: Deny::None,
        entitlements: HeldEntitlements::NotAsked,
    };
    if let Some(text) = sessions {
        question.held = Held::Listed(Sessions::parse(text).unwrap());
    }
    for word in words.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap();
        let lengths = &mut question.lengths;
        match key {
            "event" => question.event = Event::parse(value).unwrap(),
            "D" => lengths.permission_set = span(value, "").unwrap(),
            "portal" => lengths.portal = span(value, "").unwrap(),
            "idp" => lengths.idp = Some(span(value, "").unwrap()),
            "deny" => {
                question.deny = match value {
                    "scp" => Deny::Scp,
                    _ => Deny::Iam,
                }
            }
            other => panic!("{other}"),
        }
    }
    residual(&question).unwrap()
}

fn shown(end: Option<hallpass_base::Timestamp>) -> String {
    end.map_or("null".to_owned(), |end| {
        let text = end.to_string();
        match text.strip_prefix("2026-03-02T") {
            Some(time) => time.trim_end_matches(":00Z").to_owned(),
            None => text,
        }
    })
}

struct Row {
    number: &'static str,
    words: &'static str,
    sessions: Option<&'static str>,
    graph: Option<&'static str>,
    latest_end: &'static str,
    unbounded: &'static [&'static str],
}

const fn row(number: &'static str, words: &'static str, latest_end: &'static str) -> Row {
    Row {
        number,
        words,
        sessions: None,
        graph: None,
        latest_end,
        unbounded: &[],
    }
}

impl Row {
    const fn with(mut self, sessions: &'static str) -> Self {
        self.sessions = Some(sessions);
        self
    }

    const fn chain(mut self, graph: &'static str) -> Self {
        self.graph = Some(graph);
        self
    }

    const fn never(mut self, roles: &'static [&'static str]) -> Self {
        self.unbounded = roles;
        self
    }
}

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        let answer = ask(row.words, row.sessions, row.graph);
        let end = shown(answer.latest_end);
        if end != row.latest_end || answer.unbounded != row.unbounded {
            let Row {
                number, latest_end, ..
            } = row;
            wrong.push(format!(
                "row {number}: {end} {:?}, not {latest_end}\n{:#?}",
                answer.unbounded, answer.ends
            ));
        }
        let seconds = answer
            .latest_end
            .map(|end| u64::try_from(end.duration_since(answer.at).as_secs()).unwrap());
        assert_eq!(answer.residual_seconds, seconds, "row {}", row.number);
        let outside = answer.advice.iter().filter(|it| it.starts_with("outside"));
        assert_eq!(outside.count(), 5, "row {}", row.number);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const ISSUED_AT_8: &str = r#"[{"kind":"portal","start":"2026-03-01T08:00:00Z"},
    {"kind":"role","role":"A","start":"2026-03-02T08:00:00Z"}]"#;
const SIGNED_IN_AT_8: &str = r#"[{"kind":"portal","start":"2026-03-02T08:00:00Z"}]"#;
const APP: &str = r#"[{"kind":"app","id":"wiki","start":"2026-03-02T08:00:00Z"}]"#;
const AT_8_59: &str = r#"[{"kind":"role","role":"A","start":"2026-03-02T08:59:00Z"}]"#;
const RING_AND_MANAGEMENT: &str = r#"{"management_account":"111122223333","roles":{
    "B":{"account":"222233334444","assumes":["B"]},
    "M":{"account":"111122223333"}}}"#;

#[test]
fn every_row_of_the_table_holds() {
    check(&[
        row("1", "event=idp-disabled D=12h", "20:00").with(ISSUED_AT_8),
        row("2", "event=idp-disabled D=1h", "09:00").with(ISSUED_AT_8),
        row("3", "event=idp-disabled portal=8h idp=12h D=4h", "20:00").with(SIGNED_IN_AT_8),
        row("4", "event=idp-disabled portal=8h idp=2h D=4h", "14:00").with(SIGNED_IN_AT_8),
        row("5", "event=portal-deleted D=1h", "11:00"),
        row("6", "event=user-disabled D=12h", "21:00"),
        row("7", "event=user-disabled D=12h", "22:00").chain(r#"{"A":["B"],"B":[]}"#),
        row("8", "event=user-disabled D=12h", "23:00").chain(r#"{"A":["B"],"B":["C"],"C":[]}"#),
        row("9", "event=user-disabled D=12h", "null")
            .chain(r#"{"B":["B"]}"#)
            .never(&["B"]),
        row("10", "event=user-disabled D=12h deny=scp", "09:05").chain(r#"{"B":["B"]}"#),
        row("11", "event=user-disabled D=12h deny=scp", "21:00").chain(RING_AND_MANAGEMENT),
        row("12", "event=portal-deleted", "10:00").with(APP),
        row("13", "event=attribute-changed D=8h", "16:59").with(AT_8_59),
    ]);
}

const TWO_ROLES: &str = r#"[{"kind":"role","role":"R","start":"2026-03-02T08:00:00Z","duration":"4h"},
    {"kind":"role","role":"S","start":"2026-03-02T08:00:00Z","duration":"2h"},
    {"kind":"role","role":"R","start":"2026-03-02T09:00:00Z","end":"2026-03-02T09:30:00Z"}]"#;

#[test]
fn what_the_events_table_says_beyond_the_rows() {
    check(&[
        row(
            "idp, worst",
            "event=idp-disabled portal=8h D=12h",
            "2026-03-03T05:00:00Z",
        ),
        row(
            "assignment, worst",
            "event=assignment-removed D=4h",
            "13:00",
        ),
        row(
            "assignment, the portal does not count",
            "event=assignment-removed D=4h",
            "09:00",
        )
        .with(SIGNED_IN_AT_8),
        row("denied", "event=user-denied D=12h", "09:05"),
        row(
            "denied, but a role was reached",
            "event=user-denied D=12h",
            "10:05",
        )
        .chain(r#"{"A":["B"],"B":[]}"#),
        row("token issue time on R", "event=token-issue-time:R", "10:00").with(TWO_ROLES),
        row(
            "token issue time everywhere",
            "event=token-issue-time",
            "09:30",
        )
        .with(TWO_ROLES),
        row(
            "token issue time, new sessions work",
            "event=token-issue-time portal=8h D=1h",
            "18:00",
        ),
        row(
            "portal, worst, short portal",
            "event=portal-deleted portal=15m D=1h",
            "10:15",
        ),
        row("nothing held", "event=idp-disabled", "09:00").with("[]"),
        row(
            "a policy on every role",
            "event=user-disabled deny=iam",
            "09:05",
        )
        .chain(RING_AND_MANAGEMENT),
    ]);
}

#[test]
fn chains_follow_the_longest_path_and_find_rings() {
    check(&[
        row("the longer way counts", "event=user-disabled D=1h", "13:00")
            .chain(r#"{"A":["B","D"],"B":["C"],"C":["D"],"D":[]}"#),
        row("a ring of two, and what hangs on it", "event=user-disabled D=1h", "null")
            .chain(r#"{"A":["B"],"B":["A","C"],"C":[]}"#)
            .never(&["A", "B"]),
        row("a ring out of reach does not count", "event=assignment-removed D=1h", "10:00")
            .chain(r#"{"entrances":["A"],"roles":{"A":{},"B":{"assumes":["B"]}}}"#),
        row("only roles of the sessions", "event=user-disabled", "11:00")
            .with(r#"[{"kind":"role","role":"A","start":"2026-03-02T08:00:00Z","duration":"2h"}]"#)
            .chain(r#"{"A":["C"],"B":["B"],"C":[]}"#),
        row("an expired session may have been handed on", "event=user-disabled", "09:30")
            .with(r#"[{"kind":"role","role":"A","start":"2026-03-02T07:30:00Z","duration":"1h"}]"#)
            .chain(r#"{"A":["C"],"C":[]}"#),
        row("a denied role breaks the ring", "event=user-disabled D=1h deny=scp", "10:05")
            .with(r#"[{"kind":"role","role":"B","account":"222233334444","start":"2026-03-02T08:30:00Z"}]"#)
            .chain(
                r#"{"management_account":"111122223333","roles":{
                "B":{"account":"222233334444","assumes":["M"]},
                "M":{"account":"111122223333","assumes":["B"]}}}"#,
            ),
        row("a ring inside the management account continues", "event=user-disabled deny=scp", "null")
            .chain(
                r#"{"management_account":"111122223333","roles":{
                "arn:aws:iam::111122223333:role/M":{"assumes":["arn:aws:iam::111122223333:role/M"]},
                "arn:aws:iam::222233334444:role/B":{"assumes":["arn:aws:iam::111122223333:role/M"]}}}"#,
            )
            .never(&["arn:aws:iam::111122223333:role/M"]),
    ]);
}

#[test]
fn a_ring_is_told_with_its_way_round_and_the_remedy() {
    let answer = ask(
        "event=user-disabled D=1h",
        None,
        Some(r#"{"A":["B"],"B":["C"],"C":["A"]}"#),
    );
    let told = answer.advice.iter().find(|it| it.contains("the ring"));
    let told = told.expect("advice about the ring");
    assert!(told.contains("A -> B -> C -> A"), "{told}");
    assert!(told.contains("aws:TokenIssueTime") && told.contains("aws:SourceIdentity"));
    assert_eq!(answer.unbounded, ["A", "B", "C"]);
}

#[test]
fn a_long_chain_and_a_large_ring_are_no_trouble() {
    let many = 5000;
    let line: Vec<String> = (0..many)
        .map(|n| {
            format!(
                "\"r{n}\":[{}]",
                if n + 1 < many {
                    format!("\"r{}\"", n + 1)
                } else {
                    String::new()
                }
            )
        })
        .collect();
    let answer = ask(
        "event=user-disabled D=1h",
        None,
        Some(&format!("{{{}}}", line.join(","))),
    );
    assert_eq!(answer.residual_seconds, Some(3600 * many));
    let ring: Vec<String> = (0..many)
        .map(|n| format!("\"r{n}\":[\"r{}\"]", (n + 1) % many))
        .collect();
    let answer = ask(
        "event=user-disabled D=1h",
        None,
        Some(&format!("{{{}}}", ring.join(","))),
    );
    assert_eq!(answer.unbounded.len(), 5000);
}

fn code(result: Result<impl std::fmt::Debug, hallpass_iam::BadInput>) -> String {
    let error = result.unwrap_err();
    format!("{} {}", error.code, error.pointer)
}

fn lengths(change: impl FnOnce(&mut Lengths)) -> String {
    let mut question = ResidualQuestion {
        at: instant(AT, "--at").unwrap(),
        event: Event::UserDisabled,
        held: Held::Worst,
        lengths: Lengths::default(),
        graph: None,
        deny: Deny::None,
        entitlements: HeldEntitlements::NotAsked,
    };
    change(&mut question.lengths);
    code(residual(&question))
}

const ENTITLED: &str = "arn:aws:iam::222222222222:role/Reader";

fn entitled(event: &str, deny: Deny, by_group: bool) -> ResidualQuestion {
    ResidualQuestion {
        at: instant(AT, "--at").unwrap(),
        event: Event::parse(event).unwrap(),
        held: Held::Worst,
        lengths: Lengths {
            permission_set: span("1h", "").unwrap(),
            ..Lengths::default()
        },
        graph: None,
        deny,
        entitlements: HeldEntitlements::Read(vec![HeldEntitlement {
            role: ENTITLED.to_owned(),
            account: "222222222222".to_owned(),
            by_group,
        }]),
    }
}

/// `access.md` §22, R-4: changes to an assignment do not end access by entitlement, and no deny for
/// the user is known to.
#[test]
fn what_is_held_by_entitlements_is_counted_by_itself() {
    let longest = "2026-03-03T05:00:00Z";
    for (event, deny, by_group, latest_end) in [
        ("assignment-removed", Deny::None, false, longest),
        ("user-denied", Deny::None, true, longest),
        ("attribute-changed", Deny::None, false, longest),
        ("token-issue-time", Deny::None, false, longest),
        ("portal-deleted", Deny::None, false, "22:00"),
        ("user-disabled", Deny::None, false, "21:00"),
        ("assignment-removed", Deny::Scp, false, longest),
        ("assignment-removed", Deny::Iam, true, longest),
        ("portal-deleted", Deny::Scp, true, "22:00"),
        ("user-disabled", Deny::Iam, false, "21:00"),
    ] {
        let question = entitled(event, deny, by_group);
        let answer = residual(&question).unwrap();
        assert_eq!(shown(answer.latest_end), latest_end, "{event} {deny:?}");
        let ends = answer.ends.iter();
        let own: Vec<&str> = ends
            .filter(|it| it.id == ENTITLED)
            .map(|it| &*it.why)
            .collect();
        let whose = if by_group { "of a group" } else { "a personal" };
        assert!(!own.is_empty() && own.iter().all(|it| it.contains(whose)));
        let said = |words: &str| answer.advice.iter().any(|it| it.contains(words));
        assert!(said(ENTITLED) && said("still held by "), "{event}");
        let is_denied = deny != Deny::None || event == "user-denied";
        assert_eq!(
            said("ends no session of these roles"),
            is_denied,
            "{event} {deny:?}"
        );
        assert!(!said("outside this computation: entitlements"), "{event}");
        let none = ResidualQuestion {
            entitlements: HeldEntitlements::Read(Vec::new()),
            ..question
        };
        let none = residual(&none).unwrap();
        assert!(none.ends.iter().all(|it| it.id != ENTITLED));
        assert!(!none.advice.iter().any(|it| it.contains("ntitlement")));
        let document = serde_json::to_value(&answer).unwrap();
        assert_eq!(document["entitlements"][0]["role"], ENTITLED);
    }
}

/// The last assume time is unknown, independent of portal sessions in the file.
#[test]
fn an_entitled_role_may_have_been_taken_before_no_portal_session_is_open() {
    for (event, deny, latest_end) in [
        ("idp-disabled", Deny::None, "21:00"),
        ("portal-deleted", Deny::None, "21:00"),
        ("user-disabled", Deny::None, "21:00"),
        ("assignment-removed", Deny::None, "21:00"),
        ("assignment-removed", Deny::Scp, "21:00"),
        ("user-denied", Deny::Iam, "21:00"),
        ("attribute-changed", Deny::None, "21:00"),
        ("token-issue-time", Deny::None, "09:05"),
        ("token-issue-time:Reader", Deny::Scp, "09:05"),
        ("token-issue-time:Writer", Deny::None, "21:00"),
    ] {
        for sessions in ["[]", PORTAL_IS_OVER] {
            let question = ResidualQuestion {
                held: Held::Listed(Sessions::parse(sessions).unwrap()),
                ..entitled(event, deny, false)
            };
            let answer = residual(&question).unwrap();
            let row = format!("{event} {deny:?} {sessions}");
            assert_eq!(shown(answer.latest_end), latest_end, "{row}");
            let ends = answer.ends.iter().filter(|it| it.id == ENTITLED);
            let ends: Vec<(EndKind, String)> = ends.map(|it| (it.kind, shown(it.end))).collect();
            assert_eq!(ends, [(EndKind::Role, latest_end.to_owned())], "{row}");
        }
    }
}

const PORTAL_IS_OVER: &str = r#"[{"kind":"portal","start":"2026-03-01T08:00:00Z"}]"#;

/// A deny that does not reach a session does not reach the sessions chained from it.
#[test]
fn a_deny_leaves_what_is_assumed_from_an_entitled_role() {
    let graph = |of_entitled: &str| {
        format!(
            r#"{{"entrances":["A"],"roles":{{"A":{{"assumes":["C"]}},"C":{{}},"D":{{}},
            "{ENTITLED}":{{"assumes":[{of_entitled}]}}}}}}"#
        )
    };
    for (of_entitled, latest_end, chained) in [
        (r#""C""#, "22:00", &[("C", "22:00", false)][..]),
        (
            r#""D""#,
            "22:00",
            &[("C", "09:05", true), ("D", "22:00", false)],
        ),
    ] {
        let question = ResidualQuestion {
            graph: Some(Graph::parse(&graph(of_entitled)).unwrap()),
            ..entitled("user-disabled", Deny::Scp, false)
        };
        let answer = residual(&question).unwrap();
        assert_eq!(shown(answer.latest_end), latest_end);
        let ends = answer.ends.iter().filter(|it| it.kind == EndKind::Chained);
        let told: Vec<(&str, String, bool)> = ends
            .map(|it| {
                let last = it.id.rsplit(" -> ").next().unwrap();
                (last, shown(it.end), it.why.starts_with("denied"))
            })
            .collect();
        let wanted = chained.iter();
        let wanted: Vec<_> = wanted
            .map(|(role, end, denied)| (*role, (*end).to_owned(), *denied))
            .collect();
        assert_eq!(told, wanted);
    }
    let ring = ResidualQuestion {
        graph: Some(Graph::parse(&graph(&format!("\"{ENTITLED}\""))).unwrap()),
        ..entitled("user-disabled", Deny::Scp, false)
    };
    let answer = residual(&ring).unwrap();
    assert_eq!(answer.latest_end, None);
    assert_eq!(answer.unbounded, [ENTITLED]);
}

/// If the server reads no entitlements, the answer reports that they are missing.
#[test]
fn entitlements_that_nobody_reads_are_said_to_be_missing() {
    for (entitlements, says, sends_there) in [
        (HeldEntitlements::NotAsked, "list them before", true),
        (HeldEntitlements::NotRead, "were not read", false),
    ] {
        let question = ResidualQuestion {
            entitlements,
            ..entitled("user-disabled", Deny::None, false)
        };
        let answer = residual(&question).unwrap();
        let about = answer
            .advice
            .iter()
            .filter(|it| it.contains("ntitlement"))
            .collect::<Vec<_>>();
        assert_eq!(about.len(), 1, "{about:?}");
        assert!(about[0].starts_with("outside this computation: ") && about[0].contains(says));
        assert_eq!(about[0].contains("--user"), sends_there);
        let document = serde_json::to_value(&answer).unwrap();
        assert!(document.get("entitlements").is_none());
    }
}

/// A deny applies to the role of one account; roles with the same name in others continue.
#[test]
fn a_short_name_means_one_role_or_is_refused() {
    let asked = |named: &str, roles: [&str; 2]| {
        let session = |role: &str| {
            format!(
                r#"{{"kind":"role","role":"{role}","start":"2026-03-02T08:30:00Z","duration":"2h"}}"#
            )
        };
        let sessions = format!("[{},{}]", session(roles[0]), session(roles[1]));
        residual(&ResidualQuestion {
            at: instant(AT, "--at").unwrap(),
            event: Event::parse(&format!("token-issue-time:{named}")).unwrap(),
            held: Held::Listed(Sessions::parse(&sessions).unwrap()),
            lengths: Lengths::default(),
            graph: None,
            deny: Deny::None,
            entitlements: HeldEntitlements::NotAsked,
        })
    };
    let (first, second) = (
        "arn:aws:iam::111111111111:role/Admin",
        "arn:aws:iam::222222222222:role/Admin",
    );
    assert_eq!(code(asked("Admin", [first, second])), "E_ARG --event");
    assert!(asked(first, [first, second]).is_ok());
    assert!(asked("Admin", [first, first]).is_ok());
    assert!(asked("Admin", ["Admin", second]).is_ok());
}

#[test]
fn bad_input_is_named_by_code_and_place() {
    let s = |text: &str| span(text, "").unwrap();
    let of = |text: &str| code(Sessions::parse(text));
    let graph = |text: &str| code(Graph::parse(text));
    let table = [
        (
            lengths(|it| it.permission_set = s("59m")),
            "E_DURATION --permission-set-duration",
        ),
        (
            lengths(|it| it.permission_set = s("12h1m")),
            "E_DURATION --permission-set-duration",
        ),
        (lengths(|it| it.portal = s("14m")), "E_DURATION --portal"),
        (lengths(|it| it.portal = s("91d")), "E_DURATION --portal"),
        (code(span("8", "--portal")), "E_DURATION --portal"),
        (code(instant("2026-03-02T09:00:00", "--at")), "E_TIME --at"),
        (code(Event::parse("gone")), "E_ARG --event"),
        (code(Event::parse("idp-disabled:R")), "E_ARG --event"),
        (
            of(r#"[{"kind":"app","start":"2026-03-02T09:00:00"}]"#),
            "E_TIME /0/start",
        ),
        (
            of(
                r#"{"sessions":[{"kind":"app","start":"2026-03-02T09:00:00Z","end":"2026-03-02T08:59:59Z"}]}"#,
            ),
            "E_TIME /sessions/0/end",
        ),
        (
            of(r#"[{"kind":"role","start":"2026-03-02T09:00:00Z","duration":"13h"}]"#),
            "E_DURATION /0/duration",
        ),
        (
            of(r#"[{"kind":"portal","start":"2026-03-02T09:00:00Z","duration":"10m"}]"#),
            "E_DURATION /0/duration",
        ),
        (of(r#"[{"kind":"role"}]"#), "E_FIELD /0"),
        (
            of(r#"[{"kind":"browser","start":"2026-03-02T09:00:00Z"}]"#),
            "E_FIELD /0/kind",
        ),
        (
            of(r#"[{"kind":"app","begin":"2026-03-02T09:00:00Z"}]"#),
            "E_FIELD /0/begin",
        ),
        (of("{}"), "E_FIELD /sessions"),
        (of("["), "E_JSON 1:2"),
        (graph(r#"{"A":["B"]}"#), "E_GRAPH /A/0"),
        (
            graph(r#"{"roles":{"A":{"assumes":["B"]}}}"#),
            "E_GRAPH /roles/A/assumes/0",
        ),
        (
            graph(r#"{"roles":{"A":{}},"entrances":["B"]}"#),
            "E_GRAPH /entrances",
        ),
        (graph(r#"{"A":"B"}"#), "E_FIELD /A"),
        (graph(r#"{"A":[],"A":[]}"#), "E_DUP_KEY 1:9"),
    ];
    for (got, wanted) in table {
        assert_eq!(got, wanted);
    }
}

#[test]
fn what_is_left_in_a_number_and_in_words() {
    let now = instant("2026-03-02T09:00:00Z", "").unwrap();
    let remains = residual::after_assignment_removed(now, span("4h", "").unwrap());
    assert_eq!(remains.seconds, 4 * 3600);
    assert_eq!(
        remains.words,
        "Someone who took a session just now can act until 13:00 UTC at the latest (4h), and an \
         hour longer for each role they can assume from it."
    );
    let remains =
        residual::after_sign_in_disabled(now, span("8h", "").unwrap(), span("12h", "").unwrap());
    assert_eq!(remains.until, instant("2026-03-03T05:00:00Z", "").unwrap());
    assert!(
        remains
            .words
            .contains("until 17:00 UTC and act until 2026-03-03 05:00 UTC")
    );
}

#[test]
fn the_answer_has_the_members_of_the_specification() {
    let answer = serde_json::to_value(ask("event=user-disabled D=1h", None, None)).unwrap();
    let members: Vec<&str> = answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        members,
        [
            "at",
            "event",
            "ends",
            "latest_end",
            "residual_seconds",
            "unbounded",
            "advice",
            "lengths"
        ]
    );
    assert_eq!(answer["at"], "2026-03-02T09:00:00Z");
    assert_eq!(answer["ends"][1]["kind"], "role");
    assert_eq!(answer["lengths"]["propagation_seconds"], 300);
}
