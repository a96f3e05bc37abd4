use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hallpass_api::{Decision, DecisionKind};
use hallpass_app::setup::facts::FactsSource;
use hallpass_base::{AccountId, Email, GroupId};
use hallpass_channels::wording::group_sync;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_client::target_args::TargetArgs;
use hallpass_rules::{Ask, Directory, Rules, cases};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, plain};
use serde_json::{Value, json};

const FIELDS: &[&str] = &["decision", "approvers", "because"];

/// Explain the rules' decision on one request
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Explain the rules' decision on one request\n\nQueries the server for the rules \
                  in force, or with --rules decides by a file.",
    after_help = "Examples:
  hallpass rules explain --user ana@acme.example --account payments-prod --permission-set ReadOnly
  hallpass rules explain --rules rules.toml --facts organization.json \\
      --user ana@acme.example --group oncall"
)]
pub(crate) struct Args {
    /// The requester (e-mail)
    #[arg(long, value_name = "E-MAIL")]
    user: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Decide by this rule file instead of calling the server
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Organization file, or `live` for AWS, to decide with
    #[arg(long, value_name = "ORGANIZATION", requires = "rules")]
    facts: Option<FactsSource>,
    #[command(flatten)]
    api: ApiArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let decision = match &args.rules {
        Some(rules) => decide_here(args, rules)?,
        None => ask_server(args)?,
    };
    output::one(args.api.format(), &decision, FIELDS, || text(&decision))?;
    Ok(Exit::Ok)
}

fn ask_server(args: &Args) -> Result<Decision, Failure> {
    let client = args.api.client()?;
    let mut query = vec![("user", args.user.clone())];
    let target = &args.target;
    for (name, value) in [
        ("account", &target.account),
        ("permission_set", &target.permission_set),
        ("group", &target.group),
    ] {
        query.extend(value.clone().map(|value| (name, value)));
    }
    block_on(client.get(&["rules", "explain"], &query))
}

fn decide_here(args: &Args, rules: &Path) -> Result<Decision, Failure> {
    let rules = super::read_good(rules)?.rules;
    let facts = match &args.facts {
        Some(source) => Some(source.read(rules.named_facts(), None)?.directory),
        None => None,
    };
    let bad = |error: &dyn std::fmt::Display| Failure::bad_input(error.to_string());
    let user = Email::new(&args.user).map_err(|error| bad(&error))?;
    let known = facts.clone().unwrap_or_default();
    match (&args.target.account, &args.target.group) {
        (Some(account), _) => {
            let account = account_id(account, facts.as_ref())?;
            let set = args.target.permission_set.as_deref().unwrap_or_default();
            let case = json!({"requester": user, "account": account, "permission_set": set});
            let ask = Ask::Account {
                account: &account,
                permission_set: set,
            };
            explained(&rules, &user, &ask, &case, facts.as_ref(), &known)
        }
        (None, Some(group)) => {
            let group = group_id(group, facts.as_ref())?;
            let case = json!({"requester": user, "group": group});
            let ask = Ask::Group { group: &group };
            explained(&rules, &user, &ask, &case, facts.as_ref(), &known)
        }
        (None, None) => Err(Failure::bad_input("nothing is requested")),
    }
}

fn explained(
    rules: &Rules,
    user: &Email,
    ask: &Ask<'_>,
    case: &Value,
    facts: Option<&Directory>,
    known: &Directory,
) -> Result<Decision, Failure> {
    let now = hallpass_base::clock::now();
    let explanation = rules.explain(user, ask, known, now);
    let mut value = serde_json::to_value(&explanation).map_err(Failure::bug)?;
    // the target is checked before the rules (`access.md` §4.2)
    let answer = cases::answer(&case.to_string(), Some(rules), facts, now);
    if let cases::CaseDecision::Decided { invalid, .. } = answer
        && !invalid.is_empty()
    {
        if let Value::Object(value) = &mut value {
            value.insert("invalid".to_owned(), json!(invalid));
        }
        return Ok(Decision {
            decision: DecisionKind::Invalid,
            approvers: Vec::new(),
            because: Vec::new(),
            explanation: value,
        });
    }
    let decision = explanation.decision;
    Ok(Decision {
        decision: name_of(decision.kind),
        approvers: decision.approvers.iter().map(ToString::to_string).collect(),
        because: decision.based_on.iter().map(ToString::to_string).collect(),
        explanation: value,
    })
}

