//! Nothing in a rule file is skipped silently: it is in the rules or a finding.

use std::fmt::Write as _;

use hallpass_rules::{FindingCode, Loaded, RuleFile, Severity, load};

use crate::world::rules;

/// Findings one per line, after loaded rules.
fn told(name: &str, text: &str) -> Vec<String> {
    let line = |finding: &hallpass_rules::Diagnostic| {
        let text = finding.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    };
    match load(&RuleFile::new(name, text)) {
        Ok(Loaded { rules, warnings }) => {
            let ids: Vec<String> = rules.rules().map(|rule| rule.id.to_string()).collect();
            let loaded = format!("loaded {}", ids.join(" "));
            [loaded]
                .into_iter()
                .chain(warnings.iter().map(line))
                .collect()
        }
        Err(errors) => errors.iter().map(line).collect(),
    }
}

fn check(name: &str, rows: &[(&str, &[&str])]) {
    let wrong: Vec<String> = rows
        .iter()
        .map(|(text, expected)| (text, told(name, text), expected))
        .filter(|(_, found, expected)| found != *expected)
        .map(|(text, found, expected)| format!("{text}\n  told {found:#?}\n  want {expected:#?}"))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

const STATEMENT: &str = r#"{ ResourceType = "Account", Resource = "*", PermissionSet = "Admin", Approvers = ["a@corp.com", "b@corp.com"] }"#;

#[test]
fn every_module_of_an_hcl_file_is_read() {
    let text = format!(
        "module \"one\" {{\n  source = \"fivexl/sso-elevator/aws\"\n  config = [{STATEMENT}]\n}}\n\
         module \"two\" {{\n  config = [{}, {}]\n  group_config = [{{ Resource = \"99999999-8888-7777-6666-555555555555\", ApprovalIsNotRequired = true }}]\n}}\n",
        STATEMENT.replace("Admin", "ReadOnly"),
        STATEMENT.replace("Admin", "Billing"),
    );
    assert_eq!(
        told("main.tf", &text),
        [
            "loaded s1 s2 s3 g1",
            "main.tf:1:1: warning[several-modules]: the rules of 2 modules are read as one set: `one`, `two`",
            "main.tf:2:3: warning[ignored-setting]: module `one`: `source` holds no rules and is passed over",
        ]
    );
    let places: Vec<String> = rules("main.tf", &text)
        .rules()
        .map(|rule| {
            format!(
                "{} {}[{}] {}",
                rule.id, rule.list, rule.index, rule.position
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            "s1 config[0] 3:13",
            "s2 config[0] 6:13",
            "s3 config[1] 6:129",
            "g1 group_config[0] 7:19"
        ]
    );
}

const MODULES: &[(&str, &[&str])] = &[
    (
        "module \"e\" {\n  config = []\n  config = []\n}",
        &[
            "m.tf:3:3: error[duplicate-key]: invalid attribute; expected unique attribute key; found redefined attribute",
        ],
    ),
    (
        "module \"e\" {\n  config = []\n}\nmodule \"e\" {\n  config = []\n}",
        &["m.tf:4:1: error[duplicate-key]: `module.e` is given twice"],
    ),
    (
        "module \"e\" {\n  count = 0\n  config = []\n}",
        &[
            "m.tf:2:3: error[computed-value]: whether the rules of module `e` apply depends on `count`",
        ],
    ),
    (
        "module \"e\" {\n  for_each = toset([\"a\"])\n  config = []\n}",
        &[
            "m.tf:2:3: error[computed-value]: whether the rules of module `e` apply depends on `for_each`",
        ],
    ),
    (
        "module \"e\" {\n  config {\n    Resource = \"*\"\n  }\n}",
        &["m.tf:2:3: error[bad-syntax]: `config` is a block where a list is due"],
    ),
    (
        "module \"e\" {\n  source = \"git::https://example.com/sso-elevator.git\"\n  confg = []\n}",
        &["m.tf:3:3: error[unknown-field]: `confg` is not a known key"],
    ),
    (
        "module \"e\" {\n  config = []\n  GroupConfig = []\n}",
        &["m.tf:3:3: error[unknown-field]: `GroupConfig` is not a known key"],
    ),
    (
        "module \"vpc\" {\n  configs = {}\n}\nmodule \"e\" {\n  config = []\n  version = \"5.0\"\n}\nresource \"a\" \"b\" {\n}\n",
        &[
            "loaded ",
            "m.tf:2:3: warning[ignored-setting]: module `vpc`: `configs` holds no rules and is passed over",
            "m.tf:5:12: warning[no-rules]: no rules: a server with this file refuses every request",
            "m.tf:6:3: warning[ignored-setting]: module `e`: `version` holds no rules and is passed over",
            "m.tf:8:1: warning[ignored-setting]: `resource \"a\" \"b\"` holds no rules and is passed over",
        ],
    ),
    (
        "module \"e\" {\n  config = { a = 1 }\n}",
        &["m.tf:2:12: error[bad-type]: config: an object where a list of statements is due"],
    ),
    (
        "variable \"config\" {\n  default = [{ Resource = \"*\" }]\n}",
        &[
            "m.tf:1:1: error[no-rules]: no rules: a server with this file refuses every request",
            "m.tf:1:1: warning[ignored-setting]",
        ],
    ),
];

#[test]
fn what_a_module_says_twice_or_not_surely_is_refused() {
    let (last, rows) = MODULES.split_last().unwrap();
    check("m.tf", rows);
    assert_eq!(told("m.tf", last.0), last.1[..1]);
}

const VALUES: &[(&str, &[&str])] = &[
    (
        "var.rules",
        &["error[computed-value]: `var.rules` is a value that only Terraform knows"],
    ),
    (
        "[{ Resource = data.x.y.id }]",
        &["error[computed-value]: config[0]: `data.x.y.id` is a value that only Terraform knows"],
    ),
    (
        "[for a in local.all : {}]",
        &[
            "error[computed-value]: a `for` expression: a value that Terraform would have to compute",
        ],
    ),
    (
        "[{ Resource = true ? \"*\" : \"1\" }]",
        &[
            "error[computed-value]: config[0]: a condition: a value that Terraform would have to compute",
        ],
    ),
    (
        "jsondecode(file(\"rules.json\"))",
        &[
            "error[computed-value]: the function `jsondecode`: a value that Terraform would have to compute",
        ],
    ),
    (
        "concat(local.lists...)",
        &[
            "error[computed-value]: the function `concat`: a value that Terraform would have to compute",
        ],
    ),
    (
        "concat([], \"a\")",
        &[
            "error[computed-value]: an argument that is not a list: a value that Terraform would have to compute",
        ],
    ),
    (
        "[{ Resource = \"1${var.x}\" }]",
        &["error[computed-value]: config[0]: `var.x` is a value that only Terraform knows"],
    ),
    (
        "[{ Resource = \"%{ if true }1%{ endif }\" }]",
        &[
            "error[computed-value]: config[0]: a template: a value that Terraform would have to compute",
        ],
    ),
    (
        "[{ Resource = <<EOT\n*\nEOT\n }]",
        &[
            "error[computed-value]: config[0]: a heredoc: a value that Terraform would have to compute",
        ],
    ),
    (
        "[{ Resource = Account }]",
        &["error[computed-value]: config[0]: `Account` stands without quotes"],
    ),
    (
        "[{ MinApprovals = 1 + 1 }]",
        &[
            "error[computed-value]: config[0]: a calculation: a value that Terraform would have to compute",
        ],
    ),
    (
        "[{ (var.key) = \"*\" }]",
        &["error[computed-value]: config[0]: `var.key` is a value that only Terraform knows"],
    ),
    (
        "[{ (null) = 1 }]",
        &["error[computed-value]: config[0]: a key: a value that Terraform would have to compute"],
    ),
    (
        "[{ Resource = \"1${null}\" }]",
        &[
            "error[computed-value]: config[0]: a part of a text that is not text: a value that Terraform would have to compute",
        ],
    ),
    (
        "[{ \"Resource\" = \"*\", Resource = \"1\" }]",
        &[
            "error[missing-field]: config[0].ResourceType: `ResourceType` is missing",
            "error[missing-field]: config[0].PermissionSet: `PermissionSet` is missing",
            "error[duplicate-key]: config[0].Resource: `Resource` is given twice",
        ],
    ),
    (
        "local.none",
        &["error[computed-value]: `local.none` is not set in this file"],
    ),
    (
        "local.loop",
        &["error[computed-value]: `local.loop` refers to itself"],
    ),
    (
        "local.two.b",
        &["error[computed-value]: `local.two.b` is a value that only Terraform knows"],
    ),
    (
        "local.all[*].id",
        &["error[computed-value]: `local.all[*].id` is a value that only Terraform knows"],
    ),
    (
        "[{ Resource = \"a\nb\" }]",
        &["error[bad-syntax]: config[0]: a quoted text that continues after the end of its line"],
    ),
    (
        "[{ Resource = \"*\" } { Resource = \"1\" }]",
        &["error[bad-syntax]"],
    ),
    ("[] /* and", &["error[bad-syntax]"]),
];

#[test]
fn what_terraform_would_compute_is_refused_with_its_place() {
    let mut wrong = Vec::new();
    for (value, expected) in VALUES {
        let text = format!(
            "locals {{\n  loop = local.loop\n  two = {{ a = 1 }}\n  all = []\n}}\nconfig = {value}\n"
        );
        let found: Vec<String> = told("m.tf", &text)
            .iter()
            .map(|line| {
                line.splitn(4, ':')
                    .skip(3)
                    .collect::<String>()
                    .trim()
                    .to_owned()
            })
            .collect();
        let fits = found.len() == expected.len()
            && found
                .iter()
                .zip(*expected)
                .all(|(found, want)| found.starts_with(want));
        if !fits {
            wrong.push(format!("{value}\n  told {found:#?}\n  want {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_of_the_same_file_are_followed() {
    let text = r#"
locals {
  admins   = ["a@corp.com", "b@corp.com"]
  accounts = { prod = "111111111111", dev = ["222222222222", "333333333333"] }
  prefix   = "Power"
  extra = [{
    ResourceType = "Account", Resource = local.accounts["dev"], PermissionSet = "${local.prefix}User", Approvers = local.admins
  }]
  unused = 1
}
locals {
  base = [{ ResourceType = "Account", Resource = [local.accounts.prod, local.accounts.dev[1]], PermissionSet = ("ReadOnly"), "Approvers" : "${local.admins}" }]
}
module "elevator" {
  config = concat(local.base, local.extra, [])
}
"#;
    assert_eq!(
        told("main.tf", text),
        [
            "loaded s1 s2",
            "main.tf:9:3: warning[ignored-setting]: `local.unused` holds no rules and is passed over"
        ]
    );
    let sentences: Vec<String> = rules("main.tf", text)
        .rules()
        .map(|rule| rule.sentence)
        .collect();
    assert_eq!(
        sentences,
        [
            "everyone may request ReadOnly in account 111111111111 or account 333333333333, approved by a@corp.com or b@corp.com",
            "everyone may request PowerUser in account 222222222222 or account 333333333333, approved by a@corp.com or b@corp.com",
        ]
    );
}

#[test]
fn terragrunt_inputs_are_read() {
    let text = format!(
        "terraform {{\n  source = \"tfr:///fivexl/sso-elevator/aws?version=5.0.0\"\n}}\ninputs = {{\n  region = \"eu-west-1\"\n  config = [{STATEMENT}]\n}}\n"
    );
    assert_eq!(
        told("terragrunt.hcl", &text),
        [
            "loaded s1",
            "terragrunt.hcl:1:1: warning[ignored-setting]: `terraform` holds no rules and is passed over",
            "terragrunt.hcl:5:3: warning[ignored-setting]: `inputs`: `region` holds no rules and is passed over",
        ]
    );
    let typo = text.replace("config =", "configs =");
    assert_eq!(
        told("terragrunt.hcl", &typo),
        ["terragrunt.hcl:6:3: error[unknown-field]: `configs` is not a known key"]
    );
}

#[test]
fn locals_cannot_be_multiplied_without_end() {
    let mut text =
        "locals {\n  a0 = [\"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\", \"x\"]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        let eight = vec![format!("local.a{below}"); 8].join(", ");
        let _ = writeln!(text, "  a{level} = concat({eight})");
    }
    text.push_str("}\nconfig = local.a11\n");
    let found = load(&RuleFile::new("m.tf", text)).unwrap_err();
    assert!(
        found
            .iter()
            .any(|finding| finding.code == FindingCode::TooLarge),
        "{found:#?}"
    );
}

#[test]
fn yaml_passes_nothing_over() {
    check(
        "r.yaml",
        &[
            (
                "rule: []\n---\nrule: []\n",
                &["r.yaml:3:1: error[bad-syntax]: a second document in the text"],
            ),
            (
                "rule: []\n...\nrest\n",
                &["r.yaml:3:1: error[bad-syntax]: a second document in the text"],
            ),
            (
                "rule:\n  - &base\n    accounts: '*'\n    permission_sets: '*'\n  - <<: *base\n    groups: a\n",
                &["r.yaml:5:5: error[bad-syntax]: merge keys are not read"],
            ),
            (
                "rule:\n  - accounts: ['*', !*-prod]\n    permission_sets: '*'\n",
                &[
                    "r.yaml:2:21: error[bad-syntax]: `!*-prod` is a tag in YAML, and tags are not read",
                ],
            ),
            (
                "rule:\n  - accounts: ['*']\n    permission_sets: !!binary abc\n",
                &[
                    "r.yaml:3:22: error[bad-syntax]: `!!binary` is a tag in YAML, and tags are not read",
                ],
            ),
            (
                "rule: !!set {a}\n",
                &["r.yaml:1:7: error[bad-syntax]: `!!set` is a tag in YAML, and tags are not read"],
            ),
            (
                "%YAML 1.1\n---\nrule: []\n",
                &["r.yaml:2:1: error[bad-syntax]: YAML 1.1"],
            ),
            (
                "? [a]\n: b\n",
                &["r.yaml:1:3: error[bad-syntax]: a key that is not text"],
            ),
            (
                "rule: []\nrule: []\n",
                &["r.yaml:2:1: error[duplicate-key]: rule: `rule` is given twice"],
            ),
            (
                "rule:\n  - accounts: 012345678901\n    permission_sets: '*'\n",
                &[
                    "r.yaml:2:15: error[bad-type]: rule[0].accounts: a number where a string or a list of strings is due",
                ],
            ),
            (
                "rule:\n  - groups: oncall\n    approval_is_not_required: yes\n",
                &[
                    "r.yaml:3:31: error[bad-flag]: rule[0].approval_is_not_required: `yes` is not a flag",
                ],
            ),
            (
                "rule: !!seq\n  - !!map\n    groups: !!str oncall\n    ? !!str approvers\n    : [a@corp.com, b@corp.com]\n",
                &["loaded r1"],
            ),
        ],
    );
}

#[test]
fn toml_passes_nothing_over() {
    check(
        "r.toml",
        &[
            (
                "[[rule]]\ngroups = 'a'\n[[rule]]\ngroups = 'b'\n[rule]\n",
                &[
                    "r.toml:5:1: error[bad-type]: rule: an object where a list is due",
                    "r.toml:5:2: error[duplicate-key]: duplicate key",
                ],
            ),
            (
                "[rule]\ngroups = 'a'\n",
                &["r.toml:1:1: error[bad-type]: rule: an object where a list is due"],
            ),
            (
                "[[Rule]]\ngroups = 'a'\n",
                &["r.toml:1:3: error[unknown-field]: Rule: `Rule` is not a known key"],
            ),
            (
                "[[rule]]\ngroups = 'a'\nGroups = 'b'\n",
                &["r.toml:3:1: error[unknown-field]: rule[0].Groups: `Groups` is not a known key"],
            ),
            (
                "[[rule]]\nid = 'a'\ngroups = 'a'\n[[rule]]\nid = 'a'\ngroups = 'b'\n",
                &[
                    "r.toml:4:1: error[duplicate-id]: rule[1]: another rule, at 1:1, is named `a` too",
                ],
            ),
            (
                "[[rule]]\naccounts = '*'\npermission_sets = '*'\n[rule.account_tags]\nenv = 'prod'\napprovers = ['a@corp.com']\n",
                &[
                    "loaded r1",
                    "r.toml:1:1: warning[nobody-can-approve]: rule[0]: no one can approve permission sets in every account, and no rule waives approval",
                    "r.toml:6:1: warning[tag-like-key]: rule[0].account_tags: `approvers` is read as the name of a tag",
                ],
            ),
            (
                "[[rule]]\ngroups = 'a'\nmin_approvals = 0x2\n",
                &[
                    "r.toml:3:17: error[bad-number]: rule[0].min_approvals: `0x2` is not a whole number from 1 to 5",
                ],
            ),
            (
                "[[rule]]\ngroups = 'a'\narmed_ends = 'off'\n",
                &[
                    "r.toml:3:14: error[bad-type]: rule[0].armed_ends: `off` is neither `preferred` nor `required`",
                ],
            ),
            (
                "[[rule]]\ngroups = 'a'\nstages = [{ approvers = [] }]\n",
                &["r.toml:3:11: error[bad-stage]: rule[0].stages: a stage that no one can approve"],
            ),
            (
                "[[rule]]\ngroups = 'a'\n[[test]]\nrequester = 'a@corp.com'\ngroup = 'a'\nou = 'Prod'\nexpect = 'NoApprovers'\nclick = 'a@corp.com'\n",
                &[
                    "r.toml:6:6: error[bad-test]: test[0].ou: the place of an account does not apply to a group",
                    "r.toml:8:9: error[bad-test]: test[0].click: `click` without `permit`, which would be tested",
                ],
            ),
            (
                "statements = []\n[[rule]]\ngroups = 'a'\n",
                &["r.toml:1:1: error[unknown-field]: statements: `statements` is not a known key"],
            ),
        ],
    );
}

#[test]
fn json_passes_nothing_over() {
    check(
        "r.json",
        &[
            (
                "[] []",
                &["r.json:1:4: error[bad-syntax]: `[` stands where the end of the text is due"],
            ),
            (
                "{\"Rule\": []}",
                &["r.json:1:2: error[unknown-field]: Rule: `Rule` is not a known key"],
            ),
            (
                "{\"config\": [], \"Group_Config\": []}",
                &[
                    "r.json:1:16: error[unknown-field]: Group_Config: `Group_Config` is not a known key",
                ],
            ),
            (
                "{\"config\": [], \"\\u0063onfig\": []}",
                &["r.json:1:16: error[duplicate-key]: config: `config` is given twice"],
            ),
            (
                "{\"rule\": [{\"groups\": \"a\", \"min_approvals\": 1.5}]}",
                &[
                    "r.json:1:44: error[bad-number]: rule[0].min_approvals: `1.5` is not a whole number from 1 to 5",
                ],
            ),
        ],
    );
    let help = load(&RuleFile::new("r.json", "{\"Rule\": []}")).unwrap_err()[0]
        .help
        .clone();
    assert_eq!(help.as_deref(), Some("did you mean `rule`?"));
}

#[test]
fn hidden_characters_and_other_encodings_are_refused() {
    for name in ["r.toml", "r.yaml", "r.json", "r.tf"] {
        let text = "# \u{202e}]\"dorp-*!\"[\nrule\u{200b}\n";
        assert_eq!(
            told(name, text),
            [
                format!(
                    "{name}:1:3: error[bad-character]: a character that is not shown: U+202E (it turns the direction of the text)"
                ),
                format!(
                    "{name}:2:5: error[bad-character]: a character that is not shown: U+200B (a space of no width)"
                ),
            ]
        );
    }
    // a line end that only some programs recognize
    assert_eq!(
        told("r.tf", "# all of it\rconfig = []\n"),
        [
            "r.tf:1:12: error[bad-character]: a character that is not shown: U+000D (a carriage return alone)"
        ]
    );
    let with_mark = |marks: &str| {
        format!("{marks}[[rule]]\ngroups = 'a'\napprovers = ['a@corp.com', 'b@corp.com']\n")
    };
    assert_eq!(told("r.toml", &with_mark("\u{feff}")), ["loaded r1"]);
    assert_eq!(
        told("r.toml", &with_mark("\u{feff}\u{feff}")),
        [
            "r.toml:1:1: error[bad-character]: a character that is not shown: U+FEFF (a byte order mark)"
        ]
    );
    let utf16: Vec<u8> = "\u{feff}[[rule]]"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (bytes, expected) in [
        (
            utf16.as_slice(),
            "r.toml:1:1: error[bad-encoding]: the text is not UTF-8 at byte 0\n  help: it is UTF-16: save it as UTF-8",
        ),
        (
            b"a = 1\nb = '\xe9'\n".as_slice(),
            "r.toml:2:6: error[bad-encoding]: the text is not UTF-8 at byte 11\n  help: save the file as UTF-8",
        ),
    ] {
        let found = RuleFile::from_bytes("r.toml", bytes).unwrap_err();
        assert_eq!(found[0].to_string(), expected);
    }
    let source = RuleFile::from_bytes("r.toml", &utf16[2..]).unwrap();
    assert_eq!(
        load(&source).unwrap_err()[0].code,
        FindingCode::BadCharacter
    );
}

#[test]
fn a_file_that_says_nothing_is_refused_and_one_that_says_none_is_told() {
    for (name, text) in [
        ("r.toml", ""),
        ("r.toml", "# [[rule]]\n"),
        (
            "r.toml",
            "[[test]]\nrequester = 'a@corp.com'\ngroup = 'a'\nexpect = 'NoStatements'\n",
        ),
        ("r.yaml", ""),
        ("r.yaml", "---\n"),
        ("r.json", "{}"),
        ("main.tf", ""),
        ("main.tf", "provider \"aws\" {\n}\n"),
        ("terraform.tfvars", "slack_channel_id = \"C1\"\n"),
    ] {
        let found = load(&RuleFile::new(name, text)).expect_err(text);
        let codes: Vec<FindingCode> = found.iter().map(|finding| finding.code).collect();
        let expected = if text == "---\n" {
            FindingCode::BadType
        } else {
            FindingCode::NoRules
        };
        assert_eq!(codes, [expected], "{name} {text:?}");
    }
    for (name, text) in [
        ("r.toml", "rule = []\n"),
        ("r.yaml", "rule: []\n"),
        ("r.json", "[]"),
        ("r.json", "{\"statements\": [], \"group_statements\": []}"),
        ("terraform.tfvars", "config = []\n"),
    ] {
        let loaded = load(&RuleFile::new(name, text)).expect(text);
        let codes: Vec<(Severity, FindingCode)> = loaded
            .warnings
            .iter()
            .map(|w| (w.severity, w.code))
            .collect();
        assert_eq!(
            codes,
            [(Severity::Warning, FindingCode::NoRules)],
            "{name} {text:?}"
        );
    }
}
