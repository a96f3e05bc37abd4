//! What roles deny. A rule cannot leave out the holders of a role, so what one denies to its holders nobody gets.

use std::collections::BTreeSet;

use hallpass_rules::syntax::{Node, Value};

use super::pattern::RolePattern;
use super::role::{is_given, keys, part, words};
use crate::report::RowNote;

/// What the roles of all files deny.
#[derive(Debug, Default)]
pub(super) struct Denied {
    /// What nobody may ask for.
    requests: Vec<RolePattern>,
    /// What nobody may review.
    reviews: Vec<RolePattern>,
    /// What nobody gets: an account and the ARN of a permission set.
    gives: BTreeSet<(String, String)>,
    /// The role that may deny anything.
    barred: Option<String>,
}

/// What of `deny` is no matter for accounts of Identity Center.
const OF_NO_MATTER: [&str; 29] = [
    "logins",
    "host_groups",
    "host_sudoers",
    "node_labels",
    "node_labels_expression",
    "kubernetes_groups",
    "kubernetes_users",
    "kubernetes_labels",
    "kubernetes_labels_expression",
    "kubernetes_resources",
    "db_labels",
    "db_labels_expression",
    "db_names",
    "db_users",
    "db_roles",
    "db_service_labels",
    "desktop_groups",
    "windows_desktop_labels",
    "windows_desktop_logins",
    "db_permissions",
    "aws_role_arns",
    "azure_identities",
    "gcp_service_accounts",
    "cluster_labels",
    "cluster_labels_expression",
    "github_permissions",
    "workload_identity_labels",
    "spiffe",
    "join_sessions",
];

const NO_MATTER: &str = "what it denies of servers, clusters, databases and Teleport's own resources: that takes no \
                         access to accounts away";

impl Denied {
    /// Takes what a role denies, and says what becomes of it.
    pub(super) fn take(&mut self, name: &str, deny: Option<&Node>) -> Vec<RowNote> {
        let mut notes = Vec::new();
        for key in keys(deny) {
            let Some(node) = deny.and_then(|it| part(it, &[key])) else {
                continue;
            };
            let read = match key {
                "request" => self.roles(node, &["roles", "search_as_roles"], Of::Requests),
                "review_requests" => self.roles(node, &["roles"], Of::Reviews),
                "account_assignments" => self.assignments(node),
                _ if OF_NO_MATTER.contains(&key) || (key == "rules" && !bars_requests(node)) => {
                    let told = RowNote::SaysNothing(NO_MATTER);
                    if !notes.contains(&told) {
                        notes.push(told);
                    }
                    continue;
                }
                _ => None,
            };
            let what = if read.is_some() {
                "what it denies to its holders, nobody gets by the imported rules"
            } else {
                self.barred.get_or_insert_with(|| name.to_owned());
                "it may deny anything: nothing is imported"
            };
            notes.push(RowNote::Narrower(format!("`deny.{key}`: {what}").into()));
        }
        notes
    }

    /// Everything: a role that denies something, and cannot be read.
    pub(super) fn bar(&mut self, name: &str) {
        self.barred.get_or_insert_with(|| name.to_owned());
    }

    /// Why a request for a role may be denied.
    pub(super) fn why(&self, role: &str) -> Option<String> {
        if let Some(name) = &self.barred {
            return Some(format!("role `{name}` may deny it"));
        }
        let denies = |patterns: &[RolePattern]| patterns.iter().any(|it| it.may_name(role));
        (denies(&self.requests) || denies(&self.reviews))
            .then(|| "a role denies to ask for it, or to review it".to_owned())
    }

    /// Whether a permission set in an account is denied.
    pub(super) fn gives(&self, given: &(String, String)) -> bool {
        self.gives.contains(given)
    }

    fn roles(&mut self, node: &Node, known: &[&str], of: Of) -> Option<()> {
        let list = match of {
            Of::Requests => &mut self.requests,
            Of::Reviews => &mut self.reviews,
        };
        for key in keys(Some(node)) {
            known.contains(&key).then_some(())?;
            let roles = words(part(node, &[key]))?;
            list.extend(roles.iter().map(|it| RolePattern::new(it)));
        }
        Some(())
    }

    fn assignments(&mut self, node: &Node) -> Option<()> {
        let Value::List(items) = &node.value else {
            return None;
        };
        for item in items {
            let word = |key: &str| words(part(item, &[key])).and_then(|it| it.into_iter().next());
            let (account, set) = (word("account")?, word("permission_set")?);
            is_given(&account, &set).then_some(())?;
            self.gives.insert((account, set));
        }
        Some(())
    }
}

/// Whether rules about Teleport's own resources may take away that somebody asks for access, or has it. What
/// cannot be read may.
fn bars_requests(rules: &Node) -> bool {
    let Value::List(items) = &rules.value else {
        return true;
    };
    items.iter().any(|rule| {
        let resources = part(rule, &["resources"]);
        let named = words(resources).filter(|named| !named.is_empty());
        named.is_none_or(|named| named.iter().any(|it| is_of_access(it)))
    })
}

/// Whether a kind of resource is about access, or may be: requests, assignments, and patterns.
fn is_of_access(kind: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !kind.chars().all(is_word)
        || ["access_request", "identity_center", "account_assignment"]
            .iter()
            .any(|it| kind.contains(it))
}

/// Whose list of roles it is.
#[derive(Clone, Copy)]
enum Of {
    Requests,
    Reviews,
}
