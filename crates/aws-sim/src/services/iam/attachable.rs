use super::ApiError;
use crate::{core::iam::managed, organization::Iam};

/// Whether a managed policy can be attached. Accepts every AWS managed ARN, because not all are
/// known here.
pub(super) fn check_attachable(iam: &Iam, account: &str, arn: &str) -> Result<(), ApiError> {
    let own = format!("arn:aws:iam::{account}:policy/");
    let is_there = if arn.starts_with(&own) {
        managed(iam, arn).is_some()
    } else {
        arn.starts_with("arn:aws:iam::aws:policy/")
    };
    if is_there {
        return Ok(());
    }
    let text = format!("Policy {arn} does not exist or is not attachable.");
    Err(ApiError::new("NoSuchEntity", text))
}
