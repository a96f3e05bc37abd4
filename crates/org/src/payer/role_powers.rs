//! Proves the parties' permissions from role policies. An unproved check does not pass.

use std::collections::BTreeSet;

use hallpass_base::AccountId;
use hallpass_iam::facts::{self, Access, ActionFacts, risk};
use hallpass_iam::powers::{FoundPower, Power, Powers, role_trust};
use hallpass_plans::CheckOutcome;

use super::facts::PayerRole;
use super::file::PayerSide;
use super::roles::DETAILS;
use crate::judging::unknown;
use crate::reading::{ReadFact, UnreadFact, unread};

/// Services a partner may have in addition to billing: public prices and emissions.
const BESIDE_BILLING: [&str; 2] = ["pricing", "sustainability"];
/// Single actions also in AWS's policy for billing (AWS: "AWS managed policies for job functions").
const BILLING_ACTIONS: [&str; 5] = [
    "account:GetAccountInformation",
    "account:GetAlternateContact",
    "account:GetContactInformation",
    "support:AddAttachmentsToSet",
    "support:CreateCase",
];
/// Further names are only counted.
const NAMED_MAX: usize = 12;
/// Services listed first: their actions allow a takeover.
const FIRST: [&str; 7] = [
    "iam",
    "organizations",
    "sts",
    "sso",
    "identitystore",
    "account",
    "lambda",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoleQuestion<'a> {
    May(&'a [&'a str]),
    NoBilling,
    BillingOnly,
    CannotRaiseItself,
}

#[derive(Debug, Default)]
struct RoleFindings {
    wrong: Vec<String>,
    doubts: Vec<String>,
    unread: Vec<UnreadFact>,
    seen: usize,
}

impl RoleFindings {
    fn outcome(self) -> CheckOutcome {
        if !self.wrong.is_empty() {
            return CheckOutcome::Fail(self.wrong.join("; "));
        }
        if let Some(unread) = self.unread.first() {
            return unknown(unread);
        }
        if !self.doubts.is_empty() {
            return CheckOutcome::Unknown {
                action: "conditions".to_owned(),
                reason: self.doubts.join("; "),
            };
        }
        CheckOutcome::Pass(format!(
            "proved from the policies of the roles, {} allowed actions",
            self.seen
        ))
    }

    fn say(&mut self, role: &str, sure: Vec<String>, perhaps: Vec<String>) {
        let one = |names: Vec<String>| format!("{role}: {}", names.join(", "));
        self.wrong.extend((!sure.is_empty()).then(|| one(sure)));
        self.doubts
            .extend((!perhaps.is_empty()).then(|| one(perhaps)));
    }
}

/// Includes the roles they can assume.
pub(super) fn by_policies(
    payer: &AccountId,
    side: PayerSide,
    names: &[String],
    roles: &ReadFact<Vec<PayerRole>>,
    question: RoleQuestion<'_>,
) -> CheckOutcome {
    let roles = match roles {
        Ok(roles) => roles,
        Err(unread) => return unknown(unread),
    };
    let mut findings = RoleFindings::default();
    for name in names {
        let Some(role) = roles.iter().find(|it| it.name == *name) else {
            let missing = format!("there is no role `{name}` in the payer account");
            findings.wrong.push(missing);
            continue;
        };
        match powers_of(role) {
            Ok(powers) => RoleLook {
                payer,
                side,
                roles,
                role,
                powers,
            }
            .judge(question, &mut findings),
            Err(unread) => findings.unread.push(unread),
        }
    }
    findings.outcome()
}

fn powers_of(role: &PayerRole) -> ReadFact<Powers> {
    let policies = role.policies.as_ref().map_err(Clone::clone)?;
    Powers::read(policies).map_err(|error| {
        let (name, reason) = (&role.name, error.to_string());
        unread(DETAILS, format!("{name}: {reason}"))
    })
}

/// A role reachable by role chaining.
struct ReachedRole<'a> {
    role: &'a PayerRole,
    powers: ReadFact<Powers>,
    /// Why it may be unreachable; empty if it is reachable.
    doubts: BTreeSet<String>,
}

struct RoleLook<'a> {
    payer: &'a AccountId,
    side: PayerSide,
    roles: &'a [PayerRole],
    role: &'a PayerRole,
    powers: Powers,
}

