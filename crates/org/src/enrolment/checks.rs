//! Prerequisites of an enrolment (`organization.md` N-2).

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use hallpass_plans::{CheckOutcome, CheckResult, CheckSeverity};

use super::facts::{EnrolmentFacts, InsideFacts, RegionConfig};
use super::gains::exchange;
use super::request::{EnrolmentBackend, EnrolmentRequest, RoleCreation};
use super::roles::EXECUTION;
use super::select::SelectedAccounts;
use crate::control_tower::{BaselineDrift, BaselineStatus};
use crate::reading::{ReadFact, UnreadFact};

use CheckSeverity::{Error, Info, Warn};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentCheck {
    pub account: Option<AccountId>,
    pub region: Option<String>,
    pub result: CheckResult,
}

impl EnrolmentCheck {
    /// True if its account is skipped. An unreadable result counts as a failure.
    pub fn stops(&self) -> bool {
        let is_bad = matches!(
            self.result.outcome,
            CheckOutcome::Fail(_) | CheckOutcome::Unknown { .. }
        );
        is_bad && self.result.severity == Error
    }
}

struct Sheet<'a> {
    account: &'a AccountId,
    rows: Vec<EnrolmentCheck>,
}

type About = (&'static str, &'static str, &'static str);

const ROLE_MISSING: About = (
    "role-missing",
    "Control Tower can enter the account",
    "`--create-role account` makes AWSControlTowerExecution in this account; `ou` does where no role lets us in",
);
const STACK_SETS: About = (
    "stack-sets",
    "stack sets may make roles in accounts of the organization",
    "`aws cloudformation activate-organizations-access`, with credentials of the management account",
);
const MANAGED: About = (
    "already-managed",
    "the account is not enrolled yet",
    "leave it out",
);
const UNIT_DRIFT: About = (
    "unit-drift",
    "the baseline of the unit is as it should be",
    "reset the baseline of the unit, or update the landing zone; `--via baseline` resets it",
);
const RECORDER: About = (
    "config-recorder",
    "AWS Config has no recorder",
    "`--fix config` deletes it, and keeps its settings; `--allow-config` where AWS Support has allowed the account",
);
const CHANNEL: About = (
    "delivery-channel",
    "AWS Config has no delivery channel",
    "`--fix config` deletes it, and keeps its settings; `--allow-config` where AWS Support has allowed the account",
);
const NO_ROLE: About = (
    "no-trusted-role",
    "a role lets the management account in",
    "make OrganizationAccountAccessRole in the account, trusted by the management account",
);
const IN_ROOT: About = (
    "in-root",
    "the account stands in a unit",
    "`--create-role account`, or another way than Account Factory",
);
const EMAIL: About = (
    "email-uppercase",
    "the address of the account is in lower case",
    "Account Factory compares addresses letter by letter: change it in the account, or use another way",
);
const TRAIL: About = (
    "own-trail",
    "the account has no separate trail",
    "Control Tower's trail records the same and is paid for, too: delete yours once the account is enrolled",
);
const SCPS: About = (
    "scp-blocks",
    "no service control policy is lost by the move",
    "check that the new unit has policies for the same purpose",
);
const REGION_OFF: About = (
    "sts-region-off",
    "every governed Region is on in the account",
    "turn the Region on in the account",
);
const VPC: About = (
    "default-vpc-used",
    "nothing uses a default VPC",
    "Control Tower leaves default VPCs of enrolled accounts alone; its controls may not",
);
const BUSY: About = (
    "factory-busy",
    "Account Factory has nothing under way",
    "nothing has to be done: accounts wait until it is free",
);

fn fail_if(bad: bool, evidence: impl Into<String>) -> CheckOutcome {
    if bad {
        CheckOutcome::Fail(evidence.into())
    } else {
        CheckOutcome::Pass(evidence.into())
    }
}

fn unknown(why: &UnreadFact) -> CheckOutcome {
    CheckOutcome::Unknown {
        action: why.action.clone(),
        reason: why.reason.clone(),
    }
}

fn of<T>(fact: &ReadFact<T>, judge: impl FnOnce(&T) -> CheckOutcome) -> CheckOutcome {
    match fact {
        Ok(found) => judge(found),
        Err(why) => unknown(why),
    }
}

fn row(
    account: Option<&AccountId>,
    region: Option<&str>,
    (id, title, remedy): About,
    severity: CheckSeverity,
    outcome: CheckOutcome,
) -> EnrolmentCheck {
    let target = match (account, region) {
        (Some(account), Some(region)) => format!("{account} {region}"),
        (Some(account), None) => account.to_string(),
        (None, _) => "organization".to_owned(),
    };
    EnrolmentCheck {
        account: account.cloned(),
        region: region.map(str::to_owned),
        result: CheckResult {
            id: id.to_owned(),
            title: title.to_owned(),
            severity,
            target,
            outcome,
            remedy: remedy.to_owned(),
        },
    }
}

impl Sheet<'_> {
    fn add(&mut self, about: About, severity: CheckSeverity, outcome: CheckOutcome) {
        self.rows
            .push(row(Some(self.account), None, about, severity, outcome));
    }

    fn config(
        &mut self,
        about: About,
        inside: &InsideFacts,
        severity: CheckSeverity,
        may_stay: bool,
        name: fn(&RegionConfig) -> Option<&serde_json::Value>,
    ) {
        if inside.config.is_empty() {
            let reason = "nothing lets us into the account".to_owned();
            let action = "sts:AssumeRole".to_owned();
            self.add(about, severity, CheckOutcome::Unknown { action, reason });
            return;
        }
        for (region, found) in &inside.config {
            let outcome = of(found, |config| match name(config) {
                None => CheckOutcome::Pass("none".to_owned()),
                Some(_) if may_stay => CheckOutcome::NotApplicable("it may stay".to_owned()),
                Some(it) => {
                    let own = it.get("name").and_then(serde_json::Value::as_str);
                    CheckOutcome::Fail(own.unwrap_or("one").to_owned())
                }
            });
            self.rows
                .push(row(Some(self.account), Some(region), about, Error, outcome));
        }
    }
}

