//! Cedar as far as rules can say it: `permit` and `forbid` about groups and users, with conditions that are
//! joined by `&&` (Cedar documentation, "Basic policy construction"). What is more than that is known as such.

/// What a policy does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyEffect {
    /// It allows.
    Permit,
    /// It forbids, whatever others allow.
    Forbid,
}

/// An entity: `AWS::OrgUnit::"ou-…"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entity {
    pub(super) kind: String,
    pub(super) id: String,
}

impl Entity {
    /// Whether it is a group, of whichever provider.
    fn is_group(&self) -> bool {
        self.kind == "Group" || self.kind.ends_with("::Group")
    }
}

/// Whom a policy is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PolicyScope {
    /// Everyone.
    Anyone,
    /// Who is one of these, or in one of them.
    OneOf(Vec<Entity>),
    /// The group itself, as `principal == …::Group::"…"` has it, and nobody who is in it.
    GroupItself(Entity),
}

/// A condition on a request or a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// `true`.
    Always,
    /// `resource.approved`.
    Approved,
    /// `principal == resource.principal`.
    OwnRequest,
    /// `principal == resource.principal.manager`.
    Manager,
    /// `resource.principal has manager`, which says nothing more where the manager is meant.
    HasManager,
    /// `principal.email == "…"`.
    Email(String),
    /// The account is this one: `resource.target == AWS::Account::"…"`; in a selector `resource == …`.
    Is(Entity),
    /// The account is in one of these.
    In(Vec<Entity>),
    /// `resource.role == AWS::IDC::PermissionSet::"…"`.
    Role(Entity),
}

/// A policy that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) effect: PolicyEffect,
    pub(super) scope: PolicyScope,
    /// Ids of actions; none is every action.
    pub(super) actions: Vec<String>,
    pub(super) conditions: Vec<Condition>,
}

/// A policy as it was found: its line in the text, and what it says where that is understood.
#[derive(Debug, Clone)]
pub(super) struct FoundPolicy {
    pub(super) line: usize,
    pub(super) effect: Option<PolicyEffect>,
    /// Ids of its actions, as far as they are understood; none is every action.
    pub(super) actions: Vec<String>,
    pub(super) policy: Option<Policy>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(&'static str),
}

/// What a request for a permission set in an account is.
const ACCOUNT_GRANT: &str = "AWS::IDC::AccountGrant";

const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "{", "}", "[", "]", ",", ";", ".",
    "@", ":", "?", "-", "+", "*",
];

/// Every policy of a text; `None` where it is none of Cedar.
pub(super) fn policies(text: &str) -> Option<Vec<FoundPolicy>> {
    let tokens = tokens(text)?;
    let mut found = Vec::new();
    let mut policy: Vec<(usize, Token)> = Vec::new();
    for token in tokens {
        if token.1 == Token::Sign(";") {
            found.push(found_policy(&std::mem::take(&mut policy)));
        } else {
            policy.push(token);
        }
    }
    if !policy.is_empty() {
        // the last of a text may go without `;` in older releases
        found.push(found_policy(&policy));
    }
    Some(found)
}

/// Conditions of which one is enough, joined by `||`; `None` where it is more than that.
pub(super) fn alternatives(text: &str) -> Option<Vec<Condition>> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens };
    let mut read = vec![reader.selected()?];
    while reader.take("||") {
        read.push(reader.selected()?);
    }
    reader.tokens.is_empty().then_some(read)
}

/// The same of people: `principal in X::Group::"…"`, `principal == CF::User::"…"`, or the manager of whoever asks.
pub(super) fn people_alternatives(text: &str) -> Option<Vec<Condition>> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens };
    let mut read = vec![reader.person()?];
    while reader.take("||") {
        read.push(reader.person()?);
    }
    reader.tokens.is_empty().then_some(read)
}

