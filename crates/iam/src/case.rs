//! One request with all its policies as a JSON line (`policies.md` §3).

use std::sync::Arc;

use crate::answer::CaseAnswer;
use crate::error::{LoadError, LoadErrorCode};
use crate::evaluation::{
    Caller, Context, ContextValue, Decision, Explanation, Layers, Policy, Request, decide, explain,
};
use crate::facts;
use crate::language::json::{self, JsonError, Node, Value};
use crate::language::{self, PolicyType, ScpLanguage};

/// Nesting levels around policies.
const WRAPPING_DEPTH: usize = 8;

/// Bytes: enough for all policies of a request.
pub(crate) const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Debug, Clone, Default)]
pub struct CaseOptions {
    /// Omits keys derived from the principal.
    pub no_derive: bool,
    /// Default `aws:CurrentTime` (RFC 3339) and `aws:EpochTime`.
    pub now: Option<(String, String)>,
    pub scp_language: ScpLanguage,
    pub explain: bool,
}

impl CaseOptions {
    pub fn derive(&self, request: &mut Request) {
        if self.no_derive {
            return;
        }
        request.derive_keys();
        if let Some((time, epoch)) = &self.now {
            request.set_if_absent("aws:CurrentTime", time.clone());
            request.set_if_absent("aws:EpochTime", epoch.clone());
        }
    }
}

#[derive(Debug, Clone)]
pub struct Case {
    pub id: String,
    pub layers: Layers,
    pub first: Request,
    pub others: Vec<Request>,
    pub expected: Option<String>,
}

const FIELDS: [&str; 14] = [
    "id",
    "principal",
    "action",
    "resource",
    "resources",
    "resourceAccount",
    "context",
    "identityPolicies",
    "scps",
    "rcps",
    "resourcePolicy",
    "boundary",
    "session",
    "flags",
];

impl Case {
    /// One request per resource; `None` without a request.
    pub fn new(id: impl Into<String>, layers: Layers, requests: Vec<Request>) -> Option<Self> {
        let mut requests = requests.into_iter();
        Some(Self {
            id: id.into(),
            layers,
            first: requests.next()?,
            others: requests.collect(),
            expected: None,
        })
    }

    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub fn read(line: &str, options: &CaseOptions) -> Result<Self, LoadError> {
        read(line, options).map_err(|(_, error)| error)
    }

    /// With several resources: denied if any is denied, allowed if all are (`policies.md` §2.7).
    pub fn decide(&self) -> Decision {
        let mut overall = Decision::Allowed;
        for request in self.requests() {
            match decide(&self.layers, request) {
                Decision::ExplicitlyDenied => return Decision::ExplicitlyDenied,
                Decision::ImplicitlyDenied => overall = Decision::ImplicitlyDenied,
                Decision::Allowed => {}
            }
        }
        overall
    }

    /// Explains the deciding request: with several resources the first that blocks.
    pub fn explain(&self) -> (Explanation, &Request) {
        let overall = self.decide();
        let settles = |request: &&Request| decide(&self.layers, request) == overall;
        let request = self.requests().find(settles).unwrap_or(&self.first);
        (explain(&self.layers, request), request)
    }
}

/// `number` counts lines from 1.
pub fn simulate_line(line: &str, number: usize, options: &CaseOptions) -> CaseAnswer {
    simulate_changed(line, number, options, |_| {})
}

/// Modifies the case first, e.g. adds a policy.
pub fn simulate_changed(
    line: &str,
    number: usize,
    options: &CaseOptions,
    change: impl FnOnce(&mut Case),
) -> CaseAnswer {
    let case = match read(line, options) {
        Ok(mut case) => {
            change(&mut case);
            case
        }
        Err((id, error)) => {
            let line = (error.code == LoadErrorCode::Json || id.is_none()).then_some(number);
            return CaseAnswer::Failed { id, line, error };
        }
    };
    let (decision, explanation, blocking_resource) = if options.explain {
        let (explanation, request) = case.explain();
        let blocks = !case.others.is_empty() && explanation.decision != Decision::Allowed;
        let resource = blocks.then(|| request.resource().to_owned());
        (explanation.decision, Some(Box::new(explanation)), resource)
    } else {
        (case.decide(), None, None)
    };
    CaseAnswer::Decided {
        id: case.id,
        decision,
        explanation,
        blocking_resource,
        expected: case.expected,
    }
}

