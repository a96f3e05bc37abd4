//! What an organization knows of an account.

/// What an organization knows of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountFacts {
    /// It is one of the organization's.
    Member(MemberAccount),
    /// The account is not in the organization.
    Outside,
}

/// An account of the organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberAccount {
    /// Its name.
    pub name: String,
    /// The name of the OU that it is in; `ROOT` where it is in none.
    pub unit: String,
    /// Its tags, in the order that AWS gives them.
    pub tags: Vec<AccountTag>,
    /// Whom to call about security.
    pub contact: Option<SecurityContact>,
}

/// A tag of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountTag {
    /// Its key.
    pub key: String,
    /// Its value; may be empty.
    pub value: String,
}

/// An alternate contact of the kind `SECURITY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityContact {
    /// The contact's name.
    pub name: String,
    /// As what.
    pub title: String,
    /// Where by mail.
    pub email: String,
    /// Where by phone.
    pub phone: String,
}

impl SecurityContact {
    /// As notes and fields say it; without a colon after `Phone` (`organization.md` E-5).
    pub(crate) fn words(&self) -> String {
        let Self {
            name,
            title,
            email,
            phone,
        } = self;
        format!(
            "Security Contact Details: Name:{name} | Title:{title} | Email:{email} | Phone {phone}"
        )
    }

    /// The same where there is little room.
    pub(crate) fn short_words(&self) -> String {
        let Self { name, email, .. } = self;
        format!("Security Contact Details: Name:{name} | Email:{email}")
    }
}
