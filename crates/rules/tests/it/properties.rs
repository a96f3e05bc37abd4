//! Properties of `access.md` §4.2; no input crashes the parsers.

use hallpass_base::{AccountId, Email, Timestamp};
use hallpass_rules::{
    Ask, Decision, DecisionKind, Directory, RuleFile, Rules, Syntax, cases, load,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value, json};

const ACCOUNTS: [&str; 3] = ["111111111111", "222222222222", "*"];
const SETS: [&str; 3] = ["Admin", "Read", "*"];
const PEOPLE: [&str; 4] = ["a@corp.com", "B@corp.com", "c@corp.com", "d@corp.com"];

#[derive(Debug, Clone)]
struct Draft {
    accounts: Vec<&'static str>,
    sets: Vec<&'static str>,
    approvers: Vec<&'static str>,
    allowed: Vec<&'static str>,
    own: Option<bool>,
    auto: Option<bool>,
    needed: u32,
}

impl Draft {
    fn json(&self) -> Value {
        let mut map = Map::new();
        map.insert("ResourceType".into(), json!("Account"));
        map.insert("Resource".into(), json!(self.accounts));
        map.insert("PermissionSet".into(), json!(self.sets));
        map.insert("Approvers".into(), json!(self.approvers));
        map.insert("AllowedUsers".into(), json!(self.allowed));
        map.insert("AllowSelfApproval".into(), json!(self.own));
        map.insert("ApprovalIsNotRequired".into(), json!(self.auto));
        map.insert("MinApprovals".into(), json!(self.needed));
        Value::Object(map)
    }

    fn scalar_json(&self) -> Value {
        let mut statement = self.json();
        for key in ["Resource", "PermissionSet", "Approvers", "AllowedUsers"] {
            if let Some([only]) = statement[key].as_array().map(Vec::as_slice) {
                let only = only.clone();
                statement[key] = only;
            }
        }
        statement
    }
}

prop_compose! {
    fn draft()(
        accounts in vec(select(&ACCOUNTS[..]), 0..3),
        sets in vec(select(&SETS[..]), 0..3),
        approvers in vec(select(&PEOPLE[..]), 0..4),
        allowed in vec(select(&PEOPLE[..]), 0..2),
        own in option::of(any::<bool>()),
        auto in option::weighted(0.3, any::<bool>()),
        needed in prop_oneof![4 => Just(1_u32), 1 => Just(2_u32)],
    ) -> Draft {
        Draft { accounts, sets, approvers, allowed, own, auto, needed }
    }
}

fn rules(statements: Vec<Value>) -> Rules {
    load(&RuleFile::new(
        "r.json",
        Value::from(statements).to_string(),
    ))
    .expect("drafts load")
    .rules
}

fn listed(drafts: &[Draft]) -> Rules {
    rules(drafts.iter().map(Draft::json).collect())
}

fn decide(rules: &Rules, who: &str, account: &str, set: &str) -> Decision {
    let account = AccountId::new(account).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: set,
    };
    rules.decide(
        &Email::new(who).unwrap(),
        &ask,
        &Directory::default(),
        Timestamp::UNIX_EPOCH,
    )
}

fn all(rules: &Rules) -> Vec<(&'static str, Decision)> {
    let mut decisions = Vec::new();
    for who in PEOPLE {
        for account in ["111111111111", "222222222222", "333333333333"] {
            for set in ["Admin", "Read", "Other"] {
                decisions.push((who, decide(rules, who, account, set)));
            }
        }
    }
    decisions
}

fn outcome(rules: &Rules) -> Vec<(DecisionKind, Vec<Email>)> {
    all(rules)
        .into_iter()
        .map(|(_, d)| (d.kind, d.approvers.into_iter().collect()))
        .collect()
}

