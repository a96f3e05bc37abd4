//! The access portal: sign-ins, accessible accounts and roles, role sessions.

mod access;
mod memory;
mod sessions;

pub(crate) use access::{assigned, may_enter, pairs};
pub(crate) use memory::{begin, holder, revoke};
pub(crate) use sessions::{
    NewSession, RESERVED_PREFIX, enter, is_killed, reserved_path, reserved_role, reserved_set,
    saml_provider,
};

/// The access token's header, and its input member.
pub(crate) const TOKEN: &str = "x-amz-sso_bearer_token";
