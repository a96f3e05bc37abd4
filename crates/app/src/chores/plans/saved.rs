//! What every command takes that looks at one plan, or stops it.

use crate::config::Loaded;
use crate::host::server_store::StoreAddress;
use crate::setup::opening::ConfigArgs;
use hallpass_plans::PlanId;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{Format, OutputArgs};

use super::plan_id;

/// A plan that was saved.
#[derive(Debug, clap::Args)]
pub struct SavedPlanArgs {
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
    pub fn id(&self) -> Result<PlanId, Failure> {
        plan_id(&self.id)
    }

    /// The configuration.
    ///
    /// # Errors
    /// Exit 2 where it cannot be read.
    pub fn load(&self) -> Result<Loaded, Failure> {
        self.config.load()
    }

    /// Where the store is that has the plan.
    ///
    /// # Errors
    /// Exit 2 where it is not there.
    pub fn existing_store(&self) -> Result<StoreAddress, Failure> {
        self.config.existing_store()
    }

    /// How to print.
    pub fn format(&self) -> Format {
        self.output.format()
    }
}
