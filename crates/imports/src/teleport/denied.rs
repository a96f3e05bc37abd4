//! What roles deny to their holders: rules leave these out of who asks and approves. Where it cannot be said who
//! holds a role, nobody gets what it denies.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_rules::syntax::{Node, Value};

use super::pattern::RolePattern;
use super::role::{is_given, keys, part, words};
use crate::report::RowNote;

/// What the roles of all files deny.
#[derive(Debug, Default)]
pub(super) struct Denied {
    /// What the holders of a role may not ask for.
    requests: Vec<(String, RolePattern)>,
    /// What the holders of a role may not review.
    reviews: Vec<(String, RolePattern)>,
    /// What the holders of roles do not get: an account and the ARN of a permission set.
    gives: BTreeMap<(String, String), BTreeSet<String>>,
    /// The roles that deny only where a claim or a condition holds: rules leave all of their holders out.
    at_times: BTreeSet<String>,
    /// The keys of `deny` that say it, by role.
    keys: BTreeMap<String, Vec<String>>,
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
                "request" => self.roles(name, node, Of::Requests),
                "review_requests" => self.roles(name, node, Of::Reviews),
                "account_assignments" => self.assignments(name, node),
                _ if OF_NO_MATTER.contains(&key) || (key == "rules" && !bars_requests(node)) => {
                    let told = RowNote::SaysNothing(NO_MATTER);
                    if !notes.contains(&told) {
                        notes.push(told);
                    }
                    continue;
                }
                _ => None,
            };
            if read.is_some() {
                let keys = self.keys.entry(name.to_owned()).or_default();
                keys.push(key.to_owned());
            } else {
                self.barred.get_or_insert_with(|| name.to_owned());
                let what = "it may deny anything: nothing is imported";
                notes.push(RowNote::Narrower(format!("`deny.{key}`: {what}").into()));
            }
        }
        notes
    }

    /// Everything: a role that denies something, and cannot be read.
    pub(super) fn bar(&mut self, name: &str) {
        self.barred.get_or_insert_with(|| name.to_owned());
    }

    /// The role that may deny anything, if there is one.
    pub(super) fn barred(&self) -> Option<&str> {
        self.barred.as_deref()
    }

    /// The keys of `deny` that a role has and that were read.
    pub(super) fn keys(&self, name: &str) -> &[String] {
        self.keys.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a role denies by patterns that may name more than they seem to.
    pub(super) fn is_wide(&self, name: &str) -> bool {
        let patterns = self.requests.iter().chain(&self.reviews);
        let mut own = patterns.filter(|(of, _)| of == name);
        own.any(|(_, pattern)| matches!(pattern, RolePattern::More(_)))
    }

    /// Whether a role denies something to some of its holders, or to some requests of theirs.
    pub(super) fn is_at_times(&self, name: &str) -> bool {
        self.at_times.contains(name)
    }

    /// The roles whose holders may not ask for a role.
    pub(super) fn requests(&self, role: &str) -> BTreeSet<String> {
        deniers(&self.requests, role)
    }

    /// The roles whose holders may not review requests for a role.
    pub(super) fn reviews(&self, role: &str) -> BTreeSet<String> {
        deniers(&self.reviews, role)
    }

    /// The roles whose holders do not get a permission set in an account.
    pub(super) fn gives(&self, given: &(String, String)) -> BTreeSet<String> {
        self.gives.get(given).cloned().unwrap_or_default()
    }

    fn roles(&mut self, name: &str, node: &Node, of: Of) -> Option<()> {
        let (list, more) = match of {
            Of::Requests => (&mut self.requests, "search_as_roles"),
            Of::Reviews => (&mut self.reviews, "where"),
        };
        for key in keys(Some(node)) {
            let written = part(node, &[key]);
            let roles = match key {
                "claims_to_roles" => {
                    self.at_times.insert(name.to_owned());
                    of_claims(written?)?
                }
                "where" if more == key => {
                    if written.and_then(Node::as_text) != Some("") {
                        self.at_times.insert(name.to_owned());
                    }
                    continue;
                }
                key if key == "roles" || key == more => words(written)?,
                _ => return None,
            };
            let patterns = roles.iter().map(|it| RolePattern::new(it));
            list.extend(patterns.map(|pattern| (name.to_owned(), pattern)));
        }
        Some(())
    }

    fn assignments(&mut self, name: &str, node: &Node) -> Option<()> {
        let Value::List(items) = &node.value else {
            return None;
        };
        for item in items {
            let word = |key: &str| words(part(item, &[key])).and_then(|it| it.into_iter().next());
            let (account, set) = (word("account")?, word("permission_set")?);
            is_given(&account, &set).then_some(())?;
            let deniers = self.gives.entry((account, set)).or_default();
            deniers.insert(name.to_owned());
        }
        Some(())
    }
}

/// The roles that claims are about, whichever claim it is.
fn of_claims(claims: &Node) -> Option<Vec<String>> {
    let Value::List(items) = &claims.value else {
        return None;
    };
    let roles = items.iter().map(|it| words(Some(part(it, &["roles"])?)));
    Some(roles.collect::<Option<Vec<_>>>()?.concat())
}

fn deniers(patterns: &[(String, RolePattern)], role: &str) -> BTreeSet<String> {
    let naming = patterns
        .iter()
        .filter(|(_, pattern)| pattern.may_name(role));
    naming.map(|(name, _)| name.clone()).collect()
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
