//! Elements: parser problems, version, statement ids (codes 2 to 13, 26, 44, 46, 57, 61, 62).

use std::collections::HashSet;

use serde_json::Value;

use super::checker::Checker;
use super::codes::{LintCode, Severity};
use super::patch::PatchOperation;
use crate::language::json::ByteSpan;
use crate::language::{Effect, PolicyType, Problem, STATEMENT_ELEMENTS, Version, What};

const CURRENT: &str = "2012-10-17";
/// Limit of reported parser problems.
const PROBLEMS_MAX: usize = 500;
/// Number suffixes tried for a duplicate `Sid`.
const SUFFIXES_TRIED: usize = 100;
const DOCUMENT_ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

pub(super) fn check(checker: &mut Checker<'_>, problems: Vec<Problem>) {
    for problem in problems.into_iter().take(PROBLEMS_MAX) {
        structure(checker, problem);
    }
    version(checker);
    sids(checker);
    without_resource(checker);
    operators(checker);
}

fn structure(checker: &mut Checker<'_>, problem: Problem) {
    let span = problem.span;
    let rule = match problem.what {
        What::Syntax | What::Limit => LintCode::JsonSyntax,
        What::RepeatedKey => LintCode::DupKey,
        What::UnknownElement | What::BadElement => LintCode::UnknownElement,
        What::Version => LintCode::VersionInvalid,
        What::Effect if denied_allow(checker, span) => LintCode::RcpShape,
        What::Effect => LintCode::EffectInvalid,
        What::PairBoth => LintCode::PairBoth,
        What::PairNone => LintCode::PairNone,
        What::PrincipalForbidden => LintCode::PrincipalForbidden,
        What::PrincipalRequired => LintCode::PrincipalRequired,
        What::PrincipalWildcard => LintCode::PrincipalWildcard,
        What::NotPrincipalAllow => LintCode::NotPrincipalAllow,
        What::Operator => LintCode::OperatorUnknown,
        What::ScpLanguage => LintCode::ScpLanguage,
        What::RcpShape => LintCode::RcpShape,
        What::RcpService => LintCode::RcpServiceUnsupported,
        // reported by the action checks
        What::ActionService => return,
    };
    let written = checker.source.text().get(span.start + 1..span.end - 1);
    let written = written.unwrap_or("").to_owned();
    let pointer = checker.pointer(span);
    let fix = match rule {
        LintCode::VersionInvalid => Some(PatchOperation::replace(pointer, CURRENT)),
        LintCode::EffectInvalid => ["Allow", "Deny"]
            .into_iter()
            .find(|word| word.eq_ignore_ascii_case(written.trim()))
            .map(|word| PatchOperation::replace(pointer, word)),
        LintCode::UnknownElement => DOCUMENT_ELEMENTS
            .into_iter()
            .chain(STATEMENT_ELEMENTS)
            .find(|name| name.eq_ignore_ascii_case(&written) && *name != written)
            .filter(|name| !has_sibling(checker, span, name))
            .map(|name| PatchOperation::rename(pointer, name)),
        _ => None,
    };
    checker
        .report(rule, span, problem.message)
        .fix(fix.map(|it| vec![it]));
}

/// Whether this is a parsed statement's effect: in a resource control policy an Allow.
fn denied_allow(checker: &Checker<'_>, span: ByteSpan) -> bool {
    checker.kind() == PolicyType::Rcp
        && checker
            .document
            .statements
            .iter()
            .any(|it| it.effect == Effect::Allow && it.effect_span == span)
}

fn has_sibling(checker: &Checker<'_>, key: ByteSpan, name: &str) -> bool {
    let mut node = checker.source.root();
    loop {
        let Some(below) = node.members().unwrap_or(&[]).iter().find_map(|member| {
            let inside = member.node.span.start <= key.start && key.end <= member.node.span.end;
            inside.then_some(&member.node)
        }) else {
            let items = node.items().unwrap_or(&[]).iter();
            let item = items
                .clone()
                .find(|item| item.span.start <= key.start && key.end <= item.span.end);
            match item {
                Some(item) => node = item,
                None => return node.get(name).is_some(),
            }
            continue;
        };
        node = below;
    }
}

