//! The checks of every profile.

use hallpass_plans::{CheckOutcome, CheckResult};

use super::facts::{FoundationFacts, LogAccounts, MemberFacts, ReadinessFacts};
use super::joining::joining_checks;
use super::leaving::leaving_checks;
use super::question::{ORGANIZATION, ReadinessQuestion, check, nothing_of, warning};
use crate::judging::{judged, missing, unknown, verdict};
use crate::reading::ReadFact;

/// In a fixed order.
pub fn readiness_checks(facts: &ReadinessFacts, question: &ReadinessQuestion) -> Vec<CheckResult> {
    let mut checks = foundation_checks(&facts.foundation, question);
    if let Some(leaving) = &facts.leaving {
        checks.extend(leaving_checks(leaving, &facts.foundation, question));
    }
    if let Some(joining) = &facts.joining {
        checks.extend(joining_checks(joining, &facts.foundation, question));
    }
    checks
}

fn foundation_checks(facts: &FoundationFacts, question: &ReadinessQuestion) -> Vec<CheckResult> {
    let on = |found: &ReadFact<bool>, yes: &str, no: &str| {
        judged(found.as_ref(), |is_on| {
            verdict(*is_on, if *is_on { yes } else { no }.to_owned())
        })
    };
    let management = facts.management.as_ref().map(ToString::to_string);
    let management = management.unwrap_or_else(|_| "management account".to_owned());
    let mut checks = vec![
        check(
            ("all-features", "the organization has all features"),
            ORGANIZATION,
            on(&facts.has_all_features, "ALL", "consolidated billing only"),
            "enable all features of the organization",
        ),
        warning(check(
            ("scp-type", "service control policies are on"),
            ORGANIZATION,
            on(&facts.has_scps, "enabled", "not enabled"),
            "enable the policy type in the root",
        )),
        warning(check(
            ("accounts-in-root", "every member is in a unit"),
            ORGANIZATION,
            judged(facts.accounts_in_root.as_ref(), |found| nothing_of(found)),
            "move them into a unit, where policies reach them",
        )),
    ];
    checks.extend(workloads_of_management(facts, &management));
    checks.extend(log_accounts(facts));
    checks.extend(accounts(facts, question));
    checks.push(question.manual(
        "root-emails",
        "mail to the root user of every account reaches a person",
        "no API says who reads these mailboxes",
    ));
    checks
}

fn workloads_of_management(facts: &FoundationFacts, management: &str) -> Vec<CheckResult> {
    let one = |target: &str, outcome| {
        check(
            (
                "management-workloads",
                "nothing runs in the management account",
            ),
            target,
            outcome,
            "move it to a member account: no policy reaches the management account",
        )
    };
    let regions = match &facts.running {
        Ok(regions) => regions,
        Err(unread) => return vec![one(management, unknown(unread))],
    };
    let checks = regions.iter().map(|(region, found)| {
        let outcome = judged(found.as_ref(), |found| match found.as_slice() {
            [] => CheckOutcome::Pass("no instance runs".to_owned()),
            found => CheckOutcome::Fail(format!("{} running: {}", found.len(), found.join(", "))),
        });
        one(&format!("{management}/{region}"), outcome)
    });
    checks.collect()
}