fn found_policy(tokens: &[(usize, Token)]) -> FoundPolicy {
    let mut reader = Reader { tokens };
    let line = tokens.first().map_or(1, |(line, _)| *line);
    while reader.take("@") {
        // `@advice("…")` says nothing of who may do what
        let told = (
            reader.name(),
            reader.take("("),
            reader.text(),
            reader.take(")"),
        );
        if told.0.is_none() || told.2.is_none() {
            break;
        }
    }
    let effect = match reader.name().as_deref() {
        Some("permit") => Some(PolicyEffect::Permit),
        Some("forbid") => Some(PolicyEffect::Forbid),
        _ => None,
    };
    let mut actions = Vec::new();
    let policy = effect.and_then(|effect| reader.policy(effect, &mut actions));
    FoundPolicy {
        line,
        effect,
        actions,
        policy,
    }
}

fn tokens(text: &str) -> Option<Vec<(usize, Token)>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while let Some(c) = rest.chars().next() {
        let (token, length) = if c.is_whitespace() {
            line += usize::from(c == '\n');
            (None, c.len_utf8())
        } else if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if c == '"' {
            let (text, length) = string(rest)?;
            (Some(Token::Text(text)), length)
        } else if c.is_ascii_alphanumeric() || c == '_' {
            let length = name_length(rest);
            let name = rest.get(..length)?;
            (Some(Token::Name(name.to_owned())), length)
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            (Some(Token::Sign(sign)), sign.len())
        };
        found.extend(token.map(|token| (line, token)));
        rest = rest.get(length..)?;
    }
    Some(found)
}

/// A name with its path: `AWS::IDC::Group`.
fn name_length(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = text.get(length..).unwrap_or_default();
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        length += word.unwrap_or(rest.len());
        let after = text.get(length..).unwrap_or_default();
        let goes_on = after.strip_prefix("::").is_some_and(|after| {
            after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"')
        });
        if !goes_on {
            return length;
        }
        length += 2;
    }
}

/// A text in quotes without escapes, which ids do not have.
fn string(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('"')?;
    let end = inner.find(['"', '\\', '\n'])?;
    let text = inner.get(..end)?;
    inner
        .get(end..)?
        .starts_with('"')
        .then(|| (text.to_owned(), end + 2))
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
}

