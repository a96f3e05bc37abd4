//! Effective access of a delegate's policy: each call against all required resources (`policies.md`
//! §2.7, §13).

use std::sync::Arc;

use serde::Serialize;

use super::actions::{ASSIGN, ATTRIBUTES, EDIT, MAKE, MEMBERS, PROVISION, TAG};
use super::samples::{ANY_OTHER, Sample, Samples, tag_key};
use crate::evaluation::{Context, Decision, Layers, Policy, Request, decide};
use crate::facts;
use crate::generate::ids::{IdKind, Lengths};
use crate::input::BadInput;
use crate::language::{Document, Effect, PolicyJson, PolicyType, ScpLanguage};

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DelegationQuestion {
    pub instance: Option<String>,
    pub management_account: Option<String>,
    pub context: Vec<(String, String)>,
    pub lengths: Lengths,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DelegatedCall {
    pub action: String,
    pub account: Option<String>,
    pub permission_set: Option<String>,
    pub decision: Decision,
    pub blocked_by: Vec<String>,
}

/// An allowed action beyond assigning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Escalation {
    pub action: String,
    pub on: Vec<String>,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ineffective {
    pub action: String,
    pub missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DelegationReport {
    pub matrix: Vec<DelegatedCall>,
    pub escalations: Vec<Escalation>,
    pub ineffective: Vec<Ineffective>,
    pub warnings: Vec<String>,
}

/// # Errors
/// The codes of [`crate::LoadErrorCode`] for an invalid policy, `E_ID` for invalid ids.
pub fn check(text: &str, question: &DelegationQuestion) -> Result<DelegationReport, BadInput> {
    if let Some(instance) = &question.instance {
        IdKind::Instance.check(instance, question.lengths, "--instance")?;
    }
    if let Some(account) = &question.management_account {
        IdKind::Account.check(account, question.lengths, "--management-account")?;
    }
    let source = PolicyJson::new(text)?;
    let document = source.strict(PolicyType::Identity, ScpLanguage::Full)?;
    let samples = Samples::of(
        &document,
        question.instance.as_deref(),
        question.management_account.as_deref(),
    );
    let trial = Trial {
        layers: Layers {
            identity: vec![Arc::new(Policy::compile(&document))],
            ..Layers::default()
        },
        question,
        samples: &samples,
    };
    let mut report = DelegationReport {
        matrix: Vec::new(),
        escalations: Vec::new(),
        ineffective: Vec::new(),
        warnings: Vec::new(),
    };
    let listed = listed(&document);
    for action in actions(&listed) {
        let Some(types) = types(&action) else {
            continue;
        };
        let found = trial.action(&action, &types);
        report.escalations.extend(escalations(&action, &found));
        let none = found
            .iter()
            .all(|call| call.row.decision != Decision::Allowed);
        if none && listed.contains(&action) {
            report.ineffective.push(Ineffective {
                missing: trial.missing(&action, &types),
                action,
            });
        }
        report.matrix.extend(found.into_iter().map(|call| call.row));
    }
    report.warnings = warnings(&report, &document, question, &samples);
    Ok(report)
}

fn listed(document: &Document<'_>) -> Vec<String> {
    let allows = document
        .statements
        .iter()
        .filter(|it| it.effect == Effect::Allow);
    let patterns = allows
        .filter(|it| !it.actions.not)
        .flat_map(|it| &it.actions.items);
    let mut listed = Vec::new();
    for pattern in patterns {
        // service wildcards expand only to tested services
        let ours = facts::actions_matching(&pattern.text)
            .filter(|action| matches!(action.service, "sso" | "identitystore" | "sso-directory"));
        for action in ours.map(facts::ActionFacts::full_name) {
            if !listed.contains(&action) {
                listed.push(action);
            }
        }
    }
    listed
}

fn actions(listed: &[String]) -> Vec<String> {
    let matter = ASSIGN.into_iter().chain([PROVISION]).chain(MAKE);
    let matter = matter
        .chain(EDIT)
        .chain(ATTRIBUTES)
        .chain(TAG)
        .chain(MEMBERS);
    let mut actions: Vec<String> = matter.map(str::to_owned).collect();
    for action in listed {
        if !actions.contains(action) {
            actions.push(action.clone());
        }
    }
    actions
}

/// Resource type groups to test; `None` for foreign types.
fn types(action: &str) -> Option<Vec<Vec<&'static str>>> {
    const TRIED: [&str; 7] = [
        "Account",
        "Instance",
        "PermissionSet",
        "Identitystore",
        "User",
        "Group",
        "GroupMembership",
    ];
    let required = facts::required_resource_types(action)?.all;
    if !required.is_empty() {
        let known = required.iter().all(|it| TRIED.contains(it));
        return known.then(|| vec![required]);
    }
    let optional = &facts::action(action)?.resource_types;
    let tried = optional
        .iter()
        .map(|it| it.name)
        .filter(|it| TRIED.contains(it));
    let groups: Vec<Vec<&str>> = tried.map(|it| vec![it]).collect();
    if groups.is_empty() {
        // no resource to name: everything
        return optional.is_empty().then(|| vec![Vec::new()]);
    }
    Some(groups)
}

const EVERYTHING: &str = "Resource \"*\"";

struct TriedCall {
    row: DelegatedCall,
    other_account: bool,
    other_set: bool,
}

struct Trial<'a> {
    layers: Layers,
    question: &'a DelegationQuestion,
    samples: &'a Samples,
}

