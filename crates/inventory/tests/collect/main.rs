#![expect(
    clippy::result_large_err,
    reason = "the failure of a slice, as the ports have it"
)]
#![cfg(test)]

mod contacts;
mod iam;
mod okta;
mod plans;
mod runs;
mod units;
mod world;
