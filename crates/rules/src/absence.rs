//! Who is out of office, and who approves in their place (`access.md` §27).

use std::collections::BTreeMap;

use hallpass_base::UserId;

/// One person who is out of office now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// Approves in their place.
    pub delegate: Option<UserId>,
}

/// By user id.
pub type Absences = BTreeMap<UserId, Away>;
