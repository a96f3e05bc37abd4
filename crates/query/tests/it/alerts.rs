//! The built-in alert rules, each over snapshots in which it fires, is blocked, and recovers
//! (`inventory.md` ).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use hallpass_alerts::{
    AlertJob, AlertMessage, AlertNews, AlertRule, AlertRuleId, AlertState, AskedRule, BlockedBy,
    EXAMPLE, RulePhase, RunAnswer, RunRows, advance, read,
};
use hallpass_base::TimeSpan;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{json_of, lostkeys, run, stderr, stdout};

const FILE: &str = "alerts.yaml";

fn evaluated(folder: &Path, job: &AlertJob) -> BTreeMap<AlertRuleId, RunAnswer> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hallpass-query"))
        .args(["evaluate", "--folder", "snapshots"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let job = serde_json::to_vec(job).unwrap();
    child.stdin.take().unwrap().write_all(&job).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn job(rules: &[AlertRule], as_of: Timestamp) -> AlertJob {
    let asked = rules.iter().map(|rule| AskedRule {
        id: rule.id.clone(),
        question: rule.question.clone(),
        parameters: rule.parameters.clone(),
        unless: None,
        every: None,
    });
    AlertJob {
        as_of: Some(as_of),
        snapshots: None,
        rules: asked.collect(),
    }
}

fn kept(folder: &Path, tables: &Value, now: &str) -> String {
    let document = json!({"now": now, "tables": tables});
    fs::write(folder.join("document.json"), document.to_string()).unwrap();
    let output = run(folder, "snapshots import document.json", None);
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output).trim().to_owned()
}

fn failed(folder: &Path, id: &str) {
    let path = folder.join(format!("snapshots/_manifests/{id}.json"));
    let mut manifest = json_of(&path);
    for slice in manifest["slices"].as_array_mut().unwrap() {
        let members = slice.as_object_mut().unwrap();
        members.remove("row_count");
        members.insert("state".to_owned(), json!("failed"));
        let failure = json!({"stage": "assume_role", "operation": "AssumeRole", "code": "AccessDenied", "message": "no",
            "http_status": 403, "attempts": 1, "request_id": null});
        members.insert("failure".to_owned(), failure);
        members.insert("more".to_owned(), json!([]));
    }
    fs::write(path, manifest.to_string()).unwrap();
}

fn everything_wrong() -> Value {
    let who =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/fixtures/inventory-who.json");
    let mut tables = json_of(&who)["tables"].clone();
    let all = tables.as_object_mut().unwrap();
    all.extend(json_of(&lostkeys())["tables"].as_object().unwrap().clone());
    for user in all["aws_iam_users"].as_array_mut().unwrap() {
        user["mfa_active"] = json!(false);
    }
    let role = json!({"role_account_id": "222222222222", "role_arn": "arn:aws:iam::222222222222:role/old",
        "role_name": "old", "role_path": "/", "role_last_used": "2026-01-01T00:00:00Z"});
    all.insert("aws_iam_roles".to_owned(), json!([role]));
    let root = json!({"summary_account_id": "222222222222", "root_mfa_enabled": false, "root_access_keys": 1});
    all.insert("aws_iam_account_summary".to_owned(), json!([root]));
    tables
}

fn nothing(tables: &Value) -> Value {
    let names = tables.as_object().unwrap().keys();
    Value::Object(names.map(|name| (name.clone(), json!([]))).collect())
}

struct Player<'a> {
    folder: &'a Path,
    rules: Vec<AlertRule>,
    states: BTreeMap<AlertRuleId, AlertState>,
}

impl Player<'_> {
    fn run(&mut self, at: &str) -> BTreeMap<String, AlertMessage> {
        let now: Timestamp = at.parse().unwrap();
        let answers = evaluated(self.folder, &job(&self.rules, now));
        let states: Vec<AlertState> = self.states.values().cloned().collect();
        let mut told = BTreeMap::new();
        for step in advance(FILE, &self.rules, &states, &answers, now) {
            let state = step.write.state;
            told.extend(step.write.message.map(|it| (state.rule.to_string(), it)));
            self.states.insert(state.rule.clone(), state);
        }
        told
    }

    fn active(&self) -> BTreeMap<String, usize> {
        let states = self.states.values();
        states
            .map(|it| (it.rule.to_string(), it.active()))
            .collect()
    }
}

fn counts(message: &AlertMessage) -> (u64, u64) {
    match &message.news {
        AlertNews::Rows(news) => (news.new.count, news.recovered.count),
        AlertNews::Blocked { .. } => (0, 0),
    }
}

/// The only rule that reads no inventory table: it is never blocked, and fires on an outage.
const OF_SNAPSHOTS: &str = "snapshots/old";

