//! Callers, and matching of listed principals (AWS: "AWS JSON policy elements: Principal").

use crate::language::{Arn, PrincipalEntry, PrincipalKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKind {
    User,
    Role,
    Session,
    /// A session of a user by `GetFederationToken`.
    FederatedUser,
    Root,
    Service,
    /// Vouched for by an identity provider.
    Federated,
    Anonymous,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    kind: CallerKind,
    text: Box<str>,
    partition: Box<str>,
    account: Box<str>,
    role: Box<str>,
}

impl Caller {
    pub fn anonymous() -> Self {
        Self::named(CallerKind::Anonymous, "*")
    }

    fn named(kind: CallerKind, text: &str) -> Self {
        Self {
            kind,
            text: text.into(),
            partition: Box::default(),
            account: Box::default(),
            role: Box::default(),
        }
    }

    /// Parses an ARN of a user, role, session or root, a service name (`lambda.amazonaws.com`), or
    /// an identity provider's ARN or host. `None` for other text.
    pub fn parse(text: &str) -> Option<Self> {
        if !text.starts_with("arn:") {
            let host = text.contains('.')
                && text
                    .bytes()
                    .all(|it| it.is_ascii_alphanumeric() || b"-./_:".contains(&it));
            let aws = text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn");
            let kind = if aws {
                CallerKind::Service
            } else {
                CallerKind::Federated
            };
            return host.then(|| Self::named(kind, text));
        }
        let arn = Arn::parse(text)?;
        let (kind, role) = match (arn.service, arn.rest.split_once('/')) {
            ("iam", None) if arn.rest == "root" => (CallerKind::Root, ""),
            ("iam", Some(("user", name))) if !name.is_empty() => (CallerKind::User, ""),
            ("iam", Some(("role", name))) if !name.is_empty() => {
                (CallerKind::Role, name.rsplit('/').next().unwrap_or(name))
            }
            ("iam", Some(("saml-provider" | "oidc-provider", _))) => (CallerKind::Federated, ""),
            ("sts", Some(("assumed-role", names))) => {
                let (role, session) = names.split_once('/')?;
                if role.is_empty() || session.is_empty() {
                    return None;
                }
                (CallerKind::Session, role)
            }
            ("sts", Some(("federated-user", name))) if !name.is_empty() => {
                (CallerKind::FederatedUser, "")
            }
            _ => return None,
        };
        let account = arn.account;
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Self {
            kind,
            text: text.into(),
            partition: arn.partition.into(),
            account: account.into(),
            role: role.into(),
        })
    }

    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `None` for services, provider hosts and anonymous callers.
    pub fn account(&self) -> Option<&str> {
        (!self.account.is_empty()).then_some(&*self.account)
    }

    /// `aws:PrincipalArn`: a session counts as its role, with unknown path.
    pub(crate) fn principal_arn(&self) -> Option<String> {
        match self.kind {
            CallerKind::Session => Some(format!(
                "arn:{}:iam::{}:role/{}",
                self.partition, self.account, self.role
            )),
            CallerKind::Service | CallerKind::Anonymous | CallerKind::Federated => None,
            _ => Some(self.text.to_string()),
        }
    }

    /// Value of `aws:PrincipalType` (AWS: "AWS global condition context keys").
    pub(crate) fn principal_type(&self) -> Option<&'static str> {
        match self.kind {
            CallerKind::Root => Some("Account"),
            CallerKind::User => Some("User"),
            CallerKind::Role | CallerKind::Session => Some("AssumedRole"),
            CallerKind::FederatedUser => Some("FederatedUser"),
            CallerKind::Anonymous => Some("Anonymous"),
            CallerKind::Service | CallerKind::Federated => None,
        }
    }

    pub(crate) fn user_name(&self) -> Option<&str> {
        match self.kind {
            CallerKind::User => self.text.rsplit('/').next(),
            _ => None,
        }
    }

    pub(crate) fn has_identity_policies(&self) -> bool {
        matches!(
            self.kind,
            CallerKind::User | CallerKind::Role | CallerKind::Session | CallerKind::FederatedUser
        )
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerMatch {
    Not,
    Account,
    Role,
    Everyone,
    Exactly,
}

impl CallerMatch {
    /// Text in explanations; `*` is as direct as an exact name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Not => "none",
            Self::Account => "account",
            Self::Role => "role",
            Self::Everyone | Self::Exactly => "direct",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listed {
    Everyone,
    Account {
        partition: Option<Box<str>>,
        account: Box<str>,
    },
    Role {
        arn: Box<str>,
        partition: Box<str>,
        account: Box<str>,
        name: Box<str>,
    },
    /// User, session, or other exact ARN.
    Arn(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    /// Id of a deleted principal, or canonical user: matches no caller.
    Nobody,
}

impl Listed {
    pub(crate) fn new(entry: &PrincipalEntry<'_>) -> Self {
        let text = entry.text.text.as_ref();
        match entry.kind {
            PrincipalKind::Everyone => Self::Everyone,
            PrincipalKind::Service => Self::Service(text.into()),
            PrincipalKind::Federated => Self::Federated(text.into()),
            PrincipalKind::CanonicalUser => Self::Nobody,
            PrincipalKind::Aws if text == "*" => Self::Everyone,
            PrincipalKind::Aws => Self::aws(text),
        }
    }

    fn aws(text: &str) -> Self {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Self::Account {
                partition: None,
                account: text.into(),
            };
        }
        match Arn::parse(text) {
            None => Self::Nobody,
            Some(arn) if arn.service == "iam" && arn.rest == "root" => Self::Account {
                partition: Some(arn.partition.into()),
                account: arn.account.into(),
            },
            Some(arn) if arn.service == "iam" && arn.rest.starts_with("role/") => Self::Role {
                arn: text.into(),
                partition: arn.partition.into(),
                account: arn.account.into(),
                name: arn.rest.rsplit('/').next().unwrap_or("").into(),
            },
            Some(_) => Self::Arn(text.into()),
        }
    }

    /// Whether these `NotPrincipal` entries exempt the caller. AWS checks account, role and
    /// session; each unlisted one is denied with everything in it: an entry stands only for itself
    /// (AWS: "AWS JSON policy elements: `NotPrincipal`").
    pub(crate) fn leave_out(listed: &[Self], caller: &Caller) -> bool {
        let has = |wanted: CallerMatch| listed.iter().any(|it| it.names(caller) == wanted);
        let needed: &[CallerMatch] = match caller.kind {
            CallerKind::Root => &[CallerMatch::Account],
            CallerKind::User | CallerKind::FederatedUser => {
                &[CallerMatch::Account, CallerMatch::Exactly]
            }
            CallerKind::Role => &[CallerMatch::Account, CallerMatch::Role],
            CallerKind::Session => &[
                CallerMatch::Account,
                CallerMatch::Role,
                CallerMatch::Exactly,
            ],
            CallerKind::Service | CallerKind::Federated => &[CallerMatch::Exactly],
            CallerKind::Anonymous => &[CallerMatch::Everyone],
        };
        has(CallerMatch::Everyone) || needed.iter().all(|it| has(*it))
    }

    pub(crate) fn names(&self, caller: &Caller) -> CallerMatch {
        let found = match self {
            Self::Everyone => return CallerMatch::Everyone,
            Self::Account { partition, account } => {
                let same = caller.account == *account
                    && partition.as_ref().is_none_or(|it| *it == caller.partition);
                let counts = caller.has_identity_policies() || caller.kind == CallerKind::Root;
                return if same && counts {
                    CallerMatch::Account
                } else {
                    CallerMatch::Not
                };
            }
            Self::Role {
                arn,
                partition,
                account,
                name,
            } => {
                let session = caller.kind == CallerKind::Session
                    && caller.partition == *partition
                    && caller.account == *account
                    && caller.role == *name;
                let itself = caller.kind == CallerKind::Role && caller.text == *arn;
                return if session || itself {
                    CallerMatch::Role
                } else {
                    CallerMatch::Not
                };
            }
            Self::Arn(arn) => {
                caller.text == *arn
                    && !matches!(caller.kind, CallerKind::Federated | CallerKind::Anonymous)
            }
            Self::Service(name) => caller.kind == CallerKind::Service && caller.text == *name,
            Self::Federated(name) => {
                matches!(caller.kind, CallerKind::Federated | CallerKind::Service)
                    && caller.text == *name
            }
            Self::Nobody => false,
        };
        if found {
            CallerMatch::Exactly
        } else {
            CallerMatch::Not
        }
    }
}
