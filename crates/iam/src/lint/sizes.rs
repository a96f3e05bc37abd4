//! Text length (codes 69, 70).

use hallpass_aws_model::facts::POLICY_TEXT_CHARACTERS;

use super::checker::Checker;
use super::codes::LintCode;
use crate::language::PolicyType;
use crate::size::{AttachmentPoint, measure};

/// Percent of the limit that causes a warning.
const NEAR: usize = 90;

pub(super) fn check(checker: &mut Checker<'_>) {
    let place = AttachmentPoint::of(checker.document, checker.kind());
    let size = measure(checker.source.text(), place, checker.options.limit);
    let span = checker.document.span;
    let counted = place.about().counted.as_str();
    let message = format!(
        "{} {counted} of {}, {} % of what {} takes",
        size.used,
        size.limit,
        size.percent,
        place.about().what
    );
    let characters = checker.source.text().chars().count();
    let is_iam = !matches!(
        checker.kind(),
        PolicyType::Scp | PolicyType::Rcp | PolicyType::Resource
    );
    if is_iam && characters > POLICY_TEXT_CHARACTERS.count() {
        let message = format!(
            "{characters} characters as sent, and IAM takes {}, white space included",
            POLICY_TEXT_CHARACTERS.count()
        );
        checker.report(LintCode::Size, span, message);
    }
    if size.used > size.limit {
        checker.report(LintCode::Size, span, message);
    } else if size.used * 100 > size.limit * NEAR {
        checker.report(LintCode::SizeNear, span, message);
    }
}
