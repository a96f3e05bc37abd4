#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountFacts {
    Member(MemberAccount),
    Outside,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberAccount {
    pub name: String,
    /// `ROOT` if in no OU.
    pub unit: String,
    pub tags: Vec<AccountTag>,
    pub contact: Option<SecurityContact>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountTag {
    pub key: String,
    pub value: String,
}

/// An alternate contact of the kind `SECURITY`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityContact {
    pub name: String,
    pub title: String,
    pub email: String,
    pub phone: String,
}

impl SecurityContact {
    /// For notes and fields; no colon after `Phone` (`organization.md` E-5).
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

    pub(crate) fn short_words(&self) -> String {
        let Self { name, email, .. } = self;
        format!("Security Contact Details: Name:{name} | Email:{email}")
    }
}
