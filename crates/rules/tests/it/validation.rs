//! Every code of `access.md` §1.4 with its position; one run reports all.

use hallpass_rules::{RuleFile, load};

fn findings(name: &str, text: &str) -> Vec<String> {
    match load(&RuleFile::new(name, text)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors
            .iter()
            .map(|e| e.to_string().lines().next().unwrap_or_default().to_owned())
            .collect(),
    }
}

fn codes(name: &str, text: &str) -> Vec<String> {
    match load(&RuleFile::new(name, text)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|e| e.code.to_string()).collect(),
    }
}

const BROKEN: &str = r##"{
  "statements": [
    {"Resource": "*", "PermissionSet": "*"},
    {"ResourceType": "account", "Resource": "*", "PermissionSet": "*"},
    {"ResourceType": null, "Resource": "*", "PermissionSet": "*"},
    {"ResourceType": "Account", "Resource": ["111111111111", "1111*"], "PermissionSet": "Read*"},
    {"ResourceType": "Account", "Resource": 111111111111, "PermissionSet": {}},
    {"ResourceType": "OU", "Resource": "111111111111", "PermissionSet": "a b"},
    {"ResourceType": "Account", "Resource": "١١١١١١١١١١١١", "PermissionSet": ""},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*",
     "Approvers": ["bob", "bob@corp.com", "*", ""], "AllowSelfApproval": "yes",
     "ApprovalIsNotRequired": 1, "MaxDuration": "01:60", "AllowSelfAproval": true},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Approvers": null,
     "Id": "S_1", "MinApprovals": 6, "SlackChannel": "#access", "MaxDuration": "00:00"},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Id": "s11"},
    {"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "Id": "x", "Id": "y"},
    7
  ],
  "group_statements": [
    {"Resource": "*", "PermissionSet": "*"},
    {"resource": "99999999-8888-7777-6666-555555555555", "AllowedGroups": ["oncall"]},
    {"Resource": "99999999-8888-7777-6666-555555555555", "Id": "s11"}
  ],
  "statments": []
}"##;

#[test]
fn every_error_is_reported_with_its_place() {
    let expected = [
        "r.json:3:5: error[missing-field]: statements[0].ResourceType: `ResourceType` is missing",
        "r.json:4:22: error[bad-resource-type]: statements[1].ResourceType: `account` is not a resource type",
        "r.json:5:22: error[bad-resource-type]: statements[2].ResourceType: `null` is not a resource type",
        "r.json:6:62: error[bad-resource]: statements[3].Resource: `1111*` is not an account id",
        "r.json:6:89: error[bad-permission-set]: statements[3].PermissionSet: `Read*` is not a permission set name",
        "r.json:7:45: error[bad-type]: statements[4].Resource: a number where a string or a list of strings is due",
        "r.json:7:76: error[bad-type]: statements[4].PermissionSet: an object where a string or a list of strings is due",
        "r.json:8:40: error[bad-resource]: statements[5].Resource: `111111111111` is an account, not an organizational unit",
        "r.json:8:73: error[bad-permission-set]: statements[5].PermissionSet: `a b` is not a permission set name",
        "r.json:9:45: error[bad-resource]: statements[6].Resource: `١١١١١١١١١١١١` is not an account id",
        "r.json:9:78: error[bad-permission-set]: statements[6].PermissionSet: `` is not a permission set name",
        "r.json:11:20: error[bad-email]: statements[7].Approvers: `bob` has no `@`",
        "r.json:11:43: error[bad-email]: statements[7].Approvers: `*` has a `*`, and there are no wildcards for people",
        "r.json:11:48: error[bad-email]: statements[7].Approvers: `` is empty",
        "r.json:11:74: error[bad-flag]: statements[7].AllowSelfApproval: `yes` is not a flag",
        "r.json:12:31: error[bad-flag]: statements[7].ApprovalIsNotRequired: `1` is not a flag",
        "r.json:12:49: error[bad-duration]: statements[7].MaxDuration: `01:60` is not a duration",
        "r.json:12:58: error[unknown-field]: statements[7].AllowSelfAproval: `AllowSelfAproval` is not a known key",
        "r.json:13:85: error[bad-type]: statements[8].Approvers: null where a string or a list of strings is due",
        "r.json:14:12: error[bad-id]: statements[8].Id: `S_1` is not a rule id",
        "r.json:14:35: error[bad-number]: statements[8].MinApprovals: `6` is not a whole number from 1 to 5",
        "r.json:14:54: error[bad-channel]: statements[8].SlackChannel: `#access` is not a Slack channel id",
        "r.json:14:80: error[bad-duration]: statements[8].MaxDuration: a duration of no time at all",
        "r.json:16:83: error[duplicate-key]: statements[10].Id: `Id` is given twice",
        "r.json:17:5: error[bad-type]: statements[11]: a statement is an object, not a number",
        "r.json:20:18: error[bad-resource]: group_statements[0].Resource: `*` is not possible for groups",
        "r.json:20:23: error[unknown-field]: group_statements[0].PermissionSet: `PermissionSet` is not a known key",
        "r.json:21:5: error[missing-field]: group_statements[1].Resource: `Resource` is missing",
        "r.json:21:6: error[unknown-field]: group_statements[1].resource: `resource` is not a known key",
        "r.json:21:76: error[bad-resource]: group_statements[1].AllowedGroups: `oncall` is not a group id",
        "r.json:22:5: error[duplicate-id]: group_statements[2]: another rule, at 15:5, is named `s11` too",
        "r.json:24:3: error[unknown-field]: statments: `statments` is not a known key",
    ];
    let found = findings("r.json", BROKEN);
    assert_eq!(
        found.len(),
        expected.len(),
        "{:#?}",
        &found[expected.len().min(found.len())..]
    );
}