impl Trial<'_> {
    fn action(&self, action: &str, groups: &[Vec<&'static str>]) -> Vec<TriedCall> {
        groups
            .iter()
            .flat_map(|types| self.calls(action, types))
            .collect()
    }

    fn calls(&self, action: &str, types: &[&'static str]) -> Vec<TriedCall> {
        let none = [None];
        let some = |of: &[Sample]| of.iter().cloned().map(Some).collect::<Vec<_>>();
        let accounts = some(&self.samples.accounts);
        let sets = some(&self.samples.sets);
        let accounts = if types.contains(&"Account") {
            accounts.as_slice()
        } else {
            &none
        };
        let sets = if types.contains(&"PermissionSet") {
            sets.as_slice()
        } else {
            &none
        };
        let mut calls = Vec::new();
        for account in accounts {
            for set in sets {
                let resources = types.iter().map(|kind| match *kind {
                    "Account" => (*kind, account.clone()),
                    "PermissionSet" => (*kind, set.clone()),
                    other => (*kind, self.fixed(other)),
                });
                let mut resources: Vec<(&str, Option<Sample>)> = resources.collect();
                if resources.is_empty() {
                    let all = Sample::plain("everything".to_owned(), "*".to_owned(), true);
                    resources.push((EVERYTHING, Some(all)));
                }
                calls.push(self.call(action, &resources, account.as_ref(), set.as_ref()));
            }
        }
        calls
    }

    fn fixed(&self, kind: &str) -> Option<Sample> {
        let rest = match kind {
            "Instance" => return Some(self.samples.instance.clone()),
            "Identitystore" => ":999999999999:identitystore/d-0000000000",
            "User" => "::user/00000000-0000-0000-0000-000000000000",
            "Group" => "::group/00000000-0000-0000-0000-000000000000",
            "GroupMembership" => "::membership/00000000-0000-0000-0000-000000000000",
            _ => return None,
        };
        let arn = format!("arn:{}:identitystore:{rest}", self.samples.partition);
        Some(Sample::plain(kind.to_owned(), arn, true))
    }

    fn call(
        &self,
        action: &str,
        resources: &[(&str, Option<Sample>)],
        account: Option<&Sample>,
        set: Option<&Sample>,
    ) -> TriedCall {
        let mut decision = Decision::Allowed;
        let mut blocked_by = Vec::new();
        for (kind, sample) in resources {
            let alone = sample
                .as_ref()
                .map_or(Decision::ImplicitlyDenied, |it| self.decide(action, it));
            if alone != Decision::Allowed {
                blocked_by.push((*kind).to_owned());
            }
            decision = match (decision, alone) {
                (Decision::ExplicitlyDenied, _) | (_, Decision::ExplicitlyDenied) => {
                    Decision::ExplicitlyDenied
                }
                (Decision::ImplicitlyDenied, _) | (_, Decision::ImplicitlyDenied) => {
                    Decision::ImplicitlyDenied
                }
                (Decision::Allowed, Decision::Allowed) => Decision::Allowed,
            };
        }
        TriedCall {
            row: DelegatedCall {
                action: action.to_owned(),
                account: account.map(|it| it.label.clone()),
                permission_set: set.map(|it| it.label.clone()),
                decision,
                blocked_by,
            },
            other_account: account.is_some_and(|it| it.other),
            other_set: set.is_some_and(|it| it.other),
        }
    }

    /// One resource; an invalid request is not allowed.
    fn decide(&self, action: &str, sample: &Sample) -> Decision {
        let mut context = Context::new();
        for (key, value) in &self.question.context {
            context = context.with(key, value);
        }
        for (key, value) in &sample.tags {
            context = context.with(&format!("aws:ResourceTag/{key}"), value);
        }
        let principal = format!(
            "arn:{}:sts::999999999999:assumed-role/Delegate/somebody",
            self.samples.partition
        );
        Request::new(&principal, action, &sample.arn, context)
            .map_or(Decision::ImplicitlyDenied, |request| {
                decide(&self.layers, &request)
            })
    }

    fn missing(&self, action: &str, groups: &[Vec<&'static str>]) -> Vec<String> {
        let allowed = |kind: &str| {
            let one = |it: &Sample| self.decide(action, it) == Decision::Allowed;
            match kind {
                "Account" => self.samples.accounts.iter().any(one),
                "PermissionSet" => self.samples.sets.iter().any(one),
                other => self.fixed(other).as_ref().is_some_and(one),
            }
        };
        if groups.iter().all(Vec::is_empty) {
            return vec![EVERYTHING.to_owned()];
        }
        let kinds = groups.iter().flatten().filter(|kind| !allowed(kind));
        kinds.map(|kind| (*kind).to_owned()).collect()
    }
}

fn escalations(action: &str, calls: &[TriedCall]) -> Vec<Escalation> {
    let allowed = || {
        calls
            .iter()
            .filter(|it| it.row.decision == Decision::Allowed)
    };
    let found = |why: &str, on: Vec<String>| Escalation {
        action: action.to_owned(),
        on,
        why: why.to_owned(),
    };
    let places = |calls: &[&TriedCall]| {
        let mut places: Vec<String> = Vec::new();
        for call in calls {
            let place = match (&call.row.account, &call.row.permission_set) {
                (_, Some(set)) => format!("permission set {set}"),
                (Some(account), None) => format!("account {account}"),
                (None, None) => "instance".to_owned(),
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    };
    let all: Vec<&TriedCall> = allowed().collect();
    if all.is_empty() {
        return Vec::new();
    }
    let why = if MAKE.contains(&action) {
        "changes the existing permission sets, and so the access of others"
    } else if EDIT.contains(&action) {
        "changes what a permission set grants: administrator wherever it is provisioned"
    } else if ATTRIBUTES.contains(&action) {
        "changes which attributes become session tags, for everyone"
    } else if TAG.contains(&action) {
        "changes tags: where tags decide, any permission set can be tagged in"
    } else if MEMBERS.contains(&action) {
        return vec![found(
            "changes who is in a group: members get its assignments",
            vec!["any group".to_owned()],
        )];
    } else if action == ASSIGN[0] {
        return far_assignments(&all, &found);
    } else {
        return Vec::new();
    };
    vec![found(why, places(&all))]
}

fn far_assignments(
    allowed: &[&TriedCall],
    found: &dyn Fn(&str, Vec<String>) -> Escalation,
) -> Vec<Escalation> {
    let mut escalations = Vec::new();
    let management = |call: &&&TriedCall| {
        let account = call.row.account.as_deref().unwrap_or_default();
        account.ends_with("(management)")
    };
    if allowed.iter().any(|it| it.other_account) {
        escalations.push(found(
            "assigns in every account, the management account included",
            vec![format!("account {ANY_OTHER}")],
        ));
    } else if let Some(call) = allowed.iter().find(management) {
        escalations.push(found(
            "assigns in the management account, which governs the organization",
            vec![format!(
                "account {}",
                call.row.account.as_deref().unwrap_or_default()
            )],
        ));
    }
    if allowed.iter().any(|it| it.other_set) {
        escalations.push(found(
            "assigns any permission set, an administrator's included",
            vec![format!("permission set {ANY_OTHER}")],
        ));
    }
    escalations
}

fn warnings(
    report: &DelegationReport,
    document: &Document<'_>,
    question: &DelegationQuestion,
    samples: &Samples,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let assigns = report
        .matrix
        .iter()
        .any(|row| row.decision == Decision::Allowed && row.action == ASSIGN[0]);
    if assigns {
        warnings.push("an assigner can assign to themselves".to_owned());
        warnings.push("control over a group's members is control over its assignments".to_owned());
    }
    let conditions = || document.statements.iter().flat_map(|it| &it.conditions);
    if assigns && conditions().any(|it| tag_key(&it.key.text).is_some()) {
        warnings.push(
            "tags say which permission sets, not where: a tagged set can be assigned in every \
             account that is allowed"
                .to_owned(),
        );
    }
    let given = |key: &str| {
        question
            .context
            .iter()
            .any(|(it, _)| it.eq_ignore_ascii_case(key))
    };
    let mut absent: Vec<&str> = Vec::new();
    for condition in conditions() {
        let key = condition.key.text.as_ref();
        if tag_key(key).is_none() && !given(key) && !absent.contains(&key) {
            absent.push(key);
        }
    }
    if !absent.is_empty() {
        warnings.push(format!(
            "taken as absent from the requests: {}; give values with `--context KEY=VALUE`",
            absent.join(", ")
        ));
    }
    if samples.cut {
        warnings.push("only the first 40 accounts and permission sets were tried".to_owned());
    }
    warnings
}
