//! Organizations policies for Security Hub (`organization.md` S-12): their Regions cannot be
//! configured otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::units::{StandardsAccount, UnitTree};
use crate::reading::{ReadFact, Reader, text};

const ORGANIZATIONS: &str = "organizations";
/// Policy type. `SECURITYHUB_POLICY` belongs to another service without standards.
const CSPM_POLICY: &str = "SECURITYHUB_CSPM_POLICY";
/// Value for all Regions (AWS: "Security Hub CSPM policy syntax and examples").
const EVERY_REGION: &str = "ALL_SUPPORTED";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GovernedFacts {
    pub attached: BTreeMap<String, Vec<String>>,
    /// By account; ungoverned ones are omitted.
    pub accounts: BTreeMap<String, GovernedRegions>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GovernedRegions {
    Every,
    Only(BTreeSet<String>),
}

impl GovernedRegions {
    /// Parses an effective policy. Regions in neither list are ungoverned; a policy without lists
    /// is not understood and counts as governing all.
    fn of(content: &str) -> Self {
        let mut named = None;
        let policy = serde_json::from_str(content).unwrap_or(Value::Null);
        collect(&policy, &mut named);
        match named {
            Some(named) if !named.contains(EVERY_REGION) => Self::Only(named),
            Some(_) | None => Self::Every,
        }
    }

    fn has(&self, region: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Only(some) => some.contains(region),
        }
    }
}

fn collect(policy: &Value, named: &mut Option<BTreeSet<String>>) {
    for (key, value) in policy.as_object().into_iter().flatten() {
        let Some(list) = value.as_array() else {
            collect(value, named);
            continue;
        };
        if key == "enable_in_regions" || key == "disable_in_regions" {
            let regions = list.iter().filter_map(Value::as_str).map(str::to_owned);
            named.get_or_insert_default().extend(regions);
        }
    }
}

impl GovernedFacts {
    pub fn refusal(&self, tree: &UnitTree) -> Option<String> {
        let all: Vec<String> = self.places(tree, |_| true).into_keys().collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        (!all.is_empty()).then(|| self.sentence(tree, &all))
    }

    /// Why a file does not apply in an account and Region, with advice; `None` without governance.
    pub(super) fn why(
        &self,
        tree: &UnitTree,
        account: &StandardsAccount,
        region: &str,
    ) -> Option<String> {
        let regions = self.accounts.get(&account.id)?;
        regions.has(region).then(|| self.words(tree, account))
    }

    pub(super) fn governs(&self, account: &StandardsAccount) -> bool {
        self.accounts.contains_key(&account.id)
    }

    /// Attachments of policies that govern an account, with the reason to skip them.
    pub(super) fn places<'a>(
        &'a self,
        tree: &'a UnitTree,
        is_meant: impl Fn(&StandardsAccount) -> bool,
    ) -> BTreeMap<String, String> {
        let governed = tree.accounts.values();
        let governed = governed.filter(|it| self.governs(it) && is_meant(it));
        let places = governed.flat_map(|it| self.chain(it));
        let places: BTreeSet<&str> = places.collect();
        let why = |it: &str| (it.to_owned(), self.sentence(tree, &[it]));
        places.into_iter().map(why).collect()
    }

    /// Attachments that an account may inherit, the root first.
    fn chain<'a>(&'a self, account: &StandardsAccount) -> Vec<&'a str> {
        let path = account.units.iter().chain([&account.id]);
        let own = path.filter_map(|it| self.attached.get_key_value(it));
        own.map(|(target, _)| target.as_str()).collect()
    }

    fn words(&self, tree: &UnitTree, account: &StandardsAccount) -> String {
        self.sentence(tree, &self.chain(account))
    }

    fn sentence(&self, tree: &UnitTree, targets: &[&str]) -> String {
        let named = targets.iter().flat_map(|target| {
            let place = match tree.paths.get(*target) {
                Some(path) => format!("{path} ({target})"),
                None => format!("account {target}"),
            };
            let policies = self.attached.get(*target).into_iter().flatten();
            policies.map(move |policy| format!("{policy} on {place}"))
        });
        let named: Vec<String> = named.collect();
        format!(
            "governed by a Security Hub CSPM policy of Organizations: {}; change or detach it first, or set there what the file says",
            named.join(", ")
        )
    }
}