impl RoleLook<'_> {
    fn judge(&self, question: RoleQuestion<'_>, findings: &mut RoleFindings) {
        match question {
            RoleQuestion::May(actions) => self.may(actions, findings),
            RoleQuestion::NoBilling => {
                self.outside(findings, |it| !facts::is_billing(it.service));
            }
            RoleQuestion::BillingOnly => self.outside(findings, is_billing),
            RoleQuestion::CannotRaiseItself => self.ways(findings),
        }
    }

    fn may(&self, actions: &[&str], findings: &mut RoleFindings) {
        let (mut denied, mut perhaps) = (Vec::new(), Vec::new());
        for name in actions {
            let found = facts::action(name).map(|it| self.powers.of(it));
            findings.seen += 1;
            match found {
                Some(found) if found.power == Power::Surely => {}
                Some(found) if found.power == Power::Perhaps => {
                    perhaps.push(by_conditions(name, &found));
                }
                _ => denied.push(format!("{name} is denied")),
            }
        }
        findings.say(&self.role.name, denied, perhaps);
    }

    /// Actions beyond the permitted ones, including those of assumable roles.
    fn outside(&self, findings: &mut RoleFindings, permits: impl Fn(&ActionFacts) -> bool) {
        let own = ReachedRole {
            role: self.role,
            powers: Ok(self.powers.clone()),
            doubts: BTreeSet::new(),
        };
        let mut reached = vec![own];
        reached.extend(self.reached(findings));
        for one in reached {
            let said = if one.role.name == self.role.name {
                self.role.name.clone()
            } else {
                format!("{} as {}", self.role.name, one.role.name)
            };
            let powers = match one.powers {
                Ok(powers) => powers,
                Err(unread) => {
                    findings.unread.push(unread);
                    continue;
                }
            };
            let all = powers.all();
            findings.seen += all.len();
            let outside = all.into_iter().filter(|(it, _)| !permits(it));
            let is_sure =
                |found: &FoundPower| one.doubts.is_empty() && found.power == Power::Surely;
            let (sure, perhaps): (Vec<_>, Vec<_>) = outside.partition(|(_, it)| is_sure(it));
            let sure = shortened(sure.iter().map(|(it, _)| *it));
            let mut reasons = one.doubts.clone();
            reasons.extend(perhaps.iter().flat_map(|(_, it)| it.doubts.iter().cloned()));
            let mut perhaps = shortened(perhaps.iter().map(|(it, _)| *it));
            if !perhaps.is_empty() && !reasons.is_empty() {
                perhaps.push(format!("by {}", limited(reasons)));
            }
            // an unknown new action may be anything
            let strange = powers.unknown_actions().into_iter();
            let strange = strange.filter(|it| {
                let service = it.split(':').next().unwrap_or_default();
                !permits_all_of(service, &permits)
            });
            perhaps.extend(strange.map(|it| format!("{it} is no known action")));
            findings.say(&said, sure, perhaps);
        }
    }

    fn reached(&self, findings: &mut RoleFindings) -> Vec<ReachedRole<'_>> {
        let mut seen = BTreeSet::from([self.role.arn.as_str()]);
        let mut found: Vec<ReachedRole<'_>> = Vec::new();
        let mut next = vec![(self.role, Some(self.powers.clone()), BTreeSet::new())];
        while let Some((from, powers, doubts)) = next.pop() {
            for to in self.roles {
                if seen.contains(to.arn.as_str()) {
                    continue;
                }
                let step = match assumed(from, powers.as_ref(), to) {
                    Ok(Some(step)) => step,
                    Ok(None) => continue,
                    Err(unread) => {
                        findings.unread.push(unread);
                        continue;
                    }
                };
                seen.insert(&to.arn);
                let reasons: BTreeSet<String> = doubts.union(&step).cloned().collect();
                let powers = powers_of(to);
                next.push((to, powers.as_ref().ok().cloned(), reasons.clone()));
                found.push(ReachedRole {
                    role: to,
                    powers,
                    doubts: reasons,
                });
            }
        }
        found
    }

    fn ways(&self, findings: &mut RoleFindings) {
        let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
        let all = self.powers.all();
        findings.seen += all.len();
        let deciding = all.iter().filter(|(it, _)| self.decides(it));
        let (certain, open): (Vec<_>, Vec<_>) =
            deciding.partition(|(_, found)| found.power == Power::Surely);
        sure.extend(shortened(certain.iter().map(|(it, _)| *it)));
        let reasons: BTreeSet<String> = open
            .iter()
            .flat_map(|(_, it)| it.doubts.iter().cloned())
            .collect();
        let open = shortened(open.iter().map(|(it, _)| *it));
        if !open.is_empty() {
            perhaps.push(format!("{} by {}", open.join(", "), limited(reasons)));
        }
        let strange = self.powers.unknown_actions().into_iter();
        let strange = strange.filter(|it| !is_plainly_harmless(it));
        perhaps.extend(strange.map(|it| format!("{it} is no known action")));
        self.other_sets(&mut sure, &mut perhaps);
        self.passing(&mut sure, &mut perhaps);
        self.attached(&mut perhaps);
        self.assuming(findings, &mut sure, &mut perhaps);
        findings.say(&self.role.name, sure, perhaps);
    }

    /// Checks if the action alone may escalate. Organization guardrails are the customer's, and do
    /// not affect the payer account.
    fn decides(&self, action: &ActionFacts) -> bool {
        let guardrails = action.service == "organizations"
            && self.side == PayerSide::Partner
            && !matches!(action.access, Access::List | Access::Read);
        risk::decides_rights(action) || guardrails
    }

    /// Combinations of actions that escalate only together.
    fn other_sets(&self, sure: &mut Vec<String>, perhaps: &mut Vec<String>) {
        for set in risk::ESCALATIONS {
            let actions: Option<Vec<&ActionFacts>> =
                set.actions.iter().map(|it| facts::action(it)).collect();
            let Some(actions) = actions else { continue };
            // direct escalation and role passing are reported separately
            let is_other = |it: &&ActionFacts| {
                !risk::decides_rights(it)
                    && it.service != "organizations"
                    && it.full_name() != "iam:PassRole"
            };
            if !actions.iter().all(is_other) {
                continue;
            }
            let found: Vec<FoundPower> = actions.iter().map(|it| self.powers.of(it)).collect();
            let name = set.actions.join(" + ");
            match found.iter().map(|it| it.power).min() {
                Some(Power::Surely) => sure.push(name),
                Some(Power::Perhaps) => {
                    let doubts = found.into_iter().flat_map(|it| it.doubts).collect();
                    perhaps.push(format!("{name} by {}", limited(doubts)));
                }
                Some(Power::Never) | None => {}
            }
        }
    }

    /// Passable roles with more permissions. The service that would run them is ignored: no list of
    /// services is complete.
    fn passing(&self, sure: &mut Vec<String>, perhaps: &mut Vec<String>) {
        let Some(pass) = facts::action("iam:PassRole") else {
            return;
        };
        for pattern in self.powers.resources_of(pass) {
            let found = self.powers.on(pass, &pattern);
            if found.power == Power::Never {
                continue;
            }
            let more = if pattern.contains(['*', '?']) {
                Some("any of these".to_owned())
            } else {
                let named = self.roles.iter().find(|it| it.arn == pattern);
                named.and_then(|it| self.more_than_own(&powers_of(it)))
            };
            let Some(more) = more else { continue };
            let said = format!("iam:PassRole on `{pattern}` ({more})");
            if found.power == Power::Surely {
                sure.push(said);
            } else {
                perhaps.push(format!("{said} by {}", limited(found.doubts)));
            }
        }
    }

    /// Running resources with a more powerful role.
    fn attached(&self, perhaps: &mut Vec<String>) {
        for (name, service) in risk::RUNS_AS_ATTACHED {
            let Some(action) = facts::action(name) else {
                continue;
            };
            if self.powers.of(action).power == Power::Never {
                continue;
            }
            for role in self.roles {
                let trust = role_trust(&role.trust, &self.role.arn);
                let is_taken = trust.is_ok_and(|it| it.services.contains(*service));
                if !is_taken {
                    continue;
                }
                if let Some(more) = self.more_than_own(&powers_of(role)) {
                    let role = &role.name;
                    perhaps.push(format!("{name}, where something runs as {role} ({more})"));
                }
            }
        }
    }

    fn assuming(
        &self,
        findings: &mut RoleFindings,
        sure: &mut Vec<String>,
        perhaps: &mut Vec<String>,
    ) {
        for one in self.reached(findings) {
            let Some(more) = self.more_than_own(&one.powers) else {
                continue;
            };
            let said = format!("sts:AssumeRole on {} ({more})", one.role.name);
            if one.doubts.is_empty() && one.powers.is_ok() {
                sure.push(said);
            } else {
                perhaps.push(format!("{said} by {}", limited(one.doubts)));
            }
        }
        let Some(assume) = facts::action("sts:AssumeRole") else {
            return;
        };
        for pattern in self.powers.resources_of(assume) {
            let is_own = pattern.split(':').nth(4) == Some(self.payer.as_str());
            if !is_own && self.powers.on(assume, &pattern).power != Power::Never {
                perhaps.push(format!(
                    "sts:AssumeRole on `{pattern}`: what roles of other accounts may do is not read here"
                ));
            }
        }
    }

    /// Permissions of the other role beyond this one's; `None` without any.
    fn more_than_own(&self, other: &ReadFact<Powers>) -> Option<String> {
        match other {
            Err(unread) => Some(format!("{}: {}", unread.action, unread.reason)),
            Ok(other) => {
                let action = self.powers.lacks(other)?;
                Some(format!("it may do {}", action.full_name()))
            }
        }
    }
}

