//! Mapping of provider sign-ins to users.

use hallpass_base::{Timestamp, UserId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRow {
    pub issuer: String,
    pub subject: String,
    pub user: UserId,
    pub bound_at: Timestamp,
}
