//! The linter (`policies.md` §6): finds policy parts that are refused, have no effect, or are too
//! broad. Pure: text in, findings out.
//!
//! One file per code family, each using [`Checker`].

mod actions;
mod characters;
mod checker;
mod codes;
mod conditions;
mod elements;
mod finding;
mod patch;
mod principals;
mod resources;
mod risks;
mod sarif;
mod scp;
mod shadow;
mod sizes;
mod tree;
mod values;
mod variables;

pub use codes::{LintCode, LintCodeFacts, Severity};
pub use finding::{LintFinding, Options, Region};
pub use patch::{PatchOperation, apply};
pub use sarif::{Linted, sarif};
pub use tree::{OrgTree, TreeFinding};

use checker::Checker;
use hallpass_aws_model::facts;
pub(crate) use resources::works_on;

use crate::error::{LoadError, LoadErrorCode};
use crate::language::{PolicyJson, PolicyType};
use crate::size::AttachmentPoint;

/// Maximum quota, in characters without whitespace.
const TRUST_LENGTH_MAX: usize = facts::TRUST_POLICY_CHARACTERS_MOST.count();
/// Bytes. Longer policies are only parsed and measured: far above AWS limits, and checks compare
/// entries pairwise.
const LOOKED_AT_MAX: usize = 128 * 1024;
/// Guarantees termination: each repair removes one finding.
const REPAIRS_MAX: usize = 1_000;

/// All findings, by pointer and code.
pub fn lint(text: &str, options: &Options) -> Vec<LintFinding> {
    let mut findings = match PolicyJson::new(text) {
        Err(error) => vec![unreadable(text, &error)],
        Ok(source) => look(&source, options),
    };
    findings.retain(|it| {
        let waived = options
            .waived
            .iter()
            .any(|(rule, sid)| *rule == it.code && it.sid.as_ref() == Some(sid));
        !waived && !options.disabled.contains(&it.code)
    });
    findings.sort_by(|a, b| {
        let key = |it: &LintFinding| (it.pointer.clone(), it.code.as_str(), it.region.line);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup();
    findings
}

fn look(source: &PolicyJson<'_>, options: &Options) -> Vec<LintFinding> {
    let (document, problems) = source.document(options.kind, options.language);
    let mut checker = Checker::new(source, &document, options);
    elements::check(&mut checker, problems);
    characters::check(&mut checker);
    if source.text().len() > LOOKED_AT_MAX {
        sizes::check(&mut checker);
        return checker.findings();
    }
    actions::check(&mut checker);
    resources::check(&mut checker);
    conditions::check(&mut checker);
    values::check(&mut checker);
    variables::check(&mut checker);
    principals::check(&mut checker);
    risks::check(&mut checker);
    scp::check(&mut checker);
    shadow::check(&mut checker);
    sizes::check(&mut checker);
    checker.findings()
}

fn unreadable(text: &str, error: &LoadError) -> LintFinding {
    let (line, column) = error.position.unwrap_or((1, 1));
    let code = match error.code {
        LoadErrorCode::Limit if text.len() > crate::language::POLICY_BYTES_MAX => LintCode::Size,
        _ => LintCode::JsonSyntax,
    };
    let message = match error.position {
        Some((line, column)) => format!("{} (line {line}, column {column})", error.message),
        None => error.message.clone(),
    };
    LintFinding {
        code,
        severity: code.about().severity,
        pointer: error.pointer.clone(),
        sid: None,
        message,
        fix: None,
        region: Region {
            line,
            column,
            end_line: line,
            end_column: column + 1,
        },
    }
}

/// Applies all mechanical repairs; returns the count. Idempotent; a non-policy stays unchanged.
pub fn repair(text: &str, options: &Options) -> (String, usize) {
    // positions exclude a byte order mark
    let mut text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    if !PolicyJson::new(&text).is_ok_and(|it| it.is_policy()) {
        return (text, 0);
    }
    for made in 0..REPAIRS_MAX {
        let repaired = lint(&text, options)
            .iter()
            .filter_map(|it| it.fix.as_ref())
            .find_map(|fix| apply(&text, fix).filter(|new| *new != text));
        match repaired {
            None => return (text, made),
            Some(new) => text = new,
        }
    }
    (text, REPAIRS_MAX)
}

/// Lints generator output. Caller names may have any words.
pub fn must_be_clean(text: &str, kind: PolicyType) -> Result<(), Box<LintFinding>> {
    // the type's largest limit, if it depends on the attachment
    let limit = match kind {
        PolicyType::Identity => Some(AttachmentPoint::InlineRole.about().limit),
        PolicyType::Trust => Some(TRUST_LENGTH_MAX),
        PolicyType::Resource => Some(AttachmentPoint::KmsKey.about().limit),
        PolicyType::Boundary | PolicyType::Session | PolicyType::Scp | PolicyType::Rcp => None,
    };
    let options = Options {
        limit,
        words: false,
        ..Options::new(kind)
    };
    let mut findings = lint(text, &options).into_iter();
    match findings.find(|it| it.severity == Severity::Error) {
        None => Ok(()),
        Some(finding) => Err(Box::new(finding)),
    }
}
