//! Compares facts with requirements.

use std::collections::BTreeMap;

use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};
use jiff::civil::Date;
use serde_json::Value;

use super::facts::{PayerFacts, RootLoginAlert};
use super::file::{PayerFile, PayerSide};
use super::role_powers::{RoleQuestion, by_policies};
use crate::judging::{attested, judged, missing, unknown, verdict};
use crate::reading::ReadFact;

/// Billing: reserved for the partner. AWS's simulation takes no patterns, so it tests some actions
/// of each service; the policy proof covers all.
pub(super) const BILLING: [&str; 9] = [
    "aws-portal:ViewBilling",
    "aws-portal:ModifyBilling",
    "billing:GetBillingData",
    "ce:GetCostAndUsage",
    "cur:DescribeReportDefinitions",
    "invoicing:ListInvoiceSummaries",
    "payments:ListPaymentPreferences",
    "tax:GetTaxRegistration",
    "tax:PutTaxRegistration",
];
pub(super) const CUSTOMER: [&str; 6] = [
    "organizations:ListAccounts",
    "organizations:MoveAccount",
    "s3:CreateBucket",
    "cloudtrail:CreateTrail",
    "cloudwatch:PutMetricAlarm",
    "cloudformation:CreateStack",
];
pub(super) const NOT_BILLING: [&str; 6] = [
    "organizations:ListAccounts",
    "organizations:LeaveOrganization",
    "iam:ListUsers",
    "iam:CreateUser",
    "ec2:RunInstances",
    "s3:GetObject",
];
pub(super) const RAISING: [&str; 6] = [
    "iam:CreateRole",
    "iam:AttachRolePolicy",
    "iam:PutRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
];

/// Manual checks by id: no API returns the fact.
const MANUAL: [(&str, &str, &str); 6] = [
    (
        "root-password",
        "the partner alone has the password of the root user",
        "who has it is known to people only",
    ),
    (
        "root-mfa-device",
        "the customer alone has the second factor of the root user",
        "who has the device is known to people only",
    ),
    (
        "security-questions",
        "the customer alone knows the security questions",
        "who knows them is known to people only",
    ),
    (
        "invoices-archived",
        "invoices are archived",
        "invoices of before a transfer are lost with it",
    ),
    (
        "accounts-moved",
        "the accounts that were to come have come",
        "which they are is known to people only",
    ),
    (
        "contract-exit",
        "the contract says how it ends",
        "moving out takes both parties",
    ),
];

pub fn payer_checks(
    file: &PayerFile,
    facts: &PayerFacts,
    baseline: Option<&BTreeMap<String, Value>>,
    today: Date,
) -> Vec<CheckResult> {
    let made = PayerChecks { file, facts };
    let mut checks = made.root();
    checks.extend(made.contacts());
    checks.extend(made.roles());
    checks.extend(made.organization(baseline));
    checks.extend(MANUAL.iter().map(|it| made.manual(*it, today)));
    checks
}

struct PayerChecks<'a> {
    file: &'a PayerFile,
    facts: &'a PayerFacts,
}

