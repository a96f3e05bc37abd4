//! Rule warnings that must be confirmed before a request or approval (`access.md` §2.9).

use hallpass_base::Timestamp;
use hallpass_rules::{Decision, Principal, RuleWarning};

use crate::{ActionRefused, Confirmation};

pub(crate) fn unconfirmed(decision: &Decision, ids: &[String]) -> Vec<RuleWarning> {
    let warnings = decision.warnings.iter();
    let unread = warnings.filter(|warning| !warning.is_among(ids));
    unread.cloned().collect()
}

pub(crate) fn confirmation(
    decision: &Decision,
    ids: &[String],
    by: Principal<'_>,
    at: Timestamp,
) -> Option<Confirmation> {
    let warnings = decision.warnings.iter();
    let read = warnings.filter(|warning| warning.is_among(ids));
    let texts: Vec<String> = read.map(|warning| warning.text.clone()).collect();
    (!texts.is_empty()).then(|| Confirmation {
        by: by.email.clone(),
        user: by.user.cloned(),
        at,
        texts,
    })
}

pub(crate) fn ensure_none(warnings: Vec<RuleWarning>) -> Result<(), ActionRefused> {
    if warnings.is_empty() {
        Ok(())
    } else {
        Err(ActionRefused::WarningsUnconfirmed { warnings })
    }
}
