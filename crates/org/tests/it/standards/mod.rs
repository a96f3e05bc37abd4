//! Standards of Security Hub (`organization.md` §4).

mod comparing;
mod exporting;
mod stops;
mod world;
