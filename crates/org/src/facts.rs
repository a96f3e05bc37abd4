//! What is read of an organization before anything is decided.

use std::collections::BTreeMap;

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

/// Reads a target, the accounts below it and their tags, and looks for the roles.
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
    let mut accounts = Vec::new();
    for row in rows.into_iter().filter(|row| row.active) {
        let tags = organization
            .tags(&row.id)
            .await
            .map_err(unread(format!("the tags of account `{}`", row.id)))?;
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
async fn break_glass(
    organization: &dyn Organization,
    account: &str,
    exempt: &[String],
) -> Result<TargetPresence, ChoreError> {
    let mut sight = TargetPresence::NotThere;
    for role in exempt.iter().filter_map(|arn| role_of(arn, account)) {
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

/// The path and name of a role, when its ARN may mean this account.
fn role_of<'a>(arn: &'a str, account: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':').skip(4);
    let of = parts.next()?;
    let role = parts.next()?.strip_prefix("role/")?;
    let wild = of.contains(['*', '?']);
    (wild || of == account).then_some(role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_s_arn_names_an_account_or_any() {
        let account = "222233334444";
        for (arn, role) in [
            ("arn:aws:iam::*:role/break-glass", Some("break-glass")),
            ("arn:aws:iam::222233334444:role/ops/bg", Some("ops/bg")),
            ("arn:aws:iam::999999999999:role/bg", None),
            ("arn:aws:iam::*:user/ana", None),
            ("nonsense", None),
        ] {
            assert_eq!(role_of(arn, account), role, "{arn}");
        }
    }
}
