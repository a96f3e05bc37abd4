//! The extent of a read log: inactivity is only known for these Regions, accounts and events
//! (`inventory.md` H-8, H-10).

use std::collections::BTreeSet;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};

use super::events::{EventName, PciRules};

/// The event that counts by its host (`inventory.md` H-3).
const BY_HOST: &str = "UserAuthentication";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoveredLog {
    /// Empty covers all.
    #[serde(default)]
    pub accounts: BTreeSet<AccountId>,
    /// Empty covers all.
    #[serde(default)]
    pub regions: BTreeSet<String>,
    #[serde(default)]
    pub additional_regions: BTreeSet<String>,
    /// Events that set a password.
    #[serde(default)]
    pub password_events: BTreeSet<EventName>,
    /// Hosts of access portals, in addition to AWS's.
    #[serde(default)]
    pub portal_hosts: BTreeSet<String>,
}

impl CoveredLog {
    /// All accounts and Regions, with the events of these rules.
    pub fn of(rules: &PciRules) -> Self {
        Self {
            password_events: rules.password_events.iter().cloned().collect(),
            portal_hosts: rules.portal_hosts.iter().cloned().collect(),
            ..Self::default()
        }
    }

    /// Whether this read includes `other`.
    pub(super) fn has(&self, other: &Self) -> bool {
        has_all(&self.accounts, &other.accounts)
            && has_all(&self.regions, &other.regions)
            && self.password_events.is_superset(&other.password_events)
            && self.portal_hosts.is_superset(&other.portal_hosts)
    }

    /// Whether the read has all relevant events of a name in a Region.
    pub(super) fn has_events(&self, region: &str, name: &str, rules: &PciRules) -> bool {
        let mut passwords = rules.password_events.iter().filter(|it| it.is_called(name));
        let is_there = self.regions.is_empty() || self.regions.contains(region);
        is_there
            && passwords.all(|it| self.password_events.contains(it))
            && (name != BY_HOST
                || rules
                    .portal_hosts
                    .iter()
                    .all(|it| self.portal_hosts.contains(it)))
    }
}

/// An empty set means all.
fn has_all<T: Ord>(them: &BTreeSet<T>, other: &BTreeSet<T>) -> bool {
    them.is_empty() || (!other.is_empty() && them.is_superset(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_10_what_an_earlier_run_did_not_read_is_not_known() {
        let rules = PciRules::of_store("d-1");
        let of = |accounts: &[&str], regions: &[&str]| CoveredLog {
            accounts: accounts.iter().map(|it| it.parse().unwrap()).collect(),
            regions: regions.iter().map(|it| (*it).to_owned()).collect(),
            ..CoveredLog::of(&rules)
        };
        let (one, two) = ("111111111111", "222222222222");
        for (before, now, is_known) in [
            (of(&[], &[]), of(&[one], &["a"]), true),
            (of(&[one], &["a"]), of(&[one], &["a"]), true),
            (of(&[one, two], &["a", "b"]), of(&[two], &["b"]), true),
            (of(&[one], &["a"]), of(&[one], &["a", "b"]), false),
            (of(&[one], &["a"]), of(&[one, two], &["a"]), false),
            (of(&[one], &["a"]), of(&[], &["a"]), false),
            (of(&[one], &["a"]), of(&[one], &[]), false),
        ] {
            assert_eq!(before.has(&now), is_known, "{before:?} {now:?}");
        }
        let mut more = rules.clone();
        more.password_events
            .push("sso-directory.amazonaws.com:ResetPassword".parse().unwrap());
        let mut host = rules.clone();
        host.portal_hosts.push("portal.acme.example".to_owned());
        let before = CoveredLog::of(&rules);
        for (now, unknown) in [(&more, "ResetPassword"), (&host, BY_HOST)] {
            assert!(!before.has(&CoveredLog::of(now)), "{now:?}");
            assert!(CoveredLog::of(now).has(&before), "{now:?}");
            assert!(!before.has_events("a", unknown, now), "{now:?}");
            assert!(before.has_events("a", "Authenticate", now), "{now:?}");
        }
        assert!(!of(&[], &["a"]).has_events("b", "Authenticate", &rules));
    }
}
