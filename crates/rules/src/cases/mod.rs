//! Decision cases, one JSON object per line, as in `hallpass rules decide` (`design.md` §8).

mod read;

use std::collections::BTreeSet;

use hallpass_base::{AccountId, Email, GroupId, PermissionSetName, TimeSpan, Timestamp};
use read::{CaseTargetText, RequestedDuration, RuleCase};
use serde::Serialize;

use crate::{
    diagnostic::{Diagnostic, FindingCode},
    directory::Directory,
    engine::{Ask, Decision, Rules},
    read::CASE,
    rule::RuleId,
    syntax::{self, Node, Syntax, Value},
};

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CaseDecision {
    Decided {
        id: serde_json::Value,
        decision: &'static str,
        approvers: BTreeSet<Email>,
        because: Vec<RuleId>,
        /// Whether the user of `click` may approve.
        #[serde(skip_serializing_if = "Option::is_none")]
        permit: Option<bool>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        invalid: Vec<Invalid>,
        #[serde(skip)]
        unread: Vec<String>,
    },
    Failed {
        id: serde_json::Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
        error: CaseError,
    },
}

impl CaseDecision {
    #[must_use]
    pub fn on_line(mut self, number: u32) -> Self {
        if let Self::Failed { line, error, .. } = &mut self {
            *line = Some(number);
            for error in &mut error.errors {
                error.position.line = error.position.line.saturating_add(number.saturating_sub(1));
            }
        }
        self
    }

    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invalid {
    pub field: &'static str,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseError {
    pub code: FindingCode,
    pub message: String,
    pub errors: Vec<Diagnostic>,
}

pub fn answers<'a>(
    text: &'a str,
    rules: Option<&'a Rules>,
    facts: Option<&'a Directory>,
    now: Timestamp,
) -> impl Iterator<Item = CaseDecision> + 'a {
    text.lines()
        .filter(|line| !is_blank(line))
        .map(move |line| answer(line, rules, facts, now))
}

pub fn is_blank(line: &str) -> bool {
    line.trim_matches(['\u{feff}', ' ', '\t', '\r', '\n'])
        .is_empty()
}

/// Evaluates one case. Without `facts`, accounts and users are not checked for existence.
pub fn answer(
    line: &str,
    rules: Option<&Rules>,
    facts: Option<&Directory>,
    now: Timestamp,
) -> CaseDecision {
    let parsed = syntax::parse(line, Syntax::Json);
    let id = parsed
        .root
        .as_ref()
        .and_then(|root| root.get("id"))
        .map_or(serde_json::Value::Null, plain);
    let outcome = match (&parsed.root, parsed.is_whole()) {
        (Some(root), true) => read::read(root).and_then(|case| {
            let own = case.own_rules(root, line)?;
            match own.as_ref().or(rules) {
                Some(rules) => Ok(case.decide(id.clone(), rules, facts, now)),
                None => Err(vec![
                    Diagnostic::error(
                        FindingCode::MissingRules,
                        root.position,
                        "there are no rules",
                    )
                    .help("give `--rules FILE`, or `statements` in the case"),
                ]),
            }
        }),
        _ => Err(parsed.findings),
    };
    outcome.unwrap_or_else(|errors| failed(id, errors))
}

fn failed(id: serde_json::Value, mut errors: Vec<Diagnostic>) -> CaseDecision {
    errors.sort_by_key(|error| error.position);
    for error in &mut errors {
        CASE.clone_into(&mut error.file);
    }
    let (code, message) = errors.first().map_or_else(
        || {
            (
                FindingCode::BadCase,
                "the case could not be read (this is a bug)".to_owned(),
            )
        },
        |first| (first.code, first.message.clone()),
    );
    CaseDecision::Failed {
        id,
        line: None,
        error: CaseError {
            code,
            message,
            errors,
        },
    }
}

fn plain(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Bool(flag) => (*flag).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Number(number) => match number.parse::<serde_json::Number>() {
            Ok(parsed) if parsed.to_string() == *number => serde_json::Value::Number(parsed),
            Ok(_) | Err(_) => number.as_str().into(),
        },
        Value::Null | Value::List(_) | Value::Map(_) => serde_json::Value::Null,
    }
}

enum CaseTarget {
    Account(AccountId, String),
    Group(GroupId),
}

impl CaseTarget {
    fn ask(&self) -> Ask<'_> {
        match self {
            Self::Account(account, permission_set) => Ask::Account {
                account,
                permission_set,
            },
            Self::Group(group) => Ask::Group { group },
        }
    }
}

impl RuleCase {
    fn decide(
        &self,
        id: serde_json::Value,
        rules: &Rules,
        facts: Option<&Directory>,
        now: Timestamp,
    ) -> CaseDecision {
        let now = self.at.unwrap_or(now);
        let mut invalid = Vec::new();
        let target = self.target(facts, &mut invalid);
        if let Some(facts) = facts {
            self.check_requester(facts, &mut invalid);
        }
        let none = Directory::default();
        let known = facts.unwrap_or(&none);
        let mut because = BTreeSet::new();
        if let (Some(target), true) = (&target, invalid.is_empty()) {
            let ask = target.ask();
            let decision = rules.decide(&self.requester, &ask, known, now);
            let limit = rules.shortest(&self.requester, &ask, known, now);
            self.check_limits(&decision, limit.as_ref(), &mut invalid, &mut because);
            if invalid.is_empty() {
                let permit = self.click.as_ref().map(|presser| {
                    is_active(known, presser)
                        && rules
                            .press(presser, &self.requester, &target.ask(), known, now)
                            .may_approve()
                            .is_ok()
                });
                return CaseDecision::Decided {
                    id,
                    decision: decision.kind.as_str(),
                    approvers: decision.approvers,
                    because: decision.based_on,
                    permit,
                    invalid,
                    unread: decision.unread,
                };
            }
        }
        CaseDecision::Decided {
            id,
            decision: "Invalid",
            approvers: BTreeSet::new(),
            because: because.into_iter().collect(),
            permit: self.click.as_ref().map(|_| false),
            invalid,
            unread: Vec::new(),
        }
    }

