//! Existing accounts come under Control Tower (`organization.md` §7).

mod acceptance;
mod events;
mod registering;
mod stops;
mod world;
mod writes;