fn oracle(drafts: &[Draft], who: &str, account: &str, set: &str) -> (DecisionKind, Vec<String>) {
    let who = who.to_lowercase();
    let has = |list: &[&str], name: &str| list.iter().any(|n| *n == name || *n == "*");
    let lists = |d: &Draft| d.approvers.iter().any(|a| a.to_lowercase() == who);
    let affecting: Vec<&Draft> = drafts
        .iter()
        .filter(|d| has(&d.accounts, account) && has(&d.sets, set))
        .collect();
    let may =
        |d: &&&Draft| d.allowed.is_empty() || d.allowed.iter().any(|a| a.to_lowercase() == who);
    let eligible: Vec<&Draft> = affecting.iter().filter(|d| may(d)).copied().collect();
    // a statement has no effect on requesters it excludes
    let deny_auto = eligible.iter().any(|d| d.auto == Some(false));
    let deny_self = eligible.iter().any(|d| d.own == Some(false) && lists(d));
    if !deny_auto && eligible.iter().any(|d| d.auto == Some(true)) {
        return (DecisionKind::ApprovalNotRequired, vec![]);
    }
    if !deny_self && eligible.iter().any(|d| d.own == Some(true) && lists(d)) {
        return (DecisionKind::SelfApproval, vec![]);
    }
    if affecting.is_empty() {
        return (DecisionKind::NoStatements, vec![]);
    }
    if eligible.is_empty() {
        return (DecisionKind::RequesterNotAllowed, vec![]);
    }
    let mut approvers: Vec<String> = eligible
        .iter()
        .flat_map(|d| d.approvers.iter().map(|a| a.to_lowercase()))
        .collect();
    approvers.sort();
    approvers.dedup();
    approvers.retain(|a| *a != who);
    let needed = eligible.iter().map(|d| d.needed).max().unwrap_or(1) as usize;
    if approvers.len() < needed {
        return (DecisionKind::NoApprovers, vec![]);
    }
    (DecisionKind::RequiresApproval, approvers)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// The filter never excludes a permitted approver.
    #[test]
    fn whoever_may_answer_is_listed_for_it(drafts in vec(draft(), 0..6), now in 0_i64..100_000_000) {
        let (rules, facts) = (listed(&drafts), Directory::default());
        let now = Timestamp::from_second(1_700_000_000 + now).unwrap();
        for who in PEOPLE {
            let who = Email::new(who).unwrap();
            let approvable = rules.approvable(&who, &facts);
            for (account, set) in [("111111111111", "Admin"), ("222222222222", "Read"), ("333333333333", "Other")] {
                let account = AccountId::new(account).unwrap();
                let ask = Ask::Account { account: &account, permission_set: set };
                let covered = approvable.covers(&ask, &facts);
                prop_assert!(!(approvable.is_empty() && covered));
                for whose in PEOPLE {
                    let whose = Email::new(whose).unwrap();
                    let may = rules.press(&who, &whose, &ask, &facts, now).may_deny().is_ok()
                        || rules.press(&who, &whose, &ask, &facts, now).may_approve().is_ok();
                    prop_assert!(covered || !may, "{who} may answer {whose} for {set}");
                }
            }
        }
    }

    #[test]
    fn decisions_are_those_of_the_plain_reading(drafts in vec(draft(), 0..5)) {
        let rules = listed(&drafts);
        for who in PEOPLE {
            for account in ["111111111111", "333333333333"] {
                for set in ["Admin", "Other"] {
                    let got = decide(&rules, who, account, set);
                    let approvers: Vec<String> =
                        got.approvers.iter().map(ToString::to_string).collect();
                    prop_assert_eq!((got.kind, approvers), oracle(&drafts, who, account, set));
                }
            }
        }
    }

    #[test]
    fn a_shuffling_and_repeating_change_nothing(
        (drafts, shuffled) in vec(draft(), 0..6).prop_flat_map(|drafts| {
            let twice: Vec<Draft> = drafts.iter().chain(drafts.first()).cloned().collect();
            (Just(drafts), Just(twice).prop_shuffle())
        }),
    ) {
        let reversed: Vec<Draft> = shuffled
            .into_iter()
            .map(|mut draft| {
                draft.accounts.reverse();
                draft.sets.reverse();
                draft.approvers.reverse();
                draft
            })
            .collect();
        prop_assert_eq!(outcome(&listed(&drafts)), outcome(&listed(&reversed)));
    }

    #[test]
    fn b_and_d_the_requester_is_no_approver_and_only_waiting_has_approvers(
        drafts in vec(draft(), 0..6),
    ) {
        for (who, decision) in all(&listed(&drafts)) {
            prop_assert!(!decision.approvers.contains(&Email::new(who).unwrap()));
            prop_assert_eq!(
                decision.approvers.is_empty(),
                decision.kind != DecisionKind::RequiresApproval
            );
        }
    }

    #[test]
    fn c_a_denial_never_grants(drafts in vec(draft(), 0..5), mut denial in draft(), auto: bool) {
        denial.own = (!auto).then_some(false);
        denial.auto = auto.then_some(false);
        let before = all(&listed(&drafts));
        let more: Vec<Draft> = drafts.iter().cloned().chain([denial]).collect();
        for ((_, before), (_, after)) in before.into_iter().zip(all(&listed(&more))) {
            prop_assert!(before.kind.is_granted() || !after.kind.is_granted());
        }
    }

    #[test]
    fn e_a_scalar_is_a_list_of_one(drafts in vec(draft(), 0..5)) {
        let scalars = rules(drafts.iter().map(Draft::scalar_json).collect());
        prop_assert_eq!(outcome(&listed(&drafts)), outcome(&scalars));
    }

    #[test]
    fn approving_oneself_needs_what_deciding_needs(drafts in vec(draft(), 0..5)) {
        let rules = listed(&drafts);
        let account = AccountId::new("111111111111").unwrap();
        let ask = Ask::Account { account: &account, permission_set: "Admin" };
        let facts = Directory::default();
        for who in PEOPLE {
            let who = Email::new(who).unwrap();
            let own = rules.press(&who, &who, &ask, &facts, Timestamp::UNIX_EPOCH).may_approve().is_ok();
            let kind = rules.decide(&who, &ask, &facts, Timestamp::UNIX_EPOCH).kind;
            prop_assert!(!own || kind.is_granted());
            prop_assert!(own || kind != DecisionKind::SelfApproval);
        }
    }

    #[test]
    fn explaining_decides_alike(drafts in vec(draft(), 0..5), who in select(&PEOPLE[..])) {
        let rules = listed(&drafts);
        let account = AccountId::new("111111111111").unwrap();
        let ask = Ask::Account { account: &account, permission_set: "Admin" };
        let (who, facts, now) =
            (Email::new(who).unwrap(), Directory::default(), Timestamp::UNIX_EPOCH);
        let explained = rules.explain(&who, &ask, &facts, now);
        prop_assert_eq!(&explained.decision, &rules.decide(&who, &ask, &facts, now));
        prop_assert!(serde_json::to_string(&explained).is_ok());
    }

    #[test]
    fn no_text_brings_a_reader_down(text in "\\PC{0,200}", syntax in syntaxes()) {
        read_anything(text, syntax);
    }

    #[test]
    fn no_text_of_fitting_pieces_brings_a_reader_down(
        pieces in vec(select(&PIECES[..]), 0..60),
        syntax in syntaxes(),
    ) {
        read_anything(pieces.concat(), syntax);
    }

    #[test]
    fn no_bytes_bring_a_reader_down(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(source) = RuleFile::from_bytes("r.json", &bytes) {
            read_anything(source.text, source.syntax);
        }
        read_anything(String::from_utf8_lossy(&bytes).into_owned(), Syntax::Yaml);
    }
}

