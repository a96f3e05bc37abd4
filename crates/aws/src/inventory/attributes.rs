//! User attributes named by rules. Does not request the enterprise extension (cost centres,
//! managers) unless a rule names it, and stores no other attribute.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use aws_smithy_types::Document;
use hallpass_assignments::CenterFault;
use hallpass_rules::{PersonAttribute, PersonAttributes};

use crate::fault::CallFailure;

/// Returns the currently relevant attributes (named by rules).
pub type AttributesToRead = Arc<dyn Fn() -> BTreeSet<PersonAttribute> + Send + Sync>;

/// The only extension (Identity Store API Reference, "`ListUsers`", `Extensions`).
const ENTERPRISE: &str = "aws:identitystore:enterprise";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extensions {
    None,
    Enterprise,
}

impl Extensions {
    pub(super) const fn tell(self, attribute: PersonAttribute) -> bool {
        matches!(
            (attribute.of_enterprise(), self),
            (None, _) | (Some(_), Self::Enterprise)
        )
    }

    pub(super) fn names(self) -> Option<Vec<String>> {
        match self {
            Self::None => None,
            Self::Enterprise => Some(vec![ENTERPRISE.to_owned()]),
        }
    }
}

/// Calls with the extension if needed, and without it if AWS refuses: its attributes are then
/// unread, everything else is known.
pub(super) async fn with_extensions<T, F>(
    wanted: &BTreeSet<PersonAttribute>,
    call: impl Fn(Extensions) -> F,
) -> (Result<T, CallFailure>, Extensions)
where
    F: Future<Output = Result<T, CallFailure>>,
{
    let needs_it = { wanted.iter() }.any(|it| it.of_enterprise().is_some());
    if !needs_it {
        return (call(Extensions::None).await, Extensions::None);
    }
    match call(Extensions::Enterprise).await {
        Err(failure) if matches!(failure.fault, CenterFault::Refused { .. }) => {
            tracing::warn!(
                fault = %failure.fault,
                "AWS refuses the attributes of users that rules name; these rules allow no requests"
            );
            (call(Extensions::None).await, Extensions::None)
        }
        answer => (answer, Extensions::Enterprise),
    }
}

pub(super) struct ReceivedAttributes<'a> {
    pub(super) user_type: Option<&'a str>,
    pub(super) title: Option<&'a str>,
    pub(super) extensions: Option<&'a HashMap<String, Document>>,
    pub(super) asked: Extensions,
}

impl ReceivedAttributes<'_> {
    pub(super) fn of(&self, wanted: &BTreeSet<PersonAttribute>) -> PersonAttributes {
        let mut read = PersonAttributes::default();
        for attribute in wanted.iter().copied() {
            match (attribute.of_enterprise(), self.asked) {
                (Some(_), Extensions::None) => {}
                (Some(member), Extensions::Enterprise) => {
                    read.read(attribute, self.of_enterprise(member));
                }
                (None, _) => read.read(attribute, self.of_user(attribute)),
            }
        }
        read
    }

    fn of_user(&self, attribute: PersonAttribute) -> Option<&str> {
        match attribute {
            PersonAttribute::UserType => self.user_type,
            PersonAttribute::Title => self.title,
            PersonAttribute::Department
            | PersonAttribute::Division
            | PersonAttribute::Organization
            | PersonAttribute::CostCenter
            | PersonAttribute::EmployeeNumber
            | PersonAttribute::Manager => None,
        }
    }

    /// An extension member. A manager is a text, or (RFC 7643, section 4.3) an object with `value`.
    fn of_enterprise(&self, member: &str) -> Option<&str> {
        let enterprise = self.extensions?.get(ENTERPRISE)?.as_object()?;
        match enterprise.get(member)? {
            Document::String(text) => Some(text),
            Document::Object(inner) => inner.get("value")?.as_string(),
            Document::Array(_) | Document::Number(_) | Document::Bool(_) | Document::Null => None,
        }
    }
}
