//! The access portal: who is signed in, which accounts and roles that opens, and the role
//! sessions that it gave.

mod access;
mod memory;
mod sessions;

pub(crate) use access::{assigned, may_enter, pairs};
pub(crate) use memory::{begin, holder, revoke};
pub(crate) use sessions::{
    NewSession, RESERVED_PREFIX, enter, is_killed, reserved_path, reserved_role, reserved_set,
    saml_provider,
};

/// The header that carries the access token, which is also its name in the input.
pub(crate) const TOKEN: &str = "x-amz-sso_bearer_token";
