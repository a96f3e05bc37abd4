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
    /// Somebody of a group: nothing says as what.
    Untold,
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
    let whole = refused::text(file)?;
    // YAML and TOML are no forms of Graph; what has another ending is read as JSON
    let syntax = match RuleFile::new(file.name.as_str(), "").syntax {
        Syntax::Yaml => Syntax::Yaml,
        Syntax::Json | Syntax::Toml | Syntax::Hcl => Syntax::Json,
    };
    let found = documents(whole, syntax);
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
        let context = text(root, "@odata.context");
        for item in items {
            let kind = kind(item, context).ok_or_else(|| {
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

/// What an object is, by its keys and by what it or the answer around it is called.
fn kind(item: &Node, context: &str) -> Option<GraphKind> {
    let has = |key: &str| item.get(key).is_some();
    if has("groupId") && has("accessId") && has("principalId") {
        return if has("assignmentType") || has("assignmentScheduleId") {
            Some(GraphKind::Assignment)
        } else if has("scheduleInfo") {
            Some(GraphKind::Schedule)
        } else {
            of_people(item, context)
        };
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

/// What somebody of a group is. With `$select`, who is a member looks as who is eligible; `None` where it is called
/// something else.
fn of_people(item: &Node, context: &str) -> Option<GraphKind> {
    let called = match text(item, "@odata.type") {
        "" => context,
        own => own,
    };
    if called.is_empty() {
        let is_eligible = item.get("eligibilityScheduleId").is_some();
        return Some(if is_eligible {
            GraphKind::Eligibility
        } else {
            GraphKind::Untold
        });
    }
    let called = called.to_ascii_lowercase();
    let names = [
        ("assignmentschedule", GraphKind::Assignment),
        ("eligibilityscheduleinstance", GraphKind::Eligibility),
        ("eligibilityschedule", GraphKind::Schedule),
    ];
    let mut names = names.into_iter();
    names
        .find(|(name, _)| called.contains(name))
        .map(|(_, kind)| kind)
}
