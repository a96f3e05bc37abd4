//! `[access.armed_ends]`: ends enforced by AWS's clock, and the role to measure their delay.

use hallpass_access::{ArmedEndSettings, ArmedEndsMode};
use hallpass_enforcement::armed_ends::POLICIES_MAX;
use hallpass_org::propagation::ProbeRole;
use hallpass_terminal::exit::Failure;
use serde::{Deserialize, Deserializer, de};

/// Ends enforced by AWS's clock.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArmedEndTable {
    /// Never, if a rule requests it, if possible, or always.
    pub mode: ArmedEndsMode,
    /// Service control policies per account that Hallpass may use.
    pub policies: usize,
    #[serde(deserialize_with = "role")]
    pub probe_role: Option<ProbeRole>,
}

impl Default for ArmedEndTable {
    fn default() -> Self {
        let defaults = ArmedEndSettings::default();
        Self {
            mode: defaults.mode,
            policies: defaults.policies,
            probe_role: None,
        }
    }
}

impl ArmedEndTable {
    pub(crate) fn check(&self, name: &str) -> Result<(), Failure> {
        if (1..=POLICIES_MAX).contains(&self.policies) {
            return Ok(());
        }
        let said = format!(
            "{name}: `access.armed_ends.policies` is {}, and 1 to {POLICIES_MAX} are possible",
            self.policies
        );
        Err(Failure::bad_input(said)
            .help("each takes one of the places that AWS has for policies of an account"))
    }

    pub(crate) fn settings(&self) -> ArmedEndSettings {
        ArmedEndSettings {
            mode: self.mode,
            policies: self.policies,
        }
    }
}

/// Parses an ARN; empty text means no role.
fn role<'de, D: Deserializer<'de>>(text: D) -> Result<Option<ProbeRole>, D::Error> {
    let arn = String::deserialize(text)?;
    if arn.is_empty() {
        return Ok(None);
    }
    arn.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use crate::config::{parse, shown};

    fn table(lines: &str) -> String {
        format!("[access.armed_ends]\n{lines}\n")
    }

    #[test]
    fn a_probe_role_is_the_arn_of_one_role_and_is_not_shown() {
        let read =
            |lines: &str| parse(&table(lines), "x").map(|it| it.access.armed_ends.probe_role);
        assert_eq!(read("").unwrap(), None);
        assert_eq!(read("probe_role = \"\"").unwrap(), None);
        let line = "probe_role = \"arn:aws:iam::222233334444:role/probe\"";
        let role = read(line).unwrap().unwrap();
        assert_eq!(role.account().as_str(), "222233334444");
        for wrong in [
            "probe",
            "arn:aws:iam::222233334444:role/*",
            "arn:aws:iam::222233334444:user/ana",
        ] {
            let said = read(&format!("probe_role = \"{wrong}\"")).unwrap_err();
            let said = said.lines().join("\n");
            assert!(
                said.contains("is not the ARN of a role") && said.contains(wrong),
                "{said}"
            );
        }
        let told = shown(&table(line)).unwrap();
        assert!(
            told.contains("access.armed_ends.probe_role") && !told.contains("222233334444"),
            "{told}"
        );
    }

    #[test]
    fn an_account_has_one_to_three_policies() {
        for (policies, fits) in [(0, false), (1, true), (3, true), (4, false)] {
            let read = parse(&table(&format!("policies = {policies}")), "x");
            assert_eq!(read.is_ok(), fits, "{policies}");
        }
    }
}
