//! Switches for undocumented or changed AWS behaviour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Name, default first, then the other values (`simulator.md` §2.9).
const SWITCHES: &[(&str, &[&str])] = &[
    ("duplicate_create", &["succeed", "conflict"]),
    (
        "delete_absent",
        &["async_failed", "sync_not_found", "succeed"],
    ),
    ("unknown_principal", &["async_failed", "sync_not_found"]),
    ("delete_orphan", &["fail", "succeed"]),
    (
        "conflict_scope",
        &["account_set", "account_set_principal", "account"],
    ),
    ("visible_while_in_progress", &["no", "yes"]),
    ("principal_listing_from_delegated", &["allow", "deny"]),
    ("validation_status", &["400"]),
    ("throttle_style", &["named", "429"]),
    ("email_unique", &["yes", "no"]),
    ("user_status_write", &["accepted", "refused", "ignored"]),
    ("inline_get_absent", &["empty", "missing"]),
    ("session_revocation", &["role_session_survives"]),
    ("role_deleted_kills_sessions", &["yes", "no"]),
    ("config_comparison", &["allow", "refuse"]),
    ("finding_updates", &["calm", "contended"]),
    ("authorization_ids", &["none", "given"]),
    ("scp_quotas", &["current", "before"]),
    ("sign_in_events", &["identity_center_user", "unknown"]),
    ("account_members", &["state_and_paths", "status"]),
];

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Behaviour {
    set: BTreeMap<String, String>,
}

impl Behaviour {
    /// Sets a switch.
    ///
    /// # Errors
    /// Unknown name or value; lists the known ones.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let Some((_, values)) = SWITCHES.iter().find(|(known, _)| *known == name) else {
            let names: Vec<&str> = SWITCHES.iter().map(|(name, _)| *name).collect();
            return Err(format!(
                "there is no switch `{name}`, only {}",
                names.join(", ")
            ));
        };
        if !values.contains(&value) {
            return Err(format!("`{name}` is one of {}", values.join(", ")));
        }
        self.set.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        let default = SWITCHES.iter().find(|(known, _)| *known == name);
        let default = default
            .and_then(|(_, values)| values.first())
            .copied()
            .unwrap_or_default();
        self.set.get(name).map_or(default, String::as_str) == value
    }

    pub(crate) fn all(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = SWITCHES
            .iter()
            .filter_map(|(name, values)| Some(((*name).to_owned(), (*values.first()?).to_owned())))
            .collect();
        all.extend(self.set.clone());
        all
    }

    pub(crate) fn changed(&self) -> &BTreeMap<String, String> {
        &self.set
    }
}
