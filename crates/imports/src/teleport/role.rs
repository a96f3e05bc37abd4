//! A role as it was found.

use std::collections::BTreeSet;

use hallpass_model::{AccountId, PermissionSetArn};
use hallpass_rules::syntax::{Node, Value};

use super::pattern::RolePattern;
use crate::report::RowNote;

/// The longest access that a request may ask for, in seconds: fourteen days.
const REQUEST_SECONDS_MAX: u64 = 14 * 86_400;
/// How long a session is where a role does not say, in seconds.
const SESSION_SECONDS: u64 = 30 * 3600;

/// A role.
#[derive(Debug, Clone)]
pub(super) struct Role {
    pub(super) name: String,
    /// What it gives: an account and the ARN of a permission set.
    pub(super) gives: BTreeSet<(String, String)>,
    /// What its holders may ask for.
    pub(super) asks: Vec<RolePattern>,
    /// The approvals that are needed at least.
    pub(super) approvals: Option<u32>,
    /// How long access may be that is asked for, in seconds.
    pub(super) request_seconds: Option<u64>,
    /// How long a session is at most, in seconds.
    pub(super) session_seconds: u64,
    /// What its holders may review.
    pub(super) reviews: Vec<RolePattern>,
    pub(super) notes: Vec<RowNote>,
}

/// The shortest access, in seconds.
const SECONDS_MIN: u64 = 60;

/// A plugin whose reviews are other people's, who need to be allowed them.
const PLUGIN: &str =
    "a plugin passes on reviews of people who may review: Hallpass has a Slack app of its own";

const VERSIONS: [&str; 6] = ["v3", "v4", "v5", "v6", "v7", "v8"];

/// Whether an assignment is of one account and one permission set, each by the only id that means it.
pub(super) fn is_given(account: &str, set: &str) -> bool {
    AccountId::new(account).is_ok() && PermissionSetArn::new(set).is_ok()
}

/// A part of a document by its keys; `None` where it is absent or null.
pub(super) fn part<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    let found = keys.iter().try_fold(node, |node, key| node.get(key))?;
    (found.value != Value::Null).then_some(found)
}

/// A text or a list of texts.
pub(super) fn words(node: Option<&Node>) -> Option<Vec<String>> {
    let word = |node: &Node| match &node.value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_) => None,
    };
    match node.map(|it| &it.value) {
        None => Some(Vec::new()),
        Some(Value::List(items)) => items.iter().map(word).collect(),
        Some(_) => Some(vec![word(node?)?]),
    }
}

/// Whether a value says something: an empty table or list does not.
pub(super) fn says(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::List(items) => !items.is_empty(),
        Value::Map(entries) => entries.iter().any(|it| says(&it.value)),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => true,
    }
}

