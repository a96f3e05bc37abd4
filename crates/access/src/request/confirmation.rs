//! That somebody read a warning and confirmed it (`access.md` §2.9).

use hallpass_base::{Email, Timestamp, UserId};

/// What one person confirmed with one press: whoever asked, or one who approved. Kept with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// Who, by the address of then.
    pub by: Email,
    /// Who.
    pub user: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// The warnings, byte for byte: the rules may say something else by now.
    pub texts: Vec<String>,
}
