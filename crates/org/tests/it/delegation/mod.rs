//! Delegated administrators: the acceptance table of `organization.md` §3, and stops at every call.

mod comparing;
mod regions;
mod replacing;
mod stops;
mod world;
