//! Terraform folders with sso-elevator: results of expressions, and values only Terraform knows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hallpass_imports::elevator::{
    ElevatorOptions, ElevatorRefused, OtherValues, TerraformFolder, import_folder,
};
use hallpass_imports::{Imported, RowOutcome, SourceFile};
use serde_json::{Value, json};

fn source((name, text): &(&str, &str)) -> SourceFile {
    SourceFile {
        name: (*name).to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

/// Files named `.tfvars` are variable files in this order; others are for `file`.
fn folder(files: &[(&str, &str)]) -> Result<Imported, ElevatorRefused> {
    folder_with(files, Vec::new())
}

fn folder_with(
    files: &[(&str, &str)],
    not_taken: Vec<OtherValues>,
) -> Result<Imported, ElevatorRefused> {
    let ends = |name: &str, ending: &str| name.ends_with(ending);
    let is_value = |name: &str| ends(name, ".tfvars") || ends(name, ".tfvars.json");
    let is_file = |name: &str| ends(name, ".tf") || ends(name, ".tf.json");
    let others: BTreeMap<&str, &str> = { files.iter().copied() }
        .filter(|(name, _)| !is_value(name) && !is_file(name))
        .collect();
    let read = |path: &str| {
        let found = others.get(path).map(|text| text.as_bytes().to_vec());
        found.ok_or_else(|| "is not there".to_owned())
    };
    let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<SourceFile> {
        { files.iter() }
            .filter(|it| wanted(it.0))
            .map(source)
            .collect()
    };
    let folder = TerraformFolder {
        name: "infra".to_owned(),
        files: of(&is_file),
        values: of(&is_value),
        others: not_taken,
        read: &read,
    };
    import_folder(&folder, &ElevatorOptions::default())
}

fn statements(files: &[(&str, &str)]) -> Vec<Value> {
    let imported = folder(files).unwrap_or_else(|why| panic!("{files:?}: {why:?}"));
    let whole: Value = serde_json::from_str(&imported.text).unwrap();
    whole["statements"].as_array().unwrap().clone()
}

/// Problems of a folder, as `file:line: code: message`.
fn wrong(files: &[(&str, &str)]) -> String {
    let ElevatorRefused::Statements(errors) = folder(files).unwrap_err() else {
        panic!("{files:?}")
    };
    let mut told = String::new();
    for error in errors {
        let (file, line, code) = (&error.file, error.position.line, error.code);
        writeln!(told, "{file}:{line}: {code}: {}", error.message).unwrap();
    }
    told
}

const ONE: &str = r#"{ ResourceType = "Account", Resource = ["111111111111"], PermissionSet = "A", Approvers = ["bo@corp.com"] }"#;

fn sets(config: &str, more: &[(&str, &str)]) -> Value {
    let main = format!(
        "module \"e\" {{\n  source = \"fivexl/sso-elevator/aws\"\n  config = {config}\n}}\n\
         locals {{\n  one = {ONE}\n}}\n"
    );
    let mut files = vec![("main.tf", main.as_str())];
    files.extend_from_slice(more);
    let found = statements(&files);
    found.iter().map(|it| it["PermissionSet"].clone()).collect()
}

/// Expressions for `config`, and the resulting permission sets: in brackets the one of a single
/// statement.
const EXPRESSIONS: &str = r#"
[local.one] -> ["A"]
[for s in ["B", "A"] : merge(local.one, { PermissionSet = s })] -> ["B", "A"]
[for s in toset(["B", "A", "B"]) : merge(local.one, { PermissionSet = s })] -> ["A", "B"]
[for k, s in toset(["B"]) : merge(local.one, { PermissionSet = "${k}${s}" })] -> ["BB"]
[for i, s in ["B", "A"] : merge(local.one, { PermissionSet = s }) if i > 0] -> ["A"]
[for k, v in { z = "1", a = "2" } : merge(local.one, { PermissionSet = "${k}${v}" })] -> ["a2", "z1"]
values({ for s in ["B", "A"] : lower(s) => merge(local.one, { PermissionSet = s }) }) -> ["A", "B"]
[for g, all in { for s in ["x1", "y1", "x2"] : g(s) => s... } : local.one] -> the function `g`
[for g, all in { for s in ["x1", "y1", "x2"] : trimsuffix(trimsuffix(s, "1"), "2") => s... } : merge(local.one, { PermissionSet = join("-", all) })] -> ["x1-x2", "y1"]
flatten([[local.one], [[merge(local.one, { PermissionSet = "F" })]]]) -> ["A", "F"]
concat([local.one], tolist([local.one]), []) -> ["A", "A"]
jsondecode(file("${path.module}/rules/all.json")) -> ["J"]
yamldecode(file("./rules/all.yaml")) -> ["Y"]
jsondecode(file("rules/all.json"))[*] -> ["J"]
[<true ? "C" : aws_x.y.z>] -> ["C"]
[<false && aws_x.y.z == 1 ? "C" : "D">] -> ["D"]
[<try(local.one.Nothing, "T")>] -> ["T"]
[<can(local.one.Nothing) ? "T" : "U">] -> ["U"]
[<lookup({ a = "L" }, "a", "M")>] -> ["L"]
[<lookup({ a = "L" }, "b", "M")>] -> ["M"]
[<format("%s-%d", "P", 2 * 3 + 1)>] -> ["P-7"]
[<format("%s-%d%%", "P", 2)>] -> bad-permission-set
[<upper(element(["p", "q"], 3))>] -> ["Q"]
[<[{ n = "S" }][*].n>] -> [["S"]]
[<[{ n = "S" }].*.n[0]>] -> ["S"]
[<local.one["PermissionSet"]>] -> ["A"]
[<keys({ b = 1, a = 2 })>] -> [["a", "b"]]
[<keys(zipmap(["b", "a"], [1, 2]))>] -> [["a", "b"]]
[<sort(setunion(["Z"], ["B", "Z"]))>] -> [["B", "Z"]]
[<sort(setsubtract(["Z", "B"], ["Z"]))>] -> [["B"]]
[<sort(setintersection(["Z", "B"], ["Z"]))>] -> [["Z"]]
[<compact(["", "B", null])>] -> [["B"]]
[<distinct(["B", "A", "B"])>] -> [["B", "A"]]
[<slice(["B", "A", "C"], 1, 3)>] -> [["A", "C"]]
[<split(",", replace("B;A", ";", ","))>] -> [["B", "A"]]
[<coalesce("", null, "B")>] -> ["B"]
[<one(["B"])>] -> ["B"]
[<[for n in range(1, 3) : "R${n}"]>] -> [["R1", "R2"]]
[<length("abc") == 3 && contains(["x"], "x") ? "Y" : "N">] -> ["Y"]
[<"1" == 1 ? "Y" : "N">] -> ["N"]
[<"x ${~ "B" ~} y">] -> ["xBy"]
[<"$${B}" == "$${B}" ? "Y" : "N">] -> ["Y"]
[<trimspace("""
    H
  """)>] -> ["H"]
[<jsondecode(jsonencode({ a = ["<E>"] })).a[0] == "<E>" ? "E" : "N">] -> ["E"]
[<[] == "x" || {} == null ? "Y" : "N">] -> ["N"]
[<tobool("1") && !tobool("0") ? "Y" : "N">] -> ["Y"]
[<try(tonumber("prod-1"), 5) == 5 && !can(tonumber("")) ? "Y" : "N">] -> ["Y"]
[<try(tolist(null), ["N"]) == null ? "Y" : "N">] -> ["Y"]
[<format("%v-%v-%v", "x", 1, true)>] -> ["x-1-true"]
merge([{ a = local.one }, {}]...)["a"] != null ? [local.one] : [] -> ["A"]
[merge({ PermissionSet = aws_x.y.name }, local.one)] -> ["A"]
"#;

#[test]
fn expressions_come_to_what_terraform_makes_of_them() {
    let json = r#"[{"ResourceType": "Account", "Resource": "*", "PermissionSet": "J", "Approvers": "bo@corp.com"}]"#;
    let yaml =
        "- ResourceType: Account\n  Resource: '*'\n  PermissionSet: Y\n  Approvers: bo@corp.com\n";
    let more = [("rules/all.json", json), ("rules/all.yaml", yaml)];
    let rows = EXPRESSIONS.replace("\"\"\"\n    H\n  \"\"\"", "<<-EOT@    H@  EOT@");
    for row in rows.trim().lines() {
        let (config, expected) = row.rsplit_once(" -> ").unwrap();
        let single = { config.strip_prefix("[<") }.and_then(|it| it.strip_suffix(">]"));
        let config = single.map_or_else(
            || config.to_owned(),
            |set| format!("[merge(local.one, {{ PermissionSet = {set} }})]"),
        );
        let config = config.replace('@', "\n");
        if expected.starts_with('[') {
            let expected: Value = serde_json::from_str(expected).unwrap();
            assert_eq!(sets(&config, &more), expected, "{config}");
        } else {
            let main =
                format!("module \"e\" {{\n  config = {config}\n}}\nlocals {{\n  one = {ONE}\n}}\n");
            let told = wrong(&[("main.tf", &main)]);
            assert!(told.contains(expected), "{config}: {told}");
        }
    }
}

#[test]
fn values_of_variables_are_those_that_count_for_terraform() {
    let variable = |more: &str| format!("variable \"s\" {{\n{more}\n}}\n");
    let tfvars = ("terraform.tfvars", "s = \"T\"\n");
    let auto = ("b.auto.tfvars.json", "{\"s\": \"U\", \"//\": \"nothing\"}");
    let last = ("more.tfvars", "s = \"V\"\n");
    for (block, values, expected) in [
        (variable("default = \"D\""), vec![], json!("D")),
        (variable("default = \"D\""), vec![tfvars], json!("T")),
        (variable(""), vec![tfvars, auto], json!("U")),
        (variable(""), vec![tfvars, last], json!("V")),
        (variable(""), vec![auto, last], json!("V")),
        (
            variable("default = \"D\"\nnullable = false"),
            vec![("a.tfvars", "s = null\n")],
            json!("D"),
        ),
        (variable("type = string\ndefault = 7"), vec![], json!("7")),
        (
            variable("type = list(string)\ndefault = [\"B\", true]"),
            vec![],
            json!(["B", "true"]),
        ),
        (
            variable("type = set(string)"),
            vec![("a.tfvars", "s = [\"B\", \"A\", \"B\"]\n")],
            json!(["A", "B"]),
        ),
        (
            variable("type = tuple([string])\ndefault = [\"B\"]"),
            vec![],
            json!(["B"]),
        ),
    ] {
        let mut more = vec![("variables.tf", block.as_str())];
        more.extend(values);
        let found = sets("[merge(local.one, { PermissionSet = var.s })]", &more);
        assert_eq!(found, json!([expected]), "{block}");
    }
    // an object has exactly the attributes of its type, with their defaults
    let typed = "variable \"s\" {\n  type = list(object({\n    ResourceType = optional(string, \"Account\")\n    Resource = set(string)\n    \
                 PermissionSet = string\n    Approvers = optional(list(string))\n    MinApprovals = optional(number, 2)\n  }))\n}\n";
    let values = "s = [{ Resource = [\"222222222222\"], PermissionSet = \"A\", AllowSelfApproval = true, Approvers = [\"bo@corp.com\"] }]\n";
    let main = "module \"e\" {\n  config = [for s in var.s : { for k, v in s : k => v if v != null }]\n}\n";
    let found = statements(&[("main.tf", main), ("v.tf", typed), ("a.tfvars", values)]);
    let expected = json!({"Approvers": ["bo@corp.com"], "MinApprovals": 2, "PermissionSet": "A",
                          "Resource": ["222222222222"], "ResourceType": "Account"});
    assert_eq!(found, [expected]);
}

type GivenValues<'a> = (
    &'a [(&'a str, &'a str)],
    &'a [(&'a str, Option<&'a str>)],
    Vec<String>,
);

fn told_of_variables(values: &[(&str, &str)], others: &[(&str, Option<&str>)]) -> Vec<String> {
    let main = format!(
        "module \"e\" {{\n  source = \"fivexl/sso-elevator/aws\"\n  config = [merge({ONE}, {{ PermissionSet = var.set }})]\n  \
         max_permissions_duration_time = var.hours\n}}\n\
         variable \"set\" {{\n  default = \"A\"\n}}\nvariable \"hours\" {{\n  default = 4\n}}\n\
         variable \"unused\" {{\n  default = 1\n}}\n"
    );
    let mut files = vec![("main.tf", main.as_str())];
    files.extend_from_slice(values);
    let others = others.iter().map(|(name, text)| OtherValues {
        name: (*name).to_owned(),
        bytes: text.map(|it| it.as_bytes().to_vec()),
    });
    let report = folder_with(&files, others.collect()).unwrap().report;
    assert_eq!(report.cannot_be_said, 0, "{report:?}");
    let rows = report.rows.iter().filter(|row| row.table == "variables");
    let notes = rows.flat_map(|row| &row.notes);
    notes.map(ToString::to_string).collect()
}

/// Warns about variable files of other environments.
#[test]
fn values_that_terraform_may_be_given_from_elsewhere_are_told() {
    let by_default = |names: &str| {
        format!(
            "the default counts of {names}: values that Terraform has from elsewhere (`TF_VAR_…` of the environment, `-var`, \
             another file) are not read; write them to a file, and give it by `--var-file`"
        )
    };
    let not_taken = |file: &str, names: &str| {
        format!(
            "`{file}` is not taken, and has a value of {names}: where Terraform is given it, give it by `--var-file`"
        )
    };
    let all = ("all.tfvars", "set = \"B\"\nhours = 2\n");
    let automatic = ("terraform.tfvars", all.1);
    let production = ("production.tfvars", Some("set = \"C\"\nunused = 2\n"));
    let json = ("staging.tfvars.json", Some("{\"hours\": 9}"));
    let both = by_default("`hours`, `set`");
    let table: [GivenValues<'_>; 6] = [
        (&[], &[], vec![both.clone()]),
        (&[all], &[], vec![]),
        (&[all], &[production], vec![]),
        (
            &[automatic],
            &[production, json],
            vec![
                not_taken("production.tfvars", "`set`"),
                not_taken("staging.tfvars.json", "`hours`"),
            ],
        ),
        (
            &[],
            &[production, ("empty.tfvars", Some(""))],
            vec![not_taken("production.tfvars", "`set`"), both.clone()],
        ),
        (
            &[("set.tfvars", "set = \"B\"\n")],
            &[production],
            vec![by_default("`hours`")],
        ),
    ];
    for (values, others, expected) in table {
        let told = told_of_variables(values, others);
        assert_eq!(told, expected, "{values:?} {others:?}");
    }
    for unread in [("x.tfvars", Some("x = {\n")), ("x.tfvars", None)] {
        let told = told_of_variables(&[], &[unread]);
        assert!(
            told[0].starts_with("`x.tfvars` cannot be read, and may have values"),
            "{told:?}"
        );
        assert_eq!(told.len(), 2, "{told:?}");
    }
}

#[test]
fn json_is_read_as_terraform_reads_it() {
    let main = r#"{
        "//": "a comment",
        "locals": [{"approver": "bo@corp.com"}, {"sets": ["A", "B"]}],
        "variable": {"account": {"type": "string", "default": "${literal}"},
                     "more": {"type": "object({ n = optional(number, 3) })", "default": {}}},
        "module": {"e": {"source": "fivexl/sso-elevator/aws", "config": [
            {"ResourceType": "Account", "Resource": "${[\"111111111111\"]}", "PermissionSet": "${local.sets}",
             "Approvers": "${local.approver}", "MinApprovals": "${var.more.n}"}],
            "slack_channel_id": "C-${var.account}", "log_level": "$${x}"}}
    }"#;
    let values = ("terraform.tfvars", "account = \"9\"\n");
    let imported = folder(&[("main.tf.json", main), values]).unwrap();
    let whole: Value = serde_json::from_str(&imported.text).unwrap();
    let expected = json!({"ResourceType": "Account", "Resource": ["111111111111"], "PermissionSet": ["A", "B"],
                          "Approvers": "bo@corp.com", "MinApprovals": 3});
    assert_eq!(whole["statements"], json!([expected]));
    let lines = imported.report.configuration.iter();
    let lines: Vec<String> = lines
        .map(|it| format!("{} = {}", it.key, it.value))
        .collect();
    assert!(
        lines.contains(&"slack.channel = \"C-9\"".to_owned()),
        "{lines:?}"
    );
    assert!(wrong(&[("main.tf.json", "[1]")]).contains("an object is due"));
    assert!(wrong(&[("main.tf.json", "{\"module\"")]).starts_with("main.tf.json:1: bad-syntax"));
}

