//! Evaluation limits: a few lines can expand beyond any memory.

use hallpass_rules::FindingCode;

use super::value::{EvalProblem, HclPlace, HclValue};

/// Counts evaluated expressions and created or copied values.
const STEPS_MAX: usize = 2_000_000;
/// Nesting of expressions and followed names.
const DEPTH_MAX: usize = 96;

#[derive(Debug, Default)]
pub(crate) struct EvalBudget {
    steps: usize,
    depth: usize,
}

impl EvalBudget {
    /// # Errors
    /// The budget is exceeded.
    pub(crate) fn spend(&mut self, at: HclPlace, steps: usize) -> Result<(), EvalProblem> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > STEPS_MAX {
            let message = format!("the folder takes more than {STEPS_MAX} steps to evaluate");
            return Err(EvalProblem::over(at, FindingCode::TooLarge, message));
        }
        Ok(())
    }

    /// # Errors
    /// As [`EvalBudget::spend`].
    pub(crate) fn made(&mut self, value: HclValue) -> Result<HclValue, EvalProblem> {
        self.spend(value.at, value.size())?;
        Ok(value)
    }

    /// # Errors
    /// The nesting is too deep.
    pub(crate) fn enter(&mut self, at: HclPlace) -> Result<(), EvalProblem> {
        self.spend(at, 1)?;
        if self.depth >= DEPTH_MAX {
            let message = format!(
                "expressions, and the names they follow, go deeper than {DEPTH_MAX} into one another"
            );
            return Err(EvalProblem::over(at, FindingCode::TooDeep, message));
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
