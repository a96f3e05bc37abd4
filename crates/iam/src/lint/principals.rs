//! Principals: everyone, deleted ones, services and federations (codes 45 to 50).

use super::checker::{Checker, StatementFacts};
use super::codes::{LintCode, Severity};
use super::values::{is_account, is_placeholder};
use crate::language::{
    Arn, Condition, Effect, PolicyType, PrincipalEntry, PrincipalKind, Principals, Quantifier,
    Test, split_arn,
};
use crate::pattern::action_overlaps;

/// Caller keys; a positive comparison limits `*`.
const LIMITING: [&str; 21] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourcevpcarn",
    "aws:userid",
    "aws:username",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "kms:calleraccount",
    "lambda:functionurlauthtype",
    "s3:dataaccesspointaccount",
];
/// Keys of the party that a service acts for.
const ON_BEHALF: [&str; 6] = [
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "sts:externalid",
];
/// Services that assume roles only for their own account (`iam:PassRole`).
const PASSED_ONLY: [&str; 5] = [
    "ec2.amazonaws.com",
    "edgelambda.amazonaws.com",
    "eks.amazonaws.com",
    "lambda.amazonaws.com",
    "pods.eks.amazonaws.com",
];
/// Shared identity providers for jobs or clusters: only the subject distinguishes them (AWS:
/// "Create a role for OpenID Connect federation").
const BY_SUBJECT: [&str; 8] = [
    "agent.buildkite.com",
    "api.bitbucket.org",
    "app.terraform.io",
    "gitlab.com",
    "oidc.circleci.com",
    "oidc.eks.",
    "token.actions.githubusercontent.com",
    "vstoken.dev.azure.com",
];

/// Subject prefixes before the owner in [`BY_SUBJECT`]: GitHub, GitLab, HCP Terraform and
/// Buildkite, `CircleCI`, Azure DevOps.
const BEFORE_OWNERS: [&str; 5] = ["repo:", "project_path:", "organization:", "org/", "sc://"];

pub(super) fn check(checker: &mut Checker<'_>) {
    if !matches!(checker.kind(), PolicyType::Resource | PolicyType::Trust) {
        return;
    }
    checker.each(|checker, part| {
        let Some(principals) = &part.statement.principals else {
            return;
        };
        for entry in &principals.entries {
            written(checker, entry);
        }
        if principals.not {
            incomplete(checker, part, principals);
            return;
        }
        if !part.is_allow() {
            return;
        }
        public(checker, part, principals);
        services(checker, part, principals);
        if checker.kind() == PolicyType::Trust {
            federations(checker, part, principals);
            others(checker, part, principals);
        }
    });
}

/// Principals without a match.
fn written(checker: &mut Checker<'_>, entry: &PrincipalEntry<'_>) {
    let (text, span) = (entry.text.text.as_ref(), entry.text.span);
    if entry.kind == PrincipalKind::Aws && is_entity_id(text) {
        let message = format!(
            "`{text}` is the id of a user or role that was deleted: it matches no one, not even \
             a new one of the same name"
        );
        checker.report(LintCode::PrincipalOrphan, span, message);
        return;
    }
    let told =
        is_placeholder(checker.options, text) || text.contains(['*', '?']) || text.contains("${");
    if !told && !entry.text.names_aws_principal(entry.kind) {
        let message = format!("`{text}` is not an account id, an ARN or `*`: it matches no one");
        checker.report(LintCode::ValueType, span, message);
    }
    if entry.kind == PrincipalKind::Service && !told && !text.contains('.') {
        let message = format!("`{text}` is not a service, such as {text}.amazonaws.com");
        checker.report(LintCode::ValueType, span, message);
    }
}

/// `AIDA…`, `AROA…`, `AGPA…` and the like, from 16 characters on (IAM: "Unique identifiers").
fn is_entity_id(text: &str) -> bool {
    let known = ["AIDA", "AROA", "AGPA", "ANPA", "AIPA"];
    text.len() >= 16
        && known.iter().any(|start| text.starts_with(start))
        && text
            .bytes()
            .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
}

