//! What keeps somebody from asking by rules that let others ask.

use crate::{attributes::PersonAttribute, rule::RuleId};

/// What keeps whoever asks from asking by a rule that lets people ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAsking {
    /// It lets people ask at other hours: these.
    OutsideHours {
        /// The rule.
        rule: RuleId,
        /// Its hours, in words.
        hours: String,
    },
    /// They are among those whom it names, and their attributes are others than it wants.
    OtherAttributes {
        /// The rule.
        rule: RuleId,
        /// The attributes that do not fit; at least one.
        attributes: Vec<PersonAttribute>,
    },
    /// It is for other people, or that could not be read.
    OtherPeople {
        /// The rule.
        rule: RuleId,
    },
}

impl NotAsking {
    /// The rule.
    pub const fn rule(&self) -> &RuleId {
        match self {
            Self::OutsideHours { rule, .. }
            | Self::OtherAttributes { rule, .. }
            | Self::OtherPeople { rule } => rule,
        }
    }
}

/// Whom a rule is for, where these attributes are others: "people with another department and title".
pub fn people_with_another(attributes: &[PersonAttribute]) -> String {
    let names: Vec<&str> = attributes.iter().map(|it| it.words()).collect();
    format!("people with another {}", names.join(" and "))
}
