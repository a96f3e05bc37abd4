//! Authentication: SigV4 as AWS checks it, access keys, and their errors (`simulator.md` §1.4).

mod keys;
mod mistakes;
mod sigv4;

pub(crate) use keys::{KeyRing, principal_of};
pub(crate) use mistakes::Mistake;
#[cfg(test)]
pub(crate) use sigv4::sign_header;
pub(crate) use sigv4::{Authorization, Presented, verify};
