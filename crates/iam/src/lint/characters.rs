//! Characters and lengths that AWS's API refuses before parsing (code 74).

use super::checker::Checker;
use super::codes::LintCode;
use crate::language::PolicyType;
use crate::language::json::ByteSpan;
use crate::size::AttachmentPoint;

/// Tab, line ends, and U+0020 to U+00FF (pattern of `policyDocumentType` of IAM,
/// `PermissionSetPolicyDocument` of IAM Identity Center, `sessionPolicyDocumentType` of STS and
/// `PolicyType` of KMS; Organizations, S3, SQS and SNS have none).
fn is_taken(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{ff}')
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let is_limited = match checker.kind() {
        PolicyType::Identity | PolicyType::Boundary | PolicyType::Session | PolicyType::Trust => {
            true
        }
        PolicyType::Resource => {
            AttachmentPoint::of(checker.document, checker.kind()) == AttachmentPoint::KmsKey
        }
        PolicyType::Scp | PolicyType::Rcp => false,
    };
    if !is_limited {
        return;
    }
    let source = checker.source;
    let mut refused = source
        .text()
        .char_indices()
        .filter(|(_, it)| !is_taken(*it));
    let Some((start, character)) = refused.next() else {
        return;
    };
    let more = match refused.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message = format!(
        "AWS takes only characters up to U+00FF here, and this has U+{:04X}{more}",
        u32::from(character)
    );
    let end = start + character.len_utf8();
    checker.report(LintCode::Characters, ByteSpan { start, end }, message);
}