/// Why it is unknown if one role can assume another; empty if it can, `None` if it cannot.
fn assumed(
    from: &PayerRole,
    powers: Option<&Powers>,
    to: &PayerRole,
) -> ReadFact<Option<BTreeSet<String>>> {
    let trust = role_trust(&to.trust, &from.arn).map_err(|error| {
        let (name, reason) = (&to.name, error.to_string());
        unread(DETAILS, format!("{name}: {reason}"))
    })?;
    let own = facts::action("sts:AssumeRole").zip(powers);
    let own = own.map(|(assume, powers)| powers.on(assume, &to.arn));
    let own = own.filter(|it| it.power != Power::Never);
    let by_own = own.as_ref().map_or(Power::Never, |it| it.power);
    let power = trust.direct.max(trust.by_own_policies.min(by_own));
    Ok(match power {
        Power::Never => None,
        Power::Surely => Some(BTreeSet::new()),
        Power::Perhaps => {
            let mut doubts = trust.doubts;
            doubts.extend(own.into_iter().flat_map(|it| it.doubts));
            Some(doubts)
        }
    })
}

fn is_billing(action: &ActionFacts) -> bool {
    facts::is_billing(action.service)
        || BESIDE_BILLING.contains(&action.service)
        || BILLING_ACTIONS.contains(&action.full_name().as_str())
}

