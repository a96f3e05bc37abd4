//! `hallpass abac check`.

use crate::exit::{Failure, Outcome};

/// Tell which session tags an assertion makes
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    Err(Failure::bad_input("not there yet"))
}
