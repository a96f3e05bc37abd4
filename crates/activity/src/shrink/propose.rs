use serde::Serialize;
use serde_json::Value;

use super::clause::{self, Clause, document, written};
use super::dropped_permissions::{self, GivenUpRisk, GivenUpService, LevelChange};
use super::making::Making;
use super::prove::{Replay, ShrinkProof};
use super::seen::SeenUse;
use super::terms::{KeptReason, PolicyText, ProposedStatement, ShrinkError, ShrinkQuestion};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shrunk {
    pub old: Value,
    /// `None` if nothing is allowed any more.
    pub policy: Option<Value>,
    pub statements: Vec<ProposedStatement>,
    pub services: Vec<GivenUpService>,
    pub levels: Vec<LevelChange>,
    /// Actions dropped on request although logs cannot show their use.
    pub given_up_unseen: usize,
    /// Fewer risks; `None` if a policy is too long to describe.
    pub risks: Option<Vec<GivenUpRisk>>,
    pub proof: ShrinkProof,
}

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
    let allows = statements.iter().any(|it| it.because != KeptReason::Denies);
    let policy = allows.then(|| document(&values(&statements)));
    let text = policy.as_ref().map(Value::to_string);
    let old_value = document(&old.iter().map(written).collect::<Vec<_>>());
    let old_text = old_value.to_string();
    let (services, levels) =
        dropped_permissions::changes(&old_text, text.as_deref()).map_err(own)?;
    let new = text.as_deref().map_or_else(|| Ok(Vec::new()), clause::read);
    let replay = Replay {
        old: &old,
        boundary: boundary.as_deref(),
        new: &new.map_err(own)?,
    };
    Ok(Shrunk {
        risks: dropped_permissions::risks(&old_text, text.as_deref()).map_err(own)?,
        proof: replay.prove(question.uses).map_err(own)?,
        old: old_value,
        policy,
        statements,
        services,
        levels,
        given_up_unseen,
    })
}

/// Replays uses against the old policies and replacements.
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
