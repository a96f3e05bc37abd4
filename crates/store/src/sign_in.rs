//! Which sign-in of a provider is whose.

use hallpass_base::{Timestamp, UserId};

/// One sign-in that belongs to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRow {
    /// The provider.
    pub issuer: String,
    /// The person's identifier there.
    pub subject: String,
    /// Whose it is.
    pub user: UserId,
    /// When it was bound to the user.
    pub bound_at: Timestamp,
}