#[test]
fn each_ready_made_rule_fires_is_blocked_and_recovers() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let rules = read(FILE, EXAMPLE).unwrap();
    let mut names: Vec<String> = rules.iter().map(|it| it.id.to_string()).collect();
    names.sort();
    assert!(names.len() >= 14, "{names:?}");
    let mut player = Player {
        folder,
        rules,
        states: BTreeMap::new(),
    };
    let tables = everything_wrong();
    kept(folder, &tables, "2026-11-20T00:00:00Z");
    let first = player.run("2026-11-20T00:00:00Z");
    kept(folder, &tables, "2026-11-21T00:00:00Z");
    let second = player.run("2026-11-21T00:00:00Z");
    for name in &names {
        let told = [&first, &second].map(|it| it.get(name).map_or(0, |it| counts(it).0));
        let wanted = player.active()[name] as u64;
        assert_eq!(told[0] + told[1], wanted, "{name}");
        assert_eq!(wanted > 0, name != OF_SNAPSHOTS, "{name} has {wanted} rows");
    }
    let standing = player.active();
    failed(
        folder,
        &kept(folder, &nothing(&tables), "2026-11-22T00:00:00Z"),
    );
    assert!(player.run("2026-11-22T00:00:00Z").is_empty());
    for state in player.states.values() {
        let is_blocked = matches!(
            &state.phase,
            RulePhase::Blocked {
                why: BlockedBy::PartialData { .. },
                ..
            }
        );
        assert_eq!(
            is_blocked,
            state.rule.as_str() != OF_SNAPSHOTS,
            "{:?}",
            state.phase
        );
    }
    assert_eq!(player.active(), standing, "nothing recovered");
    kept(folder, &nothing(&tables), "2026-11-23T00:00:00Z");
    let told = player.run("2026-11-23T00:00:00Z");
    for name in names.iter().filter(|it| *it != OF_SNAPSHOTS) {
        assert_eq!(counts(&told[name]), (0, standing[name] as u64), "{name}");
    }
    let silent = player.run("2026-11-26T00:00:00Z");
    assert_eq!(counts(&silent[OF_SNAPSHOTS]), (1, 0));
    kept(folder, &nothing(&tables), "2026-11-26T01:00:00Z");
    let again = player.run("2026-11-26T01:00:00Z");
    assert_eq!(counts(&again[OF_SNAPSHOTS]), (0, 1));
}

#[test]
fn what_cannot_be_asked_says_why_and_the_rest_is_asked() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let text = "rules:
- {id: absent, query: SELECT * FROM aws_iam_usres}
- {id: syntax, query: SELEC}
- {id: shipped, name: keys/unsed}
- {id: elsewhere, query: SELECT id FROM okta_users}
- {id: one, query: SELECT user_name FROM aws_iam_users}
- {id: parameter, query: 'SELECT $x AS y', parameters: {x: z}}
";
    let rules = read(FILE, text).unwrap();
    let users = json!([{"arn": "a", "account_id": "1", "user_name": "ana"}]);
    let snapshot = kept(
        folder,
        &json!({"aws_iam_users": users}),
        "2026-11-20T00:00:00Z",
    );
    kept(
        folder,
        &json!({"aws_iam_groups": []}),
        "2026-11-21T00:00:00Z",
    );
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let answers = evaluated(folder, &job(&rules, now));
    let of = |name: &str| &answers[&name.parse::<AlertRuleId>().unwrap()];
    for (name, part) in [
        ("absent", "there is no table `aws_iam_usres`"),
        ("syntax", "E_SQL"),
        ("shipped", "there is no query `keys/unsed`"),
    ] {
        let RunRows::Failed { message } = &of(name).result else {
            panic!("{name}: {:?}", of(name))
        };
        assert!(message.contains(part), "{name}: {message}");
    }
    assert_eq!(of("elsewhere").result, RunRows::NotAsked);
    assert_eq!(
        (
            of("elsewhere").snapshot.clone(),
            of("elsewhere").tables[0].asked.len()
        ),
        (None, 0)
    );
    assert_eq!(of("one").snapshot.as_deref(), Some(snapshot.as_str()));
    let RunRows::Rows { columns, rows } = &of("one").result else {
        panic!("rows")
    };
    assert_eq!(
        (columns.as_slice(), rows.len()),
        (["user_name".to_owned()].as_slice(), 1)
    );
    assert!(matches!(&of("parameter").result, RunRows::Rows { rows, .. } if rows[0]["y"] == "z"));
    let mut again = job(&rules, now);
    again.rules.retain(|it| it.id.as_str() == "one");
    again.rules[0].unless = Some(snapshot);
    assert!(evaluated(folder, &again).is_empty());
}

