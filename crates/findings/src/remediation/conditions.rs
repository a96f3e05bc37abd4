//! Conditions of a rule, all of which must match (`organization.md` R-1).

use std::collections::BTreeMap;

use hallpass_base::Glob;
use serde::Deserialize;

use crate::remediation::deviation::{CONFIG, Deviation, SECURITY_HUB};

/// An absent list matches everything; `*` and `?` are wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conditions {
    /// Source; Security Hub by default.
    pub source: Option<String>,
    pub controls: Option<Vec<String>>,
    pub standards: Option<Vec<String>>,
    pub types: Option<Vec<String>>,
    pub severity: Option<Vec<String>>,
    pub accounts: Option<Vec<String>>,
    pub ou: Option<Vec<String>>,
    pub tags: Option<BTreeMap<String, String>>,
    pub resource_types: Option<Vec<String>>,
    pub product: Option<Vec<String>>,
    pub config_rules: Option<Vec<String>>,
}

fn fits(wanted: Option<&[String]>, values: &[&str]) -> bool {
    let Some(wanted) = wanted else { return true };
    let one = |pattern: &String| {
        let pattern = Glob::new(pattern);
        values.iter().any(|value| pattern.matches(value))
    };
    wanted.iter().any(one)
}

fn all(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

impl Conditions {
    /// Returns whether a deviation in an account of that OU matches.
    pub fn hold(&self, it: &Deviation, unit: &str) -> bool {
        let tag = |(key, wanted): (&String, &String)| {
            it.tags
                .get(key)
                .is_some_and(|value| Glob::new(wanted).matches(value))
        };
        let product = it.finding.as_ref().map_or("", |it| it.product.as_str());
        self.source() == it.source
            && fits(self.controls.as_deref(), &[&it.control])
            && fits(self.standards.as_deref(), &all(&it.standards))
            && fits(self.types.as_deref(), &all(&it.types))
            && fits(self.severity.as_deref(), &[&it.severity])
            && fits(self.accounts.as_deref(), &[it.account.as_str()])
            && fits(self.ou.as_deref(), &[unit])
            && fits(self.resource_types.as_deref(), &[&it.resource_type])
            && fits(self.product.as_deref(), &[product])
            && fits(self.config_rules.as_deref(), &[&it.config_rule])
            && self.tags.iter().flatten().all(tag)
    }

    /// Like [`hold`](Self::hold) for `unless`, where an absent source matches every source.
    pub fn hold_whoever_says(&self, it: &Deviation, unit: &str) -> bool {
        let same = Self {
            source: Some(self.source.clone().unwrap_or_else(|| it.source.clone())),
            ..self.clone()
        };
        same.hold(it, unit)
    }

    pub fn are_of_config(&self) -> bool {
        self.source() == CONFIG
    }

    fn source(&self) -> &str {
        self.source.as_deref().unwrap_or(SECURITY_HUB)
    }

    pub fn name_account(&self, account: &str) -> bool {
        let listed = self.accounts.iter().flatten();
        listed.into_iter().any(|it| it == account)
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn lists(&self) -> [Option<&[String]>; 9] {
        [
            self.controls.as_deref(),
            self.standards.as_deref(),
            self.types.as_deref(),
            self.severity.as_deref(),
            self.accounts.as_deref(),
            self.ou.as_deref(),
            self.resource_types.as_deref(),
            self.product.as_deref(),
            self.config_rules.as_deref(),
        ]
    }

    /// Returns whether these conditions provably match wherever `other` does.
    pub fn cover(&self, other: &Self) -> bool {
        let list = |(own, theirs): (Option<&[String]>, Option<&[String]>)| match (own, theirs) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(theirs)) => theirs.iter().all(|value| {
                own.iter()
                    .any(|pattern| pattern == value || plainly(pattern, value))
            }),
        };
        let tags = self.tags.iter().flatten();
        let tagged = |(key, value): (&String, &String)| {
            other.tags.as_ref().and_then(|it| it.get(key)) == Some(value)
        };
        self.source() == other.source()
            && self.lists().into_iter().zip(other.lists()).all(list)
            && tags.into_iter().all(tagged)
    }
}

/// Matches a value that is not a pattern.
fn plainly(pattern: &str, value: &str) -> bool {
    !Glob::new(value).is_pattern() && Glob::new(pattern).matches(value)
}