/// Positive, requires the key, and lists no bare `*`.
fn narrows(condition: &Condition<'_>, keys: &[&str]) -> bool {
    let key = condition.key.text.to_ascii_lowercase();
    let operator = condition.operator;
    let positive = !operator.test.is_negated()
        && !matches!(operator.test, Test::Null | Test::Bool)
        && !operator.if_exists
        && operator.quantifier != Quantifier::All;
    let wide = |text: &str| {
        matches!(text, "0.0.0.0/0" | "::/0" | "arn:*" | "arn:aws:*")
            || (text.contains('*') && text.chars().all(|it| matches!(it, '*' | '?')))
    };
    keys.contains(&key.as_str()) && positive && !condition.values.iter().any(|it| wide(&it.text))
}

/// Whether a comparison excludes attackers who choose names: an ARN must name its account or
/// bucket; an organization id or path must not start with a wildcard.
fn limits(condition: &Condition<'_>, keys: &[&str]) -> bool {
    let key = condition.key.text.to_ascii_lowercase();
    let is_open = |text: &str| text.contains(['*', '?']);
    let begins_open = |text: &str| text.split('/').next().is_some_and(is_open);
    let is_wide = |text: &str| {
        if key.ends_with("arn") {
            return match split_arn(text) {
                Some([.., "", rest]) => begins_open(rest),
                Some([.., account, _]) => is_open(account),
                None => is_open(text),
            };
        }
        let names_accounts = ["account", "orgid", "orgpaths", "owner"];
        names_accounts.iter().any(|it| key.ends_with(it)) && begins_open(text)
    };
    narrows(condition, keys) && !condition.values.iter().any(|it| is_wide(&it.text))
}

fn is_everybody(entry: &PrincipalEntry<'_>) -> bool {
    let kinds = matches!(entry.kind, PrincipalKind::Everyone | PrincipalKind::Aws);
    kinds && entry.text.text == "*"
}

fn public(checker: &mut Checker<'_>, part: &StatementFacts<'_>, principals: &Principals<'_>) {
    // callers can tag themselves: tags limit only in combination
    if part.conditions().iter().any(|it| limits(it, &LIMITING)) {
        return;
    }
    if let Some(entry) = principals.entries.iter().find(|it| is_everybody(it)) {
        let message = "this allows everyone, of every account and without signing in, where no \
                       other policy blocks it; name principals or compare aws:PrincipalOrgID";
        checker.report(LintCode::PrincipalPublic, entry.text.span, message);
    }
}

fn services(checker: &mut Checker<'_>, part: &StatementFacts<'_>, principals: &Principals<'_>) {
    if part.conditions().iter().any(|it| limits(it, &ON_BEHALF)) {
        return;
    }
    let is_optional = part.conditions().iter().any(|it| {
        let key = it.key.text.to_ascii_lowercase();
        ON_BEHALF.contains(&key.as_str()) && it.operator.if_exists
    });
    let advice = if is_optional {
        "a comparison with IfExists also holds where the key is absent: write the operator without \
         it"
    } else {
        "compare aws:SourceAccount, aws:SourceArn or aws:SourceOrgID with a value that names an \
         account or an organization"
    };
    let trust = checker.kind() == PolicyType::Trust;
    for entry in &principals.entries {
        let name = entry.text.text.as_ref();
        let passed = trust && PASSED_ONLY.contains(&name);
        if entry.kind == PrincipalKind::Service && !passed {
            let message = format!(
                "{name} may be made to act here for the resources of any account: {advice}"
            );
            checker.report(LintCode::ConfusedDeputy, entry.text.span, message);
        }
    }
}

/// A Deny for all except some also denies their account and role.
fn incomplete(checker: &mut Checker<'_>, part: &StatementFacts<'_>, principals: &Principals<'_>) {
    if part.statement.effect == Effect::Allow {
        return;
    }
    let listed =
        |wanted: &dyn Fn(&str) -> bool| principals.entries.iter().any(|it| wanted(&it.text.text));
    for entry in &principals.entries {
        let Some(arn) = Arn::parse(&entry.text.text) else {
            continue;
        };
        let user = arn.service == "iam" && arn.rest.starts_with("user/");
        let role = arn.service == "iam" && arn.rest.starts_with("role/");
        let session = arn.rest.strip_prefix("assumed-role/");
        if entry.kind != PrincipalKind::Aws || !(user || role || session.is_some()) {
            continue;
        }
        let mut missing = Vec::new();
        if let Some((name, _)) = session.and_then(|it| it.split_once('/')) {
            let is_role = |text: &str| {
                Arn::parse(text).is_some_and(|it| {
                    it.account == arn.account
                        && it
                            .rest
                            .strip_prefix("role/")
                            .and_then(|it| it.rsplit('/').next())
                            == Some(name)
                })
            };
            if !listed(&is_role) {
                missing.push(format!(
                    "the role arn:{}:iam::{}:role/{name}",
                    arn.partition, arn.account
                ));
            }
        }
        let root = format!("arn:{}:iam::{}:root", arn.partition, arn.account);
        if !listed(&|text| text == root || text == arn.account) {
            missing.push(format!("the account {root}"));
        }
        if !missing.is_empty() {
            let message = format!(
                "this Deny also meets `{}` itself: list {}, too",
                entry.text.text,
                missing.join(" and ")
            );
            checker.report(LintCode::NotPrincipalIncomplete, entry.text.span, message);
        }
    }
}