/// The keys of a table that say something.
pub(super) fn keys(node: Option<&Node>) -> Vec<&str> {
    match node.map(|it| &it.value) {
        Some(Value::Map(entries)) => {
            let entries = entries.iter().filter(|it| says(&it.value));
            entries.map(|it| it.key.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

/// The roles that claims are about, whichever claim it is.
pub(super) fn of_claims(claims: &Node) -> Option<Vec<String>> {
    let Value::List(items) = &claims.value else {
        return None;
    };
    let roles = items.iter().map(|it| words(Some(part(it, &["roles"])?)));
    Some(roles.collect::<Option<Vec<_>>>()?.concat())
}

impl Role {
    /// Reads a role; what of it cannot be said is in its notes.
    ///
    /// # Errors
    /// Why nothing of it can.
    pub(super) fn read(document: &Node) -> Result<Self, RowNote> {
        let version = part(document, &["version"]).and_then(Node::as_text);
        if !version.is_some_and(|it| VERSIONS.contains(&it)) {
            let known = format!("`version` is none of {}", VERSIONS.join(", "));
            return Err(RowNote::NotSaid(known.into()));
        }
        if part(document, &["metadata", "expires"]).is_some() {
            let what = "it expires, and rules do not: write them by hand and take them out by then";
            return Err(RowNote::NotSaid(what.into()));
        }
        let name = part(document, &["metadata", "name"]).and_then(Node::as_text);
        let mut role = Self {
            name: name.unwrap_or_default().to_owned(),
            gives: BTreeSet::new(),
            asks: Vec::new(),
            approvals: Some(1),
            request_seconds: None,
            session_seconds: SESSION_SECONDS,
            reviews: Vec::new(),
            notes: Vec::new(),
        };
        let allow = part(document, &["spec", "allow"]);
        if allow.is_some_and(|it| !matches!(it.value, Value::Map(_)) && says(it)) {
            return Err(RowNote::Unclear {
                attribute: "allow",
                due: "a table",
            });
        }
        role.options(part(document, &["spec", "options"]))?;
        role.assignments(allow.and_then(|it| part(it, &["account_assignments"])));
        if let Some(request) = allow.and_then(|it| part(it, &["request"])) {
            role.request(request)?;
        }
        if let Some(reviews) = allow.and_then(|it| part(it, &["review_requests"])) {
            role.review(reviews)?;
        }
        let said = [
            "account_assignments",
            "request",
            "review_requests",
            "app_labels",
        ];
        let others = keys(allow).into_iter().filter(|key| !said.contains(key));
        let others: Vec<&str> = others.collect();
        if !others.is_empty() {
            role.notes.push(RowNote::LeftOut {
                what: "access",
                id: hallpass_model::text::line(&others.join(", "), 120),
                why: "it is not to accounts by permission sets",
            });
        }
        Ok(role)
    }

    /// How long access is that its holders ask for by it, of a role, in seconds; `shortest` is the session of
    /// any other role that they may hold.
    pub(super) fn seconds(&self, of: &Self, shortest: u64) -> u64 {
        let session = self.session_seconds.min(of.session_seconds).min(shortest);
        let seconds = self.request_seconds.unwrap_or(session);
        seconds.min(REQUEST_SECONDS_MAX)
    }

    /// How long a session of a role is at most, in seconds, whatever else it says.
    pub(super) fn session(document: &Node) -> u64 {
        let written = part(document, &["spec", "options", "max_session_ttl"]);
        written.map_or(SESSION_SECONDS, |it| length(it).unwrap_or(SECONDS_MIN))
    }

    fn options(&mut self, options: Option<&Node>) -> Result<(), RowNote> {
        let Some(options) = options else {
            return Ok(());
        };
        if let Some(ttl) = part(options, &["max_session_ttl"]) {
            self.session_seconds = length(ttl).ok_or(RowNote::Unclear {
                attribute: "options.max_session_ttl",
                due: "a length, a minute at least (`8h`)",
            })?;
        }
        Ok(())
    }

    fn assignments(&mut self, list: Option<&Node>) {
        let items = match list.map(|it| &it.value) {
            Some(Value::List(items)) => items.as_slice(),
            Some(_) => {
                self.left_out("account_assignments", "");
                &[]
            }
            None => &[],
        };
        for item in items {
            let word = |key: &str| words(part(item, &[key])).and_then(|it| it.into_iter().next());
            let (account, set) = (word("account"), word("permission_set"));
            match (account, set) {
                (Some(account), Some(set)) if is_given(&account, &set) => {
                    self.gives.insert((account, set));
                }
                (account, set) => {
                    let shown = [account, set].map(Option::unwrap_or_default).join(" ");
                    self.left_out("account assignment", &shown);
                }
            }
        }
    }

    fn left_out(&mut self, what: &'static str, id: &str) {
        self.notes.push(RowNote::LeftOut {
            what,
            id: hallpass_model::text::line(id, 120),
            why: "an account is meant by its id and a permission set by its ARN: write it by hand",
        });
    }

    fn request(&mut self, request: &Node) -> Result<(), RowNote> {
        let unclear = |attribute, due| RowNote::Unclear { attribute, due };
        if !matches!(request.value, Value::Map(_)) {
            return Err(unclear("request", "a table"));
        }
        for key in keys(Some(request)) {
            match key {
                // a reason is always due in Hallpass
                "roles" | "search_as_roles" | "thresholds" | "max_duration" | "reason" => {}
                "claims_to_roles" => self.more(key, "what people may ask for by a claim of the identity provider is written by hand"),
                "suggested_reviewers" => self.more(key, "everybody who may approve is told; see `approvers_to_notify`"),
                "annotations" | "kubernetes_resources" => self.more(key, "no rule has it"),
                other => return Err(RowNote::UnknownAttribute(format!("request.{other}"))),
            }
        }
        let roles = |key: &str, attribute| {
            let found = words(part(request, &[key]));
            found.ok_or_else(|| unclear(attribute, "a list of roles"))
        };
        let asked = roles("roles", "request.roles")?;
        self.asks
            .extend(asked.iter().map(|it| RolePattern::new(it)));
        // by name alone, whatever signs are in it
        let searched = roles("search_as_roles", "request.search_as_roles")?;
        self.asks
            .extend(searched.into_iter().map(RolePattern::Name));
        if let Some(longest) = part(request, &["max_duration"]) {
            let due = || unclear("request.max_duration", "a length, a minute at least (`8h`)");
            // none is said as `0s`, too
            let is_none = ["0s", "0", ""]
                .iter()
                .any(|it| longest.as_text() == Some(it));
            if !is_none {
                self.request_seconds = Some(length(longest).ok_or_else(due)?);
            }
        }
        self.thresholds(part(request, &["thresholds"]))
    }

    fn thresholds(&mut self, list: Option<&Node>) -> Result<(), RowNote> {
        let unclear = || RowNote::Unclear {
            attribute: "request.thresholds",
            due: "a list of thresholds with whole numbers",
        };
        let items = match list.map(|it| &it.value) {
            None => return Ok(()),
            Some(Value::List(items)) if items.is_empty() => return Ok(()),
            Some(Value::List(items)) => items,
            Some(_) => return Err(unclear()),
        };
        let mut least = None;
        for item in items {
            for key in keys(Some(item)) {
                if !["name", "filter", "approve", "deny"].contains(&key) {
                    return Err(RowNote::UnknownAttribute(format!(
                        "request.thresholds.{key}"
                    )));
                }
            }
            if keys(Some(item)).contains(&"filter") {
                self.more(
                    "thresholds",
                    "one with a filter is another way to be approved; write it by hand as stages",
                );
                continue;
            }
            let count = |key: &str, other: u32| match part(item, &[key]).map(|it| &it.value) {
                None => Ok(other),
                Some(Value::Number(number)) => number.parse::<u32>().map_err(|_| unclear()),
                Some(_) => Err(unclear()),
            };
            let (approve, deny) = (count("approve", 0)?, count("deny", 0)?);
            if deny > 1 {
                self.more("thresholds", "one person denies in Hallpass");
            }
            if approve > 0 {
                least = Some(least.map_or(approve, |it: u32| it.min(approve)));
            }
        }
        self.approvals = least;
        Ok(())
    }

    fn review(&mut self, reviews: &Node) -> Result<(), RowNote> {
        for key in keys(Some(reviews)) {
            match key {
                "roles" | "where" | "preview_as_roles" => {}
                "submit_for_users" => self.notes.push(RowNote::Configuration(PLUGIN)),
                "claims_to_roles" => self.more(
                    key,
                    "what people may review by a claim of the identity provider is written by hand",
                ),
                other => {
                    return Err(RowNote::UnknownAttribute(format!(
                        "review_requests.{other}"
                    )));
                }
            }
        }
        let roles = words(part(reviews, &["roles"])).ok_or(RowNote::Unclear {
            attribute: "review_requests.roles",
            due: "a list of roles",
        })?;
        let is_limited = match part(reviews, &["where"]) {
            None => false,
            Some(node) => node.as_text() != Some(""),
        };
        if is_limited {
            self.notes.push(RowNote::LeftOut {
                what: "review_requests",
                id: hallpass_model::text::line(&roles.join(", "), 120),
                why: "no rule has the condition `where`: name the approvers by hand",
            });
            return Ok(());
        }
        self.reviews
            .extend(roles.iter().map(|it| RolePattern::new(it)));
        Ok(())
    }

    fn more(&mut self, key: &str, why: &'static str) {
        self.notes.push(RowNote::LeftOut {
            what: "setting",
            id: key.to_owned(),
            why,
        });
    }
}

/// A length as `30h0m0s` or `4d`, in seconds; a minute at least.
fn length(node: &Node) -> Option<u64> {
    let text = node.as_text()?;
    let mut rest = text;
    let mut all = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let unit = rest.get(digits..)?.chars().next()?;
        let seconds = match unit {
            'd' => 86_400,
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        all = all.checked_add(number.checked_mul(seconds)?)?;
        rest = rest.get(digits + unit.len_utf8()..)?;
    }
    (SECONDS_MIN..=366 * 86_400).contains(&all).then_some(all)
}