/// An error has the case's id if readable.
fn read(line: &str, options: &CaseOptions) -> Result<Case, (Option<String>, LoadError)> {
    if line.len() > LINE_BYTES_MAX {
        let message = "a case is at most 4 MiB";
        return Err((None, LoadError::new(LoadErrorCode::Limit, message, "")));
    }
    let limit = language::POLICY_DEPTH_MAX + WRAPPING_DEPTH;
    let tree = json::read(line, limit).map_err(|refused| {
        let (code, message, at) = match refused {
            JsonError::Syntax(what, at) => (LoadErrorCode::Json, what, at),
            JsonError::Depth(at) => (LoadErrorCode::Limit, "nested too deeply", at),
        };
        let (_, column) = json::line_and_column(line, at);
        let message = format!("{message} (column {column})");
        (None, LoadError::new(code, message, ""))
    })?;
    let id = tree.root.get("id").and_then(Node::as_str);
    let id = id.map(str::to_owned);
    if let Some(span) = tree.repeated.first() {
        let pointer = tree.root.pointer_at(span.start);
        let message = "this key stands twice in one object";
        return Err((id, LoadError::new(LoadErrorCode::DupKey, message, pointer)));
    }
    CaseReader {
        root: &tree.root,
        options,
    }
    .case()
    .map_err(|error| (id, error))
}

/// Refuses near misses of our field names; other fields are comments.
fn known(key: &str) -> Result<(), LoadError> {
    if FIELDS.contains(&key) || key == "expected" {
        return Ok(());
    }
    let lower = key.to_lowercase();
    let near = FIELDS.iter().find(|name| {
        let distance = strsim::damerau_levenshtein(&name.to_lowercase(), &lower);
        distance <= usize::from(name.len() > 3) + usize::from(name.len() > 8)
    });
    match near {
        None => Ok(()),
        Some(name) => {
            let message = format!("there is no field {key}; did you mean {name}?");
            Err(field(message, format!("/{key}")))
        }
    }
}

/// Refuses resources that lack a type the action requires.
pub fn complete(action: &str, resources: &[&str]) -> Result<(), LoadError> {
    let service = action.split(':').next().unwrap_or_default();
    if !facts::is_held_against_pages(&service.to_ascii_lowercase()) {
        return Ok(());
    }
    let missing = facts::missing_resource_types(action, resources);
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{action} is checked against more types of resources; missing: {}",
        missing.join(", ")
    );
    Err(LoadError::new(
        LoadErrorCode::ResourceTypes,
        message,
        "/resources",
    ))
}

struct CaseReader<'t, 'a> {
    root: &'t Node<'a>,
    options: &'t CaseOptions,
}

fn field(message: impl Into<String>, pointer: impl Into<String>) -> LoadError {
    LoadError::new(LoadErrorCode::Field, message, pointer)
}

impl<'t, 'a> CaseReader<'t, 'a> {
    fn case(&self) -> Result<Case, LoadError> {
        let Some(members) = self.root.members() else {
            return Err(field("a case is a JSON object", ""));
        };
        for member in members {
            known(&member.key)?;
        }
        let id = self.text("id")?;
        let (caller, flags) = (self.caller()?, self.flags()?);
        let action = self.text("action")?;
        let context = self.context()?;
        let resources = self.resources()?;
        if self.root.get("resources").is_some() {
            let arns: Vec<&str> = resources.iter().map(|(_, arn)| *arn).collect();
            complete(action, &arns)?;
        }
        let resource_account = self.resource_account()?;
        let mut requests = Vec::with_capacity(resources.len());
        for (pointer, resource) in resources {
            let request = Request::of(caller.clone(), action, resource, context.clone());
            let mut request = request.map_err(|mut error| {
                if error.pointer == "/resource" {
                    error.pointer = pointer;
                }
                error
            })?;
            request = request.management_account(flags.0).root_user(flags.1);
            if let Some(account) = resource_account {
                request = request.resource_account(account);
            }
            self.options.derive(&mut request);
            requests.push(request);
        }
        let trust = requests.iter().any(Request::on_role);
        let case = Case::new(id, self.layers(trust)?, requests);
        let mut case = case.ok_or_else(|| field("resources is empty", "/resources"))?;
        // only used for comparison
        let expected = self.root.get("expected").and_then(Node::as_str);
        case.expected = expected.map(str::to_owned);
        Ok(case)
    }

