//! Decides from deviation, rules and history. Pure: reads nothing else.

use hallpass_base::{AccountId, Glob, TimeSpan, Timestamp};

use crate::remediation::action::ActionKind;
use crate::remediation::deviation::{Deviation, ONLY_TOLD, WHOLE_ACCOUNT};
use crate::remediation::item::{Remediation, RemediationPhase};
use crate::remediation::rules::{
    ExceptionAction, RemediationException, RemediationMode, RemediationRule, RuleFile,
};

/// The tag that excludes a resource from remediation.
pub(crate) const NEVER_TAG: (&str, &str) = ("hallpass:remediate", "never");
/// After so many changes within a day, another actor is reverting them (`organization.md` R-7).
const FLAPPING: usize = 3;
pub(crate) const FLAPPING_WITHIN: TimeSpan = TimeSpan::hours(24);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountStanding {
    Member {
        /// The name of its OU.
        unit: String,
        management: bool,
    },
    Outside,
}

impl AccountStanding {
    fn unit(&self) -> &str {
        match self {
            Self::Member { unit, .. } => unit,
            Self::Outside => "",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum RuleChoice<'a> {
    Ignored(String),
    Rule(&'a RemediationRule),
    Excepted(&'a RemediationRule, &'a RemediationException),
    Refused(&'a RemediationRule, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemediationDecision {
    Observe,
    Approve(String),
    Act,
    Suppress(String),
    Manual(String),
}

fn exception<'a>(
    file: &'a RuleFile,
    it: &Deviation,
    unit: &str,
    now: Timestamp,
) -> Option<&'a RemediationException> {
    let named = |pattern: &String| {
        let pattern = Glob::new(pattern);
        let id = it.resource.rsplit(['/', ':']).next().unwrap_or_default();
        pattern.matches(&it.resource) || pattern.matches(id)
    };
    file.exceptions.iter().find(|exception| {
        exception.until.is_none_or(|until| now < until)
            && exception.resource.as_ref().is_none_or(named)
            && exception.matches.hold_whoever_says(it, unit)
    })
}

/// Returns why a rule must not act on the account (`organization.md` R-5).
fn refused(rule: &RemediationRule, it: &Deviation, standing: &AccountStanding) -> Option<String> {
    let account = &it.account;
    if let Some(other) = it.resource_account()
        && other != account.as_str()
    {
        return Some(format!(
            "the finding is of account {account} and its resource `{}` of account {other}",
            it.resource
        ));
    }
    match standing {
        AccountStanding::Outside => Some(format!("account {account} is not the organization's")),
        AccountStanding::Member {
            management: true, ..
        } if !rule.matches.name_account(account.as_str()) => Some(format!(
            "account {account} is the management account, and rule `{}` does not name it in `accounts`",
            rule.id
        )),
        AccountStanding::Member { .. } => None,
    }
}

fn says_never(it: &Deviation) -> Option<String> {
    let is_never = it.tags.get(NEVER_TAG.0).map(String::as_str) == Some(NEVER_TAG.1);
    is_never.then(|| format!("its tag `{}` says never", NEVER_TAG.0))
}

fn fits(rule: &RemediationRule, it: &Deviation, standing: &AccountStanding) -> bool {
    let (unit, excluded) = (standing.unit(), rule.unless.as_ref());
    rule.matches.hold(it, unit)
        && !excluded.is_some_and(|unless| unless.hold_whoever_says(it, unit))
}

/// Selects the rule: gate, rule, exceptions, accounts (`organization.md` ).
pub fn choose<'a>(
    file: &'a RuleFile,
    it: &Deviation,
    standing: &AccountStanding,
    now: Timestamp,
) -> RuleChoice<'a> {
    if let Some(why) = &it.settled {
        return RuleChoice::Ignored(why.clone());
    }
    let Some(rule) = file.rules.iter().find(|rule| fits(rule, it, standing)) else {
        return RuleChoice::Ignored("no rule is for it".to_owned());
    };
    if let Some(why) = says_never(it) {
        return RuleChoice::Ignored(why);
    }
    match exception(file, it, standing.unit(), now) {
        Some(found) if found.then == ExceptionAction::Ignore => {
            let why = format!("exception {}: {}", found.number, found.reason);
            return RuleChoice::Ignored(why);
        }
        Some(found) if it.finding.is_some() => return RuleChoice::Excepted(rule, found),
        Some(_) | None => {}
    }
    if rule.action.leaves_accounts_alone() {
        return RuleChoice::Rule(rule);
    }
    if it.is_of_guard_duty() {
        return RuleChoice::Refused(rule, ONLY_TOLD.to_owned());
    }
    if let Some(why) = refused(rule, it, standing) {
        return RuleChoice::Refused(rule, why);
    }
    RuleChoice::Rule(rule)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Yes {
    Said,
    /// Not approved: the rule acts automatically.
    Unsaid,
}

impl Yes {
    pub fn of(it: &Remediation) -> Self {
        if it.approved_by.is_some() {
            Self::Said
        } else {
            Self::Unsaid
        }
    }
}

/// Returns why the current rules reject an earlier decision; `None` if they still want it
/// (`organization.md` ).
pub fn no_longer_wanted(
    file: &RuleFile,
    it: &Remediation,
    stands: &Deviation,
    account: &AccountStanding,
    yes: Yes,
    now: Timestamp,
) -> Option<String> {
    let name = &it.rule;
    let Some(rule) = file.rule(name) else {
        return Some(format!("rule `{name}` was deleted"));
    };
    if rule.action != it.action || rule.params != it.params {
        return Some(format!("rule `{name}` has another action now"));
    }
    if let Some(why) = says_never(stands) {
        return Some(why);
    }
    // the reader already judged whether the finding is settled; a label set by Hallpass settles
    // nothing
    let stands = Deviation {
        settled: None,
        ..stands.clone()
    };
    let is_for_it = |found: &RemediationRule| found.id == rule.id;
    match choose(file, &stands, account, now) {
        RuleChoice::Rule(found) if is_for_it(found) => match (rule.mode, yes) {
            (RemediationMode::Auto, _) | (RemediationMode::Approve, Yes::Said) => None,
            (RemediationMode::Approve, Yes::Unsaid) => {
                Some(format!("rule `{name}` requires an approval now"))
            }
            (RemediationMode::Observe, _) => Some(format!("rule `{name}` only observes since")),
        },
        RuleChoice::Excepted(found, exception) if is_for_it(found) => {
            let (number, reason) = (&exception.number, &exception.reason);
            Some(format!("exception {number}: {reason}"))
        }
        RuleChoice::Refused(found, why) if is_for_it(found) => Some(why),
        RuleChoice::Ignored(why) if file.rules.iter().any(|it| fits(it, &stands, account)) => {
            Some(why)
        }
        RuleChoice::Rule(_)
        | RuleChoice::Excepted(..)
        | RuleChoice::Refused(..)
        | RuleChoice::Ignored(_) => Some(format!("rule `{name}` does not match it now")),
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Before {
    pub rule_this_hour: u32,
    /// Remediations of the resource within the last day, newest first.
    pub same_resource: Vec<Remediation>,
}

/// Applies the limits, then the mode of the rule (`organization.md` ).
pub fn settle(
    choice: &RuleChoice<'_>,
    before: &Before,
    now: Timestamp,
) -> Option<RemediationDecision> {
    let (rule, refused) = match choice {
        RuleChoice::Ignored(_) => return None,
        RuleChoice::Excepted(_, exception) => {
            let why = format!("exception {}: {}", exception.number, exception.reason);
            return Some(RemediationDecision::Suppress(why));
        }
        RuleChoice::Rule(rule) => (*rule, None),
        RuleChoice::Refused(rule, why) => (*rule, Some(why)),
    };
    if rule.mode == RemediationMode::Observe {
        return Some(RemediationDecision::Observe);
    }
    if let Some(why) = refused {
        return Some(RemediationDecision::Manual(why.clone()));
    }
    if rule.action == ActionKind::Notify {
        let why = format!("rule `{}` only reports", rule.id);
        return Some(RemediationDecision::Manual(why));
    }
    if let Some(why) = unsettled(rule, before, now) {
        return Some(RemediationDecision::Manual(why));
    }
    if rule.mode == RemediationMode::Approve {
        let why = format!("rule `{}` requires an approval", rule.id);
        return Some(RemediationDecision::Approve(why));
    }
    if before.rule_this_hour >= rule.max_per_hour {
        let (id, most) = (&rule.id, rule.max_per_hour);
        let why = format!("rule `{id}` acted {most} times within an hour, which is its limit");
        return Some(RemediationDecision::Approve(why));
    }
    Some(RemediationDecision::Act)
}

/// Returns why the resource must not be changed again yet.
fn unsettled(rule: &RemediationRule, before: &Before, now: Timestamp) -> Option<String> {
    let since = FLAPPING_WITHIN.before(now);
    let changed: Vec<Timestamp> = before
        .same_resource
        .iter()
        .filter_map(|it| it.changed_at)
        .filter(|at| *at > since)
        .collect();
    if changed.len() >= FLAPPING {
        let times = changed.len();
        return Some(format!(
            "flapping: it was remediated {times} times within 24 hours; something changes it back"
        ));
    }
    let undone = before.same_resource.iter().find_map(|it| match &it.phase {
        RemediationPhase::Undone { at, by } if *at > since && it.rule == rule.id => Some(by),
        RemediationPhase::Undone { .. }
        | RemediationPhase::Observed
        | RemediationPhase::Waiting { .. }
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Finished { .. }
        | RemediationPhase::Manual { .. }
        | RemediationPhase::Drifted { .. } => None,
    });
    if let Some(by) = undone {
        return Some(format!(
            "{by} took the last remediation back within 24 hours; write an exception if it is to stay so"
        ));
    }
    let last = changed.into_iter().max()?;
    (now < rule.cooldown.after(last)).then(|| {
        let minutes = rule.cooldown.as_seconds() / 60;
        format!("it was changed less than {minutes} minutes ago, the rule's `cooldown`")
    })
}

/// Returns whether a remediation covers the subject of an action. An account name as resource
/// stands for several subjects, one per action; those not account-wide belong to one Region.
pub(crate) fn is_about_the_same(kept: &Remediation, it: &Deviation, action: ActionKind) -> bool {
    let is_account = it.resource.starts_with(WHOLE_ACCOUNT);
    let is_everywhere = matches!(
        action,
        ActionKind::S3AccountBlock | ActionKind::IamPasswordPolicy
    );
    !is_account || kept.action == action && (is_everywhere || kept.deviation.region == it.region)
}

pub fn is_own_account(it: &Deviation, account: &AccountId) -> bool {
    it.account == *account
        && it
            .resource_account()
            .is_none_or(|other| other == account.as_str())
}
