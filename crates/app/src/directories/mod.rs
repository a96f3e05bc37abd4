//! Directories other than IAM Identity Center in which people are suspended: Okta, and SCIM endpoints.

pub mod okta;
pub mod scim;
