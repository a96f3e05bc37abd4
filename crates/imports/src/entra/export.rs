//! What an export of Microsoft Graph holds, object by object.

use hallpass_rules::syntax::{Node, Value, documents};
use hallpass_rules::{RuleFile, Syntax};

use crate::dynamodb::SourceFile;
use crate::refused::{self, ImportRefused, refuse_errors};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GraphKind {
    /// Which policy a group has (`unifiedRoleManagementPolicyAssignment`).
    PolicyAssignment,
    /// A policy with its rules (`unifiedRoleManagementPolicy`).
    Policy,
    /// Who is eligible now (`privilegedAccessGroupEligibilityScheduleInstance`).
    Eligibility,
    /// Who is to be eligible (`privilegedAccessGroupEligibilitySchedule`).
    Schedule,
    /// Who is a member (`privilegedAccessGroupAssignmentScheduleInstance`).
    Assignment,
    /// Something about a role of Entra itself.
    DirectoryRole,
}

/// An object and the file it stands in.
#[derive(Debug, Clone)]
pub(super) struct GraphObject {
    pub(super) file: String,
    pub(super) kind: GraphKind,
    pub(super) node: Node,
}

impl GraphObject {
    /// A text of the object.
    pub(super) fn text(&self, key: &str) -> &str {
        text(&self.node, key)
    }
}

/// A text by its key; empty where there is none.
pub(super) fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_text).unwrap_or_default()
}

/// A list by its key; empty where it is absent or null, `None` where it is something else.
pub(super) fn list<'a>(node: &'a Node, key: &str) -> Option<&'a [Node]> {
    match node.get(key).map(|it| &it.value) {
        None | Some(Value::Null) => Some(&[]),
        Some(Value::List(items)) => Some(items),
        Some(_) => None,
    }
}

/// The objects of a file.
///
/// # Errors
/// When it is no export, or a part of one.
pub(super) fn read(file: &SourceFile) -> Result<Vec<GraphObject>, ImportRefused> {
    let text = refused::text(file)?;
    // YAML and TOML are no forms of Graph; what has another ending is read as JSON
    let syntax = match RuleFile::new(file.name.as_str(), "").syntax {
        Syntax::Yaml => Syntax::Yaml,
        Syntax::Json | Syntax::Toml | Syntax::Hcl => Syntax::Json,
    };
    let found = documents(text, syntax);
    refuse_errors(&file.name, found.findings)?;
    let mut objects = Vec::new();
    for root in &found.roots {
        if let Some(next) = root.get("@odata.nextLink") {
            let what = "the answer goes on (`@odata.nextLink`): this is half an export; get the other pages too";
            return Err(ImportRefused::at(&file.name, next.position, what));
        }
        let items = match (&root.value, root.get("value").map(|it| &it.value)) {
            (_, Some(Value::List(items))) | (Value::List(items), _) => items.iter().collect(),
            _ => vec![root],
        };
        for item in items {
            let kind = kind(item).ok_or_else(|| {
                let what = "this is none of: policy assignments, policies and eligibility schedule instances of \
                            PIM for Groups";
                ImportRefused::at(&file.name, item.position, what)
            })?;
            objects.push(GraphObject {
                file: file.name.clone(),
                kind,
                node: item.clone(),
            });
        }
    }
    Ok(objects)
}

fn kind(item: &Node) -> Option<GraphKind> {
    let has = |key: &str| item.get(key).is_some();
    if has("groupId") && has("accessId") && has("principalId") {
        return Some(if has("assignmentType") {
            GraphKind::Assignment
        } else if has("scheduleInfo") {
            GraphKind::Schedule
        } else {
            GraphKind::Eligibility
        });
    }
    if has("policyId") && has("scopeId") && has("roleDefinitionId") {
        return Some(GraphKind::PolicyAssignment);
    }
    if has("scopeId")
        && has("scopeType")
        && (has("rules") || has("effectiveRules") || has("isOrganizationDefault"))
    {
        return Some(GraphKind::Policy);
    }
    (has("roleDefinitionId") && has("principalId")).then_some(GraphKind::DirectoryRole)
}
