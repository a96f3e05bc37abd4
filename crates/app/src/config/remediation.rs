//! `[remediation]`: rules and role of automatic remediation.

use std::path::PathBuf;

use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Loaded;

const ROLE: &str = "HallpassRemediation";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RemediationTable {
    rules: Option<PathBuf>,
    role: Option<String>,
    external_id: Option<String>,
}

impl Loaded {
    /// `None` disables remediation.
    pub fn remediation_rules(&self) -> Option<PathBuf> {
        let rules = self.config.remediation.rules.as_ref();
        rules.map(|it| self.path(it))
    }

    pub fn remediation_role(&self) -> (String, Option<String>) {
        let table = &self.config.remediation;
        let role = table.role.clone().unwrap_or_else(|| ROLE.to_owned());
        (role, table.external_id.clone())
    }

    pub fn check_remediation(&self) -> Result<(), Failure> {
        if self.config.remediation.rules.is_some() && self.event_queue()?.is_none() {
            let failure =
                Failure::bad_input("`remediation.rules` is given, and `events.queue` is not");
            return Err(
                failure.help("findings arrive through the queue: see docs/how-to/remediation.md")
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::parse;
    use super::*;

    #[test]
    fn rules_need_a_queue_and_the_role_has_a_name() {
        let loaded = |text: &str| Loaded {
            config: parse(text, "h.toml").unwrap(),
            folder: PathBuf::new(),
        };
        let rules = "[remediation]\nrules = \"r.yaml\"\n";
        assert!(loaded(rules).check_remediation().is_err());
        let queue = "[events]\nqueue = \"https://sqs.eu-west-1.amazonaws.com/1/q\"\n";
        let whole = loaded(&format!("{rules}{queue}"));
        assert!(whole.check_remediation().is_ok());
        assert_eq!(whole.remediation_role(), (ROLE.to_owned(), None));
    }
}
