//! Fuzz targets for the rule parsers. See `hallpass_base::testing`.
//!
//! Inputs worth keeping are files in `__fuzz__/<name>/corpus/` and are always replayed. An input
//! that begins with `=` is plain text; others are edits of a file in `real/`.

use hallpass_base::{AccountId, Email, Timestamp};
use hallpass_rules::{Ask, Directory, Loaded, RuleFile, Syntax, cases, load};
use serde_json::Value;

use crate::{whole::told, world::directory};

const NATIVE: [&str; 2] = [
    include_str!("real/company.toml"),
    include_str!("real/mistakes.toml"),
];
const YAML: [&str; 2] = [
    include_str!("real/company.yaml"),
    include_str!("real/merged.yaml"),
];
const JSON: [&str; 3] = [
    include_str!("real/company.json"),
    include_str!("real/elevator.json"),
    include_str!("real/settings.tfvars.json"),
];
const HCL: [&str; 6] = [
    include_str!("real/single-module.tf"),
    include_str!("real/two-modules.tf"),
    include_str!("real/locals.tf"),
    include_str!("real/computed.tf"),
    include_str!("real/terraform.tfvars"),
    include_str!("real/terragrunt.hcl"),
];

/// Frequent syntax characters, so that edited text often stays valid.
const LETTERS: &[char] = &[
    '{', '}', '[', ']', '"', '\'', ',', ':', '=', '*', '!', '&', '#', '-', '|', '>', '<', '$', '%',
    '\n', ' ', '.', '0', 'a', 't', 'n', '\\', '/', '\t', '\r', '\u{feff}', 'é',
];

/// Applies edits to a sample; three input bytes are one edit: position (two) and change.
pub(crate) fn text(input: &[u8], samples: &[&str]) -> String {
    let Some((first, edits)) = input.split_first().filter(|(first, _)| **first != b'=') else {
        return String::from_utf8_lossy(input.get(1..).unwrap_or_default()).into_owned();
    };
    let sample = samples[usize::from(*first) % samples.len()];
    let mut letters: Vec<char> = sample.chars().collect();
    for edit in edits.chunks_exact(3).take(6) {
        let at = (usize::from(edit[0]) << 8 | usize::from(edit[1])) % letters.len();
        let letter = LETTERS[usize::from(edit[2] >> 3) % LETTERS.len()];
        match edit[2] % 8 {
            0 | 1 => letters[at] = letter,
            2 | 3 => letters.insert(at, letter),
            4 => {
                letters.remove(at);
            }
            5 => {
                let end = (at + usize::from(edit[2])).min(letters.len());
                letters.drain(at..end);
            }
            6 => {
                let end = (at + usize::from(edit[2])).min(letters.len());
                let twice = letters[at..end].to_vec();
                letters.splice(at..at, twice);
            }
            _ => letters.truncate(at),
        }
        if letters.is_empty() {
            break;
        }
    }
    letters.into_iter().collect()
}

fn source(text: &str, syntax: Syntax) -> RuleFile {
    RuleFile {
        name: "any".to_owned(),
        text: text.to_owned(),
        syntax,
    }
}

fn examined(text: &str, syntax: Syntax) -> Option<Loaded> {
    match load(&source(text, syntax)) {
        Err(errors) => {
            assert!(!errors.is_empty(), "{text}");
            for error in errors {
                assert!(error.is_error() && !error.message.is_empty());
                let line = usize::try_from(error.position.line).unwrap();
                let column = usize::try_from(error.position.column).unwrap();
                // YAML has more line breaks than line feeds
                let lines = text.split(['\n', '\r']).count();
                assert!((1..=lines + 1).contains(&line), "{error}\n{text}");
                assert!(
                    (1..=text.chars().count() + 2).contains(&column),
                    "{error}\n{text}"
                );
            }
            None
        }
        Ok(loaded) => {
            let (facts, now) = (directory(), Timestamp::UNIX_EPOCH);
            let account = AccountId::new("100000000001").unwrap();
            let ask = Ask::Account {
                account: &account,
                permission_set: "Admin",
            };
            let who = Email::new("ana@corp.com").unwrap();
            for facts in [&facts, &Directory::default()] {
                let decision = loaded.rules.decide(&who, &ask, facts, now);
                let explained = loaded.rules.explain(&who, &ask, facts, now);
                assert_eq!(decision, explained.decision);
                loaded.rules.check(Some(facts));
                loaded.rules.run_tests(Some(facts), now);
            }
            Some(loaded)
        }
    }
}

