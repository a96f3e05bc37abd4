//! From what was read to what a check found.

use std::collections::BTreeMap;

use hallpass_base::time::day_of_file;
use hallpass_plans::CheckOutcome;
use jiff::civil::Date;
use serde::Deserialize;

use crate::reading::UnreadFact;

/// Somebody vouches for what no API says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Who attests it.
    pub name: String,
    /// Since when.
    #[serde(deserialize_with = "day_of_file")]
    pub date: Date,
    /// Until the end of which day.
    #[serde(deserialize_with = "day_of_file")]
    pub expires: Date,
}

/// What is vouched for, by the id of its check.
pub type Attestations = BTreeMap<String, Attestation>;

/// What `today` is known of something that no API says; `words` say why somebody has to look.
pub(crate) fn attested(all: &Attestations, id: &str, words: &str, today: Date) -> CheckOutcome {
    let unknown = |reason| CheckOutcome::Unknown {
        action: "attestation".to_owned(),
        reason,
    };
    match all.get(id) {
        None => CheckOutcome::Manual(words.to_owned()),
        Some(it) if it.date > today => {
            unknown(format!("that of {} begins on {}", it.name, it.date))
        }
        Some(it) if it.expires < today => {
            unknown(format!("that of {} expired on {}", it.name, it.expires))
        }
        Some(it) => CheckOutcome::Attested {
            name: it.name.clone(),
            expires: it.expires,
        },
    }
}

pub(crate) fn judged<T>(
    found: Result<&T, &UnreadFact>,
    judge: impl FnOnce(&T) -> CheckOutcome,
) -> CheckOutcome {
    match found {
        Ok(found) => judge(found),
        Err(unread) => unknown(unread),
    }
}

pub(crate) fn unknown(unread: &UnreadFact) -> CheckOutcome {
    CheckOutcome::Unknown {
        action: unread.action.clone(),
        reason: unread.reason.clone(),
    }
}

pub(crate) fn missing(action: &str, what: &str) -> CheckOutcome {
    CheckOutcome::Unknown {
        action: action.to_owned(),
        reason: format!("its answer says nothing of {what}"),
    }
}

pub(crate) fn verdict(is_right: bool, seen: String) -> CheckOutcome {
    if is_right {
        CheckOutcome::Pass(seen)
    } else {
        CheckOutcome::Fail(seen)
    }
}
