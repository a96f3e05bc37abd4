use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_enforcement::{AccountRow, Organization, PolicyRow, TargetPresence};
use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use serde_json::json;

use crate::{ChoreError, unread};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    pub row: AccountRow,
    pub tags: BTreeMap<String, String>,
    pub break_glass: TargetPresence,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFacts {
    pub target: String,
    pub attached: Vec<PolicyRow>,
    pub accounts: Vec<AccountFacts>,
}

/// Reads a target, the accounts below it with tags, and the roles exempt by ARN patterns.
///
/// # Errors
/// A listing fails.
pub async fn gather(
    organization: &dyn Organization,
    target: &str,
    exempt: &[String],
) -> Result<TargetFacts, ChoreError> {
    let attached = organization
        .policies_of(target)
        .await
        .map_err(unread(format!("the policies of `{target}`")))?;
    let rows = organization
        .accounts_below(target)
        .await
        .map_err(unread(format!("the accounts below `{target}`")))?;
    let caller = organization.caller().await;
    let caller = caller.map_err(unread("who we are in the organization"))?;
    let partition = caller.arn.split(':').nth(1).unwrap_or("aws");
    let mut accounts = Vec::new();
    for row in rows.into_iter().filter(|row| row.active) {
        let tags = organization
            .tags(&row.id)
            .await
            .map_err(unread(format!("the tags of account `{}`", row.id)))?;
        let exempt = exempt
            .iter()
            .filter_map(|arn| role_of(arn, partition, &row.id));
        let break_glass = break_glass(organization, &row.id, exempt).await?;
        accounts.push(AccountFacts {
            row,
            tags,
            break_glass,
        });
    }
    Ok(TargetFacts {
        target: target.to_owned(),
        attached,
        accounts,
    })
}

async fn break_glass<'a>(
    organization: &dyn Organization,
    account: &str,
    exempt: impl Iterator<Item = &'a str>,
) -> Result<TargetPresence, ChoreError> {
    let mut sight = TargetPresence::NotThere;
    for role in exempt {
        let seen = organization
            .role_in(account, role)
            .await
            .map_err(unread(format!("the roles of account `{account}`")))?;
        match seen {
            TargetPresence::There => return Ok(TargetPresence::There),
            TargetPresence::Unseen(_) => sight = seen,
            TargetPresence::NotThere => {}
        }
    }
    Ok(sight)
}

/// The path and name of the role that a pattern exempts in this account.
fn role_of<'a>(pattern: &'a str, partition: &str, account: &str) -> Option<&'a str> {
    let role = pattern.splitn(6, ':').nth(5)?.strip_prefix("role/")?;
    let is_exempt = |role: &String| {
        let arn = format!("arn:{partition}:iam::{account}:role/{role}");
        matches(pattern, &arn).unwrap_or(false)
    };
    forms(role).iter().all(is_exempt).then_some(role)
}

/// ARN forms of a pattern's role. A permission set's role ends in a suffix from AWS, and its path
/// has the Region of IAM Identity Center or, in some, none: an exemption must cover every form.
fn forms(role: &str) -> Vec<String> {
    match permission_set_of(role) {
        Some(set) => ["", "eu-west-1/"]
            .map(|region| {
                format!("aws-reserved/sso.amazonaws.com/{region}{RESERVED}{set}_0a1b2c3d4e5f6789")
            })
            .into(),
        None => vec![role.replace(['*', '?'], "x")],
    }
}

/// Prefix of permission set roles, followed by the set's name, `_` and 16 hex digits.
const RESERVED: &str = "AWSReservedSSO_";

/// The permission set of a role; set names may contain `_`, suffixes cannot.
pub fn permission_set_of(role: &str) -> Option<&str> {
    let name = role.rsplit('/').next()?.trim_start_matches('*');
    let (set, _) = name.strip_prefix(RESERVED)?.rsplit_once('_')?;
    Some(set)
}

/// Evaluates the pattern with the policy engine; `None` for an invalid ARN.
fn matches(pattern: &str, arn: &str) -> Option<bool> {
    let by_arn = json!({"ArnLike": {"aws:PrincipalArn": pattern}});
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": by_arn});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let layers = Layers {
        identity: vec![Arc::new(Policy::parse(&policy, PolicyType::Identity).ok()?)],
        ..Layers::default()
    };
    let context = Context::new().with("aws:PrincipalArn", arn);
    let request = Request::new(arn, "iam:ListRoles", "*", context).ok()?;
    Some(decide(&layers, &request) == Decision::Allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_exempts_a_role_of_an_account_as_aws_writes_it() {
        let account = "222233334444";
        let reserved = "aws-reserved/sso.amazonaws.com";
        let by_any_path = format!("{reserved}/*AWSReservedSSO_Bg_*");
        let by_digits = format!("{reserved}/*AWSReservedSSO_Bg_{}", "?".repeat(16));
        let by_region = format!("{reserved}/*/AWSReservedSSO_Bg_*");
        let by_home = format!("{reserved}/eu-west-1/AWSReservedSSO_Bg_*");
        let of_set = |of: &str, role: &str| format!("arn:aws:iam::{of}:role/{role}");
        for (arn, role) in [
            (
                "arn:aws:iam::*:role/break-glass".into(),
                Some("break-glass"),
            ),
            ("arn:aws:iam::*:role/break-*".into(), Some("break-*")),
            (
                "arn:aws:iam::222233334444:role/ops/bg".into(),
                Some("ops/bg"),
            ),
            ("arn:aws:iam::2222*:role/bg".into(), Some("bg")),
            ("arn:aws:iam::1111*:role/bg".into(), None),
            ("arn:aws:iam::999999999999:role/bg".into(), None),
            ("arn:aws-cn:iam::*:role/bg".into(), None),
            ("arn:*:iam::*:role/bg".into(), Some("bg")),
            ("arn:aws:iam::*:user/ana".into(), None),
            ("nonsense".into(), None),
            (of_set("*", &by_any_path), Some(by_any_path.as_str())),
            (of_set("*", &by_digits), Some(by_digits.as_str())),
            (
                of_set("*", "*AWSReservedSSO_Bg_*"),
                Some("*AWSReservedSSO_Bg_*"),
            ),
            (of_set("*", "AWSReservedSSO_Bg_*"), None),
            (of_set("*", &by_region), None),
            (of_set("*", &by_home), None),
            (of_set("1111*", &by_any_path), None),
        ] {
            assert_eq!(role_of(&arn, "aws", account), role, "{arn}");
        }
    }

    #[test]
    fn the_permission_set_of_a_role_is_told_by_its_name() {
        for (role, set) in [
            (
                "aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_B_0a1b2c3d4e5f6789",
                Some("A_B"),
            ),
            (
                "aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Bg_*",
                Some("Bg"),
            ),
            ("break-glass", None),
            ("AWSReservedSSO_", None),
        ] {
            assert_eq!(permission_set_of(role), set, "{role}");
        }
    }
}
