//! Fuzz targets of policies, cases, patterns and operators. See `hallpass_base::testing`.

use hallpass_iam::denial::Denial;
use hallpass_iam::language::PolicyJson;
use hallpass_iam::{CaseOptions, Policy, PolicyType, ScpLanguage, simulate_line};
use serde_json::{Value, json};

use crate::{engine, oracle};

const SAMPLES: [&str; 4] = [
    include_str!("__fuzz__/cases/corpus/everything.json"),
    include_str!("__fuzz__/cases/corpus/trust.json"),
    include_str!("__fuzz__/cases/corpus/conditions.json"),
    include_str!("__fuzz__/cases/corpus/organization.json"),
];

/// Frequent JSON characters, so that a changed text is often still JSON.
const LETTERS: &[u8] = br#"{}[]",:*?$0-\ tfn/aE.+"#;

/// A sample with some bytes changed; three input bytes give each position (two) and value. Input
/// that starts like JSON is used directly.
fn text(input: &[u8]) -> String {
    let Some((first, edits)) = input.split_first().filter(|(first, _)| **first != b'{') else {
        return String::from_utf8_lossy(input).into_owned();
    };
    let sample = SAMPLES[usize::from(*first) % SAMPLES.len()].trim_end();
    hallpass_base::testing::edited(sample, edits, LETTERS)
}

#[test]
fn policies() {
    hallpass_base::testing::fuzz_target!("policies", |input: &[u8]| {
        let text = text(input);
        let standard = serde_json::from_str::<Value>(&text);
        for (_, kind) in PolicyType::ALL {
            for language in [ScpLanguage::Full, ScpLanguage::Classic] {
                if let Err(error) = Policy::parse_with(&text, kind, language) {
                    let found = standard
                        .as_ref()
                        .ok()
                        .map(|value| value.pointer(&error.pointer));
                    // a reported position exists (a standard reader has dropped duplicate keys)
                    let told = found.is_none_or(|found| found.is_some());
                    let repeated = error.code.as_str() == "E_DUP_KEY";
                    assert!(told || repeated, "{error} in {text}");
                }
            }
        }
        if let Ok(source) = PolicyJson::new(&text) {
            // lint continues after a loader's error
            let (_, problems) = source.document(PolicyType::Resource, ScpLanguage::Full);
            for problem in problems {
                source.position(problem.span);
            }
        }
    });
}

#[test]
fn cases() {
    let options = CaseOptions {
        no_derive: true,
        ..CaseOptions::default()
    };
    hallpass_base::testing::fuzz_target!("cases", |input: &[u8]| {
        let line = text(input);
        let answer: Value =
            serde_json::from_str(&simulate_line(&line, 7, &options).json()).unwrap();
        let word = engine::word(&answer);
        assert_eq!(engine::word(&engine::answer(&line, true)), word, "{line}");
        match serde_json::from_str::<Value>(&line) {
            // both readers refuse the same, except for depth and numbers out of range
            Err(error) => {
                let strict = error.to_string().contains("out of range");
                let code = word.err().unwrap_or_default();
                assert!(
                    strict || code == "E_JSON" || code == "E_LIMIT",
                    "{code} {error}: {line}"
                );
            }
            Ok(value) => {
                assert_ne!(word, Err("E_JSON".to_owned()), "{answer} {line}");
                let oracle = oracle::decision(&value);
                let both = oracle.is_ok() && word.is_ok();
                assert!(
                    !both || oracle.ok() == word.as_deref().ok(),
                    "{oracle:?} {word:?} {line}"
                );
            }
        }
    });
}

#[test]
fn patterns() {
    const ALPHABET: &[char] = &['a', 'b', '*', '?', 'é', ':', '$', '{', '}', '/'];
    hallpass_base::testing::fuzz_target!("patterns", |input: &[u8]| {
        let letters = |bytes: &[u8]| -> String {
            let letter = |byte: &u8| ALPHABET[usize::from(*byte) % ALPHABET.len()];
            bytes.iter().take(14).map(letter).collect()
        };
        let half = input.len().min(28) / 2;
        let (pattern, asked) = (letters(&input[..half]), letters(&input[half..]));
        for element in ["Resource", "NotResource"] {
            let case = json!({ "id": "c", "principal": "arn:aws:iam::111111111111:user/ann",
                "action": "s3:GetObject", "resource": format!("arn:aws:s3:::{asked}"),
                "context": { "a": "b*", "b": "", "{a": ":" },
                "identityPolicies": [{ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
                    "Action": "*", element: format!("arn:aws:s3:::{pattern}"),
                    "Condition": { "StringLikeIfExists": { "k": &pattern } } } }] });
            let oracle = oracle::decision(&case)
                .map(str::to_owned)
                .map_err(str::to_owned);
            assert_eq!(engine::decision(&case), oracle, "{case}");
        }
    });
}

#[test]
fn operator_names() {
    hallpass_base::testing::fuzz_target!("operators", |input: &[u8]| {
        let name = String::from_utf8_lossy(input);
        let case = json!({ "id": "c", "principal": "arn:aws:iam::111111111111:user/ann",
            "action": "s3:GetObject", "resource": "*", "identityPolicies": [{ "Statement":
            { "Effect": "Allow", "Action": "*", "Resource": "*",
              "Condition": { name.as_ref(): { "k": "a" } } } }] });
        let oracle = oracle::decision(&case)
            .map(str::to_owned)
            .map_err(str::to_owned);
        assert_eq!(engine::decision(&case), oracle, "{name}");
    });
}

#[test]
fn denials() {
    let message = "User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0/mara is not authorized to perform: \
                   s3:GetObject on resource: \"arn:aws:s3:::logs/a b\" because no identity-based policy allows the \
                   s3:GetObject action. Go to https://console/iam/home?region=eu-west-1#/authorization-details/\
                   0example1a2b3c4d5e6f, authorization id: 0example1a2b3c4d5e6f";
    hallpass_base::testing::fuzz_target!("denials", |input: &[u8]| {
        let text = hallpass_base::testing::edited(message, input, b"User: \"arn-#/\n\xc3\x84");
        if let Ok(denial) = Denial::read(&text) {
            let account = denial.account();
            assert!(account.is_none_or(|it| it.len() == 12 && text.contains(it)));
            assert!(text.contains(&denial.action) && denial.action.contains(':'));
            assert!(denial.resource.is_none_or(|it| text.contains(&it)));
        }
    });
}