impl Reader<'_> {
    fn take(&mut self, sign: &str) -> bool {
        match self.tokens {
            [(_, Token::Sign(found)), rest @ ..] if *found == sign => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn due(&mut self, sign: &str) -> Option<()> {
        self.take(sign).then_some(())
    }

    fn name(&mut self) -> Option<String> {
        match self.tokens {
            [(_, Token::Name(name)), rest @ ..] => {
                self.tokens = rest;
                Some(name.clone())
            }
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        match self.tokens {
            [(_, Token::Text(text)), rest @ ..] => {
                self.tokens = rest;
                Some(text.clone())
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        match self.tokens {
            [(_, Token::Name(name)), rest @ ..] if name == word => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn entity(&mut self) -> Option<Entity> {
        let kind = self.name()?;
        let kind = kind.strip_suffix("::")?.to_owned();
        let id = self.text()?;
        Some(Entity { kind, id })
    }

    fn entities(&mut self) -> Option<Vec<Entity>> {
        if !self.take("[") {
            return Some(vec![self.entity()?]);
        }
        let mut all = vec![self.entity()?];
        while self.take(",") {
            all.push(self.entity()?);
        }
        self.due("]")?;
        Some(all)
    }

    fn policy(&mut self, effect: PolicyEffect, actions: &mut Vec<String>) -> Option<Policy> {
        self.due("(")?;
        self.word("principal").then_some(())?;
        let scope = self.scope()?;
        self.due(",")?;
        self.word("action").then_some(())?;
        let of_actions = match self.scope()? {
            PolicyScope::Anyone => Vec::new(),
            PolicyScope::OneOf(all) => all,
            PolicyScope::GroupItself(group) => vec![group],
        };
        let known = of_actions.iter().all(|it| it.kind == "Access::Action");
        actions.extend(of_actions.into_iter().map(|it| it.id));
        self.due(",")?;
        self.word("resource").then_some(())?;
        // each request that rules are about is one of these
        if self.word("is") && !self.word(ACCOUNT_GRANT) {
            return None;
        }
        self.due(")")?;
        let mut conditions = Vec::new();
        while self.word("when") {
            self.due("{")?;
            conditions.extend(self.conditions()?);
            self.due("}")?;
        }
        (self.tokens.is_empty() && known).then(|| Policy {
            effect,
            scope,
            actions: actions.clone(),
            conditions,
        })
    }

    fn scope(&mut self) -> Option<PolicyScope> {
        if self.take("==") {
            let entity = self.entity()?;
            return Some(if entity.is_group() {
                PolicyScope::GroupItself(entity)
            } else {
                PolicyScope::OneOf(vec![entity])
            });
        }
        if self.word("in") {
            return Some(PolicyScope::OneOf(self.entities()?));
        }
        Some(PolicyScope::Anyone)
    }

    fn conditions(&mut self) -> Option<Vec<Condition>> {
        let mut read = vec![self.condition()?];
        while self.take("&&") {
            read.push(self.condition()?);
        }
        Some(read)
    }

    fn condition(&mut self) -> Option<Condition> {
        let subject = self.path()?;
        let subject: Vec<&str> = subject.iter().map(String::as_str).collect();
        match subject.as_slice() {
            ["true"] => Some(Condition::Always),
            ["resource", "approved"] => {
                if self.take("==") {
                    self.word("true").then_some(())?;
                }
                Some(Condition::Approved)
            }
            ["principal"] => {
                self.due("==")?;
                self.requester()
            }
            ["resource", "principal"] => {
                self.word("has").then_some(())?;
                self.word("manager").then_some(Condition::HasManager)
            }
            ["principal", "email"] => {
                self.due("==")?;
                Some(Condition::Email(self.text()?))
            }
            ["resource", "target"] => self.target(),
            ["resource", "role"] => {
                self.due("==")?;
                Some(Condition::Role(self.entity()?))
            }
            _ => None,
        }
    }

    /// What a selector selects. `resource` is the account there; in a policy it is the request, which is no account.
    fn selected(&mut self) -> Option<Condition> {
        if self.word("true") {
            return Some(Condition::Always);
        }
        self.word("resource").then_some(())?;
        self.target()
    }

    fn target(&mut self) -> Option<Condition> {
        if self.take("==") {
            return Some(Condition::Is(self.entity()?));
        }
        self.word("in").then_some(())?;
        Some(Condition::In(self.entities()?))
    }

    /// Whoever asks, or their manager.
    fn requester(&mut self) -> Option<Condition> {
        let path = self.path()?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match path.as_slice() {
            ["resource", "principal"] => Some(Condition::OwnRequest),
            ["resource", "principal", "manager"] => Some(Condition::Manager),
            _ => None,
        }
    }

    /// Whom a step of an approval is for.
    fn person(&mut self) -> Option<Condition> {
        self.word("principal").then_some(())?;
        if self.word("in") {
            return Some(Condition::In(self.entities()?));
        }
        self.due("==")?;
        if matches!(self.tokens, [(_, Token::Name(name)), ..] if name == "resource") {
            return self.requester().filter(|it| *it == Condition::Manager);
        }
        // nobody is a group
        let entity = self.entity()?;
        (!entity.is_group()).then_some(Condition::Is(entity))
    }

    fn path(&mut self) -> Option<Vec<String>> {
        let mut path = vec![self.name()?];
        while self.take(".") {
            path.push(self.name()?);
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_exactly_what_it_says() {
        let text = r#"
            // everyone
            @advice("ask; do")
            permit ( principal, action == Access::Action::"Request", resource );
            permit (
                principal in [AWS::IDC::Group::"11111111-2222-3333-4444-555555555555"],
                action in [Access::Action::"Approve", Access::Action::"Close"],
                resource
            ) when { resource.target in AWS::OrgUnit::"ou-ab12-prodprod" && resource.role == AWS::IDC::PermissionSet::"arn" };
            forbid (principal, action == Access::Action::"Approve", resource) when { principal == resource.principal };
        "#;
        let found = policies(text).unwrap();
        let understood: Vec<&Policy> = found.iter().filter_map(|it| it.policy.as_ref()).collect();
        assert_eq!(understood.len(), 3, "{found:?}");
        assert_eq!(understood[0].scope, PolicyScope::Anyone);
        assert_eq!(understood[0].conditions, []);
        assert_eq!(understood[1].actions, ["Approve", "Close"]);
        assert_eq!(understood[1].conditions.len(), 2);
        assert_eq!(understood[2].effect, PolicyEffect::Forbid);
        assert_eq!(understood[2].conditions, [Condition::OwnRequest]);
        assert_eq!(
            found.iter().map(|it| it.line).collect::<Vec<_>>(),
            [3, 5, 10]
        );
    }

    #[test]
    fn what_is_more_than_that_is_not_understood() {
        for text in [
            r#"permit (principal, action == Access::Action::"Request", resource) unless { resource.approved };"#,
            r#"permit (principal, action == Access::Action::"Request", resource) when { !resource.approved };"#,
            r#"permit (principal, action == Access::Action::"Request", resource) when { resource.approved || true };"#,
            r#"permit (principal, action == Access::Action::"Request", resource) when { resource.approved == false };"#,
            r#"permit (principal, action == Access::Action::"Request", resource == Access::Grant::"x");"#,
            r#"permit (principal is CF::User, action == Access::Action::"Request", resource);"#,
            r#"permit (principal, action == Access::Action::"Request", resource is GCP::ProjectGrant);"#,
            r#"permit (principal, action == Other::Action::"Request", resource);"#,
            // the request, and not the account that it is for
            r#"permit (principal, action == Access::Action::"Request", resource) when { resource == AWS::Account::"1" };"#,
            r#"permit (principal, action == Access::Action::"Request", resource) when { resource in AWS::OrgUnit::"ou-1" };"#,
            r#"permit (principal, action == Access::Action::"Request", resource) when { principal in resource.owners };"#,
            r#"permit (principal, action == Access::Action::"Approve", resource) when { principal == resource.principal.manager.manager };"#,
            r#"permit (principal, action == Access::Action::"Approve", resource) when { principal has manager };"#,
            r#"permit (principal, action == Access::Action::"Request", resource"#,
            "allow (principal, action, resource);",
        ] {
            let found = policies(text).unwrap();
            assert!(found.iter().all(|it| it.policy.is_none()), "{text}");
        }
        // an effect that is known counts even so
        let found =
            policies("forbid (principal, action, resource) unless { context.mfa };").unwrap();
        assert_eq!(found[0].effect, Some(PolicyEffect::Forbid));
        for text in ["permit (principal, #", "permit (\"a\nb\")", "{ % }"] {
            assert!(policies(text).is_none(), "{text}");
        }
    }

    #[test]
    fn steps_are_for_people_and_managers() {
        let read = |text| people_alternatives(text).map(|it| it.len());
        for (text, count) in [
            (r#"principal in Okta::Group::"1""#, Some(1)),
            (
                r#"principal == CF::User::"1" || principal == resource.principal.manager"#,
                Some(2),
            ),
            (r#"principal == Okta::Group::"1""#, None),
            (
                r#"principal == CF::User::"1" || principal == Okta::Group::"1""#,
                None,
            ),
            ("principal == resource.principal", None),
            ("principal == resource.principal.manager.manager", None),
            ("true", None),
            (r#"resource in AWS::OrgUnit::"ou-1""#, None),
        ] {
            assert_eq!(read(text), count, "{text}");
        }
    }

    #[test]
    fn selectors_are_alternatives() {
        let found =
            alternatives(r#"resource == AWS::Account::"1" || resource in AWS::OrgUnit::"ou-1""#);
        assert_eq!(found.unwrap().len(), 2);
        assert_eq!(alternatives("true"), Some(vec![Condition::Always]));
        assert_eq!(alternatives(r#"resource.tag_keys contains "x""#), None);
        assert_eq!(
            alternatives(r#"resource == AWS::Account::"1" && true"#),
            None
        );
    }
}