#[test]
fn unknown_keys_come_with_the_key_that_was_meant() {
    let help = |key: &str| {
        let text = format!(
            r#"[{{"ResourceType": "Account", "Resource": "*", "PermissionSet": "*", "{key}": true}}]"#
        );
        let errors = load(&RuleFile::new("r.json", text)).unwrap_err();
        errors[0].help.clone().unwrap()
    };
    for (key, near) in [
        ("AllowSelfAproval", "AllowSelfApproval"),
        ("allow_self_approval", "AllowSelfApproval"),
        ("approvers", "Approvers"),
        ("ApprovalNotRequired", "ApprovalIsNotRequired"),
        ("ApproverGroup", "ApproverGroups"),
        ("Permissionset", "PermissionSet"),
    ] {
        assert_eq!(help(key), format!("did you mean `{near}`?"), "{key}");
    }
    assert!(help("Colour").starts_with("known here: ResourceType"));
}

fn of_fields(rows: &[(String, &str)]) {
    for (fields, expected) in rows {
        let text = format!(r#"[{{"ResourceType": "Account", {fields}}}]"#);
        assert_eq!(codes("r.json", &text).join(" "), *expected, "{fields}");
    }
}

#[test]
fn forms_of_fields_give_their_codes() {
    let rest = r#""Resource": "*", "PermissionSet": "*""#;
    of_fields(&[
        (rest.to_owned(), ""),
        (r#""Resource": [], "PermissionSet": []"#.to_owned(), ""),
        (
            r#""Resource": ["*", "111111111111"], "PermissionSet": ["*", "A"]"#.to_owned(),
            "",
        ),
        (
            format!(r#"{rest}, "AllowSelfApproval": null, "ApprovalIsNotRequired": "FALSE""#),
            "",
        ),
        (format!(r#"{rest}, "AllowSelfApproval": "on""#), "bad-flag"),
        (format!(r#"{rest}, "AllowSelfApproval": []"#), "bad-flag"),
        (format!(r#"{rest}, "AllowSelfApproval": 0"#), "bad-flag"),
        (format!(r#"{rest}, "Approvers": "Bob <bob@corp.com>""#), ""),
        (format!(r#"{rest}, "Approvers": " bob@corp.com ""#), ""),
        (
            format!(r#"{rest}, "Approvers": "bob@corp.test""#),
            "bad-email",
        ),
        (
            format!(r#"{rest}, "Approvers": [["bob@corp.com"]]"#),
            "bad-type",
        ),
        (
            format!(r#"{rest}, "Approvers": [null, 1]"#),
            "bad-type bad-type",
        ),
        (format!(r#"{rest}, "MaxDuration": "24:00""#), ""),
        (format!(r#"{rest}, "MaxDuration": "4h""#), "bad-duration"),
        (format!(r#"{rest}, "MaxDuration": 4"#), "bad-type"),
        (format!(r#"{rest}, "MinApprovals": 5"#), ""),
        (format!(r#"{rest}, "MinApprovals": 0"#), "bad-number"),
        (format!(r#"{rest}, "MinApprovals": "2""#), "bad-type"),
        (format!(r#"{rest}, "MinApprovals": 1.5"#), "bad-number"),
        (format!(r#"{rest}, "Id": """#), "bad-id"),
        (format!(r#"{rest}, "BreakGlass": null"#), "bad-type"),
        (format!(r#"{rest}, "ApproversToNotify": []"#), ""),
    ]);
}

#[test]
fn forms_of_targets_give_their_codes() {
    of_fields(&[
        (
            r#""Resource": null, "PermissionSet": "*""#.to_owned(),
            "bad-type",
        ),
        (
            r#""Resource": "11111111111", "PermissionSet": "*""#.to_owned(),
            "bad-resource",
        ),
        (
            r#""Resource": "111111111111 ", "PermissionSet": "*""#.to_owned(),
            "bad-resource",
        ),
        (
            r#""Resource": "*", "PermissionSet": "A\nB""#.to_owned(),
            "bad-permission-set",
        ),
        (
            r#""Resource": "*", "PermissionSet": "Ünlü""#.to_owned(),
            "bad-permission-set",
        ),
        (
            format!(r#""Resource": "*", "PermissionSet": "{}""#, "x".repeat(33)),
            "bad-permission-set",
        ),
    ]);
}

#[test]
fn a_resource_type_means_nothing_for_groups() {
    let group = |key: &str| {
        format!(
            r#"{{"group_statements": [{{"Resource": "99999999-8888-7777-6666-555555555555", "Approvers": ["a@corp.com", "b@corp.com"], "{key}": "OU"}}]}}"#
        )
    };
    let loaded = load(&RuleFile::new("r.json", group("ResourceType"))).unwrap();
    let warnings: Vec<&str> = loaded.warnings.iter().map(|w| w.code.as_str()).collect();
    assert_eq!(warnings, ["ignored-setting"]);
    assert_eq!(codes("r.json", &group("PermissionSet")), ["unknown-field"]);
}

#[test]
fn units_have_four_forms() {
    for (resource, fits) in [
        ("ou-ab12-34cd56ef", true),
        ("r-ab12", true),
        ("Root/Prod/Payments", true),
        ("Workloads/Prod", true),
        ("*", true),
        ("ou-ab12", false),
        ("ou-ab-34cd56ef", false),
        ("r-1", false),
        ("Root/", false),
        ("/Prod", false),
        ("Root//Prod", false),
        ("Root/Prod*", false),
        ("", false),
    ] {
        let text = format!(
            r#"[{{"ResourceType": "OU", "Resource": "{resource}", "PermissionSet": "*"}}]"#
        );
        let expected: &[&str] = if fits { &[] } else { &["bad-resource"] };
        assert_eq!(codes("r.json", &text), expected, "{resource}");
    }
}

#[test]
fn broken_texts_name_the_place() {
    for (name, text, expected) in [
        (
            "r.json",
            "",
            "r.json:1:1: error[bad-syntax]: the text ends where a value is due",
        ),
        (
            "r.json",
            "{\"statements\": [}",
            "r.json:1:17: error[bad-syntax]: `}` stands where a value is due",
        ),
        (
            "r.json",
            "[\n  nil]",
            "r.json:2:3: error[bad-syntax]: `nil` is not a value",
        ),
        (
            "r.json",
            "[] []",
            "r.json:1:4: error[bad-syntax]: `[` stands where the end of the text is due",
        ),
        (
            "r.json",
            "[\"\u{1}\"]",
            "r.json:1:3: error[bad-character]: a character that is not shown: U+0001",
        ),
        (
            "r.json",
            "[\"\t\"]",
            "r.json:1:3: error[bad-syntax]: `\\t` stands where `\"` at the end of the string is due",
        ),
        (
            "r.json",
            "[01]",
            "r.json:1:3: error[bad-syntax]: `1` stands where the end of the number is due",
        ),
        (
            "r.json",
            "7",
            "r.json:1:1: error[bad-type]: a rule file holds an object or a list, not a number",
        ),
        (
            "r.json",
            "{\"statements\": {}}",
            "r.json:1:16: error[bad-type]: statements: an object where a list of statements is due",
        ),
        (
            "r.toml",
            "a = [\n",
            "r.toml:1:6: error[bad-syntax]: unclosed array, expected `]`",
        ),
        (
            "r.yaml",
            "rule: [\n",
            "r.yaml:1:7: error[bad-syntax]: unclosed bracket '['",
        ),
    ] {
        let found = findings(name, text);
        assert_eq!(found.first().map(String::as_str), Some(expected), "{text}");
    }
    let deep = "[".repeat(100);
    assert_eq!(codes("r.json", &deep), ["too-deep"]);
    let long = format!("[{}]", " ".repeat(1 << 20));
    assert_eq!(codes("r.json", &long), ["too-large"]);
    assert!(RuleFile::from_bytes("r.json", &[0xff]).is_err());
}

#[test]
fn hcl_lists_are_read_with_places() {
    let text = r#"
slack_channel_id = "C0123"
config = [
  # two accounts
  { "ResourceType" : "Account", "Resource" : ["111111111111"], "PermissionSet" : "*",
    "Approvers" : ["bob@corp.com"], "AllowSelfApproval" : true },
  {
    ResourceType  = "Account"
    Resource      = "*"
    PermissionSet = "Billing"
    Approvers     = "finances@corp.com"
  },
]
group_config = [
  { Resource = ["99999999-8888-7777-6666-555555555555"], ApprovalIsNotRequired = true },
]
"#;
    let loaded = load(&RuleFile::new("terraform.tfvars", text)).unwrap();
    let ids: Vec<String> = loaded
        .rules
        .rules()
        .map(|rule| format!("{} {} {}", rule.id, rule.list, rule.position))
        .collect();
    assert_eq!(
        ids,
        ["s1 config 5:3", "s2 config 7:3", "g1 group_config 15:3"]
    );
    assert_eq!(loaded.warnings[0].code.as_str(), "ignored-setting");
    let module =
        "module \"elevator\" {\n  source = \"x\"\n  config = [{ Resource = var.account }]\n}\n";
    assert_eq!(
        findings("main.tf", module),
        [
            "main.tf:3:26: error[computed-value]: config[0]: `var.account` is a value that only Terraform knows"
        ]
    );
}

#[test]
fn yaml_says_the_same_as_json() {
    let yaml = "statements:\n  - ResourceType: Account\n    Resource: ['111111111111']\n    PermissionSet: \"*\"\n    Approvers: &people [bob@corp.com]\n  - ResourceType: Account\n    Resource: 111111111111\n    PermissionSet: Admin\n    Approvers: *people\n";
    assert_eq!(
        findings("r.yaml", yaml),
        [
            "r.yaml:7:15: error[bad-type]: statements[1].Resource: a number where a string or a list of strings is due"
        ]
    );
    let duplicate = "statements: []\nstatements: []\n";
    assert_eq!(codes("r.yaml", duplicate), ["duplicate-key"]);
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    assert_eq!(codes("r.yaml", bomb), ["too-large"]);
    let long = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(100_000),
        "*a,".repeat(10_000)
    );
    assert_eq!(codes("r.yaml", &long), ["too-large"]);
}

#[test]
fn values_nest_as_deep_as_is_read_and_no_deeper() {
    let nested = |levels: usize, open: &str, close: &str| {
        format!("{}1{}", open.repeat(levels), close.repeat(levels))
    };
    // 64 nested lists and maps in JSON; elsewhere the innermost content counts too
    for (name, before, open, close, most) in [
        ("r.json", "", "[", "]", 64),
        ("r.json", "", r#"{"a":"#, "}", 64),
        ("r.yaml", "", "[", "]", 63),
        ("r.yaml", "", "{a: ", "}", 63),
        ("r.tf", "config = ", "[", "]", 63),
        ("r.tf", "config = ", "{a = ", "}", 63),
        ("r.tf", "config = ", "(", ")", 63),
    ] {
        for (levels, wanted) in [(most - 1, false), (most, false), (most + 1, true)] {
            let found = codes(name, &format!("{before}{}\n", nested(levels, open, close)));
            let is_too_deep = found.iter().any(|code| code == "too-deep");
            assert_eq!(
                is_too_deep, wanted,
                "{name}, {levels} of `{open}`: {found:?}"
            );
        }
    }
}
