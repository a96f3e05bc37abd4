use std::collections::BTreeMap;

use hallpass_base::time::day_of_file;
use hallpass_plans::CheckOutcome;
use jiff::civil::Date;
use serde::Deserialize;

use crate::reading::UnreadFact;

/// A manual confirmation of a fact that no API returns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    pub name: String,
    #[serde(deserialize_with = "day_of_file")]
    pub date: Date,
    #[serde(deserialize_with = "day_of_file")]
    pub expires: Date,
}

pub type Attestations = BTreeMap<String, Attestation>;

/// The state `today` of a manually confirmed fact; `words` explain why it needs a manual check.
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
        reason: format!("its answer does not cover {what}"),
    }
}

pub(crate) fn verdict(is_right: bool, seen: String) -> CheckOutcome {
    if is_right {
        CheckOutcome::Pass(seen)
    } else {
        CheckOutcome::Fail(seen)
    }
}