/// Severity of a gap that a new role could close.
fn unless_created(
    wish: &EnrolmentRequest,
    backend: EnrolmentBackend,
    other: CheckSeverity,
) -> CheckSeverity {
    match (wish.create_role, backend) {
        (RoleCreation::Account | RoleCreation::Ou, _) => Info,
        (RoleCreation::None, EnrolmentBackend::AccountFactory) => Error,
        (RoleCreation::None, _) => other,
    }
}

/// All checks, by account and id.
pub fn checks(
    wish: &EnrolmentRequest,
    selected: &SelectedAccounts,
    backend: EnrolmentBackend,
    facts: &EnrolmentFacts,
) -> Vec<EnrolmentCheck> {
    let mut all = Vec::new();
    if backend == EnrolmentBackend::AccountFactory {
        let outcome = of(&facts.products_in_change, |busy| {
            fail_if(!busy.is_empty(), busy.join(", "))
        });
        all.push(row(None, None, BUSY, Warn, outcome));
    }
    let lacks = |id: &AccountId| {
        let inside = facts.inside.get(id);
        inside.is_some_and(|it| it.execution_role == Ok(false))
    };
    if let (Some(trusted), true) = (&facts.stack_sets, selected.accounts.iter().any(lacks)) {
        let outcome = of(trusted, |yes| {
            fail_if(
                !yes,
                if *yes {
                    "ENABLED"
                } else {
                    "trusted access is off"
                },
            )
        });
        all.push(row(None, None, STACK_SETS, Error, outcome));
    }
    for account in &selected.accounts {
        let Some(inside) = facts.inside.get(account) else {
            continue;
        };
        let mut sheet = Sheet {
            account,
            rows: Vec::new(),
        };
        if of_enrolment(&mut sheet, facts) {
            of_unit(&mut sheet, &selected.to.id, facts);
            of_account(&mut sheet, wish, &selected.to.id, backend, inside, facts);
        }
        all.append(&mut sheet.rows);
    }
    all.sort_by(|a, b| {
        let key =
            |it: &EnrolmentCheck| (it.account.clone(), it.result.id.clone(), it.region.clone());
        key(a).cmp(&key(b))
    });
    all
}

fn of_enrolment(sheet: &mut Sheet<'_>, facts: &EnrolmentFacts) -> bool {
    let found = facts.baselines.get(&facts.account_arn(sheet.account));
    let is_managed = found.is_some_and(|it| it.status != BaselineStatus::Failed);
    let controls = facts
        .controlled
        .get(sheet.account)
        .filter(|_| found.is_none());
    if let Some(controls) = controls.filter(|it| **it != Ok(false)) {
        let outcome = of(controls, |_| {
            fail_if(true, "it has controls, without a baseline")
        });
        sheet.add(MANAGED, Error, outcome);
        return false;
    }
    let evidence = match found.map(|it| it.status) {
        None => "it has no baseline",
        Some(BaselineStatus::Succeeded) => "it has the baseline",
        Some(BaselineStatus::UnderChange) => "the baseline is coming",
        Some(BaselineStatus::Failed) => "its baseline is not whole",
    };
    sheet.add(MANAGED, Error, fail_if(is_managed, evidence));
    !is_managed
}

