//! The length of the text (codes 69, 70).

use super::checker::Checker;
use super::codes::LintCode;
use crate::size::{AttachmentPoint, measure};

/// From this part of the limit on it is near, in percent.
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
    if size.used > size.limit {
        checker.report(LintCode::Size, span, message);
    } else if size.used * 100 > size.limit * NEAR {
        checker.report(LintCode::SizeNear, span, message);
    }
}
