use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallpass_iam::facts;
use hallpass_iam::language::{Arn, POLICY_BYTES_MAX};
use hallpass_iam::{
    CallerMatch, Case, CaseOptions, Context, ContextValue, Decision, Explanation, Layers,
    LoadError, Policy, PolicyType, Request, ScpLanguage, StatementTrace,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{Format, Table, one, width};
use hallpass_terminal::text_file::decoded;

use crate::reading::Reading;

/// Evaluate one request and show every relevant statement
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Evaluate one request and show every relevant statement\n\nExit code 0: allowed; \
                  1: denied; 2: bad input.",
    after_help = "Examples:
  hallpass policy eval --principal arn:aws:iam::111122223333:user/mara --action s3:GetObject \\
    --resource arn:aws:s3:::logs/today --identity-policy mara.json --context aws:SourceIp=10.0.0.1
  hallpass policy eval --case case.json --output json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    question: EvalArgs,
    #[command(flatten)]
    shown: ShownArgs,
}

/// Output options.
#[derive(Debug, clap::Args)]
pub(crate) struct ShownArgs {
    /// Output format
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    #[arg(default_value = "table")]
    pub(crate) output: Format,
}

/// Flags for a whole case; one replaces principal, action and resource.
pub(crate) const WHOLE_QUESTION: &str = "whole_question";

/// A request, from flags and files.
#[derive(Debug, clap::Args)]
pub(crate) struct EvalArgs {
    /// A whole case as JSON, as `policy simulate` reads them; `-` for standard input
    #[arg(long, value_name = "FILE", group = WHOLE_QUESTION)]
    #[arg(conflicts_with_all = ["principal", "action", "resource"])]
    case: Option<PathBuf>,
    /// ARN of a user, a role, a session or a root user, or the name of a service
    #[arg(long, value_name = "ARN", required_unless_present = WHOLE_QUESTION)]
    principal: Option<String>,
    /// The action, such as s3:GetObject
    #[arg(long, value_name = "ACTION", required_unless_present = WHOLE_QUESTION)]
    action: Option<String>,
    /// ARN of the resource, or `*`; several for actions that check several
    #[arg(long, value_name = "ARN", required_unless_present = WHOLE_QUESTION)]
    resource: Vec<String>,
    /// The account that owns the resource, if its ARN lacks one
    #[arg(long, value_name = "ID")]
    resource_account: Option<String>,
    /// A condition key with one value
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<String>,
    /// A condition key with a list of values
    #[arg(long, value_name = "KEY=A,B")]
    context_list: Vec<String>,
    /// A policy of the identity
    #[arg(long, value_name = "FILE")]
    identity_policy: Vec<PathBuf>,
    /// The service control policies of one level, the root first
    #[arg(long, value_name = "FILE,…")]
    scp_level: Vec<String>,
    /// The resource control policies of one level, the root first
    #[arg(long, value_name = "FILE,…")]
    rcp_level: Vec<String>,
    /// The resource's policy; for a role its trust policy
    #[arg(long, value_name = "FILE")]
    resource_policy: Option<PathBuf>,
    /// The permissions boundary
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,
    /// A session policy
    #[arg(long, value_name = "FILE")]
    session: Vec<PathBuf>,
    /// The principal belongs to the organization's management account
    #[arg(long)]
    management_account: bool,
    /// The principal is the root user of its account
    #[arg(long)]
    root_user: bool,
    #[command(flatten)]
    reading: Reading,
}

pub(crate) struct EvalCase {
    case: Case,
}

