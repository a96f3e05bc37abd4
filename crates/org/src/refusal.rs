//! Checks before a policy is attached. Pure: facts in, refusals out.

use hallpass_enforcement::Surroundings;
use hallpass_enforcement::{Refusal, TargetPresence};
use hallpass_iam::{PolicyType, lint as rules};

use crate::facts::TargetFacts;

/// Tag of production accounts, excluded from drills.
const PROD_TAG: &str = "hallpass:prod";

/// Linter errors for a service control policy, including its size.
pub fn lint(content: &str) -> Vec<Refusal> {
    let findings = rules::lint(content, &rules::Options::new(PolicyType::Scp));
    let errors = findings
        .into_iter()
        .filter(|it| it.severity == rules::Severity::Error);
    errors
        .map(|it| {
            Refusal::new(
                it.code.as_str(),
                format!("the policy is not clean: {}", it.message),
                "`hallpass policy lint` shows every finding with its place",
            )
        })
        .collect()
}

pub(crate) fn of_root(around: &Surroundings, target: &str) -> Option<Refusal> {
    (target == around.root.id || target.starts_with("r-")).then(|| {
        Refusal::new(
            "root",
            "a drill at the root would reach every account",
            "choose a unit or an account",
        )
    })
}

pub(crate) fn of_production(facts: &TargetFacts, listed: &[String]) -> Option<Refusal> {
    let is_prod = |account: &&crate::facts::AccountFacts| {
        listed.contains(&account.row.id)
            || account
                .tags
                .get(PROD_TAG)
                .is_some_and(|it| it.trim().eq_ignore_ascii_case("true"))
    };
    let found: Vec<&str> = facts
        .accounts
        .iter()
        .filter(is_prod)
        .map(|account| account.row.id.as_str())
        .collect();
    (!found.is_empty()).then(|| {
        let message = format!(
            "{} of the accounts are in production: {}",
            found.len(),
            short_list(&found)
        );
        Refusal::new(
            "production",
            message,
            "choose another target; accounts are marked by the tag `hallpass:prod` or `outage.prod_accounts`",
        )
    })
}

/// Requires a break-glass role in every account.
pub(crate) fn of_break_glass(facts: &TargetFacts, exempt: &[String]) -> Vec<Refusal> {
    if exempt.is_empty() {
        return vec![Refusal::new(
            "no_break_glass",
            "the drill exempts no role: no one could act in an emergency",
            "generate it with `--exempt-role`, or say `--without-break-glass`",
        )];
    }
    let mut found = Vec::new();
    let lacking: Vec<&str> = facts
        .accounts
        .iter()
        .filter(|account| account.break_glass == TargetPresence::NotThere)
        .map(|account| account.row.id.as_str())
        .collect();
    if !lacking.is_empty() {
        let message = format!("no break-glass role exists in {}", short_list(&lacking));
        found.push(Refusal::new(
            "no_break_glass",
            message,
            "make one of the exempt roles there; that of a permission set is exempt by \
             `arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_NAME_*`",
        ));
    }
    let unseen = facts.accounts.iter().find_map(|account| {
        let TargetPresence::Unseen(why) = &account.break_glass else {
            return None;
        };
        Some((account.row.id.as_str(), why))
    });
    if let Some((account, why)) = unseen {
        let message =
            format!("whether a break-glass role exists in `{account}` cannot be seen: {why}");
        found.push(Refusal::new(
            "break_glass_unseen",
            message,
            "let our role look there, or check by hand and say `--without-break-glass`",
        ));
    }
    found
}

/// At most five, and the number of others.
fn short_list(ids: &[&str]) -> String {
    let shown: Vec<&str> = ids.iter().take(5).copied().collect();
    let more = ids.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