const PIECES: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    "[[rule]]",
    "[[test]]",
    "\n",
    "\n  ",
    ":",
    ": ",
    "=",
    ",",
    "\"",
    "'",
    "-",
    "- ",
    "*",
    "&a ",
    "*a",
    "#",
    "\\u12",
    "\\ud800",
    "statements",
    "\"statements\"",
    "config",
    "rule",
    "\"Resource\"",
    "\"ResourceType\"",
    "\"OU\"",
    "\"Account\"",
    "\"*\"",
    "\"a@b.co\"",
    "1e9",
    "-0.",
    "null",
    "true",
    "\"hours\"",
    "hours",
    "from",
    "é",
    "\u{feff}",
    "<<EOT\n",
    "${",
    ".",
];

fn syntaxes() -> impl Strategy<Value = Syntax> {
    select(&[Syntax::Json, Syntax::Toml, Syntax::Yaml, Syntax::Hcl][..])
}

fn read_anything(text: String, syntax: Syntax) {
    let _ = cases::answer(&text, None, None, Timestamp::UNIX_EPOCH);
    let source = RuleFile {
        name: "any".to_owned(),
        text,
        syntax,
    };
    match load(&source) {
        Ok(loaded) => {
            let _ = loaded.rules.check(Some(&Directory::default()));
            let _ = loaded.rules.run_tests(None, Timestamp::UNIX_EPOCH);
        }
        Err(errors) => assert!(!errors.is_empty()),
    }
}

#[test]
fn deep_texts_are_refused_in_every_syntax() {
    let deep = 100_000;
    for (syntax, text) in [
        (Syntax::Json, "[".repeat(deep)),
        (Syntax::Json, "{\"a\":".repeat(deep)),
        (Syntax::Yaml, "[".repeat(deep)),
        (Syntax::Yaml, "- ".repeat(deep)),
        (Syntax::Yaml, "{a: ".repeat(deep)),
        (Syntax::Hcl, format!("config = {}", "[".repeat(deep))),
        (Syntax::Hcl, "a {\n".repeat(deep)),
        (Syntax::Hcl, format!("config = {}", "(".repeat(deep))),
        (Syntax::Hcl, format!("config = {}1", "-".repeat(deep))),
        (Syntax::Toml, format!("a = {}", "[".repeat(deep))),
        (Syntax::Toml, format!("a = {}", "{a = ".repeat(deep))),
        (Syntax::Toml, format!("{}a = 1", "a.".repeat(deep))),
        (Syntax::Toml, format!("[{}a]", "a.".repeat(deep))),
        (Syntax::Toml, format!("{}a = 1", "\"a\".".repeat(deep))),
        (Syntax::Toml, format!("x = 1\n[{}a]", "'=a'.".repeat(deep))),
        (
            Syntax::Toml,
            format!("x = {{ {}a = 1 }}", "a.".repeat(deep)),
        ),
        (Syntax::Toml, {
            let key = vec!["a"; 80].join(".");
            format!(
                "x = {}1{}",
                format!("{{{key} = ").repeat(78),
                "}".repeat(78)
            )
        }),
        (
            Syntax::Yaml,
            (0..80).fold("- &a0 [1]\n".to_owned(), |text, n| {
                let (open, close) = ("[".repeat(60), "]".repeat(60));
                format!("{text}- &a{} {open}*a{n}{close}\n", n + 1)
            }),
        ),
    ] {
        let shown: String = text.chars().take(20).collect();
        let source = RuleFile {
            name: "deep".to_owned(),
            text,
            syntax,
        };
        // the stack of a server thread
        let read = std::thread::Builder::new().stack_size(2 << 20);
        let read = read.spawn(move || load(&source).is_err()).unwrap();
        assert!(read.join().unwrap(), "{shown}");
    }
}

