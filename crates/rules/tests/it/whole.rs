//! Generated files in all four syntaxes: every part of a loading file appears in its rules or a
//! finding. Names are unique, so that a lost one is noticed.

use std::fmt::Write as _;

use hallpass_rules::{Loaded, RuleFile, load};
use serde_json::{Map, Value, json};

use crate::oracle::draft::Chance;

pub(crate) fn told(loaded: &Loaded) -> String {
    let findings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    format!("{:?}\n{}", loaded.rules, findings.join("\n")).to_lowercase()
}

struct Names {
    chance: Chance,
    made: Vec<String>,
}

impl Names {
    fn one(&mut self) -> String {
        let name = format!("n{}n", self.made.len());
        self.made.push(name.clone());
        name
    }

    fn some(&mut self, most: usize, form: impl Fn(&str) -> String) -> Vec<Value> {
        let count = self.chance.below(most + 1);
        (0..count).map(|_| Value::from(form(&self.one()))).collect()
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.chance.percent(percent)
    }

    fn disturbed(&mut self, value: Value) -> Value {
        if !self.percent(1) {
            return value;
        }
        match self.chance.below(4) {
            0 => json!([value]),
            1 => json!({ self.one(): value }),
            2 => Value::from(self.one()),
            _ => json!(7),
        }
    }

    fn fields(&mut self, fields: Vec<(&str, Value)>) -> Value {
        let mut map = Map::new();
        for (key, value) in fields {
            let value = self.disturbed(value);
            map.insert(key.to_owned(), value);
        }
        if self.percent(2) {
            map.insert(self.one(), json!(1));
        }
        Value::Object(map)
    }
}

fn address(name: &str) -> String {
    format!("{name}@corp.com")
}

fn with_star(names: &mut Names, mut list: Vec<Value>) -> Value {
    if names.percent(20) {
        list.push(json!("*"));
    }
    if list.len() == 1 && names.percent(30) {
        return list.remove(0);
    }
    Value::from(list)
}

fn statement(names: &mut Names) -> Value {
    let units = names.some(2, |name| format!("Root/{name}"));
    let sets = names.some(2, str::to_owned);
    let approvers = names.some(3, address);
    let mut fields = vec![
        ("ResourceType", json!("OU")),
        ("Resource", with_star(names, units)),
        ("PermissionSet", with_star(names, sets)),
        ("Approvers", with_star_free(names, approvers)),
    ];
    if names.percent(40) {
        fields.push(("Id", Value::from(names.one())));
    }
    if names.percent(30) {
        fields.push(("AllowedUsers", Value::from(names.some(2, address))));
    }
    if names.percent(20) {
        fields.push(("BreakGlass", Value::from(names.some(2, address))));
    }
    if names.percent(20) {
        fields.push(("ApproversToNotify", Value::from(names.some(2, address))));
    }
    names.fields(fields)
}

fn with_star_free(names: &mut Names, mut list: Vec<Value>) -> Value {
    if list.len() == 1 && names.percent(30) {
        return list.remove(0);
    }
    Value::from(list)
}

fn rule(names: &mut Names) -> Value {
    let some = names.some(2, str::to_owned);
    let mut fields = vec![("approvers", Value::from(names.some(2, address)))];
    if names.percent(20) {
        fields.push(("groups", Value::from(some)));
    } else {
        let mut accounts = some;
        accounts.push(json!("*-x"));
        accounts.extend(names.some(1, |name| format!("!{name}-*")));
        fields.push(("accounts", with_star(names, accounts)));
        let sets = names.some(2, |name| format!("{name}*"));
        fields.push(("permission_sets", with_star(names, sets)));
        if names.percent(20) {
            fields.push(("except_ous", Value::from(names.some(2, str::to_owned))));
        }
        if names.percent(20) {
            let values = names.some(2, str::to_owned);
            fields.push(("account_tags", json!({ names.one(): values })));
        }
    }
    if names.percent(20) {
        fields.push(("allowed_groups", Value::from(names.some(2, str::to_owned))));
    }
    if names.percent(20) {
        fields.push(("reason_pattern", Value::from(names.one())));
    }
    if names.percent(20) {
        let approvers = Value::from(vec![address(&names.one())]);
        fields.push((
            "stages",
            json!([{ "name": names.one(), "approvers": approvers }]),
        ));
    }
    names.fields(fields)
}

