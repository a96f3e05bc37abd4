use std::str::FromStr;

use super::actions::{ASSIGN, ATTRIBUTES, EDIT, MAKE, PROVISION, READ, READ_IDENTITIES, TAG};
use crate::generate::ids::{IdKind, Lengths, Partition, RoleArn};
use crate::generate::{Draft, DraftStatement, Many};
use crate::input::BadInput;
use crate::language::{Arn, Effect};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// The accounts, and the permission sets if any are named.
    Accounts,
    PermissionSet,
    Tags,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub key: String,
    /// Case-sensitive.
    pub value: String,
}

impl FromStr for Tag {
    type Err = BadInput;

    /// # Errors
    /// `E_TAG`
    fn from_str(text: &str) -> Result<Self, BadInput> {
        let of_tag = |it: char| it.is_alphanumeric() || " _.:/=+-@".contains(it);
        let tag = text.split_once('=').filter(|(key, value)| {
            !key.is_empty()
                && key.chars().count() <= 128
                && !key.to_lowercase().starts_with("aws:")
                && value.chars().count() <= 256
                && text.chars().all(of_tag)
        });
        let Some((key, value)) = tag else {
            let message = format!("`{text}` is no tag: write KEY=VALUE, without wildcards");
            return Err(BadInput::new("E_TAG", message, "--tag"));
        };
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationSpec {
    pub model: Model,
    /// `ssoins-…`.
    pub instance: String,
    pub accounts: Vec<String>,
    /// `ps-…`.
    pub permission_sets: Vec<String>,
    /// Values of one key are alternatives.
    pub tags: Vec<Tag>,
    pub with_read: bool,
    pub with_provision: bool,
    /// Never delegated.
    pub management_account: Option<String>,
    pub partition: Partition,
    pub lengths: Lengths,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedDelegation {
    pub draft: Draft,
    pub warnings: Vec<String>,
}

/// # Errors
/// `E_ID` for malformed ids (`*` among them), `E_ARG` for missing inputs of the model, `E_MGMT` if
/// the accounts include the management account.
pub fn generate(wish: &DelegationSpec) -> Result<GeneratedDelegation, BadInput> {
    check(wish)?;
    let mut statements = assign(wish);
    if wish.with_read {
        statements.extend(read(wish));
    }
    let mut warnings = vec![
        "an assigner can assign to themselves".to_owned(),
        "control over a group's members is control over its assignments".to_owned(),
    ];
    if wish.model == Model::Accounts && wish.permission_sets.is_empty() {
        warnings.push(
            "any permission set may be assigned in these accounts, an administrator's included: \
             name some with `--permission-set`"
                .to_owned(),
        );
    }
    if wish.model == Model::Tags {
        warnings.push(
            "tags now decide who may assign what: keep sso:TagResource and sso:UntagResource with \
             the identity team, as `--guard-for` does"
                .to_owned(),
        );
    }
    if wish.management_account.is_none() {
        warnings.push(
            "the management account must not be among the accounts: give `--management-account` to \
             have that checked"
                .to_owned(),
        );
    }
    Ok(GeneratedDelegation {
        draft: Draft { statements },
        warnings,
    })
}

fn check(wish: &DelegationSpec) -> Result<(), BadInput> {
    IdKind::Instance.check(&wish.instance, wish.lengths, "--instance")?;
    for account in wish.accounts.iter().chain(&wish.management_account) {
        IdKind::Account.check(account, wish.lengths, "--account")?;
    }
    for set in &wish.permission_sets {
        IdKind::PermissionSet.check(set, wish.lengths, "--permission-set")?;
    }
    let missing = |message: &str, flag: &str| Err(BadInput::new("E_ARG", message, flag));
    if wish.accounts.is_empty() {
        return missing(
            "name the accounts: every account is more than to delegate",
            "--account",
        );
    }
    match wish.model {
        Model::PermissionSet if wish.permission_sets.is_empty() => {
            return missing("this model needs permission sets", "--permission-set");
        }
        Model::Tags if wish.tags.is_empty() => {
            return missing("this model needs tags of permission sets", "--tag");
        }
        Model::Accounts | Model::PermissionSet if !wish.tags.is_empty() => {
            return missing("tags go with `--model tags`", "--tag");
        }
        Model::Accounts | Model::PermissionSet | Model::Tags => {}
    }
    for (index, tag) in wish.tags.iter().enumerate() {
        let same = |it: &Tag| it.key != tag.key && it.key.to_lowercase() == tag.key.to_lowercase();
        if wish.tags.iter().take(index).any(same) {
            let message = format!(
                "`{}` is given in two spellings: condition keys ignore case",
                tag.key
            );
            return Err(BadInput::new("E_TAG", message, "--tag"));
        }
    }
    let management = wish.management_account.as_ref();
    if let Some(account) = management.filter(|it| wish.accounts.contains(it)) {
        let message = format!(
            "`{account}` is the management account: who may assign there governs the organization"
        );
        return Err(BadInput::new("E_MGMT", message, "--account"));
    }
    Ok(())
}

struct Arns<'a>(&'a DelegationSpec);

impl Arns<'_> {
    fn instance(&self) -> String {
        format!(
            "arn:{}:sso:::instance/{}",
            self.0.partition, self.0.instance
        )
    }

    fn accounts(&self) -> impl Iterator<Item = String> {
        let partition = self.0.partition;
        let accounts = self.0.accounts.iter();
        accounts.map(move |it| format!("arn:{partition}:sso:::account/{it}"))
    }

    fn permission_sets(&self) -> Vec<String> {
        let DelegationSpec {
            partition,
            instance,
            permission_sets,
            ..
        } = self.0;
        let arn = |it: &str| format!("arn:{partition}:sso:::permissionSet/{instance}/{it}");
        match permission_sets.as_slice() {
            [] => vec![arn("*")],
            some => some.iter().map(|it| arn(it)).collect(),
        }
    }
}

fn assign(wish: &DelegationSpec) -> Vec<DraftStatement> {
    let provision = wish.with_provision.then_some(PROVISION);
    let actions = || Many::list(ASSIGN.into_iter().chain(provision));
    let arns = Arns(wish);
    let places = [arns.instance()].into_iter().chain(arns.accounts());
    let allow = |sid: &str| DraftStatement::new(sid, Effect::Allow, actions());
    match wish.model {
        Model::Accounts | Model::PermissionSet => {
            let all = places.chain(arns.permission_sets());
            vec![allow("Assign").on(Many::list(all))]
        }
        // accounts have no tags: under one condition with the sets they would never match
        Model::Tags => {
            let mut tagged = allow("AssignTaggedSets").on(Many::list(arns.permission_sets()));
            let mut keys: Vec<&str> = Vec::new();
            for tag in &wish.tags {
                if !keys.contains(&tag.key.as_str()) {
                    keys.push(&tag.key);
                }
            }
            for key in keys {
                let values = wish
                    .tags
                    .iter()
                    .filter(|it| it.key == key)
                    .map(|it| it.value.as_str());
                let key = format!("aws:ResourceTag/{key}");
                tagged = tagged.when("StringEquals", &key, Many::list(values));
            }
            vec![tagged, allow("AssignInAccounts").on(Many::list(places))]
        }
    }
}

fn read(wish: &DelegationSpec) -> Vec<DraftStatement> {
    let arns = Arns(wish);
    // selecting sets by tag requires reading those without
    let sets = match wish.model {
        Model::Accounts | Model::PermissionSet => arns.permission_sets(),
        Model::Tags => Arns(&DelegationSpec {
            permission_sets: Vec::new(),
            ..wish.clone()
        })
        .permission_sets(),
    };
    let all = [arns.instance()]
        .into_iter()
        .chain(arns.accounts())
        .chain(sets);
    let allow = |sid: &str, actions| DraftStatement::new(sid, Effect::Allow, actions);
    let identities = ["identitystore::*:identitystore/*", "identitystore:::user/*"]
        .into_iter()
        .chain(["identitystore:::group/*", "identitystore:::membership/*"])
        .map(|rest| format!("arn:{}:{rest}", wish.partition));
    vec![
        allow("ReadAssignments", Many::list(READ)).on(Many::list(all)),
        allow("FindInstance", Many::one("sso:ListInstances")),
        allow("ReadIdentities", Many::list(READ_IDENTITIES)).on(Many::list(identities)),
    ]
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DelegationGuard {
    pub roles: Vec<String>,
    pub partition: Partition,
    pub lengths: Lengths,
}

/// Builds a service control policy that reserves editing for the identity team.
///
/// # Errors
/// `E_ARN` unless an exact role ARN, `E_ARG` without any.
pub fn guard(wish: &DelegationGuard) -> Result<GeneratedDelegation, BadInput> {
    const PLACE: &str = "--guard-for";
    if wish.roles.is_empty() {
        let message = "name a role of the identity team: else no one could edit permission sets";
        return Err(BadInput::new("E_ARG", message, PLACE));
    }
    for role in &wish.roles {
        RoleArn::Pattern.check(role, wish.partition, wish.lengths, PLACE)?;
        let arn = Arn::parse(role);
        if arn.is_none_or(|arn| arn.account.contains(['*', '?'])) {
            let message = format!("`{role}` exempts a role of that name in any account");
            return Err(BadInput::new("E_ARN", message, PLACE));
        }
    }
    let actions = MAKE.into_iter().chain(EDIT).chain(ATTRIBUTES).chain(TAG);
    let roles = Many::list(wish.roles.iter().map(String::as_str));
    let statement = DraftStatement::new("GuardIdentityCenter", Effect::Deny, Many::list(actions))
        .when("ArnNotLike", "aws:PrincipalArn", roles);
    Ok(GeneratedDelegation {
        draft: statement.into(),
        warnings: vec![
            "attach it to the delegated administrator account: service control policies do not \
             reach the management account"
                .to_owned(),
        ],
    })
}
