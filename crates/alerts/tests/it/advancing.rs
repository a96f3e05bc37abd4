use hallpass_alerts::{
    AlertNews, AlertRowKey, BlockedBy, Mute, RowPhase, RulePhase, RunAnswer, RunRows,
};
use serde_json::{Map, Value, json};

use crate::world::{AlertWorld, answer, hour, names, narrow, refused, row, rules};

/// Columns: hour, snapshot, result (`!` refused, `-` nothing), messages.
fn plays(more: &str, table: &[(u64, u32, &str, &str)]) -> AlertWorld {
    let mut world = AlertWorld::default();
    let rules = rules(more);
    let mut wrong = Vec::new();
    for (at, snapshot, given, wanted) in table {
        let answer = match *given {
            "!" => refused(*snapshot),
            "-" => names(*snapshot, ""),
            given => names(*snapshot, given),
        };
        let told = world.run(&rules, &answer, hour(*at));
        if told != *wanted {
            wrong.push(format!("hour {at}: found `{told}`, wanted `{wanted}`"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    world
}

#[test]
fn a_row_is_told_when_it_is_new_and_when_it_is_gone_and_not_in_between() {
    let world = plays(
        "",
        &[
            (0, 1, "ana ben", "new ana ben"),
            (6, 1, "ana ben", ""),
            (12, 2, "ben ana cho", "new cho"),
            (18, 3, "cho", "recovered ana ben"),
            (24, 4, "cho ana", "new ana(1)"),
            (30, 5, "cho", "recovered ana(1)"),
            (36, 6, "cho ana ben", "new ana(2) ben(1)"),
        ],
    );
    assert_eq!(world.rows(), "ana active, ben active, cho active");
}

#[test]
fn nothing_recovers_while_what_is_read_is_not_all_there() {
    let world = plays(
        "",
        &[
            (0, 1, "ana", "new ana"),
            (6, 2, "!", ""),
            (12, 3, "!", ""),
            // After twice its `every`, once.
            (18, 4, "!", "blocked"),
            (24, 5, "!", ""),
            (90, 6, "!", ""),
            (96, 7, "ana", "again"),
            (102, 8, "-", "recovered ana"),
        ],
    );
    assert_eq!(world.state().phase, RulePhase::Running);
    // A row closed before its report is never reported.
    plays(
        "",
        &[
            (0, 1, "ana", "new ana"),
            (6, 2, "!", ""),
            (12, 3, "ana", ""),
        ],
    );
}

/// Rows of unread places stay unchanged; others advance.
#[test]
fn what_was_not_read_stays_as_it_is_and_the_rest_goes_on() {
    let mut world = AlertWorld::default();
    let rules = rules("");
    let partly = |snapshot, given: &str, unread: &str| RunAnswer {
        result: RunRows::Partly {
            columns: vec!["name".to_owned(), "n".to_owned()],
            rows: given.split_whitespace().map(row).collect(),
            unread: vec![Map::from_iter([("name".to_owned(), json!(unread))])],
        },
        ..answer(snapshot, Vec::new())
    };
    let mut told = |at, answer: RunAnswer| world.run(&rules, &answer, hour(at));
    assert_eq!(told(0, names(1, "ana ben")), "new ana ben");
    assert_eq!(told(6, partly(2, "cho", "ana")), "new cho recovered ben");
    assert_eq!(told(12, partly(3, "cho", "ana")), "");
    assert_eq!(told(18, partly(4, "cho", "nobody")), "recovered ana");
    // An unreported row stays unreported.
    assert_eq!(told(24, partly(5, "ana", "cho")), "new ana(1)");
    assert_eq!(told(30, names(6, "ana cho")), "");
}

#[test]
fn a_row_has_to_be_in_several_snapshots_one_after_the_other() {
    plays(
        ", for: 2",
        &[
            (0, 1, "ana", ""),
            // The same snapshot changes nothing.
            (6, 1, "ana", ""),
            (12, 2, "-", ""),
            (18, 3, "ana", ""),
            (20, 4, "!", ""),
            (24, 5, "ana ben", "new ana"),
            (30, 6, "ben", "new ben recovered ana"),
            (36, 7, "ana ben", ""),
            (42, 8, "ben", ""),
            (48, 9, "ana ben", ""),
            (54, 10, "ana ben", "new ana(1)"),
        ],
    );
}

#[test]
fn a_row_that_stands_is_told_again_where_the_rule_says_so() {
    plays(
        ", remind: 24h",
        &[
            (0, 1, "ana", "new ana"),
            (12, 2, "ana ben", "new ben"),
            (24, 3, "ana ben", "still ana"),
            (36, 4, "ana ben", "still ben"),
            (48, 5, "-", "recovered ana ben"),
        ],
    );
    plays(
        ", recover: false",
        &[
            (0, 1, "ana", "new ana"),
            (6, 2, "-", ""),
            (12, 3, "ana", "new ana(1)"),
        ],
    );
}

#[test]
fn more_rows_than_a_message_lists_are_a_number_and_a_file() {
    let mut world = AlertWorld::default();
    let rules = rules(", max_new: 2");
    assert_eq!(world.run(&rules, &names(1, "a b c"), hour(0)), "new 3");
    let AlertNews::Rows(news) = &world.told[0].news else {
        panic!("rows")
    };
    assert_eq!(
        news.file.as_deref(),
        Some("_alerts/r-20261120T000000Z.jsonl")
    );
    let states: Vec<_> = world.states.values().cloned().collect();
    let runs = [(rules[0].id.clone(), names(2, "d"))].into();
    let step = &hallpass_alerts::advance("alerts.yaml", &rules, &states, &runs, hour(6))[0];
    let listed: Vec<_> = step
        .listed
        .iter()
        .map(|(change, row)| (*change, row.key.as_str()))
        .collect();
    let wanted = [
        ("new", r#"["d"]"#),
        ("recovered", r#"["a"]"#),
        ("recovered", r#"["b"]"#),
        ("recovered", r#"["c"]"#),
    ];
    assert_eq!(listed, wanted);
}

#[test]
fn a_muted_row_is_not_told_and_is_once_it_is_muted_no_more() {
    let (mut world, rules) = (AlertWorld::default(), rules(""));
    world.run(&rules, &names(1, "ana"), hour(0));
    let mute = |name: &str| Mute {
        key: AlertRowKey::given(name),
        until: hour(20),
        by: "ops".to_owned(),
        reason: "known".to_owned(),
        at: hour(1),
    };
    let state = world
        .states
        .remove("r")
        .unwrap()
        .muted(mute("ana"))
        .muted(mute("ben"));
    world.states.insert("r".to_owned(), state);
    assert_eq!(world.run(&rules, &names(2, "ben cho"), hour(6)), "new cho");
    assert_eq!(
        world.rows(),
        "ana recovered, ben active, cho active",
        "muted rows are kept"
    );
    assert_eq!(world.run(&rules, &names(3, "ben cho"), hour(12)), "");
    assert_eq!(world.run(&rules, &names(4, "ben cho"), hour(20)), "new ben");
    assert!(world.state().mutes.is_empty());
}

#[test]
fn a_rule_that_is_gone_closes_its_rows_and_tells_nobody() {
    let (mut world, rules) = (AlertWorld::default(), rules(""));
    world.run(&rules, &names(1, "ana"), hour(0));
    assert_eq!(world.run(&[], &names(2, ""), hour(6)), "");
    assert_eq!(world.rows(), "ana retired");
    assert_eq!(world.state().phase, RulePhase::Retired { at: hour(6) });
    // A row moved to another file.
    let before = world.state().clone();
    assert_eq!(world.run(&[], &names(3, ""), hour(12)), "");
    assert_eq!(*world.state(), before);
    assert_eq!(world.run(&rules, &names(4, "ana"), hour(18)), "new ana");
}

#[test]
fn another_key_makes_other_rows() {
    let mut world = AlertWorld::default();
    world.run(&rules(""), &names(1, "ana"), hour(0));
    let mut other = rules("");
    other[0].key = vec!["name".to_owned(), "n".to_owned()];
    assert_eq!(world.run(&other, &names(2, "ana"), hour(6)), "new ana");
    assert_eq!(world.rows(), "ana active, ana retired");
}

#[test]
fn no_value_is_a_value_of_its_own_and_rows_are_told_apart_by_it() {
    let (mut world, mut rules) = (AlertWorld::default(), rules(""));
    rules[0].message = None;
    let of =
        |value: Value| Map::from_iter([("name".to_owned(), value), ("n".to_owned(), json!(1))]);
    let given = vec![
        of(json!(null)),
        of(json!("null")),
        of(json!("")),
        of(json!({"b": 1, "a": 2})),
    ];
    let rows = answer(1, given);
    let _ = hallpass_alerts::advance(
        "alerts.yaml",
        &rules,
        &[],
        &[(rules[0].id.clone(), rows.clone())].into(),
        hour(0),
    )
    .iter()
    .map(|step| assert_eq!(step.write.state.rows.len(), 4))
    .count();
    let turned = AlertRowKey::of(&of(json!({"a": 2, "b": 1})), &["name".to_owned()]);
    assert_eq!(turned.as_str(), r#"[{"a":2,"b":1}]"#);
    assert_eq!(AlertRowKey::given("ana"), AlertRowKey::given("[\"ana\"]"));
    let mut twice = rows;
    twice.result = RunRows::Rows {
        columns: vec!["name".to_owned(), "n".to_owned()],
        rows: vec![row("ana"), row("ana")],
    };
    world.run(&rules, &twice, hour(0));
    assert_eq!(world.rows(), "ana active");
}

#[test]
fn a_sync_of_a_few_accounts_is_not_the_others_recovery() {
    let (mut world, rules) = (AlertWorld::default(), rules(""));
    world.run(&rules, &names(1, "ana"), hour(0));
    assert_eq!(world.run(&rules, &narrow(2, &["1", "2"]), hour(6)), "");
    let RulePhase::Blocked { why, .. } = &world.state().phase else {
        panic!("it counted as recovered")
    };
    let wanted = BlockedBy::FewerAccounts {
        accounts: vec!["2".to_owned()],
        count: 1,
    };
    assert_eq!(*why, wanted);
    // An account that left is not awaited.
    assert_eq!(
        world.run(&rules, &narrow(3, &["1"]), hour(7)),
        "recovered ana"
    );
}

#[test]
fn what_cannot_be_believed_is_named() {
    let blocked = |answer: RunAnswer| {
        let mut world = AlertWorld::default();
        world.run(&rules(""), &names(1, "ana"), hour(0));
        assert_eq!(world.run(&rules(""), &answer, hour(6)), "");
        assert_eq!(world.rows(), "ana active");
        match world.state().phase.clone() {
            RulePhase::Blocked { why, .. } => why,
            other => panic!("{other:?}"),
        }
    };
    let mut absent = names(2, "");
    absent.tables[0].asked.clear();
    let tables = vec!["aws_iam_users".to_owned()];
    assert_eq!(
        blocked(absent),
        BlockedBy::NotCollected {
            tables: tables.clone()
        }
    );
    let mut carried = names(2, "");
    carried.tables[0].carried = 1;
    assert_eq!(blocked(carried), BlockedBy::CarriedData { tables });
    let mut failed = names(2, "");
    failed.result = RunRows::Failed {
        message: "no".to_owned(),
    };
    assert!(matches!(blocked(failed), BlockedBy::QueryFailed { .. }));
    let mut other = names(2, "");
    other.result = RunRows::Rows {
        columns: vec!["title".to_owned()],
        rows: Vec::new(),
    };
    let BlockedBy::QueryFailed { message } = blocked(other) else {
        panic!("a missing column is not a deleted row")
    };
    assert_eq!(
        message,
        "`key` names the column `name`, and there are `title`"
    );
    assert!(matches!(
        blocked(refused(2)),
        BlockedBy::PartialData { failed: 1, .. }
    ));
}

#[test]
fn rows_that_are_over_are_forgotten_after_a_month() {
    let world = plays(
        "",
        &[
            (0, 1, "ana ben", "new ana ben"),
            (6, 2, "ben", "recovered ana"),
            (740, 3, "ben", ""),
        ],
    );
    assert_eq!(world.rows(), "ben active");
    let row = world.state().rows.values().next().unwrap();
    assert!(matches!(row.phase, RowPhase::Active { since, .. } if since == hour(0)));
}

#[test]
fn a_rule_that_is_switched_off_stays_as_it_is() {
    let (mut world, mut rules) = (AlertWorld::default(), rules(""));
    world.run(&rules, &names(1, "ana"), hour(0));
    let before = world.state().clone();
    rules[0].enabled = false;
    assert_eq!(world.run(&rules, &names(2, ""), hour(6)), "");
    assert_eq!(*world.state(), before);
    assert!(!hallpass_alerts::is_due(&rules[0], None, hour(6)));
}