fn test(names: &mut Names) -> Value {
    let members = json!({ names.one(): names.some(2, address) });
    let fields = vec![
        ("name", Value::from(names.one())),
        ("requester", Value::from(address(&names.one()))),
        ("group", Value::from(names.one())),
        ("members", members),
        ("expect", json!("NoStatements")),
    ];
    names.fields(fields)
}

fn several(names: &mut Names, most: usize, make: fn(&mut Names) -> Value) -> Vec<Value> {
    let count = 1 + names.chance.below(most);
    (0..count).map(|_| make(names)).collect()
}

fn native(names: &mut Names) -> Value {
    let rules = several(names, 3, rule);
    let tests = several(names, 2, test);
    names.fields(vec![
        ("rule", Value::from(rules)),
        ("test", Value::from(tests)),
    ])
}

fn hcl(names: &mut Names) -> String {
    let mut text = String::new();
    for module in 0..=names.chance.below(3) {
        let rules = Value::from(several(names, 2, statement));
        let (list, local) = (written(&rules), format!("rules{module}"));
        let list = match names.chance.below(4) {
            0 => {
                text += &locals(&local, &list);
                format!("local.{local}")
            }
            1 => {
                text += &locals(&local, &format!("{{ all = {list} }}"));
                format!("concat([], local.{local}[\"all\"])")
            }
            _ => list,
        };
        if names.percent(30) {
            text += &locals(&names.one(), "1");
        }
        if names.percent(30) {
            let (kind, name) = (names.one(), names.one());
            let _ = writeln!(text, "resource \"{kind}\" \"{name}\" {{\n}}");
        }
        let setting = names.one();
        let _ = writeln!(
            text,
            "module \"m{module}\" {{\n  {setting} = 1\n  config = {list}\n}}"
        );
    }
    text
}

fn locals(name: &str, value: &str) -> String {
    format!("locals {{\n  {name} = {value}\n}}\n")
}

fn written(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{key} = {}", written(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn check(file: &str, write: fn(&mut Names) -> String) {
    let (seed, files) = (11, 400);
    let mut names = Names {
        chance: Chance::new(seed),
        made: Vec::new(),
    };
    let mut loaded_files = 0;
    for number in 0..files {
        let before = names.made.len();
        let text = write(&mut names);
        match load(&RuleFile::new(file, text.clone())) {
            Err(errors) => assert!(!errors.is_empty()),
            Ok(loaded) => {
                loaded_files += 1;
                let told = told(&loaded);
                let mut written = names.made[before..].iter().filter(|n| text.contains(*n));
                let lost = written.find(|name| !told.contains(*name));
                assert!(
                    lost.is_none(),
                    "seed {seed} file {number}: {lost:?} is lost\n{text}"
                );
            }
        }
    }
    assert!(loaded_files > files / 4, "{loaded_files} of {files} load");
    assert!(loaded_files < files, "all files load");
}

#[test]
fn nothing_is_lost_in_json() {
    check("r.json", |names| native(names).to_string());
    check("r.json", |names| {
        let list = Value::from(several(names, 3, statement));
        names.fields(vec![("statements", list)]).to_string()
    });
}

#[test]
fn nothing_is_lost_in_toml() {
    check("r.toml", |names| toml::to_string(&native(names)).unwrap());
}

#[test]
fn nothing_is_lost_in_yaml() {
    check("r.yaml", |names| {
        serde_saphyr::to_string(&native(names)).unwrap()
    });
    check("r.yaml", |names| {
        let list = Value::from(several(names, 3, statement));
        let mut file = names.fields(vec![("config", list)]);
        file[names.one()] = json!({ "env": "prod" });
        serde_saphyr::to_string(&file).unwrap()
    });
}

#[test]
fn nothing_is_lost_in_hcl() {
    check("main.tf", hcl);
}
