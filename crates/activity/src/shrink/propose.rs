//! From policies and uses to the smaller policy, its reasons, what is given up and the proof.

use serde::Serialize;
use serde_json::Value;

use super::clause::{self, Clause, document, written};
use super::given_up::{self, GivenUpRisk, GivenUpService, LevelChange};
use super::making::Making;
use super::prove::{Replay, ShrinkProof};
use super::seen::SeenUse;
use super::terms::{KeptBecause, PolicyText, ProposedStatement, ShrinkError, ShrinkQuestion};

/// The smaller policy, and all that is said of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shrunk {
    /// The old policies as one.
    pub old: Value,
    /// The new one; `None` where nothing is allowed any more.
    pub policy: Option<Value>,
    /// Its statements.
    pub statements: Vec<ProposedStatement>,
    /// Services before and after.
    pub services: Vec<GivenUpService>,
    /// Access levels before and after.
    pub levels: Vec<LevelChange>,
    /// Actions that were given up although no log shows their use, as was asked.
    pub given_up_unseen: usize,
    /// Risks that are gone or less; `None` where a policy is too long to be put in words.
    pub risks: Option<Vec<GivenUpRisk>>,
    /// The proof.
    pub proof: ShrinkProof,
}

/// Proposes the smaller policy.
///
/// # Errors
/// A policy cannot be read.
pub fn shrink(question: &ShrinkQuestion<'_>) -> Result<Shrunk, ShrinkError> {
    let old = read_all(question.policies)?;
    let boundary = question.boundary.map(read_one).transpose()?;
    let own = |error| ShrinkError {
        policy: "proposed".to_owned(),
        error,
    };
    let mut making = Making::new(question, &old);
    making.look(boundary.as_deref()).map_err(own)?;
    making.keep_used();
    making.keep_unseen();
    let (statements, given_up_unseen) = (making.statements(), making.given_up_unseen.len());
    let values = |all: &[ProposedStatement]| -> Vec<Value> {
        all.iter().map(|it| it.statement.clone()).collect()
    };
    let allows = statements
        .iter()
        .any(|it| it.because != KeptBecause::Denies);
    let policy = allows.then(|| document(&values(&statements)));
    let text = policy.as_ref().map(Value::to_string);
    let old_value = document(&old.iter().map(written).collect::<Vec<_>>());
    let old_text = old_value.to_string();
    let (services, levels) = given_up::changes(&old_text, text.as_deref()).map_err(own)?;
    let new = text.as_deref().map_or_else(|| Ok(Vec::new()), clause::read);
    let replay = Replay {
        old: &old,
        boundary: boundary.as_deref(),
        new: &new.map_err(own)?,
    };
    Ok(Shrunk {
        risks: given_up::risks(&old_text, text.as_deref()).map_err(own)?,
        proof: replay.prove(question.uses).map_err(own)?,
        old: old_value,
        policy,
        statements,
        services,
        levels,
        given_up_unseen,
    })
}

/// Replays uses against old policies, and others in their place.
///
/// # Errors
/// A policy cannot be read.
pub fn prove(
    old: &[PolicyText],
    boundary: Option<&PolicyText>,
    new: &[PolicyText],
    uses: &[SeenUse],
) -> Result<ShrinkProof, ShrinkError> {
    let boundary = boundary.map(read_one).transpose()?;
    let replay = Replay {
        old: &read_all(old)?,
        boundary: boundary.as_deref(),
        new: &read_all(new)?,
    };
    replay.prove(uses).map_err(|error| ShrinkError {
        policy: new
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
        error,
    })
}

fn read_one(policy: &PolicyText) -> Result<Vec<Clause>, ShrinkError> {
    clause::read(&policy.text).map_err(|error| ShrinkError {
        policy: policy.name.clone(),
        error,
    })
}

fn read_all(policies: &[PolicyText]) -> Result<Vec<Clause>, ShrinkError> {
    let mut all = Vec::new();
    for policy in policies {
        all.extend(read_one(policy)?);
    }
    Ok(all)
}