    /// Returns the target if well formed and, with facts, existing (`access.md` §4.2).
    fn target(&self, facts: Option<&Directory>, invalid: &mut Vec<Invalid>) -> Option<CaseTarget> {
        let mut refuse = |field, message| invalid.push(Invalid { field, message });
        match &self.target {
            CaseTargetText::Account {
                account,
                permission_set,
            } => {
                let id = account_id(account, facts)
                    .map_err(|why| refuse("account", why))
                    .ok();
                let set = check_set(permission_set, facts)
                    .map_err(|why| refuse("permission_set", why))
                    .ok();
                Some(CaseTarget::Account(id?, set?.to_owned()))
            }
            CaseTargetText::Group(group) => group_id(group, facts)
                .map_err(|why| refuse("group", why))
                .ok()
                .map(CaseTarget::Group),
        }
    }

    fn check_requester(&self, facts: &Directory, invalid: &mut Vec<Invalid>) {
        let message = match facts.person_by_email(&self.requester) {
            Ok(person) if person.enabled => return,
            Ok(_) => format!("the user `{}` is disabled", self.requester),
            Err(why) => format!("`{}`: {why}", self.requester),
        };
        invalid.push(Invalid {
            field: "requester",
            message,
        });
    }

    /// Checks the other values of the case against the limits of the rules.
    fn check_limits(
        &self,
        decision: &Decision,
        limit: Option<&(RuleId, TimeSpan)>,
        invalid: &mut Vec<Invalid>,
        because: &mut BTreeSet<RuleId>,
    ) {
        if let Some(RequestedDuration { key, span }) = &self.duration {
            let field = *key;
            if span.is_zero() {
                let message = "is no time at all".to_owned();
                invalid.push(Invalid { field, message });
            }
            if let Some((rule, max)) = limit.filter(|(_, max)| span > max) {
                let (asked, max) = (to_the_second(*span), to_the_second(*max));
                let message = format!("`{asked}` is longer than rule `{rule}` allows, `{max}`");
                invalid.push(Invalid { field, message });
                because.insert(rule.clone());
            }
        }
        if let Some(reason) = &self.reason {
            if reason.trim().is_empty() {
                invalid.push(Invalid {
                    field: "reason",
                    message: "is empty".to_owned(),
                });
            } else if let Some(need) = decision.reason_refused(reason) {
                because.insert(need.rule.clone());
                let message = format!("rule `{}` wants `{}`", need.rule, need.pattern.as_str());
                invalid.push(Invalid {
                    field: "reason",
                    message,
                });
            }
        }
        if let Some(need) = self
            .ticket
            .as_ref()
            .and_then(|t| decision.ticket_refused(t))
        {
            because.insert(need.rule.clone());
            let message = format!("rule `{}` wants `{}`", need.rule, need.pattern.as_str());
            invalid.push(Invalid {
                field: "ticket",
                message,
            });
        }
    }
}

fn to_the_second(span: TimeSpan) -> String {
    match span.as_seconds() % 60 {
        seconds if seconds > 0 && span >= TimeSpan::hours(1) => format!("{span} {seconds}s"),
        _ => span.to_string(),
    }
}

fn account_id(text: &str, facts: Option<&Directory>) -> Result<AccountId, String> {
    let named = || {
        let mut found = facts?.accounts_by_name(text);
        let first = found.next()?;
        found.next().is_none().then(|| first.id.clone())
    };
    let id = match AccountId::new(text) {
        Ok(id) => id,
        Err(error) => named().ok_or_else(|| error.to_string())?,
    };
    match facts.map(|facts| facts.account(&id)) {
        None => Ok(id),
        Some(Some(account)) if account.active => Ok(id),
        Some(Some(_)) => Err(format!("the account `{id}` is not active")),
        Some(None) => Err(format!("the organization has no account `{id}`")),
    }
}

fn check_set<'a>(name: &'a str, facts: Option<&Directory>) -> Result<&'a str, String> {
    PermissionSetName::new(name).map_err(|error| error.to_string())?;
    match facts {
        Some(facts) if facts.permission_set_by_name(name).is_none() => {
            Err(format!("there is no permission set `{name}`"))
        }
        _ => Ok(name),
    }
}

fn group_id(text: &str, facts: Option<&Directory>) -> Result<GroupId, String> {
    let id = match GroupId::new(text) {
        Ok(id) => id,
        Err(error) => facts
            .and_then(|facts| facts.group_by_name(text))
            .map(|group| group.id.clone())
            .ok_or_else(|| error.to_string())?,
    };
    match facts {
        Some(facts) if facts.group(&id).is_none() => Err(format!("there is no group `{id}`")),
        _ => Ok(id),
    }
}

/// Returns false only if the directory has the user disabled.
fn is_active(facts: &Directory, email: &Email) -> bool {
    facts
        .person_by_email(email)
        .map_or(true, |person| person.enabled)
}
