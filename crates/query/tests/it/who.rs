//! `who` on the fixture: filters and unknown data.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{json_of, run, stderr, stdout};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/fixtures/inventory-who.json")
}

fn who(flags: &str) -> Value {
    let line = format!("who --data {} --output json {flags}", fixture().display());
    let output = run(Path::new("."), &line, None);
    assert!(output.status.success(), "{line}: {}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

fn counts(flags: &str) -> (usize, usize) {
    let found = who(flags);
    (
        found["paths"].as_array().unwrap().len(),
        found["findings"].as_array().unwrap().len(),
    )
}

#[test]
fn every_path_and_finding_or_those_asked_for() {
    for (flags, paths, findings) in [
        ("", 15, 11),
        ("--effective", 12, 11),
        ("--user frank", 6, 4),
        ("--user FRANK", 6, 4),
        ("--permission-set nothing", 0, 0),
    ] {
        let (found_paths, found_findings) = counts(flags);
        assert_eq!(found_paths, paths, "{flags}");
        if flags.is_empty() || flags == "--effective" || paths == 0 {
            assert_eq!(found_findings, findings, "{flags}");
        }
    }
    let all = who("");
    let rows = all["paths"].as_array().unwrap();
    for (flag, member) in [
        ("--account", "account_id"),
        ("--permission-set", "permission_set"),
    ] {
        let mut values: Vec<&str> = rows.iter().filter_map(|it| it[member].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        assert!(values.len() > 1, "{member}");
        for value in values {
            let wanted = rows.iter().filter(|it| it[member] == value).count();
            assert_eq!(
                counts(&format!("{flag} {value}")).0,
                wanted,
                "{flag} {value}"
            );
        }
    }
    let disabled = rows
        .iter()
        .filter(|it| it["user_status"] == "DISABLED")
        .count();
    assert!(disabled > 0);
    assert_eq!(counts("--enabled-only").0, 15 - disabled);
    let temporary: Vec<&Value> = rows.iter().filter(|it| it["temporary"] == true).collect();
    assert_eq!(temporary.len(), 1);
    assert_eq!(temporary[0]["expires_at"], "2026-11-20T04:00:00Z");
}

/// `inventory.md` W-16: refuses an answer over the limit.
#[test]
fn more_paths_than_may_be_are_refused_and_none_is_printed() {
    for (flags, code) in [
        ("--max-rows 14", 4),
        ("--max-rows 15", 0),
        ("--max-rows 5 --user frank", 4),
        ("--max-rows 6 --user frank", 0),
        ("--max-rows 0 --no-expand", 0),
    ] {
        let line = format!("who --data {} --output json {flags}", fixture().display());
        let output = run(Path::new("."), &line, None);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{flags}: {}",
            stderr(&output)
        );
        let is_refused = stderr(&output).contains("error[E_SQL_ROWS]");
        assert_eq!(is_refused, code == 4, "{flags}: {}", stderr(&output));
        assert_eq!(stdout(&output).is_empty(), code == 4, "{flags}");
    }
}

#[test]
fn assignments_are_shown_as_they_are_stored() {
    let found = who("--no-expand");
    let rows = found["paths"].as_array().unwrap();
    let document = json_of(&fixture());
    let stored = document["tables"]["aws_ssoadmin_account_assignments"]
        .as_array()
        .unwrap();
    let key = |row: &Value| {
        let of = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        [
            of("principal_id"),
            of("account_id"),
            of("permission_set_arn"),
        ]
    };
    let sorted = |rows: &[Value]| {
        let mut keys: Vec<_> = rows.iter().map(key).collect();
        keys.sort();
        keys
    };
    assert_eq!(rows.len(), 12);
    assert_eq!(sorted(rows), sorted(stored));
    let groups = rows.iter().filter(|it| it["principal_type"] == "GROUP");
    for row in groups {
        assert!(row["user_name"].is_null(), "{row}");
        assert!(row["via"].as_str().unwrap().starts_with("group:"), "{row}");
    }
    let orphans = found["findings"].as_array().unwrap().iter();
    let orphans: Vec<&Value> = orphans.filter(|it| it["kind"] == "orphaned").collect();
    assert_eq!(orphans.len(), 2);
    let expanded = who("");
    for orphan in orphans {
        let has = |rows: &Value| {
            let mut rows = rows.as_array().unwrap().iter();
            rows.any(|it| it["principal_id"] == orphan["principal_id"])
        };
        assert!(has(&found["paths"]) && !has(&expanded["paths"]), "{orphan}");
    }
    let refused = run(
        Path::new("."),
        &format!("who --data {} --no-expand --effective", fixture().display()),
        None,
    );
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_permission_set_is_named_by_its_name_or_its_arn() {
    let arn = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-000000000000audi";
    let by_arn = who(&format!("--permission-set {arn}"));
    assert_eq!(by_arn, who("--permission-set AuditAccess"));
    assert_eq!(by_arn["findings"].as_array().unwrap().len(), 6);
}

/// No access and an unknown name are different answers.
#[test]
fn names_that_nobody_has_are_refused() {
    for (flags, said) in [
        ("--user unknown", "there is no person `unknown`"),
        ("--account nowhere", "there is no account `nowhere`"),
        ("--ou /Work", "there is no account below `/Work/`"),
        ("--user frank --account 1", "there is no account `1`"),
    ] {
        let line = format!("who --data {} {flags}", fixture().display());
        let refused = run(Path::new("."), &line, None);
        assert_eq!(refused.status.code(), Some(2), "{flags}");
        assert!(stderr(&refused).contains(said), "{}", stderr(&refused));
        assert!(refused.stdout.is_empty(), "{flags}");
    }
}

#[test]
fn accounts_below_a_unit() {
    let all = who("");
    let rows = all["paths"].as_array().unwrap();
    let below = |path: &str| {
        let is = |it: &&Value| {
            it["ou_path"]
                .as_str()
                .is_some_and(|it| it.starts_with(path))
        };
        rows.iter().filter(is).count()
    };
    assert!(below("/Workloads/") > 0 && below("/Suspended/") > 0);
    for (flag, wanted) in [
        ("/Workloads", below("/Workloads/")),
        ("/workloads/", below("/Workloads/")),
        ("/Suspended", below("/Suspended/")),
        ("/", below("/")),
    ] {
        assert_eq!(counts(&format!("--ou {flag}")).0, wanted, "{flag}");
    }
    assert!(below("/") < rows.len());
    let findings = |flags: &str| who(flags)["findings"].as_array().unwrap().clone();
    let of_unit = findings("--ou /Suspended");
    assert!(!of_unit.is_empty() && of_unit.len() < findings("").len());
    assert!(of_unit.iter().all(|it| it["account_id"] == "100000000004"));
    let refused = run(
        Path::new("."),
        &format!("who --data {} --ou ou-ab12-cdef3456", fixture().display()),
        None,
    );
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("a path"), "{}", stderr(&refused));
}

#[test]
fn findings_and_what_is_not_known_are_told() {
    let line = format!(
        "who --data {} --fail-on-findings --output csv",
        fixture().display()
    );
    let output = run(Path::new("."), &line, None);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(stdout(&output).lines().count(), 16);
    for said in ["11 findings", "not covered: account access entitlements"] {
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    let temporary = tempfile::tempdir().unwrap();
    let mut document = json_of(&fixture());
    let tables = document["tables"].as_object_mut().unwrap();
    let provisioned = tables.remove("aws_ssoadmin_provisioned");
    assert!(provisioned.is_some());
    fs::write(temporary.path().join("some.json"), document.to_string()).unwrap();
    let output = run(temporary.path(), "who --data some.json", None);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        stderr(&output).contains("not checked: provisioned_unassigned"),
        "{}",
        stderr(&output)
    );
    document["tables"]
        .as_object_mut()
        .unwrap()
        .remove("aws_identitystore_users");
    fs::write(temporary.path().join("some.json"), document.to_string()).unwrap();
    let output = run(temporary.path(), "who --data some.json", None);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("E_NOT_SYNCED table=aws_identitystore_users"),
        "{}",
        stderr(&output)
    );
    document["grants"] = json!([{"grant_id": "g"}]);
    fs::write(temporary.path().join("some.json"), document.to_string()).unwrap();
    let output = run(temporary.path(), "who --data some.json", None);
    assert!(stderr(&output).contains("grant 0: "), "{}", stderr(&output));
}

/// `inventory.md` W-17: for documents and stored snapshots, per account only.
#[test]
fn partners_stand_beside_the_people() {
    let temporary = tempfile::tempdir().unwrap();
    let mut document = json_of(&fixture());
    let accounts = document["tables"]["aws_organizations_accounts"].clone();
    let accounts = accounts.as_array().unwrap();
    let (one, other) = (accounts[0]["id"].clone(), accounts[1]["id"].clone());
    document["now"] = json!("2026-11-20T00:00:00Z");
    let request = |account: &Value, id: &str, state: &str, updated: &str| {
        json!({
            "delegation_account_id": account, "delegation_request_id": id, "state": state,
            "requestor_id": "900000000009", "requestor_name": "Partner", "session_duration": 3600,
            "approver_id": "arn:aws:iam::1:role/ops", "updated_time": updated,
            "expiration_time": "2026-11-27T00:00:00Z",
        })
    };
    document["tables"]["aws_iam_delegation_requests"] = json!([
        request(&one, "r1", "FINALIZED", "2026-11-19T23:30:00Z"),
        request(&one, "r2", "FINALIZED", "2026-11-19T22:00:00Z"),
        request(&other, "r3", "ACCEPTED", "2026-11-19T22:00:00Z"),
        request(&other, "r4", "ASSIGNED", "2026-11-19T22:00:00Z"),
    ]);
    let path = temporary.path().join("some.json");
    fs::write(&path, document.to_string()).unwrap();
    let outside = |flags: &str| {
        let line = format!("who {flags} --output json");
        let output = run(temporary.path(), &line, None);
        assert!(output.status.success(), "{line}: {}", stderr(&output));
        assert!(!stderr(&output).contains("delegation requests"));
        let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let rows = found["outside"].as_array().unwrap().iter();
        let rows: Vec<String> = rows
            .map(|it| {
                let id = it["delegation_request_id"].as_str().unwrap();
                format!("{id} {}", it["until"].as_str().unwrap())
            })
            .collect();
        rows
    };
    let both = ["r1 2026-11-20T00:30:00Z", "r3 2026-11-27T01:00:00Z"];
    assert_eq!(outside("--data some.json"), both);
    let first = format!("--data some.json --account {}", one.as_str().unwrap());
    assert_eq!(outside(&first), both[..1]);
    assert!(outside("--data some.json --user frank").is_empty());
    let table = run(
        temporary.path(),
        "who --data some.json --output table",
        None,
    );
    let text = stdout(&table);
    for said in ["2 outside", "Partner", "(not begun)"] {
        assert!(text.contains(said), "{said}: {text}");
    }
    let kept = run(temporary.path(), "snapshots import some.json", None);
    assert!(kept.status.success(), "{}", stderr(&kept));
    assert_eq!(outside(""), both);
    let without = format!("who --data {}", fixture().display());
    let without = run(Path::new("."), &without, None);
    let said = "not covered: delegation requests of partners";
    assert!(stderr(&without).contains(said), "{}", stderr(&without));
    assert!(!stdout(&without).contains(" outside"));
}

#[test]
fn a_terminal_gets_what_fits() {
    let line = format!("who --data {} --output table", fixture().display());
    let output = run(Path::new("."), &line, None);
    let text = stdout(&output);
    for said in [
        "gina (disabled)",
        "OldShop (suspended)",
        "no end",
        "2026-11-20T04:00:00Z",
        "nobody",
        "11 findings",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}

#[test]
fn a_kept_snapshot_answers_the_same() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let kept = run(
        folder,
        &format!("snapshots import {}", fixture().display()),
        None,
    );
    assert!(kept.status.success(), "{}", stderr(&kept));
    let output = run(folder, "who --output json", None);
    assert!(output.status.success(), "{}", stderr(&output));
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let mut wanted = who("");
    for row in wanted["paths"].as_array_mut().unwrap() {
        row["expires_at"] = Value::Null;
    }
    assert_eq!(found, wanted);
}

fn two(folder: &Path, change: impl FnOnce(&mut Value)) {
    let mut document = json_of(&fixture());
    fs::write(folder.join("before.json"), document.to_string()).unwrap();
    document["now"] = json!("2026-11-21T00:00:00Z");
    change(&mut document["tables"]);
    fs::write(folder.join("after.json"), document.to_string()).unwrap();
}

#[test]
fn what_was_gained_and_lost_is_said_with_its_reason() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    two(folder, |tables| {
        let users = tables["aws_identitystore_users"].as_array_mut().unwrap();
        let gina = users.iter_mut().find(|it| it["idc_user_name"] == "gina");
        gina.unwrap()["idc_status"] = json!("ENABLED");
        let assignments = tables["aws_ssoadmin_account_assignments"].as_array_mut();
        assignments
            .unwrap()
            .retain(|it| it["hallpass_grant_id"].is_null());
    });
    let output = run(folder, "who diff before.json after.json -o json", None);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let told: Vec<_> = found["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["change"].as_str().unwrap(),
                it["user_name"].as_str().unwrap(),
                it["reasons"][0]["kind"].as_str().unwrap(),
            )
        })
        .collect();
    assert!(
        told.contains(&("gained", "gina", "user_enabled")),
        "{told:?}"
    );
    assert!(
        told.iter()
            .any(|it| it.0 == "lost" && it.2 == "grant_ended"),
        "{told:?}"
    );
    assert_eq!(found["not_compared"], json!([]));
    for name in ["before", "after"] {
        let line = format!("snapshots import {name}.json");
        assert!(run(folder, &line, None).status.success());
    }
    let kept = run(
        folder,
        "who diff previous newest -o json --detailed-exitcode",
        None,
    );
    assert_eq!(kept.status.code(), Some(3));
    assert_eq!(stdout(&kept), stdout(&output));
    let shown = run(folder, "who diff previous newest -o table", None);
    assert!(
        stdout(&shown).contains("user enabled"),
        "{}",
        stdout(&shown)
    );
    assert!(stderr(&shown).contains("not covered: account access entitlements"));
    let same = run(
        folder,
        "who diff newest newest -o json --detailed-exitcode",
        None,
    );
    assert_eq!(same.status.code(), Some(0), "{}", stderr(&same));
    let bad = run(folder, "who diff before.json nothing", None);
    assert_eq!(bad.status.code(), Some(2));
}

