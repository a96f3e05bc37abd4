//! Checks that an organization's service control policies allow something at every level (code 58).
//!
//! Reads a simulator organization file or a tree in the form of AWS's responses, with `policies`:
//! `{"name", "content", "targets": [id, name or path]}`. Without a policy named `FullAWSAccess`, it
//! is attached everywhere, as AWS does on enabling; otherwise only at its targets.

use hallpass_aws_model::facts;

use super::codes::LintCode;
use super::finding::{LintFinding, Region};
use crate::error::{LoadError, LoadErrorCode};
use crate::language::json::{self, ByteSpan, Node};
use crate::language::{Effect, POLICY_DEPTH_MAX, PolicyJson, PolicyType, ScpLanguage};

/// The policy that AWS attaches everywhere.
const FULL_ACCESS: &str = "FullAWSAccess";

/// A finding in the tree's file.
pub type TreeFinding = LintFinding;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrgTree {
    levels: Vec<Level>,
    policies: Vec<AttachedText>,
    management_account: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Level {
    /// Id, name and path, if known.
    names: Vec<String>,
    is_account: bool,
    pointer: String,
    region: Region,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct AttachedText {
    name: String,
    content: Option<String>,
    targets: Vec<String>,
}

fn either<'t, 'a>(node: &'t Node<'a>, names: [&str; 2]) -> Option<&'t Node<'a>> {
    names.into_iter().find_map(|name| node.get(name))
}

fn text(node: &Node<'_>, names: [&str; 2]) -> Option<String> {
    either(node, names)?.as_str().map(str::to_owned)
}

fn items<'t, 'a>(node: &'t Node<'a>, name: &str) -> &'t [Node<'a>] {
    node.get(name).and_then(Node::items).unwrap_or(&[])
}

impl OrgTree {
    pub fn read(file: &str) -> Result<Self, LoadError> {
        let file = file.strip_prefix('\u{feff}').unwrap_or(file);
        let tree = json::read(file, POLICY_DEPTH_MAX).map_err(|refused| {
            let (message, at) = match refused {
                json::JsonError::Syntax(what, at) => (what, at),
                json::JsonError::Depth(at) => ("nested deeper than 64 levels", at),
            };
            LoadError {
                position: Some(json::line_and_column(file, at)),
                ..LoadError::new(LoadErrorCode::Json, message, "")
            }
        })?;
        let root = &tree.root;
        let organization = root.get("organization");
        let id = text(root, ["root", "Root"])
            .or_else(|| text(organization?, ["root", "Root"]))
            .ok_or_else(|| {
                LoadError::new(
                    LoadErrorCode::Field,
                    "the organization has no root",
                    "/root",
                )
            })?;
        let mut levels = vec![level(file, vec![id, "Root".to_owned()], "/root", root.span)];
        for (at, unit) in items(root, "ous").iter().enumerate() {
            let name = text(unit, ["name", "Name"]);
            let parent = text(unit, ["parent", "Parent"]);
            let path = name
                .iter()
                .zip(&parent)
                .map(|(name, parent)| format!("{parent}/{name}"));
            let names = text(unit, ["id", "Id"])
                .into_iter()
                .chain(path)
                .chain(name.clone());
            levels.push(level(
                file,
                names.collect(),
                &format!("/ous/{at}"),
                unit.span,
            ));
        }
        for (at, account) in items(root, "accounts").iter().enumerate() {
            let names = [text(account, ["id", "Id"]), text(account, ["name", "Name"])];
            let pointer = format!("/accounts/{at}");
            let names = names.into_iter().flatten().collect();
            levels.push(Level {
                is_account: true,
                ..level(file, names, &pointer, account.span)
            });
        }
        Ok(Self {
            levels,
            policies: policies(file, root),
            management_account: organization
                .and_then(|it| text(it, ["management_account", "ManagementAccountId"])),
        })
    }

    pub fn accounts(&self) -> Vec<String> {
        let accounts = self.levels.iter().filter(|it| it.is_account);
        accounts
            .filter_map(|it| it.names.first().cloned())
            .collect()
    }

    pub fn management_account(&self) -> Option<&str> {
        self.management_account.as_deref()
    }

    /// Levels that allow nothing, or exceed AWS's policy limit. `files` has contents of policies by
    /// name.
    pub fn check(&self, files: &[(String, String)], language: ScpLanguage) -> Vec<TreeFinding> {
        let listed = self.policies.iter().any(|it| it.name == FULL_ACCESS);
        let mut findings = Vec::new();
        for level in &self.levels {
            let name = level.names.first().map_or("", String::as_str);
            if self.management_account.as_deref() == Some(name) {
                continue;
            }
            let here = |it: &&AttachedText| it.targets.iter().any(|to| level.names.contains(to));
            let attached: Vec<&AttachedText> = self.policies.iter().filter(here).collect();
            let full = !listed || attached.iter().any(|it| it.name == FULL_ACCESS);
            let allows = full || attached.iter().any(|it| it.allows(files, language));
            if !allows {
                let message = format!(
                    "nothing is allowed at {name}: attach {FULL_ACCESS}, or another policy with an \
                     Allow, at every level"
                );
                findings.push(level.finding(LintCode::ScpNoAllowAtLevel, message));
            }
            let number = attached.len() + usize::from(!listed);
            let most = facts::SCPS_PER_TARGET.count();
            if number > most {
                let message = format!(
                    "{number} service control policies at {name}; a target takes {most}, \
                     {FULL_ACCESS} included"
                );
                findings.push(level.finding(LintCode::Size, message));
            }
        }
        findings.sort_by(|a, b| (&a.pointer, a.code).cmp(&(&b.pointer, b.code)));
        findings
    }
}

impl AttachedText {
    fn allows(&self, files: &[(String, String)], language: ScpLanguage) -> bool {
        let file = files.iter().find(|(name, _)| *name == self.name);
        let Some(text) = self.content.as_ref().or(file.map(|(_, text)| text)) else {
            // unknown content does not count as missing
            return true;
        };
        PolicyJson::new(text).is_ok_and(|source| {
            let (document, _) = source.document(PolicyType::Scp, language);
            document
                .statements
                .iter()
                .any(|it| it.effect == Effect::Allow)
        })
    }
}

impl Level {
    fn finding(&self, code: LintCode, message: String) -> LintFinding {
        LintFinding {
            code,
            severity: code.about().severity,
            pointer: self.pointer.clone(),
            sid: None,
            message,
            fix: None,
            region: self.region,
        }
    }
}

fn level(file: &str, names: Vec<String>, pointer: &str, span: ByteSpan) -> Level {
    let (line, column) = json::line_and_column(file, span.start);
    let (end_line, end_column) = json::line_and_column(file, span.end);
    Level {
        names,
        is_account: false,
        pointer: pointer.to_owned(),
        region: Region {
            line,
            column,
            end_line,
            end_column,
        },
    }
}

fn policies(file: &str, root: &Node<'_>) -> Vec<AttachedText> {
    let scp = |node: &&Node<'_>| {
        text(node, ["type", "Type"]).is_none_or(|it| it == "SERVICE_CONTROL_POLICY")
    };
    let attached = items(root, "policies").iter().filter(scp).map(|node| {
        let content = either(node, ["content", "Content"]).and_then(|content| {
            // as an object, or as text like AWS's response
            match content.as_str() {
                Some(text) => Some(text.to_owned()),
                None => file
                    .get(content.span.start..content.span.end)
                    .map(str::to_owned),
            }
        });
        let targets = either(node, ["targets", "Targets"]).and_then(Node::items);
        AttachedText {
            name: text(node, ["name", "Name"]).unwrap_or_default(),
            content,
            targets: targets
                .unwrap_or(&[])
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect(),
        }
    });
    attached.collect()
}