fn assumes(part: &StatementFacts<'_>, action: &str) -> bool {
    let mut listed = part.entries.iter();
    listed.any(|it| action_overlaps(&it.text.text, action)) == part.lists_actions()
}

/// Whether a subject pattern matches strangers: its first wildcard is in the owner
/// (`repo:*/app:*`), or earlier.
fn is_any_subject(text: &str) -> bool {
    let Some((fixed, _)) = text.split_once(['*', '?']) else {
        return false;
    };
    BEFORE_OWNERS.iter().any(|before| {
        let owner = fixed.strip_prefix(before);
        before.starts_with(fixed) || owner.is_some_and(|it| !it.contains(['/', ':']))
    })
}

fn federations(checker: &mut Checker<'_>, part: &StatementFacts<'_>, principals: &Principals<'_>) {
    if !assumes(part, "sts:AssumeRoleWithWebIdentity") {
        return;
    }
    for entry in &principals.entries {
        let text = entry.text.text.as_ref();
        let host = match split_arn(text) {
            Some([.., rest]) => rest.strip_prefix("oidc-provider/"),
            None => Some(text),
        };
        let Some(host) = host.filter(|_| entry.kind == PrincipalKind::Federated) else {
            continue;
        };
        let compared = |names: &[&str]| {
            part.conditions().iter().any(|it| {
                let key = it.key.text.to_ascii_lowercase();
                let own = key.strip_prefix(&format!("{}:", host.to_ascii_lowercase()));
                let named = own.is_some_and(|name| names.contains(&name));
                let wide = it.values.iter().any(|value| is_any_subject(&value.text));
                named && !wide && narrows(it, &[key.as_str()])
            })
        };
        let shared = BY_SUBJECT.iter().any(|known| host.starts_with(known));
        let enough = if shared {
            compared(&["sub"])
        } else {
            compared(&["aud", "sub", "app_id", "oaud"])
        };
        if !enough {
            let wanted = if shared { "sub" } else { "aud" };
            let message = format!(
                "every subject of {host} may assume this role: compare {host}:{wanted} with what \
                 you expect"
            );
            checker.report(LintCode::TrustOidcNoSub, entry.text.span, message);
        }
    }
}

/// Other accounts may be tricked into using our role for a third party.
fn others(checker: &mut Checker<'_>, part: &StatementFacts<'_>, principals: &Principals<'_>) {
    let guards = [
        "sts:externalid",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalarn",
    ];
    let guarded = part.conditions().iter().any(|it| narrows(it, &guards));
    if !assumes(part, "sts:AssumeRole") || guarded {
        return;
    }
    let own = checker.options.own_accounts.clone();
    for entry in principals
        .entries
        .iter()
        .filter(|it| it.kind == PrincipalKind::Aws)
    {
        let text = entry.text.text.as_ref();
        let account = match Arn::parse(text) {
            Some(arn) => arn.account,
            None => text,
        };
        if !is_account(account) || own.iter().any(|it| it == account) {
            continue;
        }
        if own.is_empty() {
            // an exact role or user is a known party
            if is_account(text) || text.ends_with(":root") {
                let message = format!(
                    "unless {account} is yours, compare sts:ExternalId; name your accounts by \
                     `--own-account` or `--tree`"
                );
                checker
                    .report(LintCode::TrustExternalNoId, entry.text.span, message)
                    .as_bad_as(Severity::Info);
            }
            continue;
        }
        let message = format!(
            "{account} is not one of your accounts: compare sts:ExternalId, so that no other \
             customer can use this role"
        );
        checker.report(LintCode::TrustExternalNoId, entry.text.span, message);
    }
}
