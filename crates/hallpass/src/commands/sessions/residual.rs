//! `hallpass sessions residual`.

use crate::exit::{Failure, Outcome};

/// Tell until when somebody can still act
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    Err(Failure::bad_input("not there yet"))
}
