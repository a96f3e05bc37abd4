//! Warnings of rules: what has to be read and confirmed before something is asked for or approved
//! (`access.md` §2.9).

use hallpass_base::{Email, Timestamp, UserId};
use hallpass_rules::{Decision, RuleWarning};

use crate::{Confirmation, PressRefused};

/// The warnings of a decision that are not among the ids somebody confirms.
pub(crate) fn unconfirmed(decision: &Decision, ids: &[String]) -> Vec<RuleWarning> {
    let warnings = decision.warnings.iter();
    let unread = warnings.filter(|warning| !warning.is_among(ids));
    unread.cloned().collect()
}

/// What somebody confirms of a decision's warnings; `None` where nothing of them.
pub(crate) fn confirmation(
    decision: &Decision,
    ids: &[String],
    (user, by): (Option<&UserId>, &Email),
    at: Timestamp,
) -> Option<Confirmation> {
    let warnings = decision.warnings.iter();
    let read = warnings.filter(|warning| warning.is_among(ids));
    let texts: Vec<String> = read.map(|warning| warning.text.clone()).collect();
    (!texts.is_empty()).then(|| Confirmation {
        by: by.clone(),
        user: user.cloned(),
        at,
        texts,
    })
}

/// The refusal that asks for them; `Ok` where there are none.
pub(crate) fn ensure_none(warnings: Vec<RuleWarning>) -> Result<(), PressRefused> {
    if warnings.is_empty() {
        Ok(())
    } else {
        Err(PressRefused::WarningsUnconfirmed { warnings })
    }
}