impl PayerChecks<'_> {
    fn check(&self, id: &str, title: &str, outcome: CheckOutcome, remedy: &str) -> CheckResult {
        CheckResult {
            id: id.to_owned(),
            title: title.to_owned(),
            severity: CheckSeverity::Error,
            target: self.file.payer.to_string(),
            outcome,
            remedy: remedy.to_owned(),
        }
    }

    fn root(&self) -> Vec<CheckResult> {
        let number = |name: &str, wanted: i64| {
            judged(self.facts.summary.as_ref(), |summary| {
                let Some(found) = summary.get(name) else {
                    return missing("iam:GetAccountSummary", name);
                };
                verdict(*found == wanted, format!("{name} is {found}"))
            })
        };
        let alert = judged(self.facts.root_login.as_ref(), alert_verdict);
        vec![
            self.check(
                "root-mfa",
                "the root user has a second factor",
                number("AccountMFAEnabled", 1),
                "the customer sets up a second factor for the root user",
            ),
            self.check(
                "root-access-keys",
                "the root user has no access keys",
                number("AccountAccessKeysPresent", 0),
                "delete the access keys of the root user",
            ),
            self.check(
                "root-login-alert",
                "both parties are notified when the root user signs in",
                alert,
                "a rule of EventBridge on ConsoleLogin of Root, with a target for each party, or with `hallpass_queue`",
            ),
        ]
    }

    fn contacts(&self) -> Vec<CheckResult> {
        let (partner, customer) = (PayerSide::Partner, PayerSide::Customer);
        let rows = [
            ("contact-billing", "BILLING", partner),
            ("contact-operations", "OPERATIONS", customer),
            ("contact-security", "SECURITY", customer),
        ];
        let mut checks: Vec<CheckResult> = rows
            .iter()
            .map(|(id, kind, side)| {
                let domain = &self.file.party(*side).email_domain;
                let outcome = match self.facts.contacts.get(kind) {
                    None => missing("account:GetAlternateContact", kind),
                    Some(found) => judged(found.as_ref(), |mail| match mail {
                        None => CheckOutcome::Fail("none found".to_owned()),
                        Some(mail) => verdict(is_in_domain(mail, domain), mail.clone()),
                    }),
                };
                let title = format!("the {kind} contact is the {}'s", side.name());
                let remedy = format!("set it to an address at {domain}");
                self.check(id, &title, outcome, &remedy)
            })
            .collect();
        let phone = judged(self.facts.phone.as_ref(), |phone| match phone {
            None => CheckOutcome::Fail("none found".to_owned()),
            Some(phone) => {
                let own = self.file.customer.phones.iter();
                let is_own = own.map(|it| digits(it)).any(|it| it == digits(phone));
                verdict(is_own, phone.clone())
            }
        });
        checks.push(self.check(
            "phone",
            "the telephone number of the account is the customer's",
            phone,
            "set it to a number of `customer.phones`: it recovers the second factor of the root user",
        ));
        checks
    }

    fn roles(&self) -> Vec<CheckResult> {
        let (partner, customer) = (PayerSide::Partner, PayerSide::Customer);
        let rows = [
            (
                "customer-access",
                "the customer's roles may do their work",
                self.judged_roles(customer, RoleQuestion::May(&CUSTOMER), &CUSTOMER),
                "give them Organizations, S3, CloudTrail, CloudWatch and CloudFormation",
            ),
            (
                "customer-no-billing",
                "the customer's roles see no billing",
                self.judged_roles(customer, RoleQuestion::NoBilling, &BILLING),
                "take billing away from them",
            ),
            (
                "partner-billing-only",
                "the partner's roles do nothing but billing",
                self.judged_roles(partner, RoleQuestion::BillingOnly, &NOT_BILLING),
                "remove rights beyond billing",
            ),
            (
                "customer-cannot-raise-itself",
                "the customer's roles cannot give themselves more",
                self.judged_roles(customer, RoleQuestion::CannotRaiseItself, &RAISING),
                "deny them the named actions, without a condition",
            ),
            (
                "partner-cannot-raise-itself",
                "the partner's roles cannot give themselves more",
                self.judged_roles(partner, RoleQuestion::CannotRaiseItself, &RAISING),
                "deny them the named actions, without a condition",
            ),
        ];
        let rows = rows.into_iter();
        rows.map(|(id, title, outcome, remedy)| self.check(id, title, outcome, remedy))
            .collect()
    }

    /// Combines the policy proof with AWS's simulation of some actions: the worse result wins.
    fn judged_roles(
        &self,
        side: PayerSide,
        question: RoleQuestion<'_>,
        samples: &[&str],
    ) -> CheckOutcome {
        let names = &self.file.party(side).roles;
        let by_policies = by_policies(&self.file.payer, side, names, &self.facts.roles, question);
        let wanted = match question {
            RoleQuestion::May(_) => Wanted::Allowed,
            _ => Wanted::Denied,
        };
        worse(by_policies, self.simulated(side, samples, wanted))
    }

    /// Simulates actions for all roles of a side.
    fn simulated(&self, side: PayerSide, actions: &[&str], wanted: Wanted) -> CheckOutcome {
        let (mut wrong, mut seen) = (Vec::new(), 0);
        for role in &self.file.party(side).roles {
            let found = match self.facts.simulated.get(role) {
                None => return missing("iam:SimulatePrincipalPolicy", role),
                Some(Err(unread)) => return unknown(unread),
                Some(Ok(found)) => found,
            };
            for action in actions {
                let Some(allowed) = found.get(*action) else {
                    continue;
                };
                seen += 1;
                if *allowed != (wanted == Wanted::Allowed) {
                    wrong.push(format!("{role}: {action}"));
                }
            }
        }
        let how = match wanted {
            Wanted::Allowed => "denied",
            Wanted::Denied => "allowed",
        };
        match (seen, wrong.as_slice()) {
            (0, _) => missing("iam:SimulatePrincipalPolicy", "these actions"),
            (_, []) => CheckOutcome::Pass(format!("none of {seen} is {how}")),
            (_, wrong) => CheckOutcome::Fail(format!("{how}: {}", wrong.join(", "))),
        }
    }

    fn organization(&self, baseline: Option<&BTreeMap<String, Value>>) -> Vec<CheckResult> {
        let on = |found: &ReadFact<bool>, yes: &str, no: &str| {
            judged(found.as_ref(), |is_on| {
                verdict(*is_on, if *is_on { yes } else { no }.to_owned())
            })
        };
        let in_root = judged(self.facts.accounts_in_root.as_ref(), |found| {
            if found.is_empty() {
                return CheckOutcome::Pass("none".to_owned());
            }
            CheckOutcome::Fail(found.join(", "))
        });
        let costs = judged(self.facts.own_costs.as_ref(), |found| {
            let used = found.iter().filter(|(_, cost)| **cost > 0.0);
            let used: Vec<String> = used
                .map(|(name, cost)| format!("{name} {cost:.2}"))
                .collect();
            if used.is_empty() {
                return CheckOutcome::Pass("nothing in it costs anything".to_owned());
            }
            CheckOutcome::Fail(used.join(", "))
        });
        vec![
            self.check(
                "all-features",
                "the organization has all features",
                on(
                    &self.facts.has_all_features,
                    "ALL",
                    "consolidated billing only",
                ),
                "enable all features of the organization",
            ),
            self.check(
                "scp-type",
                "service control policies are on",
                on(&self.facts.has_scps, "enabled", "not enabled"),
                "enable the policy type in the root",
            ),
            CheckResult {
                severity: CheckSeverity::Warn,
                ..self.check(
                    "accounts-in-root",
                    "every member is in a unit",
                    in_root,
                    "move them into a unit, where policies reach them",
                )
            },
            self.check(
                "scp-baseline",
                "service control policies are those of the saved set",
                self.baseline(baseline),
                "create missing ones, and check added ones",
            ),
            CheckResult {
                severity: CheckSeverity::Info,
                ..self.check(
                    "payer-workloads",
                    "nothing runs in the payer account",
                    costs,
                    "move it to a member account: no policy reaches the payer",
                )
            },
        ]
    }

    /// Compares content: names may differ.
    fn baseline(&self, baseline: Option<&BTreeMap<String, Value>>) -> CheckOutcome {
        let Some(wanted) = baseline else {
            return CheckOutcome::NotApplicable("the file names no `scp_baseline`".to_owned());
        };
        judged(self.facts.policies.as_ref(), |found| {
            let names = |of: &BTreeMap<String, Value>, other: &BTreeMap<String, Value>| {
                let only = of
                    .iter()
                    .filter(|(_, it)| !other.values().any(|own| own == *it));
                only.map(|(name, _)| name.clone()).collect::<Vec<_>>()
            };
            let (missing, added) = (names(wanted, found), names(found, wanted));
            let parts = [("missing", missing), ("added", added)];
            let parts = parts.iter().filter(|(_, names)| !names.is_empty());
            let parts: Vec<String> = parts
                .map(|(word, names)| format!("{word}: {}", names.join(", ")))
                .collect();
            if parts.is_empty() {
                return CheckOutcome::Pass(format!("{} policies", wanted.len()));
            }
            CheckOutcome::Fail(parts.join("; "))
        })
    }

    fn manual(&self, (id, title, words): (&str, &str, &str), today: Date) -> CheckResult {
        let outcome = attested(&self.file.attestations, id, words, today);
        let remedy = format!("look, and write it down under `attestations.{id}`");
        self.check(id, title, outcome, &remedy)
    }
}