/// Reports drift of the target unit's baseline.
fn of_unit(sheet: &mut Sheet<'_>, to: &str, facts: &EnrolmentFacts) {
    let baseline = facts.baselines.get(&facts.unit_arn(to));
    for drift in baseline.iter().flat_map(|it| &it.drift) {
        let evidence = match drift {
            BaselineDrift::Source => "it no longer matches the landing zone",
            BaselineDrift::Inheritance => "an account in the unit is not as the unit is",
        };
        sheet.add(UNIT_DRIFT, Warn, fail_if(true, evidence));
    }
}

fn of_account(
    sheet: &mut Sheet<'_>,
    wish: &EnrolmentRequest,
    to: &str,
    backend: EnrolmentBackend,
    inside: &InsideFacts,
    facts: &EnrolmentFacts,
) {
    let execution = of(&inside.execution_role, |there| {
        fail_if(!there, if *there { EXECUTION } else { "AccessDenied" })
    });
    sheet.add(ROLE_MISSING, unless_created(wish, backend, Warn), execution);
    let trusted = of(&inside.trusted, |role| match role {
        Some(role) => CheckOutcome::Pass(role.clone()),
        None => CheckOutcome::Fail("none of the three".to_owned()),
    });
    // a stack set creates the role without access; unreadable facts are checked then, first
    let is_opened = wish.create_role == RoleCreation::Ou
        && inside.trusted == Ok(None)
        && inside.execution_role == Ok(false);
    let closed = if is_opened { Info } else { Error };
    sheet.add(NO_ROLE, closed, trusted);
    let may_stay = wish.allow_config.contains(sheet.account);
    sheet.config(RECORDER, inside, closed, may_stay, |it| {
        it.recorder.as_ref()
    });
    sheet.config(CHANNEL, inside, closed, may_stay, |it| it.channel.as_ref());
    let in_root = of(&inside.parent, |parent| {
        fail_if(*parent == facts.root, facts.unit_name(parent))
    });
    sheet.add(IN_ROOT, unless_created(wish, backend, Info), in_root);
    let email = facts
        .accounts
        .get(sheet.account)
        .map_or("", |it| it.email.as_str());
    let has_capitals = email.chars().any(char::is_uppercase);
    sheet.add(EMAIL, Warn, fail_if(has_capitals, email));
    let entered = |fact: Option<&ReadFact<Vec<String>>>| match fact {
        Some(fact) => of(fact, |found| fail_if(!found.is_empty(), found.join(", "))),
        None => CheckOutcome::Unknown {
            action: "sts:AssumeRole".to_owned(),
            reason: "nothing lets us into the account".to_owned(),
        },
    };
    sheet.add(TRAIL, Warn, entered(inside.trails.as_ref()));
    sheet.add(VPC, Info, entered(inside.default_vpcs.as_ref()));
    sheet.add(REGION_OFF, Warn, entered(Some(&inside.regions_off)));
    let lost = of(&inside.parent, |parent| {
        let change = exchange(parent, to, facts);
        fail_if(
            !change.policies_lost.is_empty(),
            change.policies_lost.join(", "),
        )
    });
    sheet.add(SCPS, Warn, lost);
}

/// Accounts without obstacles; empty with `--all-or-nothing` and any obstacle.
pub fn enrollable(
    wish: &EnrolmentRequest,
    selected: &SelectedAccounts,
    checks: &[EnrolmentCheck],
) -> Vec<AccountId> {
    let mut stopped: BTreeMap<&AccountId, bool> =
        selected.accounts.iter().map(|it| (it, false)).collect();
    for check in checks.iter().filter(|it| it.stops()) {
        if let Some(account) = &check.account {
            stopped.insert(account, true);
        }
    }
    if wish.all_or_nothing && stopped.values().any(|it| *it) {
        return Vec::new();
    }
    let free = stopped.into_iter().filter(|(_, stopped)| !stopped);
    free.map(|(account, _)| account.clone()).collect()
}
