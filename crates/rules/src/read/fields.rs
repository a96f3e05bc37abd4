//! Parses single rule fields and reports all errors.

use std::collections::{BTreeSet, HashMap};

use hallpass_base::{Email, GroupId, TimeSpan, UserId};

use crate::{
    address,
    diagnostic::{Diagnostic, FindingCode, Position, nearest, shorten},
    rule::{GroupRef, PatternRefused, RegexBudget, Rule, TextPattern, Written},
    syntax::{MapEntry, Node, Value},
};

/// Maximum number of approvals in a rule.
pub(crate) const APPROVALS_MAX: u32 = 5;

/// Returns the separate exclusion key of a list key.
fn twin_of(key: &str) -> Option<&'static str> {
    match key {
        "allowed_users" => Some("except_requesters"),
        "allowed_groups" => Some("except_requester_groups"),
        "approvers" => Some("except_approvers"),
        "approver_groups" => Some("except_approver_groups"),
        _ => None,
    }
}

pub(crate) struct RuleReader {
    file: String,
    place: Option<(&'static str, usize)>,
    findings: Vec<Diagnostic>,
    written: Written,
    patterns: HashMap<String, TextPattern>,
    regex_budget: RegexBudget,
    globs: usize,
}

/// Maximum number of distinct expressions in a file.
const PATTERNS_MAX: usize = 200;
/// Maximum number of globs in a file: each is compared with every name.
const GLOBS_MAX: usize = 2_000;
/// In characters: as long as tag values, the longest names.
const GLOB_CHARACTERS_MAX: usize = 256;

impl RuleReader {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            place: None,
            findings: Vec::new(),
            written: Written::default(),
            patterns: HashMap::new(),
            regex_budget: RegexBudget::default(),
            globs: 0,
        }
    }

    /// Sets the list element for further findings.
    pub(crate) fn enter(&mut self, list: &'static str, index: usize) {
        self.place = Some((list, index));
        self.written = Written::default();
    }

    /// Returns the texts read in this element.
    pub(crate) fn take_written(&mut self) -> Written {
        std::mem::take(&mut self.written)
    }

    pub(crate) fn leave(&mut self) {
        self.place = None;
    }

    pub(crate) fn push(&mut self, mut finding: Diagnostic) {
        finding.file.clone_from(&self.file);
        if let (Some((list, index)), None) = (self.place, finding.list) {
            finding = finding.at(list, index);
        }
        self.findings.push(finding);
    }

    pub(crate) fn is_clean(&self) -> bool {
        !self.findings.iter().any(Diagnostic::is_error)
    }

    pub(crate) fn only(&self, code: FindingCode) -> bool {
        let mut errors = self.findings.iter().filter(|finding| finding.is_error());
        errors.all(|finding| finding.code == code)
    }

    /// Returns errors and warnings, in file order.
    pub(crate) fn finish(mut self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        self.findings.sort_by_key(|finding| finding.position);
        self.findings.into_iter().partition(Diagnostic::is_error)
    }

    pub(crate) fn map<'a>(&mut self, node: &'a Node, what: &str) -> Option<&'a [MapEntry]> {
        if let Value::Map(entries) = &node.value {
            return Some(entries);
        }
        self.push(
            Diagnostic::error(
                FindingCode::BadType,
                node.position,
                format!("{what} is an object, not {}", node.kind()),
            )
            .value(&node.shown()),
        );
        None
    }

    pub(crate) fn known_keys(&mut self, entries: &[MapEntry], known: &[&str]) {
        for entry in entries
            .iter()
            .filter(|entry| !known.contains(&entry.key.as_str()))
        {
            self.unknown_key(entry, known);
        }
    }

    pub(crate) fn unknown_key(&mut self, entry: &MapEntry, known: &[&str]) {
        let help = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        self.push(
            Diagnostic::error(
                FindingCode::UnknownField,
                entry.position,
                format!("`{}` is not a known key", shorten(&entry.key)),
            )
            .field(&entry.key)
            .value(&entry.value.shown())
            .help(help),
        );
    }

    pub(crate) fn missing(&mut self, position: Position, field: &str, help: &str) {
        self.push(
            Diagnostic::error(
                FindingCode::MissingField,
                position,
                format!("`{field}` is missing"),
            )
            .field(field)
            .help(help),
        );
    }

    pub(crate) fn pattern(&mut self, field: &str, node: &Node) -> Option<TextPattern> {
        let text = self.text(field, node)?;
        if let Some(known) = self.patterns.get(text) {
            return Some(known.clone());
        }
        if self.patterns.len() >= PATTERNS_MAX {
            let message =
                format!("the file has more than {PATTERNS_MAX} different regular expressions");
            let help = "let rules share them, such as one for the tickets of all teams";
            self.bad(FindingCode::TooLarge, field, node, &message, help);
            return None;
        }
        match TextPattern::new(text, &mut self.regex_budget) {
            Ok(pattern) => {
                self.patterns.insert(text.to_owned(), pattern.clone());
                Some(pattern)
            }
            Err(PatternRefused::Bad(error)) => {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim();
                let message = format!("not a regular expression: {}", shorten(why));
                let help =
                    "write the syntax of Rust's regex; `^` and `$` bind it to the whole text";
                self.bad(FindingCode::BadPattern, field, node, &message, help);
                None
            }
            Err(refused) => {
                let help = "write classes like `[a-z]` for words, `\\w` or `\\d`, smaller repetitions, or let rules share one";
                let message = refused.to_string();
                self.bad(FindingCode::TooLarge, field, node, &message, help);
                None
            }
        }
    }

    /// Checks the glob limits of a text.
    fn is_bounded(&mut self, field: &str, text: &str, node: &Node) -> bool {
        if text == "*" || !text.contains(['*', '?']) {
            return true;
        }
        self.globs += 1;
        let message = if text.chars().count() > GLOB_CHARACTERS_MAX {
            format!("a text with wildcards has at most {GLOB_CHARACTERS_MAX} characters")
        } else if self.globs == GLOBS_MAX + 1 {
            format!("the file has more than {GLOBS_MAX} texts with wildcards")
        } else {
            return self.globs <= GLOBS_MAX;
        };
        let help = "name organizational units, groups or tags in place of many patterns";
        self.bad(FindingCode::TooLarge, field, node, &message, help);
        false
    }

    pub(crate) fn bad(
        &mut self,
        code: FindingCode,
        field: &str,
        node: &Node,
        message: &str,
        help: &str,
    ) {
        self.push(
            Diagnostic::error(code, node.position, message)
                .field(field)
                .value(&node.shown())
                .help(help),
        );
    }

    pub(crate) fn bad_type(&mut self, field: &str, node: &Node, due: &str) {
        let mut help = format!("write {due}");
        if matches!(node.value, Value::Number(_)) && due.contains("string") {
            help.push_str("; ids and names stand in double quotes");
        }
        let message = format!("{} where {due} is due", node.kind());
        self.bad(FindingCode::BadType, field, node, &message, &help);
    }

    pub(crate) fn text<'a>(&mut self, field: &str, node: &'a Node) -> Option<&'a str> {
        if node.as_text().is_none() {
            self.bad_type(field, node, "a string");
        }
        node.as_text()
    }

    /// Returns the texts of a string or list; reports other values.
    pub(crate) fn texts<'a>(&mut self, field: &str, node: &'a Node) -> Vec<(&'a str, &'a Node)> {
        let mut texts: Vec<(&str, &Node)> = match &node.value {
            Value::Text(text) => vec![(text.as_str(), node)],
            Value::List(items) => items
                .iter()
                .filter_map(|item| self.text(field, item).map(|text| (text, item)))
                .collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Map(_) => {
                self.bad_type(field, node, "a string or a list of strings");
                Vec::new()
            }
        };
        for (text, item) in &texts {
            self.written.note(text, item.position);
        }
        texts.retain(|(text, item)| self.is_bounded(field, text, item));
        texts
    }

    pub(crate) fn note_redundant(&mut self, field: &str, of: &Node) {
        let Some(Value::List(items)) = of.get(field).map(|node| &node.value) else {
            return;
        };
        let beside = |text: &&str| *text != "*" && !text.starts_with('!');
        for item in items {
            if let Some(text) = item.as_text().filter(beside) {
                let message = format!("`{}` has no effect beside `*`", shorten(text));
                let finding =
                    Diagnostic::warning(FindingCode::RedundantEntry, item.position, message);
                self.push(finding.field(field).value(text).help("drop one of the two"));
            }
        }
    }

    pub(crate) fn emails(&mut self, field: &str, node: &Node) -> BTreeSet<Email> {
        let mut emails = BTreeSet::new();
        for (text, item) in self.texts(field, node) {
            emails.extend(self.email(field, text, item));
        }
        emails
    }

    pub(crate) fn people(
        &mut self,
        field: &str,
        node: &Node,
    ) -> (BTreeSet<Email>, BTreeSet<UserId>) {
        let (mut emails, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for (text, item) in self.texts(field, node) {
            match UserId::new(text) {
                Ok(id) => {
                    ids.insert(id);
                }
                Err(_) => emails.extend(self.email(field, text, item)),
            }
        }
        (emails, ids)
    }

    pub(crate) fn email(&mut self, field: &str, text: &str, node: &Node) -> Option<Email> {
        match address::parse(text) {
            Ok(address) => {
                if address.had_name {
                    self.push(
                        Diagnostic::warning(
                            FindingCode::DisplayName,
                            node.position,
                            format!("`{}` is read as `{}`", shorten(text), address.email),
                        )
                        .field(field)
                        .value(text)
                        .help("write the address alone"),
                    );
                }
                Some(address.email)
            }
            Err(why) => {
                let message = format!("`{}` {why}", shorten(text));
                let twin = twin_of(field).filter(|_| text.starts_with('!'));
                let help = match twin {
                    Some(twin) => format!("leave them out with `{twin}`"),
                    None => "write an address like `ana@example.com`".to_owned(),
                };
                self.bad(FindingCode::BadEmail, field, node, &message, &help);
                None
            }
        }
    }

    /// Reads group ids; with `GroupNames::Allowed` also names.
    pub(crate) fn groups(
        &mut self,
        field: &str,
        node: &Node,
        names: GroupNames,
    ) -> BTreeSet<GroupRef> {
        let mut groups = BTreeSet::new();
        for (text, item) in self.texts(field, node) {
            groups.extend(self.group(field, text, item, names));
        }
        groups
    }

    fn group(
        &mut self,
        field: &str,
        text: &str,
        node: &Node,
        names: GroupNames,
    ) -> Option<GroupRef> {
        if let Ok(id) = GroupId::new(text) {
            return Some(GroupRef::Id(id));
        }
        let plain = !text.starts_with('!') && !text.contains(['*', '\n']);
        let usable = plain && !text.trim().is_empty();
        if names == GroupNames::Allowed && usable {
            return Some(GroupRef::named(text));
        }
        let message = if text == "*" {
            "`*` is not possible for groups".to_owned()
        } else if text.starts_with('!') {
            format!("`{}`: `!` leaves no group out", shorten(text))
        } else {
            format!("`{}` is not a group id", shorten(text))
        };
        let help = match (names, twin_of(field)) {
            (GroupNames::Allowed, Some(twin)) if text.starts_with('!') => {
                format!("leave its members out with `{twin}`")
            }
            (GroupNames::Allowed, _) => "write a group's name or its id".to_owned(),
            (GroupNames::Refused, _) => {
                "write ids like `99999999-8888-7777-6666-555555555555`, one by one".to_owned()
            }
        };
        self.bad(FindingCode::BadResource, field, node, &message, &help);
        None
    }

    /// A tri-state flag (`access.md` §1.3).
    pub(crate) fn flag(&mut self, field: &str, node: &Node) -> Option<bool> {
        match &node.value {
            Value::Bool(flag) => return Some(*flag),
            Value::Null => return None,
            Value::Text(text) => {
                let flag = match text.to_ascii_lowercase().as_str() {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => None,
                };
                if let Some(flag) = flag {
                    self.push(
                        Diagnostic::warning(
                            FindingCode::CoercedFlag,
                            node.position,
                            format!("the text `{text}` is read as {flag}"),
                        )
                        .field(field)
                        .value(text)
                        .help(format!("write {flag} without quotes")),
                    );
                    return Some(flag);
                }
            }
            Value::Number(_) | Value::List(_) | Value::Map(_) => {}
        }
        let message = format!("`{}` is not a flag", shorten(&node.shown()));
        self.bad(
            FindingCode::BadFlag,
            field,
            node,
            &message,
            "write true, false or null (\"true\" and \"false\" are taken too)",
        );
        None
    }

    pub(crate) fn duration(
        &mut self,
        field: &str,
        node: &Node,
        forms: Durations,
    ) -> Option<TimeSpan> {
        let text = self.text(field, node)?;
        let span = match forms {
            Durations::HoursMinutes => TimeSpan::from_hours_minutes(text),
            Durations::Any => text.parse(),
        };
        match span {
            Ok(span) if !span.is_zero() => return Some(span),
            Ok(_) => self.bad(
                FindingCode::BadDuration,
                field,
                node,
                "a duration of no time at all",
                "leave the key out for no separate limit",
            ),
            Err(_) => {
                let help = match forms {
                    Durations::HoursMinutes => "write `hh:mm` with minutes 00 to 59, like `04:00`",
                    Durations::Any => "write `4h`, `90m`, `1h30m` or `04:00`",
                };
                let message = format!("`{}` is not a duration", shorten(text));
                self.bad(FindingCode::BadDuration, field, node, &message, help);
            }
        }
        None
    }

    pub(crate) fn approvals(&mut self, field: &str, node: &Node) -> Option<u32> {
        let Value::Number(number) = &node.value else {
            self.bad_type(field, node, "a whole number");
            return None;
        };
        let count = number
            .parse()
            .ok()
            .filter(|n| (1..=APPROVALS_MAX).contains(n));
        if count.is_none() {
            let message = format!("`{number}` is not a whole number from 1 to {APPROVALS_MAX}");
            self.bad(
                FindingCode::BadNumber,
                field,
                node,
                &message,
                "leave the key out for one approval",
            );
        }
        count
    }

    pub(crate) fn id(&mut self, field: &str, node: &Node) -> Option<String> {
        let text = self.text(field, node)?;
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Some(text.to_owned());
        }
        let message = format!("`{}` is not a rule id", shorten(text));
        self.bad(
            FindingCode::BadId,
            field,
            node,
            &message,
            "write 1 to 64 of `a-z`, `0-9` and `-`",
        );
        None
    }

    pub(crate) fn words(&mut self, field: &str, node: &Node) -> BTreeSet<String> {
        let texts = self.texts(field, node).into_iter();
        let words: BTreeSet<String> = texts
            .map(|(text, _)| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        if words.is_empty() {
            let help = "name what is accepted, or leave the key out to accept anything";
            self.bad(
                FindingCode::BadType,
                field,
                node,
                "nothing is accepted",
                help,
            );
        }
        words
    }

    pub(crate) fn channel(&mut self, field: &str, node: &Node) -> Option<String> {
        let text = self.text(field, node)?;
        let rest = text.strip_prefix(['C', 'G', 'D']).unwrap_or_default();
        let allowed = |b: u8| matches!(b, b'A'..=b'Z' | b'0'..=b'9');
        if (2..=20).contains(&rest.len()) && rest.bytes().all(allowed) {
            return Some(text.to_owned());
        }
        let message = format!("`{}` is not a Slack channel id", shorten(text));
        self.bad(
            FindingCode::BadChannel,
            field,
            node,
            &message,
            "write the id from the channel's details, like `C0123456789`",
        );
        None
    }

    /// Reports duplicate rule names, explicit or positional.
    pub(crate) fn check_ids<'a>(&mut self, rules: impl IntoIterator<Item = &'a Rule>) {
        let mut seen: HashMap<&str, Position> = HashMap::new();
        for rule in rules {
            if let Some(first) = seen.get(rule.id.as_str()) {
                let message = format!("another rule, at {first}, is named `{}` too", rule.id);
                let finding = Diagnostic::error(FindingCode::DuplicateId, rule.position, message)
                    .at(rule.list, rule.index)
                    .value(rule.id.as_str())
                    .help("rules without an id are named by position: s1, g1, r1 …");
                self.push(finding);
            } else {
                seen.insert(rule.id.as_str(), rule.position);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupNames {
    Allowed,
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durations {
    /// `hh:mm` only: the sso-elevator form.
    HoursMinutes,
    /// Every [`TimeSpan`] form: native rules.
    Any,
}
