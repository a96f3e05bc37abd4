//! What is read of an organization before anything is decided.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_iam::{Context, Decision, Layers, Policy, PolicyType, Request, decide};
use serde_json::json;

use crate::ports::{AccountRow, CallerIdentity, Organization, PolicyRow, Root, TargetPresence};
use crate::{ChoreError, unread};

/// Who we are, and the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// Who we are.
    pub caller: CallerIdentity,
    /// The root.
    pub root: Root,
}

/// An account below a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// The account.
    pub row: AccountRow,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether one of the exempt roles is there.
    pub break_glass: TargetPresence,
}

/// A target and what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFacts {
    /// The target's id.
    pub target: String,
    /// The policies attached to the target itself.
    pub attached: Vec<PolicyRow>,
    /// Active accounts below.
    pub accounts: Vec<AccountFacts>,
}

/// Reads who we are, and the root.
///
/// # Errors
/// When AWS does not say.
pub async fn surroundings(organization: &dyn Organization) -> Result<Surroundings, ChoreError> {
    Ok(Surroundings {
        caller: organization
            .caller()
            .await
            .map_err(unread("who we are in the organization"))?,
        root: organization.root().await.map_err(unread("the root"))?,
    })
}

/// Reads a target, the accounts below it and their tags, and looks for the roles that ARN patterns exempt.
///
/// # Errors
/// When a listing fails.
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

/// Whether one of the exempt roles that may be in the account is there.
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

/// The path and name of a role, as a pattern says it, when the pattern exempts that role of this account.
fn role_of<'a>(pattern: &'a str, partition: &str, account: &str) -> Option<&'a str> {
    let role = pattern.splitn(6, ':').nth(5)?.strip_prefix("role/")?;
    let is_exempt = |role: &String| {
        let arn = format!("arn:{partition}:iam::{account}:role/{role}");
        matches(pattern, &arn).unwrap_or(false)
    };
    forms(role).iter().all(is_exempt).then_some(role)
}

/// What the role of a pattern is called. That of a permission set ends in what AWS draws, and has the Region of IAM
/// Identity Center in its path or, in some, none: whoever is to be let through must be in each form.
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

/// How the roles of permission sets are called: this, the set's name, `_` and 16 hex digits.
const RESERVED: &str = "AWSReservedSSO_";

/// The permission set whose role a path and name mean: its name may hold `_`, its suffix cannot.
pub fn permission_set_of(role: &str) -> Option<&str> {
    let name = role.rsplit('/').next()?.trim_start_matches('*');
    let (set, _) = name.strip_prefix(RESERVED)?.rsplit_once('_')?;
    Some(set)
}

/// Whether our engine lets a principal through by that pattern; `None` when one of them is no ARN.
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
            // people in a role whose path is not as the pattern has it are denied
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