    fn text(&self, key: &str) -> Result<&'t str, LoadError> {
        self.optional_text(key)?
            .ok_or_else(|| field(format!("the field {key} is missing"), format!("/{key}")))
    }

    fn optional_text(&self, key: &str) -> Result<Option<&'t str>, LoadError> {
        match self.root.get(key) {
            None => Ok(None),
            Some(node) if node.value == Value::Null && key != "id" => Ok(None),
            Some(node) => match node.as_str() {
                Some(text) => Ok(Some(text)),
                None => Err(field(format!("{key} is a text"), format!("/{key}"))),
            },
        }
    }

    fn resource_account(&self) -> Result<Option<&'t str>, LoadError> {
        let account = self.optional_text("resourceAccount")?;
        let digits = |it: &str| it.len() == 12 && it.bytes().all(|byte| byte.is_ascii_digit());
        if account.is_none_or(digits) {
            return Ok(account);
        }
        Err(field("an account has 12 digits", "/resourceAccount"))
    }

    fn caller(&self) -> Result<Caller, LoadError> {
        let node = self
            .root
            .get("principal")
            .ok_or_else(|| field("the field principal is missing", "/principal"))?;
        if let Some(text) = node.as_str() {
            return Caller::parse(text).ok_or_else(|| {
                let message = format!(
                    "'{text}' is no principal: write the ARN of a user, a role, a session or a \
                     root user, or the name of a service"
                );
                LoadError::new(LoadErrorCode::Arn, message, "/principal")
            });
        }
        match node.get("anonymous").map(|it| &it.value) {
            Some(Value::Bool(true)) => Ok(Caller::anonymous()),
            _ => Err(field(
                "a principal is a text or {\"anonymous\": true}",
                "/principal",
            )),
        }
    }

    fn flags(&self) -> Result<(bool, bool), LoadError> {
        let node = match self.root.get("flags") {
            None => return Ok((false, false)),
            Some(node) if node.value == Value::Null => return Ok((false, false)),
            Some(node) => node,
        };
        let members = node
            .members()
            .ok_or_else(|| field("flags is an object", "/flags"))?;
        let (mut management, mut root) = (false, false);
        for member in members {
            let pointer = || format!("/flags/{}", member.key);
            let Value::Bool(value) = member.node.value else {
                return Err(field("a flag is true or false", pointer()));
            };
            match member.key.as_ref() {
                "managementAccount" => management = value,
                "rootUser" => root = value,
                _ => {
                    let message = "the flags are managementAccount and rootUser";
                    return Err(field(message, pointer()));
                }
            }
        }
        Ok((management, root))
    }

    fn resources(&self) -> Result<Vec<(String, &'t str)>, LoadError> {
        let Some(node) = self.root.get("resources") else {
            return Ok(vec![("/resource".to_owned(), self.text("resource")?)]);
        };
        let items = node
            .items()
            .filter(|items| !items.is_empty())
            .ok_or_else(|| field("resources is a list of at least one", "/resources"))?;
        items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let pointer = format!("/resources/{index}");
                match item.as_str() {
                    Some(text) => Ok((pointer, text)),
                    None => Err(field("a resource is a text", pointer)),
                }
            })
            .collect()
    }

    fn context(&self) -> Result<Context, LoadError> {
        let mut context = Context::new();
        let node = match self.root.get("context") {
            None => return Ok(context),
            Some(node) if node.value == Value::Null => return Ok(context),
            Some(node) => node,
        };
        let members = node
            .members()
            .ok_or_else(|| field("context is an object", "/context"))?;
        for member in members {
            let pointer = || self.root.pointer_at(member.key_span.start);
            let value = match &member.node.value {
                Value::Array(items) => items
                    .iter()
                    .map(|item| language::scalar_text(item).map(std::borrow::Cow::into_owned))
                    .collect::<Option<Vec<String>>>()
                    .map(ContextValue::List),
                _ => language::scalar_text(&member.node)
                    .map(|text| ContextValue::One(text.into_owned())),
            };
            let Some(value) = value else {
                let message = "a context value is a text, a number, a boolean or a list of them";
                return Err(field(message, pointer()));
            };
            if !context.set(&member.key, value) {
                let message = format!("the key {} stands here twice, case aside", member.key);
                return Err(LoadError::new(
                    LoadErrorCode::ContextDup,
                    message,
                    pointer(),
                ));
            }
        }
        Ok(context)
    }

    fn layers(&self, trust: bool) -> Result<Layers, LoadError> {
        let resource = if trust {
            PolicyType::Trust
        } else {
            PolicyType::Resource
        };
        Ok(Layers {
            identity: match self.root.get("identityPolicies") {
                Some(node) if node.value != Value::Null => {
                    self.policies(node, PolicyType::Identity)?
                }
                _ => Vec::new(),
            },
            scps: self.levels("scps", PolicyType::Scp)?,
            rcps: self.levels("rcps", PolicyType::Rcp)?,
            resource: self.optional_policy("resourcePolicy", resource)?,
            boundary: self.optional_policy("boundary", PolicyType::Boundary)?,
            session: match self.root.get("session") {
                Some(node) if node.items().is_some() => self.policies(node, PolicyType::Session)?,
                _ => self
                    .optional_policy("session", PolicyType::Session)?
                    .into_iter()
                    .collect(),
            },
        })
    }

    fn levels(&self, key: &str, kind: PolicyType) -> Result<Vec<Vec<Arc<Policy>>>, LoadError> {
        let node = match self.root.get(key) {
            None => return Ok(Vec::new()),
            Some(node) if node.value == Value::Null => return Ok(Vec::new()),
            Some(node) => node,
        };
        let levels = node.items().ok_or_else(|| {
            field(
                format!("{key} is a list of levels, each a list of policies"),
                format!("/{key}"),
            )
        })?;
        levels
            .iter()
            .map(|level| self.policies(level, kind))
            .collect()
    }

    fn policies(
        &self,
        node: &'t Node<'a>,
        kind: PolicyType,
    ) -> Result<Vec<Arc<Policy>>, LoadError> {
        let items = node.items().ok_or_else(|| {
            field(
                "a list of policies is expected here",
                self.root.pointer_at(node.span.start),
            )
        })?;
        items.iter().map(|item| self.policy(item, kind)).collect()
    }

    fn optional_policy(
        &self,
        key: &str,
        kind: PolicyType,
    ) -> Result<Option<Arc<Policy>>, LoadError> {
        match self.root.get(key) {
            None => Ok(None),
            Some(node) if node.value == Value::Null => Ok(None),
            Some(node) => self.policy(node, kind).map(Some),
        }
    }

    fn policy(&self, node: &'t Node<'a>, kind: PolicyType) -> Result<Arc<Policy>, LoadError> {
        let pointer = |span: json::ByteSpan| self.root.pointer_at(span.start);
        if node.members().is_none() {
            return Err(field("a policy is a JSON object", pointer(node.span)));
        }
        let (name, document) = match node.get("policy") {
            None => (None, node),
            Some(document) => (node.get("name").and_then(Node::as_str), document),
        };
        let read = language::embedded(document, kind, self.options.scp_language);
        let document = read.map_err(|problem| {
            LoadError::new(problem.what.code(), problem.message, pointer(problem.span))
        })?;
        let policy = Policy::compile(&document);
        Ok(Arc::new(match name {
            None => policy,
            Some(name) => policy.named(name),
        }))
    }
}