/// Expressions for `config` without a value here, and the messages.
const UNKNOWN: &str = r#"
[local.one, data.x.y] -> main.tf:2: computed-value: `data.x.y` is a value that only Terraform knows
[merge(local.one, { Resource = aws_x.y.id })] -> main.tf:2: computed-value: `aws_x.y.id` is
concat([local.one], var.more) -> main.tf:2: computed-value: `var.more` has no `variable` block
local.nothing -> main.tf:2: computed-value: `local.nothing` is not set
[for x in data.x.y : x] -> main.tf:2: computed-value: `data.x.y` is a value
local.one.Resource[3] -> there is no item at this place
[try(data.x.y, local.one)] -> `data.x.y` is a value that only Terraform knows
[try({ a = data.x.y }, local.one)] -> `data.x.y` is a value that only Terraform knows
regexall("a", "b") -> main.tf:2: computed-value: the function `regexall`
templatefile("x.tpl", {}) -> the function `templatefile`
["%{ if true }x%{ endif }"] -> main.tf:2: computed-value: a template with `%{`
"" -> main.tf:2: bad-type: `config` is a string where a list of statements is due
{ users = [] } -> `config` has the form of the first release: `users` is missing or no list of objects
{ a = 1 } -> where a list of statements is due
[merge(local.one, { Approvers = 010 })] -> main.tf:2: computed-value: a number that readers interpret differently
[merge(local.one, { Approvers = "no-address" })] -> main.tf:2: bad-email
[merge(local.one, { MinApprovals = 5 / 2 })] -> main.tf:2: computed-value: a number with a fraction
[{ a = 1, ("a") = 2 }] -> main.tf:2: duplicate-key
[] == [] ? [local.one] : [] -> main.tf:2: computed-value: lists or objects, which only Terraform compares
try({} == {}, true) ? [local.one] : [] -> lists or objects, which only Terraform compares
try(toset(["a"]) != ["a"], true) ? [] : [local.one] -> lists or objects, which only Terraform compares
contains([["a"]], ["a"]) ? [local.one] : [] -> lists or objects, which only Terraform compares
try(2.5 < 2, true) ? [local.one] : [] -> main.tf:2: computed-value: a number that is not whole
try(tonumber("1.5") * 2, 24) > 3 ? [local.one] : [] -> a number that is not whole
can(tonumber("007")) ? [] : [local.one] -> a number that is not whole
can(tonumber("-inf")) ? [] : [local.one] -> a number that is not whole
try(toset([1.5]), []) == null ? [] : [local.one] -> a number that is not whole
try(length("é"), 0) == 0 ? [local.one] : [] -> the length of a text that is not plain
try(length("a\r\n"), 3) == 3 ? [local.one] : [] -> the length of a text that is not plain
try(format("%v", ["x"]), "y") == "y" ? [local.one] : [] -> `%v` of something that only Terraform writes
try(alltrue([null]), true) ? [local.one] : [] -> `null`, whose meaning only Terraform knows
"#;

