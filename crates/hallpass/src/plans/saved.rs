//! What every command takes that looks at one plan, or stops it.

use hallpass_runner::PlanId;

use super::plan_id;
use crate::config::Loaded;
use crate::exit::Failure;
use crate::opening::ConfigArgs;
use crate::output::{Format, OutputArgs};

/// A plan that was saved.
#[derive(Debug, clap::Args)]
pub(crate) struct SavedPlanArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl SavedPlanArgs {
    /// Which plan.
    ///
    /// # Errors
    /// Exit 2 for what is no id.
    pub(crate) fn id(&self) -> Result<PlanId, Failure> {
        plan_id(&self.id)
    }

    /// The configuration.
    ///
    /// # Errors
    /// Exit 2 where it cannot be read.
    pub(crate) fn load(&self) -> Result<Loaded, Failure> {
        self.config.load()
    }

    /// How to print.
    pub(crate) fn format(&self) -> Format {
        self.output.format()
    }
}
