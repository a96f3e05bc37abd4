//! Attributes of people that rules name. Nothing of the extension for companies (cost centres, managers)
//! is asked for while no rule names it, and what no rule names is not kept.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;

use aws_smithy_types::Document;
use hallpass_assignments::CenterFault;
use hallpass_rules::{PersonAttribute, PersonAttributes};

use crate::fault::CallFailure;

/// Tells which attributes of people matter now (those that rules name).
pub type AttributesToRead = Arc<dyn Fn() -> BTreeSet<PersonAttribute> + Send + Sync>;

/// The only extension there is (Identity Store API Reference, "`ListUsers`", `Extensions`).
const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// Which extensions a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extensions {
    None,
    Enterprise,
}

impl Extensions {
    /// Whether an answer tells an attribute.
    pub(super) const fn tell(self, attribute: PersonAttribute) -> bool {
        matches!(
            (attribute.of_enterprise(), self),
            (None, _) | (Some(_), Self::Enterprise)
        )
    }

    /// As the call has them: absent while nothing of them is wanted.
    pub(super) fn names(self) -> Option<Vec<String>> {
        match self {
            Self::None => None,
            Self::Enterprise => Some(vec![ENTERPRISE.to_owned()]),
        }
    }
}

/// Calls with the extension where an attribute of it is wanted, and without it when AWS refuses that:
/// then these attributes are unread, and everything else is known all the same.
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
                "AWS refuses the attributes of people that rules name; these rules let nobody ask"
            );
            (call(Extensions::None).await, Extensions::None)
        }
        answer => (answer, Extensions::Enterprise),
    }
}

/// The attributes of a user, as an answer has them.
pub(super) struct ReceivedAttributes<'a> {
    pub(super) user_type: Option<&'a str>,
    pub(super) title: Option<&'a str>,
    pub(super) extensions: Option<&'a HashMap<String, Document>>,
    /// What was asked for.
    pub(super) asked: Extensions,
}

impl ReceivedAttributes<'_> {
    /// Those of them that are wanted and were asked for.
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

    /// A member of the extension. A manager is a text, or (RFC 7643, section 4.3) an object with `value`.
    fn of_enterprise(&self, member: &str) -> Option<&str> {
        let enterprise = self.extensions?.get(ENTERPRISE)?.as_object()?;
        match enterprise.get(member)? {
            Document::String(text) => Some(text),
            Document::Object(inner) => inner.get("value")?.as_string(),
            Document::Array(_) | Document::Number(_) | Document::Bool(_) | Document::Null => None,
        }
    }
}
