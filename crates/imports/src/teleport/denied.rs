//! What roles deny to their holders: rules leave these out of who asks and approves. Where it cannot be said who
//! holds a role, nobody gets what it denies.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_rules::syntax::{Node, Value};

use super::options::cannot_sign_in;
use super::pattern::RolePattern;
use super::role::{is_given, keys, of_claims, part, says, words};
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
    /// The keys that say it, by role: `deny.request`.
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
    /// Takes what a role denies by its `spec`, and says what becomes of it.
    pub(super) fn take(&mut self, name: &str, spec: Option<&Node>) -> Vec<RowNote> {
        let mut notes = Vec::new();
        let deny = spec.and_then(|it| part(it, &["deny"]));
        for (key, node) in [("spec", spec), ("deny", deny)] {
            let is_no_table = |it: &Node| !matches!(it.value, Value::Map(_)) && says(it);
            if node.is_some_and(is_no_table) {
                self.bar(name);
                let what = "it is no table, and may deny anything: nothing is imported";
                notes.push(RowNote::Narrower(format!("`{key}`: {what}").into()));
            }
        }
        let options = spec.and_then(|it| part(it, &["options"]));
        if options.is_some_and(cannot_sign_in) {
            self.take_everything(name, "options.idp.saml.enabled");
        }
        for key in keys(deny) {
            let Some(node) = deny.and_then(|it| part(it, &[key])) else {
                continue;
            };
            let read = match key {
                "request" => self.roles(name, node, Of::Requests),
                "review_requests" => self.roles(name, node, Of::Reviews),
                "account_assignments" => self.assignments(name, node),
                "rules" if !bars_requests(node) && bars_sign_in(node) => {
                    self.take_everything(name, "deny.rules");
                    continue;
                }
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
                keys.push(format!("deny.{key}"));
            } else {
                self.barred.get_or_insert_with(|| name.to_owned());
                let what = "it may deny anything: nothing is imported";
                notes.push(RowNote::Narrower(format!("`deny.{key}`: {what}").into()));
            }
        }
        notes
    }

    /// Leaves the holders of a role out of every request: they could not use what they get.
    fn take_everything(&mut self, name: &str, key: &str) {
        let everything = RolePattern::Star("*".to_owned());
        self.requests.push((name.to_owned(), everything));
        let keys = self.keys.entry(name.to_owned()).or_default();
        keys.push(key.to_owned());
    }

    /// Everything: a role that denies something, and cannot be read.
    pub(super) fn bar(&mut self, name: &str) {
        self.barred.get_or_insert_with(|| name.to_owned());
    }

    /// The role that may deny anything, if there is one.
    pub(super) fn barred(&self) -> Option<&str> {
        self.barred.as_deref()
    }

    /// The keys by which a role denies something, as far as they were read.
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
        matches!(node.value, Value::Map(_)).then_some(())?;
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
    let mut rules = items.iter().map(resources_of);
    rules.any(|named| named.is_none_or(|named| named.iter().any(|it| is_of_access(it))))
}

/// What a rule is about; `None` where that cannot be read.
fn resources_of(rule: &Node) -> Option<Vec<String>> {
    words(part(rule, &["resources"])).filter(|named| !named.is_empty())
}

/// Whether rules about Teleport's own resources take away that somebody signs in to AWS: that is by a service provider
/// of Teleport's identity provider.
fn bars_sign_in(rules: &Node) -> bool {
    let Value::List(items) = &rules.value else {
        return false;
    };
    let mut named = items.iter().filter_map(resources_of).flatten();
    named.any(|it| it.contains("saml_idp"))
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
