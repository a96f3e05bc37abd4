//! Targets that no person may hold together: separation of duties (`access.md` §26).

use std::collections::BTreeSet;

use hallpass_base::{Email, Timestamp};
use serde::Serialize;

use crate::{
    rule::{PeopleLeftOut, Rule, RuleId},
    subject::Subject,
};

/// The most constraints of a file: each is compared with all that a person holds.
pub(crate) const CONSTRAINTS_MAX: usize = 200;

/// A parsed constraint.
#[derive(Debug, Clone)]
pub(crate) struct NeverTogether {
    pub(crate) id: RuleId,
    /// Each has targets only; all have the id.
    pub(crate) sides: Vec<Rule>,
    pub(crate) except: Vec<HoldingException>,
}

#[derive(Debug, Clone)]
pub(crate) struct HoldingException {
    pub(crate) people: PeopleLeftOut,
    pub(crate) terms: ExceptionTerms,
}

/// Who allowed a person to hold two sides, why, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExceptionTerms {
    pub approved_by: Email,
    pub reason: String,
    pub until: Timestamp,
}

/// How a person holds a target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldBy {
    /// A live grant, by its id.
    Grant(String),
    /// Standing access of the last sweep, or a membership.
    Standing,
    /// Standing access of a group, by its name.
    Group(String),
    /// Requested in the same call.
    SameCall,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Holding {
    #[serde(flatten)]
    pub target: Subject,
    pub by: HeldBy,
}

/// What the requester of the decided request holds. Without it, no constraint is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holdings {
    Read(BTreeSet<Holding>),
    /// A constrained request is then refused.
    Unread {
        why: String,
    },
}

/// A target that conflicts with the requested one, or with another that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    pub constraint: RuleId,
    pub held: Holding,
    #[serde(skip)]
    pub judged_at: Timestamp,
    /// Then it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<ExceptionTerms>,
}

/// What one person holds on different sides of a constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldConflict {
    pub constraint: RuleId,
    /// At least two targets.
    pub held: Vec<Holding>,
    pub exception: Option<ExceptionTerms>,
}

impl ExceptionTerms {
    pub fn words(&self) -> String {
        let Self {
            approved_by,
            reason,
            until,
        } = self;
        format!("exception approved by {approved_by} until {until}: {reason}")
    }
}
