//! The rule file: actions, exceptions and approvers (`organization.md` ).

use std::collections::BTreeSet;

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::remediation::action::{ActionKind, check_params};
use crate::remediation::approvers::{ApproverEntry, ApproverForm, GROUP, read_approvers};
use crate::remediation::conditions::Conditions;
use crate::remediation::deviation::{CONFIG, Deviation, GUARD_DUTY, ONLY_TOLD, SECURITY_HUB};
use crate::remediation::span::written_span;

const MAX_PER_HOUR: u32 = 20;
const TRIES: u32 = 3;
/// Default step timeout; IAM shows a write within a minute.
const TIMEOUT: TimeSpan = TimeSpan::minutes(2);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemediationMode {
    #[default]
    Observe,
    Approve,
    Auto,
}

impl RemediationMode {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Approve => "approve",
            Self::Auto => "auto",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct RemediationRule {
    pub id: String,
    pub matches: Conditions,
    pub unless: Option<Conditions>,
    pub action: ActionKind,
    pub params: Value,
    pub mode: RemediationMode,
    /// Actions per hour; further ones need approval.
    pub max_per_hour: u32,
    /// Minimum time between changes of a resource.
    pub cooldown: TimeSpan,
    pub timeout: TimeSpan,
    pub tries: u32,
    /// Resolves the finding afterwards; otherwise sets it to notified until its control passes.
    pub resolve: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExceptionAction {
    Suppress,
    Ignore,
}

/// An accepted deviation, optionally until a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemediationException {
    pub number: usize,
    pub matches: Conditions,
    pub resource: Option<String>,
    pub then: ExceptionAction,
    pub reason: String,
    /// End, exclusive.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleFile {
    /// The first matching rule applies.
    pub rules: Vec<RemediationRule>,
    pub exceptions: Vec<RemediationException>,
    pub approvers: Vec<ApproverEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileForm {
    rules: Vec<RuleForm>,
    #[serde(default)]
    exceptions: Vec<ExceptionForm>,
    #[serde(default)]
    approvers: Vec<ApproverForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleForm {
    id: String,
    #[serde(rename = "match")]
    matches: Conditions,
    #[serde(default)]
    unless: Option<Conditions>,
    action: String,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    mode: RemediationMode,
    #[serde(default)]
    max_per_hour: Option<u32>,
    #[serde(default, deserialize_with = "written_span")]
    cooldown: Option<TimeSpan>,
    #[serde(default, deserialize_with = "written_span")]
    timeout: Option<TimeSpan>,
    #[serde(default)]
    retry: Option<u32>,
    #[serde(default = "yes")]
    resolve: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionForm {
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    ou: Option<String>,
    #[serde(default)]
    resource: Option<String>,
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    controls: Option<Vec<String>>,
    then: ExceptionAction,
    reason: String,
    #[serde(default)]
    until: Option<String>,
}

fn is_id(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"-_./".contains(&it);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(plain)
}

/// Refuses modes that an action does not support (`organization.md` R-4).
fn check_mode(action: ActionKind, mode: RemediationMode) -> Result<(), String> {
    match (action, mode) {
        (ActionKind::RdsPrivate, RemediationMode::Auto) => Err(
            "`rds-private` disconnects clients outside the VPC: `mode` is `observe` or `approve`"
                .to_owned(),
        ),
        (ActionKind::Notify, RemediationMode::Approve) => Err(
            "`notify` changes nothing that could be approved: `mode` is `observe` or `auto`"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

fn rule(form: RuleForm) -> Result<RemediationRule, String> {
    let id = form.id;
    let of_rule = |why: String| format!("rule `{id}`: {why}");
    if !is_id(&id) {
        return Err(format!(
            "`{id}` is no name of a rule: up to 64 of a-z, 0-9, `-`, `_`, `.`, `/`"
        ));
    }
    let action = ActionKind::named(&form.action).ok_or_else(|| {
        let names: Vec<&str> = ActionKind::ALL.iter().map(|it| it.name()).collect();
        of_rule(format!(
            "`{}` is no action: {}",
            form.action,
            names.join(", ")
        ))
    })?;
    if form.matches.is_empty() {
        return Err(of_rule(
            "`match` is empty, which is every finding; name its findings".to_owned(),
        ));
    }
    let sources = [SECURITY_HUB, CONFIG];
    let source = form.matches.source.as_deref().unwrap_or(SECURITY_HUB);
    if !sources.contains(&source) {
        return Err(of_rule(format!(
            "`source` is one of {}",
            sources.join(", ")
        )));
    }
    if action == ActionKind::Suppress && source != SECURITY_HUB {
        return Err(of_rule(
            "`suppress` is for findings of Security Hub".to_owned(),
        ));
    }
    check_mode(action, form.mode).map_err(of_rule)?;
    let of_guard_duty = |it: &String| it.ends_with(GUARD_DUTY);
    let products = form.matches.product.iter().flatten();
    if !action.leaves_accounts_alone() && products.clone().any(of_guard_duty) {
        return Err(of_rule(ONLY_TOLD.to_owned()));
    }
    let tries = form.retry.unwrap_or(TRIES);
    if tries == 0 {
        return Err(of_rule(
            "`retry` is how often it is tried, 1 at least".to_owned(),
        ));
    }
    let params = check_params(action, form.params).map_err(of_rule)?;
    Ok(RemediationRule {
        matches: form.matches,
        unless: form.unless,
        action,
        params,
        mode: form.mode,
        max_per_hour: form.max_per_hour.unwrap_or(MAX_PER_HOUR),
        cooldown: form.cooldown.unwrap_or(TimeSpan::ZERO),
        timeout: form.timeout.unwrap_or(TIMEOUT),
        tries,
        resolve: form.resolve,
        id,
    })
}

/// Parses a day, inclusive, or an instant.
fn until(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let day: jiff::civil::Date = text
        .parse()
        .map_err(|_| format!("`until` is `{text}`, which is not a day or an instant"))?;
    let next = day.tomorrow();
    let midnight = next.and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC));
    // the last calendar days, used for "forever", have no following midnight
    Ok(midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp()))
}

fn exception(number: usize, form: ExceptionForm) -> Result<RemediationException, String> {
    let of_exception = |why: String| format!("exception {number}: {why}");
    if form.account.is_none() && form.ou.is_none() && form.resource.is_none() && form.tag.is_none()
    {
        let why = "name an `account`, `ou`, `resource` or `tag`; without one it is for everything";
        return Err(of_exception(why.to_owned()));
    }
    if form.reason.trim().is_empty() {
        return Err(of_exception("`reason` is empty".to_owned()));
    }
    let tag = form.tag.map(|text| {
        let (key, value) = text.split_once('=').unwrap_or((&text, "*"));
        std::collections::BTreeMap::from([(key.to_owned(), value.to_owned())])
    });
    let until = form.until.as_deref().map(until).transpose();
    Ok(RemediationException {
        number,
        matches: Conditions {
            controls: form.controls,
            accounts: form.account.map(|it| vec![it]),
            ou: form.ou.map(|it| vec![it]),
            tags: tag,
            ..Conditions::default()
        },
        resource: form.resource,
        then: form.then,
        reason: form.reason,
        until: until.map_err(of_exception)?,
    })
}

impl RemediationException {
    pub fn about(&self) -> String {
        let matches = &self.matches;
        let list = |name: &str, values: Option<&Vec<String>>| {
            values.map(|all| format!("{name} {}", all.join(" ")))
        };
        let tags = matches.tags.as_ref().map(|all| {
            let all: Vec<String> = all.iter().map(|(key, it)| format!("{key}={it}")).collect();
            format!("tag {}", all.join(" "))
        });
        let parts = [
            list("account", matches.accounts.as_ref()),
            list("OU", matches.ou.as_ref()),
            self.resource.as_ref().map(|it| format!("resource {it}")),
            tags,
            list("controls", matches.controls.as_ref()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }
}

impl RuleFile {
    /// Parses YAML or JSON.
    ///
    /// # Errors
    /// Names the position.
    pub fn read(text: &str) -> Result<Self, String> {
        let form: FileForm = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let rules: Vec<RemediationRule> =
            form.rules.into_iter().map(rule).collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(twin) = rules.iter().find(|it| !names.insert(it.id.as_str())) {
            return Err(format!("rule `{}` is there twice", twin.id));
        }
        let exceptions = form.exceptions.into_iter().enumerate();
        let exceptions = exceptions.map(|(place, form)| exception(place + 1, form));
        let approvers = form.approvers.into_iter().enumerate();
        let approvers = approvers.map(|(place, form)| read_approvers(place + 1, form));
        Ok(Self {
            approvers: approvers.collect::<Result<_, _>>()?,
            exceptions: exceptions.collect::<Result<_, _>>()?,
            rules,
        })
    }

    pub fn unreachable(&self) -> Vec<(&str, &str)> {
        let rows = self.rules.iter().enumerate();
        let rows = rows.filter_map(|(place, later)| {
            let before = self.rules.get(..place)?;
            let covers =
                |it: &&RemediationRule| it.unless.is_none() && it.matches.cover(&later.matches);
            let first = before.iter().find(covers)?;
            Some((later.id.as_str(), first.id.as_str()))
        });
        rows.collect()
    }

    pub fn expired(&self, now: Timestamp) -> Vec<&RemediationException> {
        let over = |it: &&RemediationException| it.until.is_some_and(|until| until <= now);
        self.exceptions.iter().filter(over).collect()
    }

    pub fn rule(&self, id: &str) -> Option<&RemediationRule> {
        self.rules.iter().find(|it| it.id == id)
    }

    /// Returns the approvers of all matching entries; `None` without a match, which means
    /// administrators.
    pub fn approvers_of(&self, it: &Deviation, unit: &str) -> Option<Vec<String>> {
        let fits = |entry: &&ApproverEntry| entry.matches.hold_whoever_says(it, unit);
        let people: Vec<String> = self
            .approvers
            .iter()
            .filter(fits)
            .flat_map(|entry| entry.people.iter().cloned())
            .collect();
        (!people.is_empty()).then_some(people)
    }

    pub fn everybody_asked(&self) -> Vec<String> {
        let people = self.approvers.iter().flat_map(|entry| &entry.people);
        people.cloned().collect()
    }

    pub fn approver_groups(&self) -> BTreeSet<String> {
        let people = self.approvers.iter().flat_map(|entry| &entry.people);
        let groups = people.filter_map(|it| it.strip_prefix(GROUP));
        groups.map(str::to_owned).collect()
    }
}
