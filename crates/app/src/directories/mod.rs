//! People directories other than IAM Identity Center that support suspension: Okta, and SCIM
//! endpoints.

pub mod okta;
pub mod scim;
