//! SARIF 2.1.0 output (OASIS: "Static Analysis Results Interchange Format") for code scanning.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::codes::{LintCode, Severity};
use super::finding::LintFinding;

/// Fingerprint key; the number changes with the algorithm.
const FINGERPRINT: &str = "hallpassPolicyLint/v1";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    /// As named; relative to the scanned folder.
    pub path: String,
    pub findings: Vec<LintFinding>,
}

/// A log with one run. Fingerprints do not depend on statement order if there is a `Sid`.
pub fn sarif(files: &[Linted], program_version: &str) -> Value {
    let rules: Vec<Value> = LintCode::ALL.iter().copied().map(rule).collect();
    let results: Vec<Value> = files.iter().flat_map(results).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "hallpass policy lint",
                "semanticVersion": program_version,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(rule: LintCode) -> Value {
    let about = rule.about();
    let words = about.name.split('_').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{first}{}", rest.to_ascii_lowercase())
    });
    json!({
        "id": about.name,
        "name": words.collect::<String>(),
        "shortDescription": {"text": about.fires},
        "fullDescription": {"text": about.fires},
        "help": {
            "text": format!("{}.\nExample: {}", about.help, about.example),
            "markdown": format!("{}.\n\n```json\n{}\n```", about.help, about.example),
        },
        "defaultConfiguration": {"level": level(about.severity)},
        "properties": {"tags": ["iam", "security"]},
    })
}

fn results(file: &Linted) -> Vec<Value> {
    let mut earlier: Vec<String> = Vec::new();
    let mut results = Vec::new();
    for finding in &file.findings {
        let identity = identity(&file.path, finding);
        let number = earlier.iter().filter(|it| **it == identity).count();
        let region = finding.region;
        // a region has at least one character
        let same = (region.line, region.column) == (region.end_line, region.end_column);
        let end = region.end_column + usize::from(same);
        results.push(json!({
            "ruleId": finding.code,
            "ruleIndex": LintCode::ALL.iter().position(|it| *it == finding.code),
            "level": level(finding.severity),
            "message": {"text": finding.message},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(&file.path)},
                    "region": {
                        "startLine": region.line,
                        "startColumn": region.column,
                        "endLine": region.end_line,
                        "endColumn": end,
                    },
                },
                "logicalLocations": [{"fullyQualifiedName": finding.pointer}],
            }],
            "partialFingerprints": {FINGERPRINT: hash(&format!("{identity}\n{number}"))},
        }));
        earlier.push(identity);
    }
    results
}

/// Identity across file versions: the statement's `Sid`, not its number.
fn identity(path: &str, finding: &LintFinding) -> String {
    let place = match &finding.sid {
        Some(sid) => {
            let rest = finding.pointer.strip_prefix("/Statement").unwrap_or("");
            let inside = rest.trim_start_matches(|c: char| c == '/' || c.is_ascii_digit());
            format!("{sid}\n{inside}")
        }
        None => finding.pointer.clone(),
    };
    format!("{path}\n{}\n{place}", finding.code)
}

/// FNV-1a, 64 bits: stable, not security relevant.
fn hash(text: &str) -> String {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let hash = text.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// A path as a relative URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            it if it.is_ascii_alphanumeric() => uri.push(char::from(it)),
            it => {
                let _ = write!(uri, "%{it:02X}");
            }
        }
    }
    uri.strip_prefix("./").map(str::to_owned).unwrap_or(uri)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::language::PolicyType;
    use crate::lint::{Options, lint};

    fn results_of(path: &str, text: &str) -> Value {
        let findings = lint(text, &Options::new(PolicyType::Scp));
        let log = sarif(
            &[Linted {
                path: path.to_owned(),
                findings,
            }],
            "1.0.0",
        );
        log["runs"][0]["results"].clone()
    }

    #[test]
    fn fingerprints_survive_what_moves_a_statement() {
        let bad = r#"{"Sid": "A-1", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#;
        let good = r#"{"Sid": "B", "Effect": "Deny", "Action": "s3:*", "Resource": "*"}"#;
        let policy =
            |all: &str| format!("{{\"Version\": \"2012-10-17\", \"Statement\": [\n{all}]}}");
        let one = results_of("./a b.json", &policy(bad));
        let two = results_of("./a b.json", &policy(&format!("{good},\n{bad}")));
        assert_eq!(one[0]["partialFingerprints"], two[0]["partialFingerprints"]);
        let place = &two[0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.json");
        assert_eq!(
            place["region"],
            json!({"startLine": 3, "startColumn": 9, "endLine": 3, "endColumn": 14})
        );
        let other = results_of("c.json", &policy(bad));
        assert_ne!(
            one[0]["partialFingerprints"],
            other[0]["partialFingerprints"]
        );
    }

    #[test]
    fn rules_and_results_have_what_the_schema_requires() {
        let log = sarif(&[], "1.0.0");
        assert_eq!(log["version"], "2.1.0");
        let rules = log["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap();
        assert_eq!(rules.len(), LintCode::ALL.len());
        for rule in rules {
            for text in [
                "/id",
                "/name",
                "/shortDescription/text",
                "/help/text",
                "/help/markdown",
            ] {
                assert!(
                    rule.pointer(text).is_some_and(Value::is_string),
                    "{rule} {text}"
                );
            }
        }
        assert_eq!(rules[6]["name"], "SidInvalid");
        let found = results_of("p.json", "{");
        assert_eq!(found[0]["ruleId"], "JSON_SYNTAX");
        assert_eq!(found[0]["level"], "error");
        assert_eq!(found[0]["ruleIndex"], 0);
    }
}
