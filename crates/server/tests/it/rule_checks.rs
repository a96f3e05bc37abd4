use std::sync::atomic::Ordering;

use hallpass_access::Directory;
use hallpass_rules::{CheckedFile, PersonAttribute, PersonAttributes, ReadFacts, RuleFile, load};
use serde_json::{Value, json};

use crate::test_server::{TestServer, run};

const PATH: &str = "/api/v1/rules/check";

const ODD: &str = "[[rule]]
id = 'gone'
accounts = ['*']
permission_sets = ['NoSuchSet']
approver_groups = ['no-such-group']

[[test]]
name = 'read'
requester = 'ana@corp.example'
account = '111111111111'
permission_set = 'NoSuchSet'
expect = 'ApprovalNotRequired'
";

const CLEAN: &str = "[[rule]]
accounts = ['*']
permission_sets = ['ReadOnly']
approval_is_not_required = true
";

async fn checked(server: &TestServer, wanted: &Value) -> Value {
    let reply = server.post(PATH, "aud/read", wanted).await;
    assert_eq!(reply.short(), "200", "{reply:?}");
    reply.json()
}

fn printed(server: &TestServer, file: &str, text: &str) -> Value {
    let read = load(&RuleFile::new(file, text));
    let directory = server.access.directory();
    let checked = CheckedFile::new(file, &read, Some(&directory), &[], server.now());
    serde_json::to_value(checked).unwrap()
}

#[test]
fn the_answer_is_what_the_command_prints_and_how_it_ends() {
    run(async {
        let server = TestServer::new();
        let in_force = server.access.rules().hash().to_owned();
        let broken = "[[rule]]\nid = 'A'\naccounts = ['*']\npermission_set = 'x'\n";
        let passing = ODD.replace("ApprovalNotRequired", "NoApprovers");
        for (file, text, flagged, exit) in [
            ("rules.toml", CLEAN, true, 0),
            ("rules.toml", ODD, false, 1),
            ("rules.toml", passing.as_str(), false, 0),
            ("rules.toml", passing.as_str(), true, 3),
            ("rules.toml", broken, true, 2),
            ("rules.toml", "[[rule", false, 2),
            ("rules.toml", "rule = []", false, 1),
            ("statements.json", "{\"statements\": [{}]}", false, 2),
        ] {
            let wanted = json!({"file": file, "text": text, "fail_on_findings": flagged});
            let mut found = checked(&server, &wanted).await;
            let more = found.as_object_mut().unwrap();
            assert_eq!(more.remove("exit"), Some(json!(exit)), "{text}: {more:?}");
            assert!(more.remove("directory_taken_at").is_some(), "{text}");
            assert_eq!(found, printed(&server, file, text), "{text}");
        }
        assert_eq!(server.access.rules().hash(), in_force, "nothing is loaded");
    });
}

#[test]
fn one_check_or_replay_of_a_person_is_done_at_a_time() {
    run(async {
        let server = TestServer::new();
        tokio::time::pause();
        let aud = server.actor("aud");
        let turn = server.access.work_turn(&aud).await.unwrap();
        let wanted = json!({"file": "rules.toml", "text": CLEAN});
        for (path, token, status) in [
            (PATH, "aud/read", "429 busy"),
            ("/api/v1/rules/replay", "aud/read", "429 busy"),
            (PATH, "eve/read", "200"),
            ("/api/v1/rules/replay", "eve/read", "200"),
        ] {
            let reply = server.post(path, token, &wanted).await;
            assert_eq!(reply.short(), status, "{path} {token}: {reply:?}");
        }
        drop(turn);
        checked(&server, &wanted).await;
    });
}

const AHEAD: &str = "[[rule]]
account_tags = { env = 'prod' }
permission_sets = ['ReadOnly']
requester_attributes = { department = 'Payments' }
approval_is_not_required = true

[[test]]
name = 'ana'
requester = 'ana@corp.example'
account = '111111111111'
permission_set = 'ReadOnly'
expect = 'ApprovalNotRequired'
";

#[test]
fn what_only_the_file_names_is_read_for_it_and_noted_where_it_is_not() {
    run(async {
        let server = TestServer::new();
        let wanted = json!({"file": "rules.toml", "text": AHEAD, "fail_on_findings": true});
        let found = checked(&server, &wanted).await;
        assert!(server.known.asked_ahead.load(Ordering::SeqCst));
        let short = |it: &Value| format!("{} {}", it["severity"], it["code"]);
        let findings: Vec<String> = { found["findings"].as_array().unwrap().iter() }
            .map(short)
            .collect();
        let due = ["\"note\" \"unread-attribute\"", "\"note\" \"unread-tags\""];
        assert_eq!(findings, due);
        let counts = |found: &Value| {
            ["exit", "warnings", "notes", "tests_failed"].map(|it| found[it].as_u64().unwrap())
        };
        assert_eq!(counts(&found), [3, 0, 2, 0]);
        let outcome = &found["tests"][0]["outcome"]["needs_directory"];
        let outcome = outcome.as_str().unwrap();
        assert!(
            outcome.contains("the department of the requester"),
            "{outcome}"
        );
        *server.known.told_ahead.lock().unwrap() = told(&server.access.directory());
        let found = checked(&server, &wanted).await;
        assert_eq!(counts(&found), [0, 0, 0, 0], "{found}");
        assert_eq!(found["tests"][0]["outcome"], "passed");
        let known = server.access.directory();
        assert!(known.people().iter().all(|it| it.attributes.is_unread()));
    });
}

fn told(directory: &Directory) -> ReadFacts {
    let mut read = ReadFacts::default();
    for person in directory.people() {
        let mut attributes = PersonAttributes::default();
        attributes.read(PersonAttribute::Department, Some("Payments"));
        read.attributes.insert(person.user_id.clone(), attributes);
    }
    for account in directory.accounts() {
        let tags = [("env".to_owned(), "prod".to_owned())];
        read.tags.insert(account.id.clone(), tags.into());
    }
    read
}

#[test]
fn who_does_not_read_everything_is_refused_and_sizes_are_bounded() {
    run(async {
        let server = TestServer::new();
        let wanted = json!({"file": "rules.toml", "text": CLEAN});
        for (who, due) in [("ana/all", "403 not-yours"), ("nobody", "401 unauthorized")] {
            let reply = server.post(PATH, who, &wanted).await;
            assert_eq!(reply.short(), due, "{who}: {reply:?}");
        }
        let long_name = json!({"file": "n".repeat(256), "text": CLEAN});
        let large = json!({"file": "rules.toml", "text": "#\n".repeat(3_000_000)});
        for (body, due) in [
            (long_name, "400 bad-parameter"),
            (large, "413 body-too-large"),
            (json!({"file": "rules.toml"}), "400 bad-body"),
        ] {
            let reply = server.post(PATH, "aud/read", &body).await;
            assert_eq!(reply.short(), due, "{reply:?}");
        }
        let text = "[[rule]]\n".repeat(2_000);
        let found = checked(&server, &json!({"file": "rules.toml", "text": text})).await;
        assert_eq!(found["findings"].as_array().unwrap().len(), 500);
        assert!(
            found["errors"].as_u64().unwrap() > 500,
            "{}",
            found["errors"]
        );
        let larger = "#\n".repeat(600_000);
        let found = checked(&server, &json!({"file": "rules.toml", "text": larger})).await;
        assert_eq!(
            (&found["findings"][0]["code"], &found["exit"]),
            (&json!("too-large"), &json!(2))
        );
    });
}