#[test]
fn what_only_terraform_knows_is_told_where_it_stands() {
    let main = "module \"e\" {\n  source = \"./sso-elevator\"\n  config = [local.one]\n  slack_channel_id = data.x.y.id\n\
                \n  max_permissions_duration_time = local.hours * 2\n  slack_bot_token = data.z.secret\n}\n";
    let locals = format!("locals {{\n  hours = 12\n  one = {ONE}\n}}\n");
    let imported = folder(&[("main.tf", main), ("locals.tf", &locals)]).unwrap();
    let rows = imported.report.rows.iter();
    let told: Vec<String> = rows
        .filter(|row| row.outcome == RowOutcome::CannotBeSaid || row.table == "statements")
        .map(|row| {
            let note = row
                .notes
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{}:{} {}: {note}", row.file, row.line.unwrap_or(0), row.id)
        })
        .collect();
    let due = [
        "locals.tf:3 s1: ",
        "main.tf:4 slack_channel_id: `data.x.y.id` is a value that only Terraform knows (main.tf:4): import the plan \
         (`terraform show -json`), or write the line by hand",
    ];
    assert_eq!(told, due);
    for row in UNKNOWN.trim().lines() {
        let (config, expected) = row.rsplit_once(" -> ").unwrap();
        let main = format!("module \"e\" {{\n  config = {config}\n}}\n");
        let told = wrong(&[("main.tf", &main), ("locals.tf", &locals)]);
        assert!(told.contains(expected), "{config}: {told}");
    }
}

