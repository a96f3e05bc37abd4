//! Authentication: SigV4 as AWS checks it, access keys, and their errors (`simulator.md` §1.4).

mod auth_errors;
mod keys;
mod sigv4;

pub(crate) use auth_errors::Mistake;
pub(crate) use keys::{KeyRing, principal_of};
#[cfg(test)]
pub(crate) use sigv4::sign_header;
pub(crate) use sigv4::{Authorization, Presented, verify};
