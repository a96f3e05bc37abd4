//! Shared flags of policy generators, and output of policies and warnings.

use hallpass_iam::generate::ids::{Lengths, Partition};
use hallpass_iam::generate::{Generated, Layout, Unprintable};

use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, OutputArgs};

/// Options of every policy generator.
#[derive(Debug, clap::Args)]
pub struct PolicyArgs {
    /// Indent the policy by two; otherwise it is one line
    #[arg(long)]
    pretty: bool,
    /// Partition of ARNs: `aws`, `aws-cn` or `aws-us-gov`
    #[arg(long, value_name = "PARTITION", default_value = "aws")]
    partition: Partition,
    /// Accept identifiers of any length, as in teaching material
    #[arg(long)]
    lenient_ids: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl PolicyArgs {
    pub fn partition(&self) -> Partition {
        self.partition
    }

    pub fn lengths(&self) -> Lengths {
        if self.lenient_ids {
            Lengths::Lenient
        } else {
            Lengths::Exact
        }
    }

    /// Prints the policy on stdout and its warnings on stderr.
    ///
    /// # Errors
    /// When generation failed, or stdout does not accept it.
    pub fn finish(&self, made: Result<Generated, Failure>) -> Outcome {
        let made = made?;
        warn(&made.warnings);
        output::print(&made.policy.text(self.layout()))?;
        Ok(Exit::Ok)
    }

    pub fn layout(&self) -> Layout {
        if self.pretty {
            Layout::Pretty
        } else {
            Layout::Minified
        }
    }
}

pub fn warn(warnings: &[String]) {
    for warning in warnings {
        output::say(&format!("warning: {}", output::plain(warning)));
    }
}

impl From<Unprintable> for Failure {
    fn from(error: Unprintable) -> Self {
        match error {
            Unprintable::Unusable(bad) => bad.into(),
            Unprintable::Broken { .. } => Self::bug(error),
        }
    }
}
