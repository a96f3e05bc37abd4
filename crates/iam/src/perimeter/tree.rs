use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_aws_model::facts;
use serde::Deserialize;

use super::attach::full_access;
use crate::error::LoadError;
use crate::evaluation::Policy;
use crate::generate::ids::{IdKind, Lengths};
use crate::input::BadInput;
use crate::language::PolicyType;

/// Twice AWS's OU limit.
const DEPTH_MAX: usize = 2 * facts::UNIT_DEPTH.count();

#[derive(Debug, Clone)]
pub struct Tree {
    organization: String,
    management: String,
    root: String,
    units: BTreeMap<String, Unit>,
    accounts: Vec<TreeAccount>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeAccount {
    pub id: String,
    pub name: String,
    /// Guardrails do not apply to it.
    pub is_management: bool,
    /// Root, OUs, account.
    pub levels: Vec<String>,
}

#[derive(Debug, Clone)]
struct Unit {
    name: String,
    parent: String,
}

#[derive(Deserialize)]
struct TreeFile {
    organization: OrganizationEntry,
    root: String,
    #[serde(default)]
    ous: Vec<UnitEntry>,
    accounts: Vec<AccountEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OrganizationEntry {
    id: String,
    management_account_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UnitEntry {
    id: String,
    name: String,
    parent_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AccountEntry {
    id: String,
    name: String,
    parent_id: String,
}

fn id_error(message: String, pointer: &str) -> BadInput {
    BadInput::new("E_ID", message, pointer)
}

impl Tree {
    /// Reads `organization`, `root`, `ous` and `accounts`; ignores other fields.
    ///
    /// # Errors
    /// `E_JSON` for an invalid file, `E_ID` for malformed, duplicate or unknown ids, `E_GRAPH` for
    /// an OU cycle.
    pub fn read(text: &str) -> Result<Self, BadInput> {
        let file: TreeFile = serde_json::from_str(text)
            .map_err(|error| BadInput::new("E_JSON", error.to_string(), ""))?;
        let check =
            |kind: IdKind, id: &str, pointer: &str| kind.check(id, Lengths::Lenient, pointer);
        check(
            IdKind::Organization,
            &file.organization.id,
            "/organization/Id",
        )?;
        check(IdKind::Root, &file.root, "/root")?;
        let mut units = BTreeMap::new();
        for (at, unit) in file.ous.into_iter().enumerate() {
            let pointer = format!("/ous/{at}/Id");
            check(IdKind::Unit, &unit.id, &pointer)?;
            let entry = Unit {
                name: unit.name,
                parent: unit.parent_id,
            };
            if units.insert(unit.id.clone(), entry).is_some() {
                return Err(id_error(format!("`{}` stands twice", unit.id), &pointer));
            }
        }
        let mut tree = Self {
            organization: file.organization.id,
            management: file.organization.management_account_id,
            root: file.root,
            units,
            accounts: Vec::new(),
        };
        for (at, account) in file.accounts.into_iter().enumerate() {
            let pointer = format!("/accounts/{at}/Id");
            check(IdKind::Account, &account.id, &pointer)?;
            if tree.accounts.iter().any(|other| other.id == account.id) {
                return Err(id_error(format!("`{}` stands twice", account.id), &pointer));
            }
            let mut levels = tree.above(&account.parent_id, &format!("/accounts/{at}/ParentId"))?;
            levels.push(account.id.clone());
            tree.accounts.push(TreeAccount {
                is_management: account.id == tree.management,
                id: account.id,
                name: account.name,
                levels,
            });
        }
        Ok(tree)
    }

    fn above(&self, parent: &str, pointer: &str) -> Result<Vec<String>, BadInput> {
        let mut levels = Vec::new();
        let mut at = parent;
        while at != self.root {
            let Some(unit) = self.units.get(at) else {
                return Err(id_error(format!("there is no `{at}` in the tree"), pointer));
            };
            if levels.len() >= DEPTH_MAX {
                let message = format!("`{parent}` lies in a ring of OUs, or too deep");
                return Err(BadInput::new("E_GRAPH", message, pointer));
            }
            levels.push(at.to_owned());
            at = &unit.parent;
        }
        levels.push(self.root.clone());
        levels.reverse();
        Ok(levels)
    }

    pub fn organization(&self) -> &str {
        &self.organization
    }

    pub fn accounts(&self) -> &[TreeAccount] {
        &self.accounts
    }

    /// As in `aws:PrincipalOrgPaths`.
    pub fn path(&self, account: &TreeAccount) -> String {
        let levels = account.levels.iter().filter(|level| **level != account.id);
        levels.fold(format!("{}/", self.organization), |path, level| {
            path + level + "/"
        })
    }

    fn target(&self, text: &str, pointer: &str) -> Result<String, BadInput> {
        let is_id = text == self.root
            || self.units.contains_key(text)
            || self.accounts.iter().any(|account| account.id == text);
        if is_id {
            return Ok(text.to_owned());
        }
        let units = self.units.iter().filter(|(_, unit)| unit.name == text);
        let accounts = self.accounts.iter().filter(|account| account.name == text);
        let found: Vec<&String> = units
            .map(|(id, _)| id)
            .chain(accounts.map(|account| &account.id))
            .collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(id_error(
                format!("there is no `{text}` in the tree"),
                pointer,
            )),
            [..] => Err(id_error(
                format!("several are called `{text}`: name one by its id"),
                pointer,
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentsFile {
    attachments: Vec<AttachmentEntry>,
    #[serde(default)]
    without_full_access: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentEntry {
    policy: String,
    #[serde(rename = "type")]
    kind: AttachmentKind,
    targets: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
enum AttachmentKind {
    #[serde(rename = "scp", alias = "SERVICE_CONTROL_POLICY")]
    Scp,
    #[serde(rename = "rcp", alias = "RESOURCE_CONTROL_POLICY")]
    Rcp,
}

#[derive(Debug, Clone)]
pub struct Guardrails {
    scps: BTreeMap<String, Vec<Arc<Policy>>>,
    rcps: BTreeMap<String, Vec<Arc<Policy>>>,
    without_full_access: Vec<String>,
    full_access: Arc<Policy>,
    used: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuardrailsError {
    #[error(transparent)]
    Attachments(#[from] BadInput),
    #[error("`{name}`: {error}")]
    Policy { name: String, error: LoadError },
}

impl Guardrails {
    /// Reads attachments: `{"attachments": [{"policy", "type": "scp"|"rcp", "targets"}],
    /// "without_full_access": […]}`. Targets are ids or unique names. `FullAWSAccess` is at every
    /// level except `without_full_access`.
    ///
    /// # Errors
    /// `E_JSON` for an invalid list, `E_ID` for unknown targets or policies without text; and
    /// unreadable policies.
    pub fn read(
        list: &str,
        tree: &Tree,
        policy: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, GuardrailsError> {
        let file: AttachmentsFile = serde_json::from_str(list)
            .map_err(|error| BadInput::new("E_JSON", error.to_string(), ""))?;
        let bad = |name: &str| {
            let name = name.to_owned();
            |error| GuardrailsError::Policy { name, error }
        };
        let mut rails = Self {
            scps: BTreeMap::new(),
            rcps: BTreeMap::new(),
            without_full_access: Vec::new(),
            full_access: Arc::new(full_access().map_err(bad("FullAWSAccess"))?),
            used: Vec::new(),
        };
        for (at, target) in file.without_full_access.iter().enumerate() {
            let target = tree.target(target, &format!("/without_full_access/{at}"))?;
            rails.without_full_access.push(target);
        }
        for (at, entry) in file.attachments.into_iter().enumerate() {
            let Some(text) = policy(&entry.policy) else {
                let message = format!("there is no policy `{}`", entry.policy);
                return Err(id_error(message, &format!("/attachments/{at}/policy")).into());
            };
            let (kind, levels) = match entry.kind {
                AttachmentKind::Scp => (PolicyType::Scp, &mut rails.scps),
                AttachmentKind::Rcp => (PolicyType::Rcp, &mut rails.rcps),
            };
            let policy = Policy::parse(&text, kind).map_err(bad(&entry.policy))?;
            let policy = Arc::new(policy.named(entry.policy.clone()));
            for (nth, target) in entry.targets.iter().enumerate() {
                let pointer = format!("/attachments/{at}/targets/{nth}");
                let target = tree.target(target, &pointer)?;
                levels.entry(target).or_default().push(Arc::clone(&policy));
            }
            rails.used.push(entry.policy);
        }
        Ok(rails)
    }

    pub fn used(&self) -> &[String] {
        &self.used
    }

    pub(super) fn scps(&self, account: &TreeAccount) -> Vec<Vec<Arc<Policy>>> {
        let level = |target: &String| {
            let full = (!self.without_full_access.contains(target)).then_some(&self.full_access);
            let attached = self.scps.get(target).into_iter().flatten();
            full.into_iter().chain(attached).map(Arc::clone).collect()
        };
        account.levels.iter().map(level).collect()
    }

    pub(super) fn rcps(&self, account: &TreeAccount) -> Vec<Vec<Arc<Policy>>> {
        let level = |target: &String| self.rcps.get(target).cloned().unwrap_or_default();
        account.levels.iter().map(level).collect()
    }
}
