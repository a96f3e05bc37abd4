//! A rule file that is not in force, checked by what the server knows.

use hallpass_rules::{CheckedFile, RuleFile, load};
use serde_json::{Value, json};

use crate::test_server::{TestServer, run};

const PATH: &str = "/api/v1/rules/check";

/// Loads, with a set and a group that the organization does not have, and a test that fails.
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

/// What the command prints of the same file and the same directory.
fn printed(server: &TestServer, file: &str, text: &str) -> Value {
    let read = load(&RuleFile::new(file, text));
    let directory = server.access.directory();
    let checked = CheckedFile::new(file, &read, Some(&directory), server.now());
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
        // every finding counts, and as many are told as anybody reads
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