impl EvalCase {
    pub(crate) fn answer(
        &self,
        output: Format,
        words: impl FnOnce(&Explanation, &Request) -> String,
    ) -> Outcome {
        let (explanation, request) = self.case.explain();
        let columns = ["decision", "core"];
        one(output, &explanation, &columns, || {
            words(&explanation, request)
        })?;
        Ok(match self.case.decide() {
            Decision::Allowed => Exit::Ok,
            Decision::ExplicitlyDenied | Decision::ImplicitlyDenied => Exit::Failed,
        })
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let asked = args.question.ask()?;
    asked.answer(args.shown.output, |explanation, request| {
        let mut text = explanation.words(request).join("\n");
        if !explanation.statements.is_empty() {
            text.push_str("\n\n");
            text.push_str(&table(&explanation.statements).text(width()));
        }
        text
    })
}

fn table(statements: &[StatementTrace]) -> Table {
    let mut table = Table::new(&[
        "LAYER",
        "POLICY",
        "STATEMENT",
        "EFFECT",
        "APPLIES",
        "WHY NOT",
    ]);
    for it in statements {
        let level = it
            .level
            .map_or_else(String::new, |level| format!("@{level}"));
        table.row([
            format!("{}{level}", it.layer.as_str()),
            it.policy.clone(),
            format!(
                "#{} {}",
                it.index + 1,
                it.sid.as_deref().unwrap_or("(no sid)")
            ),
            it.effect.as_str().to_owned(),
            if it.applies { "yes" } else { "no" }.to_owned(),
            why_not(it),
        ]);
    }
    table
}

fn why_not(it: &StatementTrace) -> String {
    let mut reasons = Vec::new();
    if !it.action {
        reasons.push("action".to_owned());
    }
    if !it.resource {
        reasons.push("resource".to_owned());
    }
    if it.principal == Some(CallerMatch::Not) {
        reasons.push("principal".to_owned());
    }
    reasons.extend(
        it.conditions
            .iter()
            .filter(|condition| !condition.holds)
            .map(|condition| format!("{} {}", condition.key, condition.reason.as_str())),
    );
    reasons.join(", ")
}

/// Whether the resources complete a call: some actions require several.
fn is_call(action: &str, arns: &[&str]) -> bool {
    match arns {
        [] | ["*"] => false,
        [_] => {
            let required = facts::required_resource_types(action);
            required.is_some_and(|it| it.all.len() > 1)
        }
        _ => true,
    }
}

impl EvalArgs {
    pub(crate) fn ask(&self) -> Result<EvalCase, Failure> {
        let options = self.reading.options(true)?;
        if let Some(path) = &self.case {
            let text = read(path)?;
            let case = Case::read(&text, &options);
            let case = case.map_err(|error| refused(&path.display().to_string(), &error))?;
            return Ok(EvalCase { case });
        }
        let requests = self.requests(&options)?;
        let arns: Vec<&str> = self.resource.iter().map(String::as_str).collect();
        if let Some(action) = self.action.as_deref().filter(|it| is_call(it, &arns)) {
            hallpass_iam::complete(action, &arns).map_err(|error| {
                Failure::bad_input(error.message)
                    .code(error.code.as_str())
                    .at("--resource")
            })?;
        }
        let trust = self.resource.iter().any(|resource| {
            Arn::parse(resource)
                .is_some_and(|arn| arn.service == "iam" && arn.rest.starts_with("role/"))
        });
        let language = options.scp_language;
        let resource = if trust {
            PolicyType::Trust
        } else {
            PolicyType::Resource
        };
        let optional = |path: &Option<PathBuf>, kind| {
            let path = path.as_deref();
            path.map(|path| policy(path, kind, language)).transpose()
        };
        let layers = Layers {
            identity: policies(&self.identity_policy, PolicyType::Identity, language)?,
            scps: levels(&self.scp_level, PolicyType::Scp, language)?,
            rcps: levels(&self.rcp_level, PolicyType::Rcp, language)?,
            resource: optional(&self.resource_policy, resource)?,
            boundary: optional(&self.boundary, PolicyType::Boundary)?,
            session: policies(&self.session, PolicyType::Session, language)?,
        };
        let case = Case::new("", layers, requests)
            .ok_or_else(|| Failure::bad_input("`--resource` is missing"))?;
        Ok(EvalCase { case })
    }