/// Reads governance; one call if there are no policies.
///
/// # Errors
/// A failed read: then nothing is planned.
pub(super) async fn governed(home: &Reader<'_>, tree: &UnitTree) -> ReadFact<GovernedFacts> {
    let operation = (ORGANIZATIONS, "ListPolicies");
    // a partition without the policy type has no policies
    let unknown = Some("InvalidInputException");
    let input = json!({ "Filter": CSPM_POLICY });
    let policies = home.list_unless(operation, input, "Policies", unknown);
    let mut facts = GovernedFacts::default();
    for policy in policies.await?.unwrap_or_default() {
        let id = text(&policy, "/Id");
        let operation = (ORGANIZATIONS, "ListTargetsForPolicy");
        let input = json!({ "PolicyId": id });
        for row in home.list(operation, input, "Targets").await? {
            let held = facts.attached.entry(text(&row, "/TargetId").to_owned());
            let words = format!("`{}` ({id})", text(&policy, "/Name"));
            held.or_default().push(words);
        }
    }
    // one query per distinct set of inherited policies
    let mut asked: BTreeMap<Vec<String>, Option<GovernedRegions>> = BTreeMap::new();
    for account in tree.accounts.values().filter(|it| it.active) {
        let chain = facts.chain(account).into_iter().map(str::to_owned);
        let chain: Vec<String> = chain.collect();
        if chain.is_empty() {
            continue;
        }
        let regions = match asked.get(&chain) {
            Some(known) => known.clone(),
            None => effective(home, &account.id).await?,
        };
        asked.insert(chain, regions.clone());
        if let Some(regions) = regions {
            facts.accounts.insert(account.id.clone(), regions);
        }
    }
    Ok(facts)
}

/// The effective policy; `None` without any.
async fn effective(home: &Reader<'_>, account: &str) -> ReadFact<Option<GovernedRegions>> {
    let operation = (ORGANIZATIONS, "DescribeEffectivePolicy");
    let input = json!({ "PolicyType": CSPM_POLICY, "TargetId": account });
    let none = "EffectivePolicyNotFoundException";
    let found = home.one_unless(operation, input, none).await?;
    let content = found.as_ref();
    let content = content.map(|it| text(it, "/EffectivePolicy/PolicyContent"));
    let regions = content.map(GovernedRegions::of);
    Ok(regions.filter(|it| !matches!(it, GovernedRegions::Only(some) if some.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_region_in_either_list_governs_none_and_what_has_no_lists_all() {
        let only =
            |some: &[&str]| GovernedRegions::Only(some.iter().map(|it| (*it).to_owned()).collect());
        let lists = |on: &[&str], off: &[&str]| {
            let lists = json!({ "enable_in_regions": on, "disable_in_regions": off });
            json!({ "securityhub": { "cspm_enablement": lists } }).to_string()
        };
        for (content, expected) in [
            (
                lists(&["eu-west-1"], &["us-east-1"]),
                only(&["eu-west-1", "us-east-1"]),
            ),
            (lists(&[], &[]), only(&[])),
            (lists(&["ALL_SUPPORTED"], &[]), GovernedRegions::Every),
            (
                lists(&["eu-west-1"], &["ALL_SUPPORTED"]),
                GovernedRegions::Every,
            ),
            (
                r#"{"securityhub":{"controls":["IAM.6"]}}"#.to_owned(),
                GovernedRegions::Every,
            ),
            ("no JSON".to_owned(), GovernedRegions::Every),
        ] {
            assert_eq!(GovernedRegions::of(&content), expected, "{content}");
        }
    }
}
