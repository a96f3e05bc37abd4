//! What the ids of another tool are called at AWS: the file of names, and the organization.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_model::{AccountId, GroupId, PermissionSetArn, text::is_plain};
use hallpass_rules::syntax::{Node, Value, documents};
use hallpass_rules::{Directory, FindingCode, GroupRef, RuleFile};

use crate::dynamodb::SourceFile;
use crate::refused::{self, ImportRefused, problem, refuse_errors};
use crate::report::UnnamedId;
use crate::rule_text::Entry;

/// People and groups of Identity Center.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct People {
    /// Addresses, or ids of the identity store.
    pub(crate) users: BTreeSet<String>,
    /// Names or ids of groups.
    pub(crate) groups: BTreeSet<String>,
    /// The manager of whoever asks, among approvers.
    pub(crate) manager: bool,
}

impl People {
    /// Whether nobody is meant.
    pub(crate) fn is_nobody(&self) -> bool {
        self.users.is_empty() && self.groups.is_empty() && !self.manager
    }

    /// Both.
    pub(crate) fn and(mut self, more: Self) -> Self {
        self.users.extend(more.users);
        self.groups.extend(more.groups);
        self.manager |= more.manager;
        self
    }
}

/// What having something of the other tool gives at AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// Ids of accounts.
    pub(crate) accounts: Vec<String>,
    /// Names of permission sets.
    pub(crate) permission_sets: Vec<String>,
}

/// The file of names.
#[derive(Debug, Clone, Default)]
pub struct Names {
    groups: BTreeMap<String, String>,
    users: BTreeMap<String, String>,
    permission_sets: BTreeMap<String, String>,
    roles: BTreeMap<String, People>,
    targets: BTreeMap<String, Vec<Target>>,
    everyone: Option<People>,
}

const TABLES: [&str; 6] = [
    "groups",
    "users",
    "permission_sets",
    "roles",
    "targets",
    "everyone",
];

impl Names {
    /// Reads a file of names, in TOML, YAML or JSON by its ending.
    ///
    /// # Errors
    /// Every problem of the file, with its place.
    pub fn read(file: &SourceFile) -> Result<Self, ImportRefused> {
        let text = refused::text(file)?;
        let read = documents(text, RuleFile::new(file.name.as_str(), "").syntax);
        refuse_errors(&file.name, read.findings)?;
        let mut reader = Reader {
            file: &file.name,
            problems: Vec::new(),
        };
        let mut names = Self::default();
        match read.roots.as_slice() {
            [root] => reader.file(root, &mut names),
            _ => return Err(ImportRefused::of(&file.name, "one table of names is due")),
        }
        if reader.problems.is_empty() {
            Ok(names)
        } else {
            Err(ImportRefused(reader.problems))
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    problems: Vec<hallpass_rules::Diagnostic>,
}

impl Reader<'_> {
    fn bad(&mut self, node: &Node, what: impl Into<String>) {
        let code = FindingCode::BadType;
        let found = problem(self.file, code, node.position, what);
        self.problems.push(found);
    }

    fn file(&mut self, root: &Node, names: &mut Names) {
        let Value::Map(entries) = &root.value else {
            return self.bad(root, "a file of names is a table");
        };
        for entry in entries {
            let node = &entry.value;
            match entry.key.as_str() {
                "groups" => names.groups = self.texts(node),
                "users" => names.users = self.texts(node),
                "permission_sets" => {
                    names.permission_sets = self.tables(node, Self::permission_set);
                }
                "roles" => {
                    names.roles = self.tables(node, Self::people);
                }
                "targets" => {
                    names.targets = self.tables(node, |it, node| match &node.value {
                        Value::List(items) => items.iter().map(|item| it.target(item)).collect(),
                        _ => vec![it.target(node)],
                    });
                }
                "everyone" => names.everyone = Some(self.people(node)),
                other => {
                    let what = format!(
                        "`{}` is no table of a file of names, which has {}",
                        hallpass_model::text::line(other, 40),
                        TABLES.join(", ")
                    );
                    self.bad(node, what);
                }
            }
        }
    }

    fn texts(&mut self, node: &Node) -> BTreeMap<String, String> {
        self.tables(node, Self::word)
    }

    fn tables<T>(
        &mut self,
        node: &Node,
        read: impl Fn(&mut Self, &Node) -> T,
    ) -> BTreeMap<String, T> {
        let Value::Map(entries) = &node.value else {
            self.bad(node, "a table is due: `\"id there\" = …`");
            return BTreeMap::new();
        };
        let read = |entry: &hallpass_rules::syntax::MapEntry| {
            (entry.key.clone(), read(self, &entry.value))
        };
        entries.iter().map(read).collect()
    }

    fn word(&mut self, node: &Node) -> String {
        let text = match &node.value {
            Value::Text(text) | Value::Number(text) => text.trim(),
            _ => "",
        };
        if text.is_empty() || !is_plain(text) {
            self.bad(node, "a name is due, on one line");
        }
        text.to_owned()
    }

    /// The name of one permission set: what a rule would read as several is none.
    fn permission_set(&mut self, node: &Node) -> String {
        let word = self.word(node);
        if word.contains(['*', '?', '!']) {
            self.bad(node, "the name of one permission set is due");
        }
        word
    }

    fn words(&mut self, node: &Node) -> Vec<String> {
        match &node.value {
            Value::List(items) => items.iter().map(|item| self.word(item)).collect(),
            _ => vec![self.word(node)],
        }
    }

    fn keys<'n>(&mut self, node: &'n Node, known: [&'static str; 2]) -> [Option<&'n Node>; 2] {
        match &node.value {
            Value::Map(entries) => {
                let odd = entries
                    .iter()
                    .filter(|it| !known.contains(&it.key.as_str()));
                for entry in odd.collect::<Vec<_>>() {
                    let [one, other] = known;
                    self.bad(
                        &entry.value,
                        format!("`{one}` and `{other}` are known here"),
                    );
                }
            }
            _ => self.bad(
                node,
                format!("a table with `{}` is due", known.join("` and `")),
            ),
        }
        known.map(|key| node.get(key))
    }

    fn people(&mut self, node: &Node) -> People {
        let [users, groups] = self.keys(node, ["users", "groups"]);
        let mut set = |node: Option<&Node>| {
            let words = node.map(|node| self.words(node)).unwrap_or_default();
            words.into_iter().collect()
        };
        People {
            users: set(users),
            groups: set(groups),
            manager: false,
        }
    }

    fn target(&mut self, node: &Node) -> Target {
        let [accounts, sets] = self.keys(node, ["accounts", "permission_sets"]);
        let accounts: Vec<String> = accounts.map(|it| self.words(it)).unwrap_or_default();
        if accounts
            .iter()
            .any(|id| AccountId::new(id.as_str()).is_err())
        {
            self.bad(node, "`accounts` are ids of 12 digits");
        }
        let sets: Vec<String> = match sets.map(|it| &it.value) {
            Some(Value::List(items)) => items.iter().map(|it| self.permission_set(it)).collect(),
            _ => sets.map(|it| self.permission_set(it)).into_iter().collect(),
        };
        if accounts.is_empty() || sets.is_empty() {
            self.bad(node, "a target has `accounts` and `permission_sets`");
        }
        Target {
            accounts,
            permission_sets: sets,
        }
    }
}

/// Names to look up, and what was looked for in vain.
pub(crate) struct LookUp<'a> {
    names: &'a Names,
    facts: Option<&'a Directory>,
    unnamed: BTreeSet<UnnamedId>,
}