    fn requests(&self, options: &CaseOptions) -> Result<Vec<Request>, Failure> {
        let context = self.context()?;
        let principal = self.principal.as_deref().unwrap_or_default();
        let action = self.action.as_deref().unwrap_or_default();
        self.resource
            .iter()
            .map(|resource| {
                let request = Request::new(principal, action, resource, context.clone());
                let mut request = request
                    .map_err(|error| {
                        let flag = error.pointer.replace('/', "--");
                        Failure::bad_input(error.message)
                            .code(error.code.as_str())
                            .at(flag)
                    })?
                    .management_account(self.management_account)
                    .root_user(self.root_user);
                if let Some(account) = &self.resource_account {
                    request = request.resource_account(account);
                }
                options.derive(&mut request);
                Ok(request)
            })
            .collect()
    }

    fn context(&self) -> Result<Context, Failure> {
        let mut context = Context::new();
        let single = self.context.iter().map(|text| (text, false));
        let lists = self.context_list.iter().map(|text| (text, true));
        for (text, list) in single.chain(lists) {
            let (key, value) = text.split_once('=').ok_or_else(|| {
                Failure::bad_input(format!("`{text}` is not KEY=VALUE"))
                    .code("E_FIELD")
                    .at("--context")
            })?;
            let value = if list {
                let values = value.split(',').filter(|value| !value.is_empty());
                ContextValue::List(values.map(str::to_owned).collect())
            } else {
                ContextValue::One(value.to_owned())
            };
            if !context.set(key, value) {
                return Err(
                    Failure::bad_input(format!("the key `{key}` is given twice"))
                        .code("E_CONTEXT_DUP")
                        .at("--context"),
                );
            }
        }
        Ok(context)
    }
}

fn levels(
    levels: &[String],
    kind: PolicyType,
    language: ScpLanguage,
) -> Result<Vec<Vec<Arc<Policy>>>, Failure> {
    levels
        .iter()
        .map(|level| {
            let files: Vec<PathBuf> = level
                .split(',')
                .filter(|file| !file.is_empty())
                .map(PathBuf::from)
                .collect();
            policies(&files, kind, language)
        })
        .collect()
}

fn policies(
    paths: &[PathBuf],
    kind: PolicyType,
    language: ScpLanguage,
) -> Result<Vec<Arc<Policy>>, Failure> {
    paths
        .iter()
        .map(|path| policy(path, kind, language))
        .collect()
}

pub(crate) fn policy(
    path: &Path,
    kind: PolicyType,
    language: ScpLanguage,
) -> Result<Arc<Policy>, Failure> {
    let text = read(path)?;
    let name = path.display().to_string();
    let policy = Policy::parse_with(&text, kind, language);
    let policy = policy.map_err(|error| refused(&name, &error))?;
    Ok(Arc::new(policy.named(name)))
}

pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let unreadable = |error| Failure::unreadable(path.display(), &error);
    let mut bytes = Vec::new();
    // one byte over the limit, to refuse a longer file instead of truncating it
    let limit = 4 * POLICY_BYTES_MAX as u64 + 1;
    if path == Path::new("-") {
        let read = std::io::stdin().take(limit).read_to_end(&mut bytes);
        read.map_err(unreadable)?;
    } else {
        let file = fs::File::open(path).map_err(unreadable)?;
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
    }
    let name = path.display().to_string();
    let text = decoded(&name, &bytes).map_err(|failure| failure.at(name.clone()))?;
    Ok(text.to_owned())
}

pub(crate) fn refused(name: &str, error: &LoadError) -> Failure {
    let place = match error.position {
        Some((line, column)) => format!("{name}:{line}:{column}"),
        None => format!("{name}#{}", error.pointer),
    };
    Failure::bad_input(error.message.clone())
        .code(error.code.as_str())
        .at(place)
}
