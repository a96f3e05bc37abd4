//! What listings of the organization say of accounts and units.

/// An account of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The address of its root user.
    pub email: String,
    /// Whether anything can be done in it.
    pub active: bool,
}

/// An organizational unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFacts {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The root or unit above it.
    pub parent: String,
    /// Whether Control Tower governs it.
    pub registered: bool,
}
