//! Groups for the least policy of a server or guard, from rules and current grants: the policy's
//! holder cannot grant or end other groups.

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_app::config::Loaded;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::groups_held;
use hallpass_app::setup::rule_files::read_rules;
use hallpass_rules::{GroupRef, RuleNames, Rules};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::iam_policy::AccountTags;

const NO_RULES_OF_ITS_OWN: &str = "there is no rule file beside this configuration: a guard ends memberships by this policy only in groups that the store names; print it by the server's configuration";

/// Checks without the store.
#[derive(Debug, clap::Args)]
pub(super) struct WithoutStoreArgs {
    /// Check only configuration, secrets and rules: opens no store and makes no calls
    #[arg(long, conflicts_with_all = ["by_rules_alone", "management_account", "delegation_policy", "cutover", "measure_armed_ends", "release"])]
    pub(super) check_configuration: bool,
    /// Without held groups that rules omit: does not open the store
    #[arg(long, requires = "iam_policy")]
    pub(super) by_rules_alone: bool,
}

/// Whether a policy depends on the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UsesRules {
    /// Limited to offered groups.
    Always,
    /// The same, but the rules are optional.
    WhereThereAreAny,
    /// Not limited.
    Never,
}

#[derive(Debug)]
pub(super) struct OfferedByRules {
    pub(super) groups: BTreeSet<GroupRef>,
    pub(super) account_tags: AccountTags,
}

impl OfferedByRules {
    fn of(rules: Option<&Rules>) -> Self {
        Self {
            groups: rules.map(Rules::requested_groups).unwrap_or_default(),
            account_tags: AccountTags::of(rules),
        }
    }

    /// Reads the rules' offers. Policies independent of rules need none, such as a guard's on a
    /// separate machine.
    ///
    /// # Errors
    /// Exit 2 with every error of the rules: the policy would lack needs of the running server.
    pub(super) fn read(goes: UsesRules, loaded: &Loaded) -> Result<Self, Failure> {
        if goes == UsesRules::Never {
            return Ok(Self::of(None));
        }
        if has_none_of_its_own(goes, loaded)? {
            return Ok(Self::of(None));
        }
        Ok(Self::of(Some(&read_rules(&loaded.rules()?)?)))
    }
}

pub(super) fn tell_management_account(goes: Option<UsesRules>, loaded: &Loaded) -> Outcome {
    let lacks = match goes {
        Some(goes) => lacks_management_account(goes, loaded)?,
        None => None,
    };
    let Some(lacks) = lacks else {
        return Ok(Exit::Ok);
    };
    output::say(&lacks);
    Ok(Exit::Failed)
}

/// Names IAM permissions that the policy lacks, if rules offer access in every account.
fn lacks_management_account(goes: UsesRules, loaded: &Loaded) -> Result<Option<String>, Failure> {
    if goes != UsesRules::Always {
        return Ok(None);
    }
    let rules = read_rules(&loaded.rules()?)?;
    let covering = RuleNames::of(rules.covering_every_account());
    Ok((!covering.is_empty()).then(|| {
        format!(
            "{} {} the management account, and requests there will fail: this policy has no rights to its roles in IAM. \
             Print it with `--management-account` for a server that runs in that account, or leave the account out of \
             the rules (`except_accounts`)",
            covering.first(),
            covering.verb("covers", "cover"),
        )
    }))
}

/// Warns that a policy is incomplete without rules.
pub(super) fn tell_missing_rules(goes: UsesRules, loaded: &Loaded) -> Result<(), Failure> {
    if has_none_of_its_own(goes, loaded)? {
        output::say(NO_RULES_OF_ITS_OWN);
    }
    Ok(())
}

fn has_none_of_its_own(goes: UsesRules, loaded: &Loaded) -> Result<bool, Failure> {
    Ok(goes == UsesRules::WhereThereAreAny && !is_named(loaded) && is_missing(&loaded.rules()?))
}

fn is_named(loaded: &Loaded) -> bool {
    let access = &loaded.config.access;
    access.rules.is_some() || access.statements.is_some()
}

/// An unreadable file is not missing.
fn is_missing(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

/// Groups with current, pending or ending Hallpass members, regardless of the rules. Does not
/// migrate the store.
///
/// # Errors
/// Exit 2 for an unreadable existing store: without those groups the server could not end
/// memberships.
pub(super) fn held_groups(goes: UsesRules, loaded: &Loaded) -> Result<BTreeSet<GroupRef>, Failure> {
    if goes == UsesRules::Never {
        return Ok(BTreeSet::new());
    }
    // the store address may be a secret that only the running server has
    let held = match loaded.store() {
        Ok(address) => runtime()?.block_on(groups_held(address)),
        Err(failure) => Err(failure),
    };
    let held = held.map_err(|failure| {
        failure
            .detail("held groups that no rule names any more are in the policy: `--by-rules-alone` leaves them out, as before the first start")
            .exits(Exit::BadInput)
    })?;
    Ok(held.into_iter().map(GroupRef::Id).collect())
}

#[cfg(test)]
mod tests;
