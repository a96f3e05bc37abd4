#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

mod crashes;
mod fuzz;
mod reading;
mod rounds;
mod world;
