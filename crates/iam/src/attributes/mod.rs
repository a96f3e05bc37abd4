//! From attributes of an identity provider to session tags (`policies.md` §11): what to configure
//! where, and which tags an assertion makes.
//!
//! A map says which attribute becomes which tag:
//!
//! ```toml
//! provider = "arn:aws:iam::111122223333:saml-provider/okta"  # IAM modes only
//! audience = "client-id"                # iam-oidc only
//! roles = ["arn:aws:iam::111122223333:role/Dev"]             # iam-saml only
//! session_name = "user.email"
//! source_identity = "user.login"
//! session_duration = "1h"
//! other_tag_keys = ["Name"]             # tags a new secret may carry besides
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

/// Before the key of an access-control attribute of Identity Center.
const ACCESS_CONTROL: &str = "https://aws.amazon.com/SAML/Attributes/AccessControl:";
/// Before the key of a session tag of IAM.
const PRINCIPAL_TAG: &str = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:";
/// Before the other SAML attributes that AWS reads.
const SAML: &str = "https://aws.amazon.com/SAML/Attributes/";
/// The OIDC claim that holds tags.
const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
/// The OIDC claim that holds the source identity.
const SOURCE_CLAIM: &str = "https://aws.amazon.com/source_identity";

/// Most session tags.
const TAGS_MAX: usize = facts::SESSION_TAGS.count();
/// Longest key of a tag, in characters.
const KEY_MAX: usize = facts::SESSION_TAG_KEY_CHARACTERS.count();
/// Longest value of a tag, in characters.
const VALUE_MAX: usize = facts::SESSION_TAG_VALUE_CHARACTERS.count();

/// Whether STS takes the character in keys and values of tags.
fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || " _.:/=+-@".contains(c)
}
