//! `hallpass vpn handler`.

use crate::exit::{Failure, Outcome};

/// Answer connection events, one JSON object per line
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    Err(Failure::bad_input("not there yet"))
}