const fn name_of(kind: hallpass_rules::DecisionKind) -> DecisionKind {
    match kind {
        hallpass_rules::DecisionKind::ApprovalNotRequired => DecisionKind::ApprovalNotRequired,
        hallpass_rules::DecisionKind::SelfApproval => DecisionKind::SelfApproval,
        hallpass_rules::DecisionKind::RequiresApproval => DecisionKind::RequiresApproval,
        hallpass_rules::DecisionKind::NoApprovers => DecisionKind::NoApprovers,
        hallpass_rules::DecisionKind::NoStatements => DecisionKind::NoStatements,
        hallpass_rules::DecisionKind::RequesterNotAllowed => DecisionKind::RequesterNotAllowed,
    }
}

fn account_id(text: &str, facts: Option<&Directory>) -> Result<AccountId, Failure> {
    if let Ok(id) = AccountId::new(text) {
        return Ok(id);
    }
    let Some(facts) = facts else {
        return Err(
            Failure::bad_input(format!("`{text}` is not an account id of 12 digits"))
                .help("give `--facts` to name accounts by their names"),
        );
    };
    let mut named = facts.accounts_by_name(text);
    match (named.next(), named.next()) {
        (Some(account), None) => Ok(account.id.clone()),
        (Some(_), Some(_)) => Err(Failure::bad_input(format!(
            "several accounts are named `{text}`"
        ))
        .help("give the account's id")),
        (None, _) => Err(Failure::bad_input(format!("no account is named `{text}`"))),
    }
}

fn group_id(text: &str, facts: Option<&Directory>) -> Result<GroupId, Failure> {
    let named = || facts.and_then(|facts| facts.group_by_name(text));
    GroupId::new(text)
        .ok()
        .or_else(|| named().map(|group| group.id.clone()))
        .ok_or_else(|| {
            Failure::bad_input(format!("`{text}` names no group, or more than one"))
                .help("give the group's id, or `--facts` to name groups by their names")
        })
}

fn text(decision: &Decision) -> String {
    let about = &decision.explanation;
    let said = |name: &str| about.get(name).and_then(Value::as_str).map(plain);
    let mut text = format!("{}\n", decision.decision.name());
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:14}  {value}");
        }
    };
    line("requester", &said("requester").unwrap_or_default());
    line("target", &said("target").unwrap_or_default());
    line("approvers", &plain(&decision.approvers.join(", ")));
    line("rests on", &plain(&decision.because.join(", ")));
    if decision.decision == DecisionKind::Invalid {
        for problem in items(about, "invalid") {
            let part = |name: &str| {
                problem
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            line(&plain(part("field")), &plain(part("message")));
        }
    } else if let Some(step) = about.get("step").and_then(Value::as_u64) {
        let because = said("because").unwrap_or_default();
        line("decided", &format!("step {step}: {because}"));
    }
    rules(about, &mut text);
    memberships(about, &mut text);
    let nearest = about.get("nearest");
    if let Some(nearest) = nearest.filter(|_| decision.decision != DecisionKind::Invalid) {
        let part = |name: &str| nearest.get(name).and_then(Value::as_str).map(plain);
        if let (Some(rule), Some(lacks)) = (part("rule"), part("lacks")) {
            let _ = write!(text, "\nNearest: rule `{rule}`: {lacks}\n");
        }
    }
    text
}

fn memberships(about: &Value, text: &mut String) {
    for (place, membership) in items(about, "memberships").enumerate() {
        let part = |name: &str| membership.get(name).and_then(Value::as_str).map(plain);
        if place == 0 {
            let _ = writeln!(text, "\n{}:", group_sync::MEMBERSHIPS);
        }
        let (group, because) = (part("group"), part("because"));
        let (group, because) = (group.unwrap_or_default(), because.unwrap_or_default());
        let _ = writeln!(text, "  {}", group_sync::membership(&group, &because));
    }
}

fn items<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn rules(about: &Value, text: &mut String) {
    let part = |rule: &Value, name: &str| {
        rule.get(name)
            .and_then(Value::as_str)
            .map(plain)
            .unwrap_or_default()
    };
    let considered: Vec<&Value> = items(about, "rules").collect();
    if considered.is_empty() {
        return;
    }
    text.push_str("\nRules considered:\n");
    for rule in considered {
        let effect = part(rule, "effect").replace('_', " ");
        let (id, why) = (part(rule, "id"), part(rule, "why"));
        let _ = writeln!(text, "  {id} {effect}: {why}");
        let _ = writeln!(text, "      {}", part(rule, "sentence"));
    }
}
