//! Findings in files (`inventory.md` A-2, A-15): one row per mistake, with its place.

use hallpass_access_files::{SourceText, read};

use crate::world::file;

const WHOLE: &str = r#"
version: 1
instance: auto
settings: {manage: declared, max_destroy: 10, ignore: [{permission_set: "AWS*"}, {account: management}]}
permission_sets:
  AuditAccess:
    description: Audit access for security
    session_duration: PT4H
    managed_policies: [SecurityAudit]
    customer_managed_policies: [{name: audit-extra, path: /}]
    inline_policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]}
    permissions_boundary: {managed: ReadOnlyAccess}
    tags: {owner: secops}
    protect: true
assignments:
  - permission_sets: [AuditAccess]
    groups: [SecOps]
    users: [frank@example.test]
    accounts: [ExampleOrgDev, "222222222222"]
    ous: ["/Workloads/Prod"]
    tags: {env: test}
    exclude: [sandbox-7]
"#;

fn findings(name: &str, text: &str) -> Vec<String> {
    let source = SourceText {
        name: name.into(),
        text: text.into(),
    };
    let policy = |_: &str, path: &str| match path {
        "bad.json" => Ok("{\"Version\": \"2012-10-17\",\n \"Statement\": [,]}".to_owned()),
        _ => Err("not found".to_owned()),
    };
    let found = match read(&[source], &policy) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    };
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_whole_form_is_read() {
    let file = file(WHOLE);
    assert_eq!((file.sets.len(), file.assignments.len()), (1, 1));
    assert!(file.asks_for_tags());
    let set = file.sets.values().next().unwrap();
    assert!(set.protect);
    assert_eq!(set.content.session_seconds, 4 * 3600);
    assert_eq!(findings("access.yaml", WHOLE), [""; 0]);
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = r#"
version = 1
[permission_sets.Audit]
managed_policies = ["SecurityAudit"]
[[assignments]]
permission_sets = ["Audit"]
groups = ["SecOps"]
accounts = ["222222222222"]
"#;
    let json = r#"{"version": 1, "permission_sets": {"Audit": {"managed_policies": ["SecurityAudit"]}},
        "assignments": [{"permission_sets": ["Audit"], "groups": ["SecOps"], "accounts": ["222222222222"]}]}"#;
    for (name, text) in [("a.toml", toml), ("a.json", json), ("a.yaml", json)] {
        assert_eq!(findings(name, text), [""; 0], "{name}");
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    let set = |body: &str| format!("version: 1\npermission_sets:\n  Audit:\n    {body}\n");
    let rows = [
        ("permission_sets: {}\n".to_owned(), "a.yaml:1:1: error: `version` is missing"),
        ("version: 2\n".into(), "a.yaml:1:10: error: version `2` is not known"),
        ("version: 1\nversion: 1\n".into(), "a.yaml:2:1: error:"),
        ("version: 1\npermision_sets: {}\n".into(), "did you mean `permission_sets`?"),
        (set("sesion_duration: PT1H"), "a.yaml:4:5: error: `sesion_duration` is not a known key\n  help: did you mean"),
        (set("session_duration: PT13H"), "a.yaml:4:23: error: `session_duration` lies between"),
        (set("session_duration: 4h"), "error: `session_duration` lies between"),
        (set(&format!("description: {}", "x".repeat(701))), "701 characters; it may have 1 to 700"),
        (set("managed_policies: [securityaudit]"), "warning: AWS spells `securityaudit` as `arn:aws:iam::aws:policy/SecurityAudit`"),
        (set("managed_policies: [Mine]"), "warning: `Mine` is not among the known policies"),
        (set("managed_policies: [\"arn:aws:iam::222222222222:policy/x\"]"), "is no policy of AWS"),
        (set("customer_managed_policies: [{path: /}]"), "a policy without a `name`"),
        (set("inline_policy: {file: missing.json}"), "`missing.json` cannot be read: not found"),
        (set("inline_policy: {file: bad.json}"), "bad.json:2:"),
        (set("inline_policy: {Version: \"2012-10-17\", Statement: [{Effect: Alow, Action: \"*\", Resource: \"*\"}]}"), "error: inline policy/Statement/0/Effect"),
        (set("inline_policy: {Version: \"2012-10-17\", Statement: [{Effect: Allow, Action: \"s3:ListAllMyBuckets\", Resource: \"*\", Condition: {StringEquals: {\"aws:PrincipalTag/x\": \"a\u{2011}b\"}}}]}"), "AWS takes only characters up to U+00FF here, and this has U+2011"),
        (set("description: \"read\u{2011}only\""), "AWS refuses `description`, which has U+2011"),
        (set("description: \"a\\u0001b\""), "AWS refuses `description`, which has U+0001"),
        (set("relay_state: \"https://x.example/\u{fc}\""), "AWS refuses `relayState`"),
        (set("tags: {\"a<b\": c}"), "AWS refuses `tags.1.member.key`"),
        (set("customer_managed_policies: [\"read only\"]"), "AWS refuses `customerManagedPolicyReference.name`"),
        (set("permissions_boundary: {customer_managed: {name: \"x y\"}}"), "AWS refuses `permissionsBoundary.customerManagedPolicyReference.name`"),
        (set("permissions_boundary: {}"), "names one policy"),
        (set("protect: 1"), "`protect` is true or false, not a number"),
        ("version: 1\npermission_sets: {\"not a name\": {}}\n".into(), "a.yaml:2:19: error: `not a name` is not a permission set name"),
        ("version: 1\nassignments:\n  - {permission_sets: [Audit], users: [a], accounts: [b]}\n".into(), "permission set `Audit` is not declared"),
        ("version: 1\nassignments:\n  - {permission_sets: [Audit], accounts: [b]}\n".into(), "a.yaml:3:5: error: the block names no group or user"),
        ("version: 1\nassignments:\n  - {permission_sets: [Audit], users: [a]}\n".into(), "the block names no account"),
        ("version: 1\nassignments:\n  - {permission_sets: [A], users: [a], accounts: [222222222222]}\n".into(), "ids stand in quotes"),
        ("version: 1\nsettings: {manage: everything}\n".into(), "`manage` is `declared` or `all`"),
        ("version: 1\nsettings: {ignore: [{}]}\n".into(), "names a permission set or an account"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        let found = findings("a.yaml", &text).join("\n");
        if !found.contains(expected) {
            wrong.push(format!("{text}\nwanted: {expected}\nfound:  {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
}

#[test]
fn counts_of_policies_have_limits() {
    let set = |count: usize| {
        let policies: Vec<String> = (0..count)
            .map(|n| format!("{{name: p{n}, path: /}}"))
            .collect();
        let list = policies.join(", ");
        format!("version: 1\npermission_sets:\n  A: {{customer_managed_policies: [{list}]}}\n")
    };
    for (count, expected) in [(10, ""), (11, "warning"), (20, "warning"), (21, "error")] {
        let found = findings("a.yaml", &set(count)).join("\n");
        assert!(found.contains(expected), "{count}: {found}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{count}: {found}");
    }
}

#[test]
fn files_are_one_and_no_set_stands_twice() {
    let source = |name: &str, text: &str| SourceText {
        name: name.into(),
        text: text.into(),
    };
    let sets = source("sets.yaml", "version: 1\npermission_sets: {A: {}}\n");
    let who = source(
        "who.yaml",
        "version: 1\nassignments: [{permission_sets: [A], users: [u], accounts: [a]}]\n",
    );
    let none = |_: &str, _: &str| Err(String::new());
    assert!(read(&[sets.clone(), who], &none).is_ok());
    let again = source("more.yaml", "version: 1\npermission_sets: {A: {}}\n");
    let found = read(&[sets, again], &none).unwrap_err();
    assert!(
        found[0].message.contains("declared at sets.yaml:2:"),
        "{found:?}"
    );
}
