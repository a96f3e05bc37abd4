//! Least policies for remediation: the server's additional needs, and the role in accounts. Tested
//! against the actual calls (`e2e/least.py`).

use std::collections::BTreeSet;

use hallpass_app::chores::remediations::RuleSource;
use hallpass_app::config::Loaded;
use hallpass_findings::remediation::{
    ActionKind, CONFIG_ACTION, actions_in_accounts, named_function,
};
use hallpass_terminal::exit::Failure;
use serde_json::{Value, json};

use super::event_queue;
use super::iam_policy::{partition, statement};

/// ARNs of functions that rules call.
fn functions(loaded: &Loaded) -> Result<BTreeSet<String>, Failure> {
    let Some(path) = loaded.remediation_rules() else {
        return Ok(BTreeSet::new());
    };
    let file = RuleSource::open(path)?.rules();
    let rules = file
        .rules
        .iter()
        .filter(|it| it.action == ActionKind::Lambda);
    let named = rules.filter_map(|it| named_function(&it.params));
    Ok(named.map(str::to_owned).collect())
}

pub(super) fn for_server(loaded: &Loaded) -> Result<Vec<Value>, Failure> {
    let home = hallpass_app::setup::opening::aws_settings(loaded).region;
    let (role, _) = loaded.remediation_role();
    let knows = [
        "account:GetAlternateContact",
        "organizations:DescribeAccount",
        "organizations:DescribeOrganization",
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListParents",
        "organizations:ListTagsForResource",
    ];
    let tells = ["securityhub:BatchUpdateFindings", "securityhub:GetFindings"];
    let roles = format!("arn:{}:iam::*:role/{role}", partition(&home));
    let mut statements = vec![
        event_queue::statement(loaded, &event_queue::AGAIN)?,
        statement("KnowAccounts", &knows, &json!("*")),
        statement("TellFindings", &tells, &json!("*")),
        statement("EnterAccounts", &["sts:AssumeRole"], &json!(roles)),
    ];
    let functions = functions(loaded)?;
    if !functions.is_empty() {
        let calls = ["lambda:InvokeFunction"];
        statements.push(statement("CallFunctions", &calls, &json!(functions)));
    }
    Ok(statements)
}

/// Permissions of the role in accounts for the configured rules; for every action without rules.
/// Each session is limited to one action, and to the resource if the service supports it.
pub(super) fn for_role(loaded: &Loaded) -> Result<Vec<Value>, Failure> {
    let (used, of_config): (Vec<ActionKind>, bool) = match loaded.remediation_rules() {
        Some(path) => {
            let file = RuleSource::open(path)?.rules();
            let used = file.rules.iter().map(|it| it.action).collect();
            let of_config = file.rules.iter().any(|it| it.matches.are_of_config());
            (used, of_config)
        }
        None => (ActionKind::ALL.to_vec(), true),
    };
    let mut actions: BTreeSet<&str> = used.into_iter().flat_map(actions_in_accounts).collect();
    // rereads AWS Config's result before acting
    if of_config {
        actions.insert(CONFIG_ACTION);
    }
    let (passed, others): (Vec<&str>, Vec<&str>) =
        actions.into_iter().partition(|it| *it == "iam:PassRole");
    let mut statements: Vec<Value> = vec![statement("Remediate", &others, &json!("*"))];
    if !passed.is_empty() {
        // only to the flow log service
        let mut pass = statement("PassRoleOfFlowLogs", &passed, &json!("*"));
        if let Some(members) = pass.as_object_mut() {
            let to =
                json!({ "StringEquals": { "iam:PassedToService": "vpc-flow-logs.amazonaws.com" } });
            members.insert("Condition".to_owned(), to);
        }
        statements.push(pass);
    }
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use hallpass_iam::facts;

    use super::*;

    #[test]
    fn what_actions_call_is_of_aws_and_what_touches_nothing_calls_nothing() {
        for action in ActionKind::ALL {
            let called = actions_in_accounts(action);
            let calls_nothing = action.leaves_accounts_alone() || action.is_own_code();
            assert_eq!(called.is_empty(), calls_nothing, "{action}");
            for name in called {
                assert!(facts::action(name).is_some(), "{name} is no action");
            }
        }
    }
}
