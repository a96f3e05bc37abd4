//! What the least policy of a server or a guard takes from the rules, and from what is held now: whatever
//! is not in it, whoever it is attached to can neither give nor end.

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

/// What is asked of a configuration alone, without its store.
#[derive(Debug, clap::Args)]
pub(super) struct WithoutStoreArgs {
    /// Say only whether this program takes configuration, secrets and rules: no store is opened, and nobody is called
    #[arg(long, conflicts_with_all = ["by_rules_alone", "management_account", "delegation_policy", "cutover", "measure_armed_ends", "release"])]
    pub(super) check_configuration: bool,
    /// Without groups that are held and that no rule names any more: the store is not opened
    #[arg(long, requires = "iam_policy")]
    pub(super) by_rules_alone: bool,
}

/// Whether a policy goes by the rules of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GoesByRules {
    /// It is limited to what they offer.
    Always,
    /// The same, where there are any: whoever it is for reads none.
    WhereThereAreAny,
    /// It is not.
    Never,
}

/// What rules offer, as far as a policy is limited by it.
#[derive(Debug)]
pub(super) struct OfferedByRules {
    /// The groups that they give memberships of.
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

    /// What the rules of the configuration offer. Whoever's policy does not go by them needs none; a guard
    /// on a machine of its own has none.
    ///
    /// # Errors
    /// Exit 2 with every error of the rules: the policy would lack what the running server needs.
    pub(super) fn read(goes: GoesByRules, loaded: &Loaded) -> Result<Self, Failure> {
        if goes == GoesByRules::Never {
            return Ok(Self::of(None));
        }
        if has_none_of_its_own(goes, loaded)? {
            return Ok(Self::of(None));
        }
        Ok(Self::of(Some(&read_rules(&loaded.rules()?)?)))
    }
}

/// Says what a policy without rights in the management account lacks, and how the command ends; `goes` is `None` for a
/// policy that has them.
///
/// # Errors
/// As [`OfferedByRules::read`].
pub(super) fn tell_management_account(goes: Option<GoesByRules>, loaded: &Loaded) -> Outcome {
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

/// What the policy of a server lacks that its rules need: rights in IAM, where rules let people ask in every account.
///
/// # Errors
/// As [`OfferedByRules::read`].
fn lacks_management_account(goes: GoesByRules, loaded: &Loaded) -> Result<Option<String>, Failure> {
    if goes != GoesByRules::Always {
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

/// Says what a policy lacks where there are no rules that it could go by, to whoever has it printed.
///
/// # Errors
/// Exit 2 where the configuration does not say where rules are.
pub(super) fn tell_missing_rules(goes: GoesByRules, loaded: &Loaded) -> Result<(), Failure> {
    if has_none_of_its_own(goes, loaded)? {
        output::say(NO_RULES_OF_ITS_OWN);
    }
    Ok(())
}

fn has_none_of_its_own(goes: GoesByRules, loaded: &Loaded) -> Result<bool, Failure> {
    Ok(goes == GoesByRules::WhereThereAreAny && !is_named(loaded) && is_missing(&loaded.rules()?))
}

fn is_named(loaded: &Loaded) -> bool {
    let access = &loaded.config.access;
    access.rules.is_some() || access.statements.is_some()
}

/// Whether there is no file; one that nobody may look at is not missing.
fn is_missing(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

/// The groups that people are members of through Hallpass, or are about to be or to leave, whatever the
/// rules say by now. The store is left as it is, whatever release made it.
///
/// # Errors
/// Exit 2 when a store that is there cannot be read: the server could not end memberships by a policy without those groups.
pub(super) fn held_groups(
    goes: GoesByRules,
    loaded: &Loaded,
) -> Result<BTreeSet<GroupRef>, Failure> {
    if goes == GoesByRules::Never {
        return Ok(BTreeSet::new());
    }
    // where the store is may be a secret that is there while the server runs
    let held = match loaded.store() {
        Ok(address) => runtime()?.block_on(groups_held(address)),
        Err(failure) => Err(failure),
    };
    let held = held.map_err(|failure| {
        failure
            .detail("groups that are held, and that no rule names any more, are in the policy: `--by-rules-alone` leaves them out, as before the first start")
            .exits(Exit::BadInput)
    })?;
    Ok(held.into_iter().map(GroupRef::Id).collect())
}

#[cfg(test)]
mod tests;