impl<'a> LookUp<'a> {
    /// Looks up in both.
    pub(crate) fn new(names: &'a Names, facts: Option<&'a Directory>) -> Self {
        Self {
            names,
            facts,
            unnamed: BTreeSet::new(),
        }
    }

    /// What was not found.
    pub(crate) fn unnamed(self) -> Vec<UnnamedId> {
        self.unnamed.into_iter().collect()
    }

    /// A group by the id that the other tool has for it.
    pub(crate) fn group(&mut self, id: &str, name: &str) -> Option<String> {
        let found = self.names.groups.get(id).cloned();
        self.found(found, "groups", id, name)
    }

    /// A group by the id that the other tool has for it; that it is not named is no matter.
    pub(crate) fn known_group(&self, id: &str) -> Option<String> {
        self.names.groups.get(id).cloned()
    }

    /// A group of Identity Center itself by its id, where the file of names says nothing of it. Other providers have ids
    /// of the same form: where the organization is known, it is to have it.
    pub(crate) fn own_group(&mut self, id: &str) -> Option<String> {
        let is_there = |id: GroupId| match self.facts {
            Some(facts) => facts.resolve_group(&GroupRef::Id(id)).is_some(),
            None => true,
        };
        let own = GroupId::new(id).is_ok_and(is_there).then(|| id.to_owned());
        let found = self.names.groups.get(id).cloned().or(own);
        self.found(found, "groups", id, "")
    }

    /// Whether a group is taken for one of Identity Center by the form of its id alone.
    pub(crate) fn takes_on_trust(&self, id: &str) -> bool {
        self.facts.is_none() && GroupId::new(id).is_ok() && !self.names.groups.contains_key(id)
    }

    /// A user by the id that the other tool has.
    pub(crate) fn user(&mut self, id: &str, name: &str) -> Option<String> {
        let found = self.names.users.get(id).cloned();
        self.found(found, "users", id, name)
    }

    /// The name of a permission set of this ARN.
    pub(crate) fn permission_set(&mut self, arn: &str) -> Option<String> {
        let found = self.names.permission_sets.get(arn).cloned();
        let found = found.or_else(|| {
            let parsed = PermissionSetArn::new(arn).ok()?;
            let mut sets = self.facts?.permission_sets().iter();
            sets.find(|set| set.arn == parsed)
                .map(|set| set.name.clone())
        });
        self.found(found, "permission_sets", arn, "")
    }

    /// Who holds a role of the other tool.
    pub(crate) fn role(&mut self, name: &str) -> Option<People> {
        let found = self.names.roles.get(name).cloned();
        self.found(found, "roles", name, "")
    }

    /// What something gives at AWS.
    pub(crate) fn targets(&mut self, id: &str, name: &str) -> Option<Vec<Target>> {
        let found = self.names.targets.get(id).cloned();
        self.found(found, "targets", id, name)
    }

    /// Everyone who can sign in to the other tool.
    pub(crate) fn everyone(&mut self) -> Option<People> {
        let found = self.names.everyone.clone();
        self.found(
            found,
            "everyone",
            "groups",
            "everyone who can sign in there",
        )
    }

    fn found<T>(
        &mut self,
        found: Option<T>,
        table: &'static str,
        id: &str,
        name: &str,
    ) -> Option<T> {
        if found.is_none() {
            self.unnamed.insert(UnnamedId {
                table,
                id: hallpass_model::text::line(id, 200),
                name: hallpass_model::text::line(name, crate::rule_text::NAME_MAX),
            });
        }
        found
    }
}

/// Words as entries of a list of rules.
pub(crate) fn entries<'a>(words: impl IntoIterator<Item = &'a String>) -> Vec<Entry> {
    let entry = |word: &String| Entry {
        value: word.clone(),
        name: String::new(),
    };
    words.into_iter().map(entry).collect()
}