/// Files of a folder (`;` ends a line, `CALL` is a module with a statement, without its `}`), and
/// the problem.
const FOLDERS: &str = r#"
main.tf: CALL count = 1;} -> fine
main.tf: CALL count = local.is_on ? 1 : 0;};locals {;is_on = true;} -> fine
main.tf: CALL depends_on = [aws_x.y];} -> fine
main.tf: CALL count = 0;} -> depends on `count`
main.tf: CALL count = data.x.y;} -> depends on `count`
main.tf: CALL for_each = toset(["a"]);} -> depends on `for_each`
main.tf: CALL group_config {;};} -> `group_config` is a block where a list is due
a.tf: locals {;x = 1;} | b.tf: CALL};locals {;x = 2;} -> b.tf:5: duplicate-key: `local.x`
a.tf: variable "x" {;} | b.tf: CALL};variable "x" {;} -> b.tf:4: duplicate-key: `var.x`
a.tf: CALL} | b.tf: module "e" {;source = "./x";} -> b.tf:1: duplicate-key: `module.e`
a.tf: locals {} -> no module of sso-elevator is called
a.tf: module "e" {;source = "fivexl/sso-elevator/aws";} -> is given no `config`
a.tf: CALL} | terraform.tfvars: x {;} -> terraform.tfvars:1: bad-syntax: `x` is a block
a.tf: CALL} | b.tf: locals { -> b.tf:1: bad-syntax
"#;

#[test]
fn a_folder_that_says_two_things_or_none_is_refused() {
    let call = format!("module \"e\" {{\n  config = [{ONE}]\n");
    for row in FOLDERS.trim().lines() {
        let (files, expected) = row.rsplit_once(" -> ").unwrap();
        let files = files.split(" | ").map(|file| {
            let (name, text) = file.split_once(": ").unwrap();
            (name, text.replace(';', "\n").replace("CALL", &call) + "\n")
        });
        let files: Vec<(&str, String)> = files.collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect();
        if expected == "fine" {
            assert_eq!(statements(&files).len(), 1, "{row}");
        } else {
            let told = wrong(&files);
            assert!(told.contains(expected), "{row}: {told}");
        }
    }
    let two = format!("{call}}}\n{}}}\n", call.replace("\"e\"", "\"f\""));
    let why = folder(&[("main.tf", &two)]).unwrap_err();
    let due = ElevatorRefused::Several(vec!["e".to_owned(), "f".to_owned()]);
    assert_eq!(why, due);
}

/// Malicious expressions for `config`, and the messages.
const HOSTILE: &str = r#"
local.c0 -> go deeper than 96
local.d0 -> steps to evaluate
local.t0 -> steps to evaluate
[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : a]]] -> steps to evaluate
range(1000000000) -> makes more than 1024 numbers
range(0, 10, 0) -> steps of 0
local.x -> refers to itself
local.z -> `local.z` refers to itself
[for n in range(1000) : replace(local.long, "a", local.long)] -> steps to evaluate
[join(local.long, [for n in range(1000) : local.long])] -> steps to evaluate
jsondecode(file("../secret.json")) -> is not below the folder
jsondecode(file("rules/../../secret.json")) -> is not below the folder
jsondecode(file("/etc/passwd")) -> is not below the folder
jsondecode(file("c:\\secret")) -> is not below the folder
jsondecode(file("${path.root}")) -> is not below the folder
jsondecode(file("none.json")) -> the file `none.json` is not there
jsondecode(file("twice.json")) -> the text is not JSON: a key is there twice
jsondecode(file("deep.json")) -> the text is not JSON: recursion limit
yamldecode(file("tag.yaml")) -> the text is not YAML that is read here
yamldecode(file("octal.yaml")) -> a number that readers interpret differently
"#;

