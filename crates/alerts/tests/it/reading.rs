use hallpass_alerts::{AlertQuestion, AlertSeverity, read};
use hallpass_base::TimeSpan;

#[test]
fn a_rule_says_what_it_says_and_the_rest_has_defaults() {
    let text = "
rules:
- id: keys/unused
  name: keys/unused
- id: b
  query: SELECT user_name FROM aws_iam_users WHERE tags ->> $tag IS NULL
  parameters: {tag: owner}
  every: 1h30m
  severity: critical
  key: [user_name]
  message: '{user_name} has no owner'
  for: 2
  notify: [slack, 'webhook:tickets']
  recover: false
  remind: 7d
  max_new: 10
  enabled: false
";
    let rules = read("a.yaml", text).unwrap();
    let [plain, full] = rules.as_slice() else {
        panic!("{rules:?}")
    };
    assert_eq!(
        plain.question,
        AlertQuestion::Shipped("keys/unused".to_owned())
    );
    let defaults = (
        plain.every,
        plain.severity,
        plain.snapshots_needed,
        plain.recover,
        plain.max_new,
        plain.enabled,
    );
    assert_eq!(
        defaults,
        (TimeSpan::hours(6), AlertSeverity::Medium, 1, true, 50, true)
    );
    assert!(plain.key.is_empty() && plain.notify.is_empty() && plain.remind.is_none());
    assert_eq!(
        (full.every, full.snapshots_needed, full.max_new),
        (TimeSpan::minutes(90), 2, 10)
    );
    assert_eq!(full.remind, Some(TimeSpan::hours(168)));
    assert_eq!(
        (full.severity, full.recover, full.enabled),
        (AlertSeverity::Critical, false, false)
    );
    assert_eq!(full.parameters["tag"], "owner");
    assert_eq!(full.notify, ["slack", "webhook:tickets"]);
    let toml = "[[rules]]\nid = \"b\"\nquery = \"SELECT 1\"\nfor = 2\n";
    assert_eq!(read("a.toml", toml).unwrap()[0].snapshots_needed, 2);
}

#[test]
fn what_is_wrong_is_said_all_at_once_with_place_and_what_was_meant() {
    let mut wrong = Vec::new();
    for (text, wanted) in [
        (
            "rules:\n- {id: a, name: x, serverity: high}",
            "a.yaml:2:20: `serverity` is not a known key\n  help: did you mean `severity`?",
        ),
        (
            "rule: []",
            "a.yaml:1:1: `rule` is not a known key\n  help: did you mean `rules`?",
        ),
        ("rules:\n- {name: x}", "a.yaml:2:3: a rule has no `id`"),
        (
            "rules:\n- {id: A b, name: x}",
            "a.yaml:2:8: `A b` is no id: up to 64 of `a-z`, `0-9`, `/`, `_` and `-`, the first a letter or a digit",
        ),
        (
            "rules:\n- {id: a}",
            "a.yaml:2:3: a rule has neither `query` nor `name`\n  help: `hallpass query --list` shows the names",
        ),
        (
            "rules:\n- {id: a, name: x, query: y}",
            "a.yaml:2:17: a rule has both `query` and `name`\n  help: keep one: `name` is a shipped query, `query` is SQL",
        ),
        (
            "rules:\n- {id: a, name: x, severity: hihg}",
            "a.yaml:2:30: `severity` is one of info, low, medium, high, critical\n  help: did you mean `high`?",
        ),
        (
            "rules:\n- {id: a, name: x, for: 0}",
            "a.yaml:2:25: `for` is a whole number from 1 to 100",
        ),
        (
            "rules:\n- {id: a, name: x, every: 5s}",
            "a.yaml:2:27: `every` is shorter than 1m",
        ),
        (
            "rules:\n- {id: a, name: x, key: user_name}",
            "a.yaml:2:25: `key` is a list, not a string",
        ),
        (
            "rules:\n- {id: a, name: x}\n- {id: a, name: y}",
            "a.yaml:3:3: two rules are called `a`",
        ),
        ("rules: {}", "a.yaml:1:8: `rules` is a list, not an object"),
        ("[]", "a.yaml:1:1: the file is an object, not a list"),
    ] {
        let found = read("a.yaml", text).unwrap_err();
        let said: Vec<String> = found.iter().map(ToString::to_string).collect();
        if !said.iter().any(|it| it == wanted) {
            wrong.push(format!("{text}\n{said:#?}\nwanted {wanted}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let several = read("a.yaml", "rules:\n- {id: a, for: x, every: y}").unwrap_err();
    assert_eq!(
        several.len(),
        1,
        "a rule without a query is read no further: {several:?}"
    );
    let several = read("a.yaml", "rules:\n- {id: a, name: q, for: x, every: y}").unwrap_err();
    assert_eq!(several.len(), 2, "{several:?}");
}
