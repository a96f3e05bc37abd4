//! `[pci]`: extra password and sign-in events of the organization's log, and the schedule.

use crate::directories::scim::ScimPeople;
use crate::log_files::log_source::LogSource;
use hallpass_activity::{ActivityPolicy, AgeLimits, EventName, PciLimits, PciRules};
use hallpass_base::{AccountId, TimeSpan};
use hallpass_terminal::exit::Failure;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Loaded, Time};

/// A run lists the newest days of a trail.
const EVERY_MIN: TimeSpan = TimeSpan::seconds(10);

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pci {
    password_events: Option<Vec<EventName>>,
    portal_hosts: Vec<String>,
    source: Option<String>,
    accounts: Vec<AccountId>,
    regions: Vec<String>,
    days: u32,
    every: Time,
    activity: PciActivity,
    warn: u32,
    expire: u32,
    inactive_warn: Option<u32>,
    inactive: Option<u32>,
    remind: Time,
    all_clear: Time,
    notify: Vec<String>,
    act: bool,
    protected: Vec<String>,
    scim_endpoint: Option<String>,
    pub(super) scim_token: Option<SecretString>,
}

impl Default for Pci {
    fn default() -> Self {
        Self {
            password_events: None,
            portal_hosts: Vec::new(),
            source: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            days: 400,
            every: Time(TimeSpan::hours(24)),
            activity: PciActivity::AnyUse,
            warn: 86,
            expire: 90,
            inactive_warn: None,
            inactive: None,
            remind: Time(TimeSpan::hours(7 * 24)),
            all_clear: Time(TimeSpan::ZERO),
            notify: Vec::new(),
            act: false,
            protected: Vec::new(),
            scim_endpoint: None,
            scim_token: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PciActivity {
    AnyUse,
    SignIn,
}

#[derive(Clone, Debug)]
pub struct PciSchedule {
    pub source: LogSource,
    pub accounts: Vec<AccountId>,
    pub regions: Vec<String>,
    pub days: u32,
    pub every: TimeSpan,
    pub policy: ActivityPolicy,
    pub limits: PciLimits,
    /// Zero: report once.
    pub remind: TimeSpan,
    /// Zero: never report an empty result.
    pub all_clear: TimeSpan,
    pub notify: Vec<String>,
}

impl PciSchedule {
    pub fn words(&self) -> Value {
        json!({
            "activity": self.policy.name(),
            "warn_days": self.limits.password.warn_days,
            "expire_days": self.limits.password.over_days,
            "inactive_warn_days": self.limits.activity.warn_days,
            "inactive_days": self.limits.activity.over_days,
            "users": "ListUsers",
            "source": self.source.words(),
            "accounts": self.accounts,
            "regions": self.regions,
            "days": self.days,
        })
    }
}

fn limits(
    (warn_key, warn_days): (&str, u32),
    (over_key, over_days): (&str, u32),
) -> Result<AgeLimits, Failure> {
    if warn_days < over_days {
        return Ok(AgeLimits {
            warn_days,
            over_days,
        });
    }
    Err(Failure::bad_input(format!(
        "`{warn_key}` ({warn_days}) has to be less than `{over_key}` ({over_days})"
    )))
}

impl Loaded {
    pub fn pci_rules(&self, identity_store_id: String) -> PciRules {
        let pci = &self.config.pci;
        let mut rules = PciRules::of_store(identity_store_id);
        if let Some(events) = &pci.password_events {
            rules.password_events.clone_from(events);
        }
        rules.portal_hosts.clone_from(&pci.portal_hosts);
        rules
    }

    pub fn pci_acts(&self) -> bool {
        self.config.pci.act
    }

    /// Protected users, if `hallpass activity pci act` is enabled.
    ///
    /// # Errors
    /// Exit 4 if not.
    pub fn pci_protected(&self) -> Result<Vec<String>, Failure> {
        if self.pci_acts() {
            return Ok(self.config.pci.protected.clone());
        }
        let failure =
            Failure::refused("`hallpass activity pci act` is switched off here").code("refused");
        Err(failure.help("`act = true` below `[pci]` in the configuration switches it on; `protected` names who is never acted on"))
    }

    /// SCIM endpoint that deactivates users.
    pub fn pci_scim(&self) -> Result<Option<ScimPeople>, Failure> {
        let pci = &self.config.pci;
        match (&pci.scim_endpoint, &pci.scim_token) {
            (Some(endpoint), Some(token)) => ScimPeople::new(endpoint, token).map(Some),
            (None, None) => Ok(None),
            (endpoint, _) => {
                let missing = if endpoint.is_some() {
                    "pci.scim_token"
                } else {
                    "pci.scim_endpoint"
                };
                let failure = Failure::bad_input(format!("`{missing}` is missing"));
                Err(failure.help("`pci.scim_endpoint` and `pci.scim_token` go together"))
            }
        }
    }

    pub fn pci_log(&self) -> Result<Option<LogSource>, Failure> {
        let Some(source) = &self.config.pci.source else {
            return Ok(None);
        };
        let read: Result<LogSource, String> = source.parse();
        read.map(Some)
            .map_err(|why| Failure::bad_input(format!("`pci.source`: {why}")))
    }

    /// `None` if disabled. `home` is the default of `pci.regions`.
    pub fn pci_schedule(&self, home: &str) -> Result<Option<PciSchedule>, Failure> {
        let pci = &self.config.pci;
        let Some(source) = self.pci_log()? else {
            return Ok(None);
        };
        let source = source.beside(|path| self.path(path));
        if source == LogSource::Lookup && !pci.accounts.is_empty() {
            let failure = Failure::bad_input("`pci.accounts` is about files of a trail");
            return Err(failure.help("`lookup` asks the account of the server's credentials"));
        }
        if pci.every.0 < EVERY_MIN {
            return Err(Failure::bad_input(format!(
                "`pci.every` is {}; the shortest is {EVERY_MIN}",
                pci.every.0
            )));
        }
        let known = self.channel_names();
        if let Some(unknown) = pci.notify.iter().find(|it| !known.contains(it)) {
            let failure =
                Failure::bad_input(format!("`pci.notify`: `{unknown}` is no channel here"));
            return Err(failure.help(format!("there are: `{}`", known.join("`, `"))));
        }
        let inactive_warn = pci.inactive_warn.unwrap_or(pci.warn);
        let inactive = pci.inactive.unwrap_or(pci.expire);
        Ok(Some(PciSchedule {
            source,
            accounts: pci.accounts.clone(),
            regions: if pci.regions.is_empty() {
                vec![home.to_owned()]
            } else {
                pci.regions.clone()
            },
            days: pci.days,
            every: pci.every.0,
            policy: match pci.activity {
                PciActivity::AnyUse => ActivityPolicy::AnyUse,
                PciActivity::SignIn => ActivityPolicy::SignIn,
            },
            limits: PciLimits {
                password: limits(("pci.warn", pci.warn), ("pci.expire", pci.expire))?,
                activity: limits(
                    ("pci.inactive_warn", inactive_warn),
                    ("pci.inactive", inactive),
                )?,
            },
            remind: pci.remind.0,
            all_clear: pci.all_clear.0,
            notify: pci.notify.clone(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::parse;
    use super::*;

    fn schedule(text: &str) -> Result<Option<PciSchedule>, String> {
        let config = parse(&format!("[pci]\n{text}"), "h.toml").map_err(|it| it.words())?;
        let loaded = Loaded {
            config,
            folder: PathBuf::from("/etc/hallpass"),
        };
        loaded.pci_schedule("eu-west-1").map_err(|it| it.words())
    }

    #[test]
    fn the_server_looks_only_where_a_source_is_named() {
        assert!(schedule("warn = 80\n").unwrap().is_none());
        let found = schedule("source = \"dir:trail\"\n").unwrap().unwrap();
        assert_eq!(found.source.words(), "dir:/etc/hallpass/trail");
        assert_eq!(found.regions, ["eu-west-1"]);
        assert_eq!(found.every, TimeSpan::hours(24));
        assert_eq!(found.limits.activity.over_days, 90);
        let found =
            schedule("source = \"lookup\"\nexpire = 60\nwarn = 50\nactivity = \"sign-in\"\n");
        let found = found.unwrap().unwrap();
        assert_eq!(
            (found.limits.activity.over_days, found.policy),
            (60, ActivityPolicy::SignIn)
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        for (text, said) in [
            ("source = \"sqs://x\"\n", "pci.source"),
            ("source = \"lookup\"\nwarn = 90\n", "pci.expire"),
            ("source = \"lookup\"\ninactive = 20\n", "pci.inactive_warn"),
            ("source = \"lookup\"\nevery = \"3s\"\n", "pci.every"),
            (
                "source = \"lookup\"\naccounts = [\"111111111111\"]\n",
                "pci.accounts",
            ),
            ("source = \"lookup\"\nnotify = [\"pager\"]\n", "pager"),
            ("sauce = \"lookup\"\n", "sauce"),
        ] {
            let refused = schedule(text).expect_err(text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
