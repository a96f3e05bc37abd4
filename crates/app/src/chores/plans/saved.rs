//! Arguments of every command that shows or stops one plan.

use crate::config::Loaded;
use crate::host::server_store::StoreAddress;
use crate::setup::opening::ConfigArgs;
use hallpass_plans::PlanId;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::output::{Format, OutputArgs};

use super::plan_id;

/// A saved plan.
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
    /// Parses the id; exit 2 for an invalid one.
    pub fn id(&self) -> Result<PlanId, Failure> {
        plan_id(&self.id)
    }

    pub fn load(&self) -> Result<Loaded, Failure> {
        self.config.load()
    }

    /// The existing store with the plan.
    ///
    /// # Errors
    /// Exit 2 where it is missing.
    pub fn existing_store(&self) -> Result<StoreAddress, Failure> {
        self.config.existing_store()
    }

    pub fn format(&self) -> Format {
        self.output.format()
    }
}
