//! How much may be evaluated: a folder of a few lines can describe more than any memory holds.

use hallpass_rules::FindingCode;

use super::value::{EvalProblem, HclPlace, HclValue};

/// The most steps: every expression that is evaluated, and every value that is made or copied.
const STEPS_MAX: usize = 2_000_000;
/// The deepest that expressions and the names they follow go into one another.
const DEPTH_MAX: usize = 96;

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct EvalBudget {
    steps: usize,
    depth: usize,
}

impl EvalBudget {
    /// Notes so many steps.
    ///
    /// # Errors
    /// When they are more than the folder may take.
    pub(crate) fn spend(&mut self, at: HclPlace, steps: usize) -> Result<(), EvalProblem> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > STEPS_MAX {
            let message = format!("the folder takes more than {STEPS_MAX} steps to evaluate");
            return Err(EvalProblem::over(at, FindingCode::TooLarge, message));
        }
        Ok(())
    }

    /// Notes that a value was made or copied.
    ///
    /// # Errors
    /// As [`EvalBudget::spend`].
    pub(crate) fn made(&mut self, value: HclValue) -> Result<HclValue, EvalProblem> {
        self.spend(value.at, value.size())?;
        Ok(value)
    }

    /// Goes one deeper.
    ///
    /// # Errors
    /// When that is too deep.
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

    /// Goes back.
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }
}
