use crate::{attributes::PersonAttribute, rule::RuleId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestBlocker {
    OutsideHours {
        rule: RuleId,
        hours: String,
    },
    /// The rule lists the requester, but requires other attributes.
    OtherAttributes {
        rule: RuleId,
        attributes: Vec<PersonAttribute>,
    },
    /// The rule is for people on call.
    NotOnCall {
        rule: RuleId,
        lists: Vec<String>,
    },
    OtherPeople {
        rule: RuleId,
    },
}

impl RequestBlocker {
    pub const fn rule(&self) -> &RuleId {
        match self {
            Self::OutsideHours { rule, .. }
            | Self::OtherAttributes { rule, .. }
            | Self::NotOnCall { rule, .. }
            | Self::OtherPeople { rule } => rule,
        }
    }
}

/// Describes the required users: "people with another department and title".
pub fn people_with_another(attributes: &[PersonAttribute]) -> String {
    let names: Vec<&str> = attributes.iter().map(|it| it.words()).collect();
    format!("people with another {}", names.join(" and "))
}
