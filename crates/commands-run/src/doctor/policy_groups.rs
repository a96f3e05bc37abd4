//! What the least policy of a server or a guard takes from the rules, and from what is held now: whatever
//! is not in it, whoever it is attached to can neither give nor end.

use std::collections::BTreeSet;
use std::path::Path;

use hallpass_assignments::AssignmentStore as _;
use hallpass_config::Loaded;
use hallpass_host::runtime::runtime;
use hallpass_model::Target;
use hallpass_rules::{GroupRef, Rules};
use hallpass_setup::opening::open_store;
use hallpass_setup::rule_files::read_rules;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output;

use super::iam_policy::AccountTags;

const NO_RULES_OF_ITS_OWN: &str = "there is no rule file beside this configuration: a guard ends memberships by this policy only in groups that the store names; print it by the server's configuration";

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
        let path = loaded.rules()?;
        if goes == GoesByRules::WhereThereAreAny && !is_named(loaded) && is_missing(&path) {
            output::say(NO_RULES_OF_ITS_OWN);
            return Ok(Self::of(None));
        }
        Ok(Self::of(Some(&read_rules(&path)?)))
    }
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
/// rules say by now. A store that cannot be read is told on stderr: a pipeline often has none.
///
/// # Errors
/// When nothing can be waited for on this machine.
pub(super) fn held_groups(
    goes: GoesByRules,
    loaded: &Loaded,
) -> Result<BTreeSet<GroupRef>, Failure> {
    if goes == GoesByRules::Never {
        return Ok(BTreeSet::new());
    }
    let read = runtime()?.block_on(read_held(loaded));
    Ok(read.unwrap_or_else(|failure| {
        output::say(&format!(
            "the policy names the groups of the rules alone, and none that is only held: {}",
            failure.words()
        ));
        BTreeSet::new()
    }))
}

async fn read_held(loaded: &Loaded) -> Result<BTreeSet<GroupRef>, Failure> {
    let address = loaded.store()?;
    if !address.may_be_there()? {
        return Ok(BTreeSet::new());
    }
    let rows = open_store(address).await?.assignments().await;
    let rows = rows.map_err(|fault| Failure::failed(fault.to_string()))?;
    let groups = rows.into_iter().filter_map(|row| match row.key.target {
        Target::Group { group } => Some(GroupRef::Id(group)),
        Target::Account { .. } => None,
    });
    Ok(groups.collect())
}

#[cfg(test)]
mod tests;
