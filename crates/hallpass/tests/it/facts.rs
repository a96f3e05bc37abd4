//! `--facts live`: the organization from AWS instead of a file.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::run::{Ran, hallpass, run};

const ORGANIZATION: &str = r#"{"version":1,"seed":7,
    "organization":{"management_account":"111122223333"},
    "ous":[{"name":"Prod"}],
    "accounts":[
      {"id":"111122223333","name":"acme-management","ou":null},
      {"id":"222233334444","name":"payments-prod","ou":"Prod","tags":{"data":"cards"}}],
    "identity_center":{
      "users":[{"user_name":"ana","email":"ana@acme.example","title":"Engineer"},
               {"user_name":"bo","email":"bo@acme.example"}],
      "groups":[{"name":"platform","members":["ana"]},{"name":"leads","members":["bo"]}],
      "permission_sets":[{"name":"ReadOnly"}],
      "assignments":[]}}"#;

/// Depends on account tags, user attributes and group members.
const RULES: &str = r#"
[[rule]]
id = "cards"
accounts = "*"
account_tags = { data = "cards" }
permission_sets = ["ReadOnly", "Gone"]
allowed_groups = ["platform"]
requester_attributes = { title = "Engineer" }
approver_groups = ["leads"]
"#;

struct Simulated {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Simulated {
    fn of(organization: &Path) -> Self {
        let mut child = hallpass()
            .args(["sim", "--listen", "127.0.0.1:0", "--speed", "fast"])
            .arg("--organization")
            .arg(organization)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.by_ref().take(6).map(Result::unwrap);
        let variables = said.filter_map(|line| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        });
        let variables = variables.collect();
        Self { child, variables }
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn there(folder: &Path) -> Command {
    let mut command = hallpass();
    command.current_dir(folder);
    for name in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("rules.toml", RULES), ("live", ORGANIZATION)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[test]
fn a_live_organization_says_what_its_file_says() {
    let folder = folder();
    let simulated = Simulated::of(&folder.path().join("live"));
    let with = |facts: &str, words: &[&str]| -> Ran {
        let mut command = there(folder.path());
        command.envs(simulated.variables.iter().cloned());
        command.args(["rules"]).args(words).args(["--facts", facts]);
        run(command.args(["--output", "json"]))
    };
    let asked = ["--account", "payments-prod", "--permission-set", "ReadOnly"];
    let explain = |user| {
        let words = ["explain", "--rules", "rules.toml", "--user", user];
        [&words[..], &asked[..]].concat()
    };
    for (words, code, wanted) in [
        (
            vec!["check", "rules.toml", "--fail-on-findings"],
            3,
            "`Gone`",
        ),
        (explain("ana@acme.example"), 0, "RequiresApproval"),
        (explain("bo@acme.example"), 0, "RequesterNotAllowed"),
    ] {
        let of_file = with("./live", &words).exits(code);
        let live = with("live", &words).exits(code);
        assert!(of_file.out.contains(wanted), "{words:?}: {}", of_file.out);
        assert_eq!(live.out, of_file.out, "{words:?}");
        assert!(live.err.contains("accounts: 2"), "{words:?}: {}", live.err);
    }
}

#[test]
fn without_aws_live_says_what_helps() {
    let folder = folder();
    let mut command = there(folder.path());
    command.args(["rules", "check", "rules.toml", "--facts", "live"]);
    let ran = run(&mut command).exits(1);
    for wanted in ["AWS_REGION", "HALLPASS_CONFIG", "`./live`"] {
        assert!(ran.err.contains(wanted), "{wanted}: {}", ran.err);
    }
    // cases may name any group; members of rule groups are read
    let mut command = there(folder.path());
    command.args(["rules", "decide", "--cases", "-", "--facts", "live"]);
    let ran = run(&mut command).exits(2);
    assert!(ran.err.contains("--rules"), "{}", ran.err);
}
