//! Realistic files with their expected findings, rules in words, and tests. `BLESS=1` rewrites
//! `real/*.expected`; review the difference.

use std::fmt::Write as _;
use std::path::Path;

use hallpass_rules::{RuleFile, RuleTestOutcome, load};

use crate::world::noon;

fn told(name: &str, bytes: &[u8]) -> String {
    let mut told = String::new();
    let loaded = RuleFile::from_bytes(name, bytes).and_then(|source| load(&source));
    match loaded {
        Err(errors) => {
            for error in errors {
                writeln!(told, "{error}").unwrap();
            }
        }
        Ok(loaded) => {
            for rule in loaded.rules.rules() {
                let place = format!("{}[{}] at {}", rule.list, rule.index, rule.position);
                writeln!(told, "{} ({place}): {}", rule.id, rule.sentence).unwrap();
            }
            for warning in &loaded.warnings {
                writeln!(told, "{warning}").unwrap();
            }
            for test in loaded.rules.run_tests(None, noon()) {
                let outcome = match test.outcome {
                    RuleTestOutcome::Passed => "passed".to_owned(),
                    RuleTestOutcome::Failed(why) => format!("failed: {}", why.join("; ")),
                    RuleTestOutcome::NeedsDirectory(why) | RuleTestOutcome::NotJudged(why) => {
                        format!("skipped: {why}")
                    }
                };
                writeln!(told, "test {}: {outcome}", test.name).unwrap();
            }
        }
    }
    told
}

#[test]
fn files_as_people_write_them_are_read_as_they_are_meant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".expected"))
        .collect();
    names.sort();
    assert!(names.len() >= 13, "{names:?}");
    let mut differing = Vec::new();
    for name in names {
        let told = told(&name, &std::fs::read(folder.join(&name)).unwrap());
        assert!(!told.is_empty(), "nothing is reported of {name}");
        let expected = folder.join(format!("{name}.expected"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &told).unwrap();
        }
        let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
        if told != wanted {
            differing.push(format!("{name}\n--- told\n{told}--- wanted\n{wanted}"));
        }
    }
    assert!(
        differing.is_empty(),
        "BLESS=1 writes them: {}",
        differing.join("\n")
    );
}

#[test]
fn a_mark_at_the_beginning_and_line_ends_of_windows_change_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real");
    for name in ["company.toml", "company.yaml", "company.json"] {
        let plain = std::fs::read_to_string(folder.join(name)).unwrap();
        let saved = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
        assert_eq!(
            told(name, saved.as_bytes()),
            told(name, plain.as_bytes()),
            "{name}"
        );
    }
}