/// From the landing zone, else by account names.
fn log_accounts(facts: &FoundationFacts) -> [CheckResult; 2] {
    let one = |id: &str, title: &str, words: &str, of: fn(&LogAccounts) -> Option<String>| {
        let outcome = judged(facts.log_accounts.as_ref(), |zone| {
            if let Some(zone) = zone {
                return match of(zone) {
                    Some(id) => CheckOutcome::Pass(format!("{id}, by the landing zone")),
                    None => CheckOutcome::Fail("the landing zone names none".to_owned()),
                };
            }
            judged(facts.accounts.as_ref(), |all| {
                let named =
                    |name: &str| name.to_lowercase().replace(['-', '_'], " ").contains(words);
                match all.iter().find(|it| it.is_active && named(&it.name)) {
                    Some(it) => CheckOutcome::Pass(format!("{}, by its name `{}`", it.id, it.name)),
                    None => CheckOutcome::Fail(format!(
                        "there is no landing zone, and no account is called `{words}`"
                    )),
                }
            })
        });
        let remedy = "a separate account that no one works in";
        warning(check((id, title), ORGANIZATION, outcome, remedy))
    };
    [
        one(
            "log-archive-account",
            "logs are kept in a separate account",
            "log archive",
            |it| it.log_archive.as_ref().map(ToString::to_string),
        ),
        one(
            "audit-account",
            "auditors have a separate account",
            "audit",
            |it| it.audit.as_ref().map(ToString::to_string),
        ),
    ]
}

fn accounts(facts: &FoundationFacts, question: &ReadinessQuestion) -> Vec<CheckResult> {
    let accounts = match &facts.accounts {
        Ok(accounts) => accounts,
        Err(unread) => {
            let outcome = unknown(unread);
            let title = ("accounts", "every account is known");
            return vec![check(title, ORGANIZATION, outcome, "let it list accounts")];
        }
    };
    let mut checks = Vec::new();
    for account in accounts.iter().filter(|it| it.is_active) {
        let target = account.id.as_str();
        match facts.members.get(&account.id) {
            Some(member) => {
                checks.extend(of_account(target, member, question));
                checks.extend(invitations(target, member));
            }
            None => checks.push(check(
                ("accounts", "every account is known"),
                target,
                missing("organizations:ListAccounts", target),
                "look again: it may be new",
            )),
        }
    }
    checks
}

fn of_account(
    target: &str,
    member: &MemberFacts,
    question: &ReadinessQuestion,
) -> [CheckResult; 3] {
    let contact = judged(member.security_contact.as_ref(), |mail| match mail {
        Some(mail) => CheckOutcome::Pass(mail.clone()),
        None => CheckOutcome::Fail("none found".to_owned()),
    });
    let tag = &question.owner_tag;
    let owner = judged(member.tags.as_ref(), |tags| {
        match tags.get(tag).filter(|it| !it.trim().is_empty()) {
            Some(owner) => CheckOutcome::Pass(owner.clone()),
            None => CheckOutcome::Fail(format!("no tag `{tag}`")),
        }
    });
    let mfa = judged(member.root_has_mfa.as_ref(), |found| match found {
        Some(true) => CheckOutcome::Pass("AccountMFAEnabled is 1".to_owned()),
        Some(false) => CheckOutcome::Fail("AccountMFAEnabled is 0".to_owned()),
        None => {
            CheckOutcome::Pass("the root user has no password: it is managed centrally".to_owned())
        }
    });
    [
        check(
            ("security-contact", "the account has a security contact"),
            target,
            contact,
            "set the alternate contact SECURITY of the account",
        ),
        warning(check(
            ("owner-tag", "the account says whose it is"),
            target,
            owner,
            &format!("tag the account with `{tag}`"),
        )),
        check(
            ("root-mfa", "the root user has a second factor"),
            target,
            mfa,
            "set one up, or manage root access of members centrally",
        ),
    ]
}

/// Open invitations from others; none for the management account, which cannot accept any.
fn invitations(target: &str, member: &MemberFacts) -> Option<CheckResult> {
    let found = member.invitations.as_ref()?;
    let outcome = judged(found.as_ref(), |found| {
        let rows = found.iter().map(ToString::to_string);
        nothing_of(&rows.collect::<Vec<_>>())
    });
    Some(warning(check(
        (
            "foreign-invitations",
            "no other organization has invited the account",
        ),
        target,
        outcome,
        "ask who expects it: accepting it takes the account out of the organization. Only the account declines \
         it (`aws organizations decline-handshake`), only the sender cancels it; a service control policy that denies \
         `organizations:AcceptHandshake` and `organizations:LeaveOrganization` keeps members from both",
    )))
}
