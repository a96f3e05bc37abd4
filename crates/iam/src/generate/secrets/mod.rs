//! Secrets by matching tags (`policies.md` §10): a permission set that grants by tags, and
//! guardrails that protect the tags.

mod attribute;
mod guardrails;
mod published;

use hallpass_aws_model::facts;

use crate::generate::ids::{Lengths, Partition, RoleArn};
use crate::generate::{Draft, DraftStatement, Many};
use crate::input::BadInput;
use crate::language::{Arn, Effect, PolicyType};

pub use attribute::Attribute;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Guardrails {
    /// For reading, creating and tagging.
    #[default]
    Required,
    /// Also applies reading's condition to every action with the secret's tags.
    Strict,
    /// The published forms with their defects, for demonstrations and tests.
    AsPublished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WildcardAdmin {
    #[default]
    Refused,
    /// Any account; G0 then reserves the role name.
    Guarded,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretsSpec {
    /// Attributes to match, with allowed values.
    pub attributes: Vec<Attribute>,
    pub admin_roles: Vec<String>,
    /// Accounts that replace `*` in admin role ARNs.
    pub accounts: Vec<String>,
    /// Roles that manage the admin roles; adds G0.
    pub provisioning_roles: Vec<String>,
    pub guardrails: Guardrails,
    /// Whether an admin role may keep `*` as account.
    pub wildcard_admin: WildcardAdmin,
    pub partition: Partition,
    pub lengths: Lengths,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Example: `g1.json`.
    pub name: String,
    pub kind: PolicyType,
    pub draft: Draft,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedSecretsPolicies {
    /// `permission-set.json`, `g0.json` if requested, `g1.json` to `g4.json`.
    pub files: Vec<File>,
    /// All guardrails as one policy, if they fit.
    pub merged: Option<File>,
    pub warnings: Vec<String>,
}

/// Bytes (`policies.md` §5).
const SCP_BYTES_MAX: usize = facts::SCP_CHARACTERS.count();

/// # Errors
/// `E_ATTR` for missing or duplicate attributes, `E_ARN` for missing or invalid admin roles or a
/// wildcard account, `E_ID` for accounts.
pub fn generate(wish: &SecretsSpec) -> Result<GeneratedSecretsPolicies, BadInput> {
    check_attributes(&wish.attributes)?;
    let admins = match wish.guardrails {
        // unchanged, with brackets and wildcards
        Guardrails::AsPublished => wish.admin_roles.clone(),
        Guardrails::Required | Guardrails::Strict => admins(wish)?,
    };
    if admins.is_empty() {
        let message = "name at least one admin role: without one no one can repair a tag";
        return Err(BadInput::new("E_ARN", message, "--admin-role"));
    }
    let policies = match wish.guardrails {
        Guardrails::AsPublished => published::policies(&wish.attributes, &admins),
        Guardrails::Required | Guardrails::Strict => guardrails::policies(wish, &admins)?,
    };
    let mut files = vec![File {
        name: "permission-set.json".to_owned(),
        kind: PolicyType::Identity,
        draft: permission_set(&wish.attributes),
    }];
    let all = policies.iter().flat_map(|(_, draft)| &draft.statements);
    let merged = Draft {
        statements: all.cloned().collect(),
    };
    let scp = |name: String, draft| File {
        name,
        kind: PolicyType::Scp,
        draft,
    };
    files.extend(
        policies
            .into_iter()
            .map(|(name, draft)| scp(format!("{name}.json"), draft)),
    );
    let fits = merged.json().len() <= SCP_BYTES_MAX;
    Ok(GeneratedSecretsPolicies {
        files,
        merged: fits.then(|| scp("guardrails.json".to_owned(), merged)),
        warnings: warnings(wish, &admins),
    })
}

fn check_attributes(attributes: &[Attribute]) -> Result<(), BadInput> {
    if attributes.is_empty() {
        let message = "name at least one attribute with its values, as in department=Digital";
        return Err(BadInput::new("E_ATTR", message, "--attr"));
    }
    for (index, attribute) in attributes.iter().enumerate() {
        let key = attribute.key();
        let mut earlier = attributes.iter().take(index);
        // tag keys in condition keys ignore case: two spellings would be one condition
        if earlier.any(|it| it.key().to_lowercase() == key.to_lowercase()) {
            let message = format!("`{key}` is given twice: list its values once, parted by commas");
            return Err(BadInput::new("E_ATTR", message, "--attr"));
        }
    }
    Ok(())
}

/// Exempt roles: `*` as account expands to the accounts, or stays on request.
fn admins(wish: &SecretsSpec) -> Result<Vec<String>, BadInput> {
    use crate::generate::ids::IdKind;

    for account in &wish.accounts {
        IdKind::Account.check(account, wish.lengths, "--accounts")?;
    }
    for role in &wish.provisioning_roles {
        RoleArn::Exact.check(role, wish.partition, wish.lengths, "--provisioning-role")?;
    }
    let mut admins = Vec::new();
    for role in &wish.admin_roles {
        RoleArn::Pattern.check(role, wish.partition, wish.lengths, "--admin-role")?;
        let Some(arn) = Arn::parse(role).filter(|arn| arn.account.contains(['*', '?'])) else {
            admins.push(role.clone());
            continue;
        };
        if wish.wildcard_admin == WildcardAdmin::Guarded {
            admins.push(role.clone());
        } else if wish.accounts.is_empty() || arn.account != "*" {
            let message = format!(
                "`{role}` exempts everyone who may make a role of that name in any account: name \
                 the accounts with `--accounts`, or accept it with `--allow-wildcard-admin`"
            );
            return Err(BadInput::new("E_ARN", message, "--admin-role"));
        } else {
            let exact = |account: &String| Arn { account, ..arn }.to_string();
            admins.extend(wish.accounts.iter().map(exact));
        }
    }
    Ok(admins)
}

/// Allows reading secrets with the user's tags. An Allow needs all attributes (AND).
fn permission_set(attributes: &[Attribute]) -> Draft {
    let list = DraftStatement::new(
        "ListAllSecrets",
        Effect::Allow,
        Many::one("secretsmanager:ListSecrets"),
    );
    let read = DraftStatement::new("ReadOwn", Effect::Allow, Many::list(READ));
    let read = attributes.iter().fold(read, |read, attribute| {
        read.when(
            "StringEquals",
            &attribute.on_secret(),
            attribute.of_principal(),
        )
    });
    Draft {
        statements: vec![list, read],
    }
}

/// Granted by the permission set and guarded by G1.
const READ: [&str; 2] = [
    "secretsmanager:GetSecretValue",
    "secretsmanager:DescribeSecret",
];

fn warnings(wish: &SecretsSpec, admins: &[String]) -> Vec<String> {
    let mut warnings: Vec<String> = Vec::new();
    let mut warn = |text: &str| warnings.push(text.to_owned());
    match wish.guardrails {
        Guardrails::AsPublished => {
            warn("these are the circulated forms with their defects: do not attach them");
        }
        Guardrails::Required => {
            warn(
                "not covered: PutResourcePolicy (grants to other accounts), UpdateSecret, \
                 PutSecretValue, DeleteSecret, ReplicateSecretToRegions; `--strict` covers them",
            );
        }
        Guardrails::Strict => {}
    }
    warn("not covered: secrets that services create for a caller (CreateSecret through them)");
    warn("not covered: the management account; service control policies have no effect there");
    warn("BatchGetSecretValue needs no guardrail: each secret is authorised as GetSecretValue");
    warn(
        "tags of a secret tell cases apart and condition keys do not: a secret with both spellings \
         of a key is matched by either (TAG_CASE)",
    );
    if wish.guardrails == Guardrails::AsPublished {
        return warnings;
    }
    let anywhere =
        |role: &&String| Arn::parse(role).is_some_and(|it| it.account.contains(['*', '?']));
    if let Some(role) = admins.iter().find(anywhere) {
        let hold = if wish.provisioning_roles.is_empty() {
            "G0 keeps everyone in member accounts from making it, since no provisioning role is named"
        } else {
            "attach G0, or anyone who may make roles is exempt"
        };
        warnings.push(format!("`{role}` is exempt in every account: {hold}"));
    }
    let by_pattern = |role: &&String| {
        Arn::parse(role).is_some_and(|it| {
            it.rest.contains(['*', '?']) && !it.rest.starts_with("role/aws-reserved/")
        })
    };
    if let Some(role) = admins.iter().find(by_pattern) {
        warnings.push(format!(
            "`{role}` exempts every role whose name fits: anyone who may make roles there can choose one"
        ));
    }
    warnings
}
