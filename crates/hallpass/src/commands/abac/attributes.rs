//! `hallpass abac attributes`.

use crate::exit::{Failure, Outcome};

/// Write what an identity provider and AWS need for session tags
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    Err(Failure::bad_input("not there yet"))
}