fn version(checker: &mut Checker<'_>) {
    if checker.document.version == Version::V2012 {
        return;
    }
    // no automatic fix: the newer version would interpret them as variables
    let variables = checker.source.text().contains("${");
    let severity = if variables {
        Severity::Error
    } else {
        Severity::Warning
    };
    let consequence = if variables {
        "; without it `${…}` is literal text and matches nothing"
    } else {
        ""
    };
    match &checker.document.version_text {
        None if checker.source.root().get("Version").is_none() => {
            let span = checker.document.span;
            if !checker.source.is_policy() {
                return;
            }
            let message = format!("add \"Version\": \"{CURRENT}\"{consequence}");
            let fix = PatchOperation::Add {
                path: "/Version".to_owned(),
                value: Value::String(CURRENT.to_owned()),
            };
            checker
                .report(LintCode::VersionMissing, span, message)
                .as_bad_as(severity)
                .fix((!variables).then(|| vec![fix]));
        }
        Some(text) if text.text == "2008-10-17" => {
            let span = text.span;
            let message =
                format!("write {CURRENT}, the version with policy variables{consequence}");
            let fix = PatchOperation::replace("/Version".to_owned(), CURRENT);
            checker
                .report(LintCode::VersionOld, span, message)
                .as_bad_as(severity)
                .fix((!variables).then(|| vec![fix]));
        }
        _ => {}
    }
}

fn sids(checker: &mut Checker<'_>) {
    let document = checker.document;
    let mut seen: HashSet<String> = HashSet::new();
    let sids = || document.statements.iter().filter_map(|it| it.sid.as_ref());
    let taken: HashSet<&str> = sids().map(|sid| sid.text.as_ref()).collect();
    for sid in sids() {
        let pointer = checker.pointer(sid.span);
        let clean: String = sid
            .text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        if clean != sid.text {
            let usable = !clean.is_empty() && !taken.contains(clean.as_str());
            let message = if clean.is_empty() {
                "a Sid is letters and digits".to_owned()
            } else {
                format!("a Sid is letters and digits, without blanks or signs: `{clean}`")
            };
            let fix = usable.then(|| vec![PatchOperation::replace(pointer.clone(), clean)]);
            // key and bucket policies allow inner blanks; IAM and Organizations do not
            let severity = if checker.kind() == PolicyType::Resource && sid.text.trim() == sid.text
            {
                Severity::Warning
            } else {
                Severity::Error
            };
            let told = checker.report(LintCode::SidInvalid, sid.span, message);
            told.as_bad_as(severity).fix(fix);
        }
        if !seen.insert(sid.text.clone().into_owned()) {
            let next = (2..).map(|n| format!("{}{n}", sid.text));
            let new = next
                .take(SUFFIXES_TRIED)
                .find(|new| !taken.contains(new.as_str()) && !seen.contains(new));
            let message = format!("the Sid `{}` stands in an earlier statement, too", sid.text);
            let fix = new.map(|new| vec![PatchOperation::replace(pointer, new)]);
            checker
                .report(LintCode::SidDuplicate, sid.span, message)
                .fix(fix);
        }
    }
}

/// AWS accepts statements without a resource only for some resource policies.
fn without_resource(checker: &mut Checker<'_>) {
    if checker.kind() != PolicyType::Resource {
        return;
    }
    checker.each(|checker, part| {
        if part.statement.resources.is_none() {
            let message = "without Resource this is read as the resource that the policy is \
                           attached to; AWS takes that of some services only, such as ECR";
            checker
                .report(LintCode::PairNone, part.statement.span, message)
                .as_bad_as(Severity::Info);
        }
    });
}

/// Suggests canonical spelling; parsing ignores case.
fn operators(checker: &mut Checker<'_>) {
    checker.each(|checker, part| {
        let mut seen = HashSet::new();
        for condition in part.conditions() {
            let name = condition.operator.name();
            let text = &condition.operator_text;
            if text.text == name || !seen.insert(text.span) {
                continue;
            }
            let pointer = checker.pointer(text.span);
            let twin = part
                .conditions()
                .iter()
                .any(|it| it.operator_text.text == name);
            let fix = (!twin).then(|| vec![PatchOperation::rename(pointer, &name)]);
            checker
                .report(
                    LintCode::OperatorUnknown,
                    text.span,
                    format!("`{}` works, but is written {name}", text.text),
                )
                .as_bad_as(Severity::Info)
                .fix(fix);
        }
    });
}
