//! The requester, and Principal matching (`policies.md` §2.2, §2.6).

use serde_json::Value;

use super::glob::arn;
use super::many;

/// The principal kinds of `policies.md` §2.6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Anonymous,
    Service(String),
    Federated(String),
    Root {
        arn: String,
        account: String,
    },
    User {
        arn: String,
        account: String,
    },
    Role {
        arn: String,
        account: String,
    },
    Session {
        arn: String,
        account: String,
        role: String,
    },
    FederatedUser {
        arn: String,
        account: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Account,
    Role,
    Everyone,
    Exactly,
}

impl Who {
    pub(super) fn read(value: &Value) -> Result<Self, &'static str> {
        if let Some(object) = value.as_object() {
            let anonymous =
                object.len() == 1 && object.get("anonymous") == Some(&Value::Bool(true));
            return if anonymous {
                Ok(Self::Anonymous)
            } else {
                Err("E_FIELD")
            };
        }
        let text = value.as_str().ok_or("E_FIELD")?;
        if !text.contains(':') {
            return if text.contains(".amazonaws.com") {
                Ok(Self::Service(text.to_owned()))
            } else if text.contains('.') {
                Ok(Self::Federated(text.to_owned()))
            } else {
                Err("E_ARN")
            };
        }
        let parts = arn(text).ok_or("E_ARN")?;
        let (service, account, rest) = (parts[2].as_str(), parts[4].clone(), parts[5].as_str());
        let (kind, name) = rest.split_once('/').unwrap_or((rest, ""));
        match (service, kind, name) {
            ("iam", "root", "") => Ok(Self::Root {
                arn: text.to_owned(),
                account,
            }),
            ("iam", "user", _) => Ok(Self::User {
                arn: text.to_owned(),
                account,
            }),
            ("iam", "role", _) => Ok(Self::Role {
                arn: text.to_owned(),
                account,
            }),
            ("iam", "saml-provider" | "oidc-provider", _) => Ok(Self::Federated(text.to_owned())),
            ("sts", "assumed-role", name) => Ok(Self::Session {
                arn: text.to_owned(),
                account,
                role: name.split('/').next().unwrap_or_default().to_owned(),
            }),
            ("sts", "federated-user", _) => Ok(Self::FederatedUser {
                arn: text.to_owned(),
                account,
            }),
            _ => Err("E_ARN"),
        }
    }

    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::Anonymous | Self::Service(_) | Self::Federated(_) => None,
            Self::Root { account, .. }
            | Self::User { account, .. }
            | Self::Role { account, .. }
            | Self::Session { account, .. }
            | Self::FederatedUser { account, .. } => Some(account),
        }
    }

    fn partition(&self) -> Option<&str> {
        match self {
            Self::Anonymous | Self::Service(_) | Self::Federated(_) => None,
            Self::Root { arn, .. }
            | Self::User { arn, .. }
            | Self::Role { arn, .. }
            | Self::Session { arn, .. }
            | Self::FederatedUser { arn, .. } => arn.split(':').nth(1),
        }
    }

    /// The principal's account; for an identity provider the account it is defined in.
    pub(super) fn home(&self) -> Option<String> {
        match self {
            Self::Federated(name) => arn(name).map(|arn| arn[4].clone()),
            other => other.account().map(str::to_owned),
        }
    }

    pub(super) fn service_linked(&self) -> bool {
        matches!(self, Self::Role { arn, .. } if arn.contains(":role/aws-service-role/"))
    }
}

pub(super) fn level(element: &Value, who: &Who) -> Option<Level> {
    if let Some(text) = element.as_str() {
        return (text == "*").then_some(Level::Everyone);
    }
    let mut best = None;
    for (kind, entries) in element.as_object().unwrap() {
        for entry in many(entries) {
            best = best.max(entry_level(kind, entry.as_str().unwrap(), who));
        }
    }
    best
}

/// Checks if a `NotPrincipal` element excludes the principal: account, role and principal must each
/// be listed (`policies.md` §2.2).
pub(super) fn left_out(element: &Value, who: &Who) -> bool {
    let Some(kinds) = element.as_object() else {
        return level(element, who) == Some(Level::Everyone);
    };
    let mut found = Vec::new();
    for (kind, entries) in kinds {
        for entry in many(entries) {
            found.extend(entry_level(kind, entry.as_str().unwrap(), who));
        }
    }
    let all = |needed: &[Level]| needed.iter().all(|it| found.contains(it));
    found.contains(&Level::Everyone)
        || match who {
            Who::Anonymous => false,
            Who::Service(_) | Who::Federated(_) => all(&[Level::Exactly]),
            Who::Root { .. } => all(&[Level::Account]),
            Who::User { .. } | Who::FederatedUser { .. } => all(&[Level::Account, Level::Exactly]),
            Who::Role { .. } => all(&[Level::Account, Level::Role]),
            Who::Session { .. } => all(&[Level::Account, Level::Role, Level::Exactly]),
        }
}

fn entry_level(kind: &str, entry: &str, who: &Who) -> Option<Level> {
    match (kind, who) {
        ("AWS", _) if entry == "*" => Some(Level::Everyone),
        ("Service", Who::Service(name)) | ("Federated", Who::Federated(name)) => {
            (entry == name).then_some(Level::Exactly)
        }
        ("AWS", _) => aws_level(entry, who),
        _ => None,
    }
}

fn aws_level(entry: &str, who: &Who) -> Option<Level> {
    let account = who.account()?;
    if entry == account {
        return Some(Level::Account);
    }
    let parts = arn(entry)?;
    let home = who.partition() == Some(parts[1].as_str()) && parts[4] == account;
    if home && parts[2] == "iam" && parts[5] == "root" {
        return Some(Level::Account);
    }
    match who {
        Who::User { arn, .. } | Who::Session { arn, .. } | Who::FederatedUser { arn, .. }
            if arn == entry =>
        {
            Some(Level::Exactly)
        }
        Who::Role { arn, .. } if arn == entry => Some(Level::Role),
        Who::Session { role, .. } => {
            let path = parts[5].strip_prefix("role/")?;
            let name = path.rsplit('/').next().unwrap_or(path);
            (home && parts[2] == "iam" && name == role).then_some(Level::Role)
        }
        _ => None,
    }
}
