//! Parts of roles of Teleport: what moves, what differs, and what several roles of one person come to.

use hallpass_imports::RowOutcome;

use crate::answers::loaded;
use crate::company::directory;
use crate::granted::file;
use crate::teleport::{HOLD, ROLE, imported};

/// A part of the roles, what stands there instead, the row it is of, what becomes of that, and how many rules there are.
type Part = (&'static str, &'static str, usize, RowOutcome, usize);

const PARTS: &[Part] = &[
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    account_assignments: [{account: \"100000000001\", permission_set: Admin}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000",
        "permission_set: Admin",
        1,
        RowOutcome::Differs,
        0,
    ),
    ("", "", 0, RowOutcome::Moved, 1),
    ("version: v7", "version: v9", 0, RowOutcome::CannotBeSaid, 0),
    ("version: v7", "version: 7", 0, RowOutcome::CannotBeSaid, 0),
    (
        "name: dev",
        "name: dev\n  expires: 2027-01-01T00:00:00Z",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    logins: [root]\n    request:\n",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      claims_to_roles: [{claim: a, value: b, roles: [c]}]\n",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      reason: {mode: required}\n",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      reason: {mode: required}\n      instant: true\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      max_duration: 4d\n",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      max_duration: 4 days\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      max_duration: 99999999999999999999h\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 2, deny: 1}]\n",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 99, deny: 1}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: -1}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 1, deny: 2}]\n",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 1, filter: x}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "    request:\n",
        "    request:\n      thresholds: [{approve: 0}]\n",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "[\"^adm.*$\"]\n---",
        0,
        RowOutcome::Differs,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "[\"adm*\"]\n---",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "[\"admin\"]\n---",
        "[\"gone\"]\n---",
        0,
        RowOutcome::Differs,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "[\"lead\"]\n---",
        0,
        RowOutcome::Moved,
        0,
    ),
    (
        "[\"admin\"]\n---",
        "{a: b}\n---",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "account: \"100000000001\"",
        "account: \"*\"",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "account: \"100000000001\"",
        "account: 100000000001",
        1,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    logins: [root]\n  allow:\n    account",
        1,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{resources: [session, event], verbs: [list]}]\n    kubernetes_labels: {a: b}\n  allow:\n    account",
        1,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{resources: [session], verbs: [list]}, {resources: [access_request], verbs: [create]}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{resources: ['*'], verbs: ['*']}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    rules: [{verbs: [list]}]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    what_nobody_knows: [x]\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    account",
        "spec:\n  deny:\n    app_labels: {a: b}\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {roles: [\"^a\"]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {roles: [\"a*\"]}\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    request",
        "spec:\n  deny:\n    review_requests: {roles: [admin]}\n  allow:\n    request",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    account_assignments: [{account: \"100000000001\", permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000}]\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    review_requests: {roles: [admin], where: x}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    review_requests: {roles: [admin], where: \"\"}\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {claims_to_roles: [{claim: a, value: b, roles: [admin]}]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {claims_to_roles: [{claim: a, value: b}]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {where: x}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: {roles: [other]}\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    ("name: lead", "name: boss", 2, RowOutcome::Differs, 1),
    // `search_as_roles` has names, and no patterns
    (
        "      roles: [\"admin\"]\n---",
        "      search_as_roles: [\"admin\"]\n---",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "      roles: [\"admin\"]\n---",
        "      search_as_roles: [\"adm*\"]\n---",
        0,
        RowOutcome::Differs,
        0,
    ),
    (
        "      roles: [\"admin\"]\n---",
        "      search_as_roles: [\"*\"]\n---",
        0,
        RowOutcome::Differs,
        0,
    ),
    // what is malformed may say anything
    (
        "    request:\n      roles: [\"admin\"]",
        "    request: [\"admin\"]",
        0,
        RowOutcome::CannotBeSaid,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    - request: {roles: [other]}\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny: []\n  allow:\n    review",
        2,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    request: [other]\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    (
        "spec:\n  allow:\n    review",
        "spec:\n  deny:\n    review_requests: other\n  allow:\n    review",
        2,
        RowOutcome::Differs,
        0,
    ),
    // who cannot sign in to AWS asks for nothing, and may review
    (
        "spec:\n  allow:\n    request",
        "spec:\n  options: {idp: {saml: {enabled: true}}, record_session: {default: strict}}\n  allow:\n    request",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    request",
        "spec:\n  options: {require_session_mfa: true}\n  allow:\n    request",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    request",
        "spec:\n  options: {device_trust_mode: required}\n  allow:\n    request",
        0,
        RowOutcome::Differs,
        1,
    ),
    (
        "spec:\n  allow:\n    request",
        "spec:\n  options: {device_trust_mode: optional, require_session_mfa: false}\n  allow:\n    request",
        0,
        RowOutcome::Moved,
        1,
    ),
    (
        "spec:\n  allow:\n    request",
        "spec:\n  options: {what_nobody_knows: 3}\n  allow:\n    request",
        0,
        RowOutcome::Differs,
        1,
    ),
    // of a role that is given, nobody is named who holds it
    (
        "spec:\n  allow:\n    account",
        "spec:\n  options: {idp: {saml: {enabled: false}}}\n  allow:\n    account",
        1,
        RowOutcome::Differs,
        0,
    ),
];

#[test]
fn each_part_of_a_role_moves_differs_or_cannot_be_said() {
    let facts = directory(&[1, 2, 4]);
    for (old, new, row, outcome, rules) in PARTS {
        let text = ROLE.replacen(old, new, 1);
        let import = imported(&[file("roles.yaml", &text)], HOLD, &facts);
        loaded(&import);
        let found = &import.report.rows[*row];
        assert_eq!(
            (found.outcome, import.report.rules),
            (*outcome, *rules),
            "{new} {:?}",
            found.notes
        );
    }
}

/// What the roles deny to their holders is in the rules, by the groups and people who hold them.
#[test]
fn what_a_role_denies_its_holders_are_left_out_of() {
    let facts = directory(&[1, 2, 4]);
    let deny = |what: &str| {
        let new = format!("spec:\n  deny:\n    {what}\n  allow:\n    review");
        let text = ROLE.replacen("spec:\n  allow:\n    review", &new, 1);
        imported(&[file("roles.yaml", &text)], HOLD, &facts).text
    };
    for (what, key) in [
        ("request: {roles: [admin]}", "except_requesters"),
        ("review_requests: {roles: [admin]}", "except_approvers"),
        (
            "request: {claims_to_roles: [{claim: a, value: b, roles: [admin]}]}",
            "except_requesters",
        ),
        (
            "request: {claims_to_roles: [{claim: a, value: '^(.*)$', roles: [$1-min]}]}",
            "except_requesters",
        ),
        (
            "review_requests: {roles: [admin], where: x}",
            "except_approvers",
        ),
        (
            "account_assignments: [{account: \"100000000001\", permission_set: arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000}]",
            "except_requesters",
        ),
        (
            "rules: [{resources: [saml_idp_service_provider], verbs: ['*']}]",
            "except_requesters",
        ),
    ] {
        let text = deny(what);
        let wanted = format!("{key} = [\n  \"bo@acme.example\",\n]");
        assert!(text.contains(&wanted), "{what}: {text}");
    }
    // who cannot sign in to AWS by Teleport has no use for what they ask for
    let signed_out = "spec:\n  options: {idp: {saml: {enabled: OFF}}}\n  allow:\n    review";
    for off in ["false", "\"no\"", "{}"] {
        let new = signed_out.replace("OFF", off);
        let text = ROLE.replacen("spec:\n  allow:\n    review", &new, 1);
        let text = imported(&[file("roles.yaml", &text)], HOLD, &facts).text;
        let wanted = "except_requesters = [\n  \"bo@acme.example\",\n]";
        assert!(text.contains(wanted), "{off}: {text}");
    }
    // who holds a role may be anybody where it can be asked for: then nobody gets what it denies
    let deny = "spec:\n  deny:\n    request: {roles: [admin]}\n  allow:\n    review";
    let text = ROLE.replacen("spec:\n  allow:\n    review", deny, 1);
    let text = text.replacen("roles: [\"admin\"]", "roles: [\"admin\", \"lead\"]", 1);
    let import = imported(&[file("roles.yaml", &text)], HOLD, &facts);
    assert_eq!(import.report.rules, 0, "{}", import.text);
    assert_eq!(import.report.rows[2].outcome, RowOutcome::Differs);
}

/// What another role says, and whether its holders are left out of what others let them ask for.
type Beside = (&'static str, bool);

const BESIDE: &[Beside] = &[
    (
        "request: {roles: ['^a.*$'], thresholds: [{approve: 3, deny: 1}]}",
        true,
    ),
    (
        "request: {roles: ['^a.*$'], thresholds: [{approve: 1, deny: 1}]}",
        false,
    ),
    // for a shorter time than a session
    ("request: {roles: ['^a.*$'], max_duration: 1h}", true),
    ("request: {roles: ['^a.*$'], max_duration: 4d}", false),
    (
        "request: {claims_to_roles: [{claim: c, value: v, roles: [admin]}], thresholds: [{approve: 2}]}",
        true,
    ),
    (
        "request: {claims_to_roles: [{claim: c, value: v, roles: [other]}], thresholds: [{approve: 2}]}",
        false,
    ),
    (
        "request: {roles: [admin], thresholds: [{approve: 1, filter: x}]}",
        true,
    ),
    // more approvals than a stage can have
    (
        "request: {roles: [admin], thresholds: [{approve: 99}]}",
        true,
    ),
    ("request: {roles: [admin], instant: true}", true),
    ("request: {roles: [lead], instant: true}", false),
    ("request: {search_as_roles: [admin], instant: true}", true),
    ("request: {search_as_roles: ['adm*'], instant: true}", false),
    (
        "request: {roles: [lead], thresholds: [{approve: 3}]}",
        false,
    ),
];

/// Each role that lets somebody ask has to be satisfied, also one of which no rule is made.
#[test]
fn who_may_need_more_by_another_role_is_left_out_where_no_rule_says_it() {
    let facts = directory(&[1, 2, 4]);
    for (allow, is_out) in BESIDE {
        let other = format!(
            "---\nkind: role\nversion: v7\nmetadata: {{name: more}}\nspec:\n  allow:\n    {allow}\n"
        );
        let files = [file("roles.yaml", ROLE), file("more.yaml", &other)];
        let named = format!("{HOLD}[roles.more]\nusers = [\"dee@acme.example\"]\n");
        let import = imported(&files, &named, &facts);
        loaded(&import);
        let wanted = "except_requesters = [\n  \"dee@acme.example\",\n]";
        assert_eq!(
            import.text.contains(wanted),
            *is_out,
            "{allow}: {}",
            import.text
        );
        let dev = &import.report.rows[0];
        assert_eq!(
            dev.outcome == RowOutcome::Differs,
            *is_out,
            "{allow}: {:?}",
            dev.notes
        );
        assert_eq!(dev.rules.len(), 1, "{allow}");
        // who that is has to be known
        let import = imported(&files, HOLD, &facts);
        let dev = &import.report.rows[0];
        assert_eq!(dev.rules.is_empty(), *is_out, "{allow}: {}", import.text);
    }
    // what a rule says needs no more than that
    let other = "---\nkind: role\nversion: v7\nmetadata: {name: more}\nspec:\n  allow:\n    request: {roles: [admin], thresholds: [{approve: 2}]}\n";
    let named = format!("{HOLD}[roles.more]\nusers = [\"dee@acme.example\"]\n");
    let files = [file("roles.yaml", ROLE), file("more.yaml", other)];
    let import = imported(&files, &named, &facts);
    assert_eq!(import.report.rules, 2, "{}", import.text);
    assert!(!import.text.contains("except_"), "{}", import.text);
}
