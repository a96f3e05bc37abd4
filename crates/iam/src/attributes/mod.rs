//! Session tags from identity provider attributes (`policies.md` §11): required configuration, and
//! tags of an assertion.
//!
//! A map assigns attributes to tags:
//!
//! ```toml
//! provider = "arn:aws:iam::111122223333:saml-provider/okta"  # IAM modes only
//! audience = "client-id"                # iam-oidc only
//! roles = ["arn:aws:iam::111122223333:role/Dev"]             # iam-saml only
//! session_name = "user.email"
//! source_identity = "user.login"
//! session_duration = "1h"
//! other_tag_keys = ["Name"]             # more tags that a new secret may carry
//!
//! [[tag]]
//! key = "Department"
//! from = "user.department"              # in the identity provider
//! path = "enterprise.department"        # in the identity store; without it, the assertion only
//! transitive = true
//!
//! [[tag]]
//! key = "Email"
//! from = "user.email"
//! on_resources = false                  # secrets carry no such tag
//! ```

mod assertion;
mod map;
mod permission_set;
mod produce;
mod tags;

use hallpass_aws_model::facts;

pub use assertion::Assertion;
pub use map::{AttributeMap, TagLine};
pub use permission_set::{Tagging, permission_set};
pub use produce::{Idp, ProduceMode, Produced, produce};
pub use tags::{SessionTags, session_tags};

/// Key prefix of Identity Center's access-control attributes.
const ACCESS_CONTROL: &str = "https://aws.amazon.com/SAML/Attributes/AccessControl:";
/// Key prefix of IAM session tags.
const PRINCIPAL_TAG: &str = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:";
/// Prefix of AWS's other SAML attributes.
const SAML: &str = "https://aws.amazon.com/SAML/Attributes/";
const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
const SOURCE_CLAIM: &str = "https://aws.amazon.com/source_identity";

const TAGS_MAX: usize = facts::SESSION_TAGS.count();
/// Characters.
const KEY_MAX: usize = facts::SESSION_TAG_KEY_CHARACTERS.count();
/// Characters.
const VALUE_MAX: usize = facts::SESSION_TAG_VALUE_CHARACTERS.count();

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || " _.:/=+-@".contains(c)
}