/// Checks that all actions of a service are permitted, including unknown ones.
fn permits_all_of(service: &str, permits: &impl Fn(&ActionFacts) -> bool) -> bool {
    let known = facts::service(service).map(facts::ServiceFacts::actions);
    known.is_some_and(|all| all.iter().all(permits))
}

/// Checks that an unknown action is of a service without influence on permissions.
fn is_plainly_harmless(action: &str) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    let known = facts::service(service).map(facts::ServiceFacts::actions);
    known.is_some_and(|all| !all.iter().any(risk::decides_rights))
}

fn by_conditions(name: &str, found: &FoundPower) -> String {
    format!("{name} by {}", limited(found.doubts.clone()))
}

fn limited(all: BTreeSet<String>) -> String {
    let more = all.len().saturating_sub(NAMED_MAX);
    let mut named: Vec<String> = all.into_iter().take(NAMED_MAX).collect();
    if more > 0 {
        named.push(format!("{more} more"));
    }
    named.join(", ")
}

/// Action names, a whole service as `lambda:*`; takeover actions first.
fn shortened<'a>(actions: impl Iterator<Item = &'a ActionFacts>) -> Vec<String> {
    let mut services: Vec<(&str, Vec<&ActionFacts>)> = Vec::new();
    for action in actions {
        match services.last_mut() {
            Some((service, all)) if *service == action.service => all.push(action),
            _ => services.push((action.service, vec![action])),
        }
    }
    let place = |service: &str| FIRST.iter().position(|it| *it == service);
    services.sort_by_key(|(service, _)| place(service).unwrap_or(FIRST.len()));
    let mut counted: Vec<(String, usize)> = Vec::new();
    for (service, all) in services {
        let known = facts::service(service).map_or(0, |it| it.actions().len());
        if all.len() == known {
            counted.push((format!("{service}:*"), all.len()));
        } else {
            counted.extend(all.iter().map(|it| (it.full_name(), 1)));
        }
    }
    let more: usize = counted.iter().skip(NAMED_MAX).map(|(_, count)| count).sum();
    let mut named: Vec<String> = counted.into_iter().take(NAMED_MAX).map(|it| it.0).collect();
    if more > 0 {
        named.push(format!("and {more} more actions"));
    }
    named
}
