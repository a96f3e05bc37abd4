//! Fuzz target of the rule file parser. See `hallpass_base::testing`.

use hallpass_alerts::read;
use hallpass_base::testing::changed;

const SAMPLES: [&[u8]; 1] = [include_bytes!("__fuzz__/alert_rules/corpus/whole.yaml")];
const LETTERS: &[u8] = b"{}[]\"',:=*#-|\n .0at\\/$";

#[test]
fn alert_rules() {
    hallpass_base::testing::fuzz_target!("alert_rules", |input: &[u8]| {
        let text = String::from_utf8_lossy(&changed(input, &SAMPLES, LETTERS)).into_owned();
        for name in ["any.yaml", "any.toml", "any.json"] {
            match read(name, &text) {
                Err(findings) => assert!(!findings.is_empty(), "{text}"),
                Ok(rules) => {
                    let mut ids: Vec<_> = rules.iter().map(|rule| rule.id.as_str()).collect();
                    ids.sort_unstable();
                    ids.dedup();
                    assert_eq!(ids.len(), rules.len(), "{text}");
                }
            }
        }
    });
}
