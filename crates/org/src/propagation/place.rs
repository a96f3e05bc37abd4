use std::fmt;
use std::str::FromStr;

use hallpass_base::AccountId;

/// AWS's roles, which cannot be assumed.
const RESERVED: [&str; 2] = ["aws-reserved/", "aws-service-role/"];

/// A dedicated role: a measurement denies it everything for seconds at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRole {
    arn: String,
    account: AccountId,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeRoleFault {
    #[error("`{0}` is not the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME, without wildcards")]
    NotARole(String),
    #[error("`{0}` is a role of AWS itself, which no one can assume")]
    Reserved(String),
}

impl ProbeRole {
    /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Without a leading slash.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks if a caller (`arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`) is a session of the
    /// role. Such ARNs omit the path (IAM User Guide, "IAM identifiers").
    pub(super) fn is_session(&self, caller: &str) -> bool {
        let name = self.name.rsplit('/').next().unwrap_or_default();
        let begins = format!(":sts::{}:assumed-role/{name}/", self.account);
        caller.contains(&begins)
    }
}

impl FromStr for ProbeRole {
    type Err = ProbeRoleFault;

    fn from_str(arn: &str) -> Result<Self, ProbeRoleFault> {
        let none = || ProbeRoleFault::NotARole(arn.to_owned());
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return Err(none());
        };
        let name = resource.strip_prefix("role/").ok_or_else(none)?;
        let account = AccountId::new(*account).map_err(|_| none())?;
        // `*` would be a wildcard and `$` a variable in the policy
        let fits = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/".contains(c);
        let is_whole = name.split('/').all(|it| !it.is_empty());
        if !partition.starts_with("aws") || !is_whole || !name.chars().all(fits) {
            return Err(none());
        }
        if RESERVED.iter().any(|it| name.starts_with(it)) {
            return Err(ProbeRoleFault::Reserved(arn.to_owned()));
        }
        Ok(Self {
            arn: arn.to_owned(),
            account,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for ProbeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.arn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_role_of_the_customers_is_named_and_nothing_else() {
        let role: ProbeRole = "arn:aws:iam::222233334444:role/ops/hallpass-probe"
            .parse()
            .unwrap();
        assert_eq!(role.account().as_str(), "222233334444");
        assert_eq!(role.name(), "ops/hallpass-probe");
        for (text, is_role) in [
            ("arn:aws-cn:iam::222233334444:role/probe", true),
            ("arn:aws-us-gov:iam::222233334444:role/a.b@c", true),
            ("", false),
            ("hallpass-probe", false),
            ("arn:aws:iam::222233334444:role/", false),
            ("arn:aws:iam::222233334444:role/a//b", false),
            ("arn:aws:iam::222233334444:role/*", false),
            ("arn:aws:iam::222233334444:role/probe?", false),
            ("arn:aws:iam::222233334444:role/${aws:username}", false),
            ("arn:aws:iam::22223333444:role/probe", false),
            ("arn:aws:iam::*:role/probe", false),
            ("arn:aws:iam::222233334444:user/probe", false),
            ("arn:aws:sts::222233334444:assumed-role/probe/x", false),
            (
                "arn:aws:iam::222233334444:role/aws-service-role/x.amazonaws.com/Y",
                false,
            ),
            (
                "arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_A_0123456789abcdef",
                false,
            ),
        ] {
            assert_eq!(text.parse::<ProbeRole>().is_ok(), is_role, "{text}");
        }
    }

    #[test]
    fn a_session_of_the_role_is_told_from_those_of_others() {
        let role: ProbeRole = "arn:aws:iam::222233334444:role/ops/probe".parse().unwrap();
        for (caller, is_it) in [
            (
                "arn:aws:sts::222233334444:assumed-role/probe/hallpass",
                true,
            ),
            (
                "arn:aws:sts::222233334444:assumed-role/probe-2/hallpass",
                false,
            ),
            (
                "arn:aws:sts::333344445555:assumed-role/probe/hallpass",
                false,
            ),
            ("arn:aws:iam::222233334444:user/probe", false),
        ] {
            assert_eq!(role.is_session(caller), is_it, "{caller}");
        }
    }
}
