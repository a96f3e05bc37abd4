//! Who calls, and how a listed principal names them (AWS: "AWS JSON policy elements:
//! Principal").

use crate::language::{Arn, PrincipalEntry, PrincipalKind};

/// What kind of principal calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// An IAM user.
    User,
    /// A role, named by its own ARN.
    Role,
    /// A session of a role.
    Session,
    /// A session made for a user by `GetFederationToken`.
    FederatedUser,
    /// The root user of an account.
    Root,
    /// An AWS service.
    Service,
    /// Somebody an identity provider vouches for.
    Federated,
    /// Nobody known.
    Anonymous,
}

/// The principal of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    kind: CallerKind,
    text: Box<str>,
    partition: Box<str>,
    account: Box<str>,
    /// Name of the role behind a session.
    role: Box<str>,
}

impl Caller {
    /// A caller without credentials.
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

    /// Reads an ARN of a user, role, session or root, the name of a service
    /// (`lambda.amazonaws.com`), or an identity provider's ARN or host. `None` for anything else.
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

    /// What kind of principal it is.
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// The ARN or name as given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The account; `None` for services, providers' hosts and nobody.
    pub fn account(&self) -> Option<&str> {
        (!self.account.is_empty()).then_some(&*self.account)
    }

    /// The ARN under `aws:PrincipalArn`: a session counts as its role, whose path is not known.
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

    /// The value of `aws:PrincipalType` (AWS: "AWS global condition context keys").
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

    /// The friendly name of a user.
    pub(crate) fn user_name(&self) -> Option<&str> {
        match self.kind {
            CallerKind::User => self.text.rsplit('/').next(),
            _ => None,
        }
    }

    /// Whether policies attached to it exist: identities and their sessions.
    pub(crate) fn has_identity_policies(&self) -> bool {
        matches!(
            self.kind,
            CallerKind::User | CallerKind::Role | CallerKind::Session | CallerKind::FederatedUser
        )
    }
}

/// How a resource policy names the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallerMatch {
    /// Not at all.
    Not,
    /// By its account.
    Account,
    /// By the role of the session.
    Role,
    /// By `*`.
    Everyone,
    /// Exactly.
    Exactly,
}

impl CallerMatch {
    /// The word in explanations; `*` is as direct as an exact name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Not => "none",
            Self::Account => "account",
            Self::Role => "role",
            Self::Everyone | Self::Exactly => "direct",
        }
    }
}

/// A listed principal, made ready.
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
    /// A user, a session, or anything else with an ARN of its own.
    Arn(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    /// An id left from something deleted, a canonical user: nobody here.
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

    /// Whether a `NotPrincipal` with these entries leaves the caller out. AWS looks at the account, then at the role, then at
    /// the session, and each that is not listed is denied with all that is in it: an entry stands for itself only (AWS: "AWS
    /// JSON policy elements: `NotPrincipal`").
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