const NO_NAMES: [&str; 15] = [
    "description",
    "max_duration",
    "MaxDuration",
    "ResourceType",
    "AllowSelfApproval",
    "ApprovalIsNotRequired",
    "allow_self_approval",
    "approval_is_not_required",
    "days",
    "from",
    "to",
    "at",
    "expect",
    "permit",
    "name",
];

const LISTS: [&str; 6] = [
    "rule",
    "test",
    "statements",
    "group_statements",
    "config",
    "group_config",
];

fn lost(value: &Value, key: &str, told: &str) -> Option<String> {
    match value {
        Value::String(text) => {
            let text = text.trim().trim_start_matches('!').to_lowercase();
            let text = text.strip_prefix("root/").unwrap_or(&text);
            let text = match text.strip_suffix('>').and_then(|t| t.split_once('<')) {
                Some((_, address)) => address.trim(),
                None => text,
            };
            let plain = text
                .chars()
                .all(|c| c.is_alphanumeric() || "@.-_/+ ".contains(c));
            let short = text.chars().count() <= 40;
            let named = !NO_NAMES.contains(&key) && plain && short && text != "root";
            (named && !told.contains(text)).then(|| format!("{key}: {text}"))
        }
        Value::Array(items) => items.iter().find_map(|item| lost(item, key, told)),
        Value::Object(map) => map.iter().find_map(|(key, value)| lost(value, key, told)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn nothing_is_lost(loaded: &Loaded, seen: &Value, text: &str) {
    let told = told(loaded);
    let lost = match seen {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| LISTS.contains(&key.as_str()))
            .find_map(|(key, value)| lost(value, key, &told)),
        other => lost(other, "", &told),
    };
    assert!(lost.is_none(), "{lost:?} is lost of\n{text}\n{told}");
}

fn sentences(loaded: &Loaded) -> Vec<(String, String)> {
    let rules = loaded.rules.rules();
    rules
        .map(|rule| (rule.id.to_string(), rule.sentence))
        .collect()
}

#[test]
fn json() {
    hallpass_base::testing::fuzz_target!("json", |input: &[u8]| {
        let text = text(input, &JSON);
        let bare = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let standard = serde_json::from_str::<Value>(bare);
        if let Some(loaded) = examined(&text, Syntax::Json) {
            nothing_is_lost(&loaded, &standard.expect("what loads is JSON"), &text);
            // JSON is YAML, if both parsers accept it
            if let Ok(other) = load(&source(&text, Syntax::Yaml)) {
                assert_eq!(sentences(&loaded), sentences(&other), "{text}");
            }
        }
        for line in bare.lines() {
            let _ = cases::answer(line, None, None, Timestamp::UNIX_EPOCH);
        }
    });
}

#[test]
fn toml() {
    hallpass_base::testing::fuzz_target!("toml", |input: &[u8]| {
        let text = text(input, &NATIVE);
        let bare = text.strip_prefix('\u{feff}').unwrap_or(&text);
        if let Some(loaded) = examined(&text, Syntax::Toml) {
            let standard: toml::Table = bare.parse().expect("what loads is TOML");
            nothing_is_lost(&loaded, &serde_json::to_value(standard).unwrap(), &text);
        }
    });
}

#[test]
fn yaml() {
    hallpass_base::testing::fuzz_target!("yaml", |input: &[u8]| {
        let text = text(input, &YAML);
        if let Some(loaded) = examined(&text, Syntax::Yaml) {
            let standard = serde_saphyr::from_str::<Value>(&text).expect("what loads is YAML");
            nothing_is_lost(&loaded, &standard, &text);
        }
    });
}

#[test]
fn hcl() {
    hallpass_base::testing::fuzz_target!("hcl", |input: &[u8]| {
        let text = text(input, &HCL);
        if let Some(loaded) = examined(&text, Syntax::Hcl) {
            let told = told(&loaded);
            let quoted = text.lines().filter(|line| !line.contains(['#', '/', '*']));
            let quoted = quoted.flat_map(|line| line.split('"').skip(1).step_by(2));
            let mut addresses = quoted.filter(|word| word.ends_with("@corp.com"));
            let lost = addresses.find(|word| !told.contains(&word.to_lowercase()));
            let blind = told.contains("passed over");
            assert!(lost.is_none() || blind, "{lost:?} is lost of\n{text}");
        }
    });
}