#[test]
fn what_was_not_collected_is_not_lost() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    two(folder, |tables| {
        let members = "aws_identitystore_group_memberships";
        tables.as_object_mut().unwrap().remove(members);
    });
    let output = run(folder, "who diff before.json after.json -o json", None);
    assert_eq!(output.status.code(), Some(1));
    let said = "not compared: aws_identitystore_group_memberships of 20261121T000000Z-00000000: \
                never collected";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let changes = found["changes"].as_array().unwrap();
    assert!(!changes.is_empty() && changes.iter().all(|it| it["change"] == "unknown"));
}

#[test]
fn reviewers_get_cells_that_are_no_formulas_and_what_access_is_lies_beside_the_tables() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let mut document = json_of(&fixture());
    let users = document["tables"]["aws_identitystore_users"].as_array_mut();
    users.unwrap()[0]["email"] = json!("=HYPERLINK(\"https://example.test\",\"a, b\")");
    fs::write(folder.join("some.json"), document.to_string()).unwrap();
    let output = run(folder, "who --data some.json --review-csv", None);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(
        text.lines()
            .next()
            .unwrap()
            .ends_with(",grant_id,decision,reason"),
        "{text}"
    );
    assert!(
        text.contains("\"'=HYPERLINK(\"\"https://example.test\"\",\"\"a, b\"\")\""),
        "{text}"
    );
    assert!(text.lines().skip(1).all(|it| it.ends_with(",,")), "{text}");
    let wrong = run(
        folder,
        "who --data some.json --review-csv --effective",
        None,
    );
    assert_eq!(wrong.status.code(), Some(2));

    let kept = run(folder, "snapshots import some.json", None);
    let id = stdout(&kept).trim().to_owned();
    let path = folder.join(format!("snapshots/_access/{id}.json"));
    let access = json_of(&path);
    assert_eq!(access["id"], json!(id));
    assert_eq!(access["graph"]["assignments"].as_array().unwrap().len(), 12);
    assert_eq!(access["unread"], json!([]));
    let pruned = run(folder, "snapshots prune --keep 0 --yes", None);
    assert!(
        pruned.status.success() && !path.exists(),
        "{}",
        stderr(&pruned)
    );
}
