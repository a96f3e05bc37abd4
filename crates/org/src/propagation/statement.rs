//! The measurement's policy: formatting and recognition.

use hallpass_base::{AccountId, Timestamp};
use hallpass_enforcement::account_policy;
use hallpass_iam::generate::{DraftStatement, Many};
use hallpass_iam::language::Effect;

use super::ProbeRole;

const SID: &str = "HallpassPropagation";
/// Name prefix; the account follows, because names are unique in an organization.
const NAME: &str = "hallpass-propagation-";
const ROLE: &str = "aws:PrincipalArn";
const NOW: &str = "aws:CurrentTime";

pub fn policy_name(account: &AccountId) -> String {
    format!("{NAME}{account}")
}

pub(super) fn account_of_name(name: &str) -> Option<AccountId> {
    AccountId::new(name.strip_prefix(NAME)?).ok()
}

/// Denies the role from an instant on, like an enforced expiry, but for a role instead of a user.
pub(super) fn text(role: &ProbeRole, until: Timestamp) -> Option<String> {
    let statement = DraftStatement::new(SID, Effect::Deny, Many::one("*"))
        .when("ArnLike", ROLE, Many::one(role.arn()))
        .when("DateGreaterThan", NOW, Many::one(until.to_string()));
    let statement = account_policy::written(statement)?;
    Some(account_policy::text(&[statement]))
}

/// Checks for the exact form of a measurement's text in this account, with any role and instant.
pub(super) fn is_ours(content: &str, account: &AccountId) -> bool {
    let read = || {
        let statements = account_policy::statements(content)?;
        let [statement] = statements.as_slice() else {
            return None;
        };
        let condition = statement.get("Condition")?;
        let one = |operator: &str, key: &str| condition.get(operator)?.get(key)?.as_str();
        let role: ProbeRole = one("ArnLike", ROLE)?.parse().ok()?;
        let until: Timestamp = one("DateGreaterThan", NOW)?.parse().ok()?;
        let written = account_policy::statements(&text(&role, until)?)?;
        Some(role.account() == account && written == statements)
    };
    read().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use hallpass_iam::Decision;

    use super::*;
    use crate::refusal::lint;
    use hallpass_enforcement::testing::decision;

    fn role() -> ProbeRole {
        "arn:aws:iam::222233334444:role/ops/probe".parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_role_alone_is_denied_and_from_the_instant_on() {
        let policy = text(&role(), at("2026-03-02T10:00:00Z")).unwrap();
        assert_eq!(lint(&policy), []);
        let probe = "arn:aws:iam::222233334444:role/ops/probe";
        for (principal, now, allowed) in [
            (probe, "2026-03-02T10:00:00Z", true),
            (probe, "2026-03-02T10:00:01Z", false),
            (
                "arn:aws:iam::222233334444:role/ops/probe-2",
                "2026-03-02T11:00:00Z",
                true,
            ),
            (
                "arn:aws:iam::222233334444:role/probe",
                "2026-03-02T11:00:00Z",
                true,
            ),
            (
                "arn:aws:iam::333344445555:role/ops/probe",
                "2026-03-02T11:00:00Z",
                true,
            ),
        ] {
            let said = decision(&policy, 1, principal, (NOW, now));
            assert_eq!(
                said == Some(Decision::Allowed),
                allowed,
                "{principal} {now}: {said:?}"
            );
        }
    }

    #[test]
    fn what_we_wrote_is_known_again_and_what_somebody_changed_is_not() {
        let account = role().account().clone();
        let policy = text(&role(), at("2036-03-02T10:00:00Z")).unwrap();
        assert!(is_ours(&policy, &account));
        let spaced = policy.replace(':', ": ").replace(
            "arn: aws: iam: : 222233334444: ",
            "arn:aws:iam::222233334444:",
        );
        let elsewhere = AccountId::new("333344445555").unwrap();
        assert!(!is_ours(&policy, &elsewhere), "named after another account");
        for (changed, why) in [
            (policy.replace("Propagation", "End"), "another name"),
            (policy.replace("\"Deny\"", "\"Allow\""), "another effect"),
            (policy.replace("ops/probe", "*"), "every role"),
            (
                policy.replace("\"Action\":\"*\"", "\"Action\":\"s3:*\""),
                "other actions",
            ),
            (
                policy.replace(
                    "{\"Sid\"",
                    "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"},{\"Sid\"",
                ),
                "one more",
            ),
            (
                spaced.replace("DateGreaterThan", "DateLessThan"),
                "before the instant",
            ),
            ("not a policy".to_owned(), "no policy"),
        ] {
            assert_ne!(changed, policy, "{why}");
            assert!(!is_ours(&changed, &account), "{why}: {changed}");
        }
    }

    #[test]
    fn no_other_part_takes_the_policy_for_its_own() {
        let name = policy_name(role().account());
        assert_eq!(account_of_name(&name).as_ref(), Some(role().account()));
        let others = [
            hallpass_enforcement::armed_ends::policy_name("222233334444", 0),
            hallpass_enforcement::session_revocation::policy_name("222233334444"),
            crate::sessions::POLICY_NAME.to_owned(),
        ];
        for other in others {
            assert_eq!(account_of_name(&other), None, "{other}");
            assert!(!name.starts_with(&other) && !other.starts_with(&name));
        }
        for begins in [
            hallpass_enforcement::armed_ends::policy_name("", 0),
            hallpass_enforcement::session_revocation::policy_name(""),
        ] {
            assert!(!name.starts_with(&begins), "{begins}");
        }
    }
}