/// The worse of proof and simulation. If they differ, both are reported: one of them is wrong.
fn worse(policies: CheckOutcome, simulation: CheckOutcome) -> CheckOutcome {
    let both =
        |proved: &str, said: &str| format!("by the policies: {proved}; by simulation: {said}");
    match (policies, simulation) {
        (CheckOutcome::Pass(proved), CheckOutcome::Pass(said)) => {
            CheckOutcome::Pass(format!("{proved}; simulated: {said}"))
        }
        (CheckOutcome::Unknown { action, reason }, CheckOutcome::Fail(said)) => {
            CheckOutcome::Fail(both(&format!("not known, {action}: {reason}"), &said))
        }
        (CheckOutcome::Pass(proved), CheckOutcome::Fail(said))
        | (CheckOutcome::Fail(proved), CheckOutcome::Pass(said) | CheckOutcome::Fail(said)) => {
            CheckOutcome::Fail(both(&proved, &said))
        }
        (CheckOutcome::Pass(_), said) => said,
        (proved, _) => proved,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Allowed,
    Denied,
}

/// Checks that both parties are notified of sign-ins. A rule with an unreadable pattern may be
/// sufficient.
fn alert_verdict(alert: &RootLoginAlert) -> CheckOutcome {
    let sides = [PayerSide::Partner, PayerSide::Customer];
    let untold = sides.iter().filter(|it| !alert.told.contains(it));
    let untold: Vec<&str> = untold.map(|it| it.name()).collect();
    if alert.is_present && untold.is_empty() {
        return CheckOutcome::Pass("both parties are notified".to_owned());
    }
    if !alert.unread.is_empty() {
        return CheckOutcome::Unknown {
            action: "events:ListRules".to_owned(),
            reason: format!("a pattern was not understood: {}", alert.unread.join("; ")),
        };
    }
    CheckOutcome::Fail(if alert.is_present {
        format!("no target for {}", untold.join(" and "))
    } else {
        "no rule takes sign-ins of the root user".to_owned()
    })
}

fn is_in_domain(mail: &str, domain: &str) -> bool {
    let of = mail.rsplit_once('@').map(|(_, it)| it);
    of.is_some_and(|it| it.eq_ignore_ascii_case(domain))
}

fn digits(phone: &str) -> String {
    phone
        .chars()
        .filter(|it| it.is_ascii_digit() || *it == '+')
        .collect()
}