/// Rules over the activity table (`inventory.md` R-1, H-26).
#[test]
fn rules_over_activity_run_when_something_was_read() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let text = "rules:
- {id: alone, query: 'SELECT principal, action FROM aws_activity ORDER BY action'}
- {id: joined, query: 'SELECT u.user_name FROM aws_activity a JOIN aws_iam_users u ON u.user_name = a.principal'}
- {id: elsewhere, query: 'SELECT a.principal FROM aws_activity a JOIN okta_users o ON o.id = a.principal'}
";
    let rules = read(FILE, text).unwrap();
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let users = json!([{"arn": "a", "account_id": "1", "user_name": "ana"}]);
    let tables = json!({"aws_iam_users": users});
    let snapshot = kept(folder, &tables, "2026-11-20T00:00:00Z");
    let of = |answers: &BTreeMap<AlertRuleId, RunAnswer>, name: &str| {
        answers.get(&name.parse::<AlertRuleId>().unwrap()).cloned()
    };
    let before = of(&evaluated(folder, &job(&rules, now)), "alone").unwrap();
    assert_eq!((before.snapshot, before.result), (None, RunRows::NotAsked));
    sealed(folder, "run-1", "CreateAccessKey");
    let answers = evaluated(folder, &job(&rules, now));
    let rows = |answer: &RunAnswer| match &answer.result {
        RunRows::Rows { rows, .. } => rows.len(),
        other => panic!("{other:?}"),
    };
    let (alone, joined) = (
        of(&answers, "alone").unwrap(),
        of(&answers, "joined").unwrap(),
    );
    assert_eq!(
        (alone.snapshot.as_deref(), rows(&alone)),
        (Some("run-1"), 1)
    );
    let both = format!("{snapshot} run-1");
    assert_eq!(
        (joined.snapshot, rows(&of(&answers, "joined").unwrap())),
        (Some(both), 1)
    );
    assert_eq!(of(&answers, "elsewhere").unwrap().result, RunRows::NotAsked);
    // the same table is not queried again, nor for a new snapshot that the rule does not read, but
    // for a new log
    let mut again = job(&rules[..1], now);
    again.rules[0].unless = Some("run-1".to_owned());
    kept(folder, &tables, "2026-11-20T12:00:00Z");
    assert!(evaluated(folder, &again).is_empty());
    sealed(folder, "run-2", "DeleteTrail");
    let answers = evaluated(folder, &again);
    let alone = of(&answers, "alone").unwrap();
    assert_eq!(
        (alone.snapshot.as_deref(), rows(&alone)),
        (Some("run-2"), 2)
    );
}

/// `inventory.md` R-1: a stopped log must not resolve findings.
#[test]
fn a_rule_over_activity_is_blocked_when_nothing_comes_any_more() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let text = "rules:\n- {id: alone, query: SELECT principal FROM aws_activity, every: 6h}\n";
    let rules = read(FILE, text).unwrap();
    sealed(folder, "run-1", "CreateAccessKey");
    for (now, every, is_blocked) in [
        ("2026-11-20T12:00:01Z", "6h", false),
        ("2026-11-22T00:00:00Z", "6h", false),
        ("2026-11-22T00:00:01Z", "6h", true),
        ("2026-11-22T00:00:01Z", "36h", false),
        ("2026-11-23T00:00:01Z", "36h", true),
    ]
    .map(|(now, every, is_blocked)| (now, every.parse::<TimeSpan>().unwrap(), is_blocked))
    {
        let mut job = job(&rules, now.parse().unwrap());
        job.rules[0].every = Some(every);
        let answer = evaluated(folder, &job).into_values().next().unwrap();
        assert_eq!(answer.result == RunRows::NotAsked, is_blocked, "{now}");
        let failed = &answer.tables[0].failed;
        assert_eq!(
            failed.iter().any(|it| it.code == "NothingIngested"),
            is_blocked,
            "{now}"
        );
    }
}

fn sealed(folder: &Path, run_id: &str, action: &str) {
    let record = json!({"Records": [{"eventID": format!("{run_id}-{action}"), "eventTime": "2026-11-19T10:00:00Z", "eventName": action,
        "eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1", "recipientAccountId": "111111111111", "readOnly": false,
        "userIdentity": {"type": "IAMUser", "userName": "ana", "accountId": "111111111111"}}]});
    let log = hallpass_activity::read_activity(record.to_string().as_bytes()).unwrap();
    let made = folder.join(run_id);
    fs::create_dir_all(made.join("rows/2026-11-19")).unwrap();
    let (key, facts) = log.fold.rows.iter().next().unwrap();
    let line = hallpass_activity::write_line(key, facts).unwrap();
    fs::write(made.join("rows/2026-11-19/0.jsonl"), line + "\n").unwrap();
    fs::write(made.join("sources.jsonl"), "").unwrap();
    let about = json!({"run": run_id, "finished": "2026-11-20T00:00:00Z"});
    fs::write(made.join("run.json"), about.to_string()).unwrap();
    let output = run(folder, &format!("seal-activity {run_id}"), None);
    assert!(output.status.success(), "{}", stderr(&output));
}
