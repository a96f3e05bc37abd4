use hallpass_base::AccountId;
use hallpass_rules::{Ask, Rules};

use crate::world::{PAYMENTS_PROD, directory, email, noon, rules};

fn told(rules: &Rules, who: &str) -> Vec<String> {
    let account = AccountId::new(PAYMENTS_PROD).unwrap();
    let ask = Ask::Account {
        account: &account,
        permission_set: "Admin",
    };
    let steps = rules.steps(&email(who), &ask, &directory(), noon());
    steps
        .iter()
        .map(|it| {
            let ids: Vec<&str> = it
                .rules
                .iter()
                .map(hallpass_rules::RuleId::as_str)
                .collect();
            let question = serde_json::to_value(it.question).unwrap();
            format!(
                "{} {} {}",
                question.as_str().unwrap(),
                it.yes,
                ids.join(",")
            )
        })
        .collect()
}

#[test]
fn steps_end_with_the_question_that_decided() {
    let covered = "covered true a";
    let asks = "may_ask true a";
    let rows: [(&str, &str, &[&str]); 6] = [
        (
            "another set",
            "permission_sets = ['Read']",
            &["covered false "],
        ),
        (
            "without approval",
            "approval_is_not_required = true",
            &[covered, asks, "without_approval true a"],
        ),
        (
            "self approval",
            "approvers = ['bo@corp.com', 'ana@corp.com']\nallow_self_approval = true",
            &[
                covered,
                asks,
                "without_approval false ",
                "by_themselves true a",
            ],
        ),
        (
            "by others",
            "approvers = ['bo@corp.com', 'ana@corp.com']",
            &[
                covered,
                asks,
                "without_approval false ",
                "by_themselves false ",
                "by_others true a",
            ],
        ),
        (
            "by no one",
            "approvers = ['ana@corp.com']",
            &[
                covered,
                asks,
                "without_approval false ",
                "by_themselves false ",
                "by_others false a",
            ],
        ),
        (
            "for another user",
            "allowed_users = ['bo@corp.com']\napproval_is_not_required = true",
            &[covered, "may_ask false a"],
        ),
    ];
    for (name, fields, wanted) in rows {
        let text = format!("[[rule]]\nid = 'a'\naccounts = ['*']\n{fields}\n");
        let text = if fields.contains("permission_sets") {
            text
        } else {
            format!("{text}permission_sets = ['*']\n")
        };
        assert_eq!(
            told(&rules("rules.toml", &text), "ana@corp.com"),
            wanted,
            "{name}"
        );
    }
}
