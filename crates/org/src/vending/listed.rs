#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownAccount {
    pub id: String,
    pub name: String,
    pub email: String,
    pub active: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFacts {
    pub id: String,
    pub name: String,
    pub parent: String,
    pub registered: bool,
}