#[test]
fn hostile_folders_end_soon_and_read_nothing_outside() {
    let mut locals = "locals {\n  c400 = 1\n  d22 = [1]\n  t22 = \"abcdefghijklmnop\"\n".to_owned();
    for n in 0..400 {
        writeln!(locals, "  c{n} = local.c{}", n + 1).unwrap();
    }
    for (n, m) in (0..22).zip(1..) {
        writeln!(locals, "  d{n} = [local.d{m}, local.d{m}]").unwrap();
        writeln!(locals, "  t{n} = \"${{local.t{m}}}${{local.t{m}}}\"").unwrap();
    }
    let long = "ab".repeat(20_000);
    writeln!(
        locals,
        "  x = local.y\n  y = [local.x]\n  z = local.z\n  long = \"{long}\"\n}}"
    )
    .unwrap();
    let deep = "[".repeat(10_000);
    let others = [
        ("locals.tf", locals.as_str()),
        ("twice.json", "{\"a\": 1, \"a\": 2}"),
        ("deep.json", &deep),
        ("tag.yaml", "!!x 1"),
        ("octal.yaml", "- 010\n"),
    ];
    let told = |config: &str| {
        let main = format!("module \"e\" {{\n  config = {config}\n}}\n");
        let mut files = vec![("main.tf", main.as_str())];
        files.extend_from_slice(&others);
        wrong(&files)
    };
    for row in HOSTILE.trim().lines() {
        let (config, expected) = row.rsplit_once(" -> ").unwrap();
        let told = told(config);
        assert!(told.contains(expected), "{config}: {told}");
    }
    for (open, close) in [("[", "]"), ("(", ")"), ("!", ""), ("{a=", "}"), ("f(", ")")] {
        let nested = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
        let told = told(&nested);
        assert!(told.contains("bad-syntax"), "{open}: {told}");
    }
}

#[test]
fn files_that_are_no_text_are_refused() {
    let told = |bytes: &[u8]| {
        let folder = TerraformFolder {
            name: "x".to_owned(),
            files: vec![SourceFile {
                name: "main.tf".to_owned(),
                bytes: bytes.to_vec(),
            }],
            values: Vec::new(),
            others: Vec::new(),
            read: &|_| Ok(vec![0xff, 0xfe]),
        };
        format!(
            "{:?}",
            import_folder(&folder, &ElevatorOptions::default()).unwrap_err()
        )
    };
    assert!(told(b"locals {\n  a = \"\xff\"\n}\n").contains("not UTF-8 at byte"));
    let main = b"module \"e\" {\n  config = jsondecode(file(\"x.json\"))\n}\n";
    assert!(told(main).contains("the file `x.json` is not UTF-8"));
}