#[test]
fn a_file_has_so_many_regular_expressions_and_each_of_them_as_often_as_it_likes() {
    let rules = |pattern: &dyn Fn(usize) -> String, count: usize| {
        let rule = |n| {
            format!(
                "[[rule]]\nid = 'r{n}'\naccounts = '*'\npermission_sets = '*'\nallow_self_approval = true\n\
                 approvers = 'bo@corp.example'\nreason_pattern = '{}'\n",
                pattern(n)
            )
        };
        load(&RuleFile::new(
            "rules.toml",
            (0..count).map(rule).collect::<String>(),
        ))
    };
    let large = "[a-y]{2000}";
    assert!(rules(&|_| large.to_owned(), 1_000).is_ok());
    assert!(rules(&|n| format!("^INC-{n}$"), 200).is_ok());
    let errors = rules(&|n| format!("^INC-{n}$"), 201).unwrap_err();
    let found: Vec<_> = errors.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(found, ["too-large"]);
    // different large expressions share sixteen megabytes; failed compilations count too
    for (repeated, first, over, bad) in [("[a-y]", 2_000, 36, 0), ("[a-y]{9}", 90_000, 84, 16)] {
        let large = |n: usize| format!("(?:{repeated}){{{}}}", first + n);
        let errors = rules(&large, 100).map_or_else(|errors| errors, |_| Vec::new());
        let count = |code: &str| errors.iter().filter(|it| it.code.as_str() == code).count();
        let found = (count("too-large"), count("bad-pattern"));
        assert_eq!(found, (over, bad), "{repeated}");
    }
    let long = |n: usize| "a".repeat(1_000 + n);
    assert!(rules(&long, 1).is_ok());
    assert_eq!(rules(&long, 2).unwrap_err().len(), 1);
}

#[test]
fn a_file_has_so_many_wildcards_of_so_many_characters() {
    let file = |names: Vec<String>| {
        let names = serde_json::to_string(&names).unwrap();
        let text = format!(
            "[[rule]]\naccounts = {names}\npermission_sets = 'Admin'\napprovers = 'bo@corp.example'\n"
        );
        let read = load(&RuleFile::new("rules.toml", text));
        let errors = read.map_or_else(|errors| errors, |_| Vec::new());
        let codes = errors.iter().map(|it| it.code.as_str().to_owned());
        codes.collect::<Vec<String>>()
    };
    let many = |count: usize| {
        (0..count)
            .map(|n| format!("*-{n}"))
            .collect::<Vec<String>>()
    };
    assert_eq!(file(many(2_000)), [""; 0]);
    assert_eq!(file(many(2_500)), ["too-large"]);
    assert_eq!(file(vec![format!("{}*", "a".repeat(255))]), [""; 0]);
    assert_eq!(file(vec![format!("{}*", "a".repeat(256))]), ["too-large"]);
    assert_eq!(
        file((0..5_000).map(|n| format!("team-{n}")).collect()),
        [""; 0]
    );
}

#[test]
fn texts_of_one_line_are_bounded_and_told_by_their_column() {
    for (text, code, place) in [
        (
            format!("a = [{}]", "1,".repeat(500_000)),
            "too-large",
            (1, 400_004),
        ),
        (
            format!("a = [\"é\",{}x]", "1,".repeat(10_000)),
            "bad-syntax",
            (1, 20_010),
        ),
    ] {
        let errors = load(&RuleFile::new("long.toml", text)).unwrap_err();
        let found = errors.iter().find(|it| it.code.as_str() == code);
        let position = found.unwrap_or_else(|| panic!("{errors:?}")).position;
        assert_eq!((position.line, position.column), place, "{code}");
    }
}
