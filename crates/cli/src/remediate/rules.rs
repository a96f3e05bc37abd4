use std::path::PathBuf;
use std::sync::Arc;

use hallpass_app::chores::plans;
use hallpass_app::chores::remediations::{self, RemediationMeans, RuleSource, read_rules};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ConfigArgs, aws_settings, open_store_to_act};
use hallpass_aws::FindingClient;
use hallpass_base::{Clock, IdSource};
use hallpass_findings::events::{OrganizationEvent, read_event};
use hallpass_findings::remediation::{
    AccountStanding, Before, Deviation, RemediationDecision, RuleChoice, RuleFile, Taken, choose,
    read_deviations, settle, takes,
};
use hallpass_findings::{Enricher, FindingCalls};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use hallpass_terminal::text_file::read_text;
use serde_json::{Value, json};

/// Event size limit; SQS messages have 256 KiB.
const EVENT_BYTES_MAX: u64 = 1 << 20;
const FIELDS: &[&str] = &["resource", "account", "rule", "decision", "why"];

/// Check a rule file, and preview its actions for an event
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org remediate rules check remediation.yaml --event finding.json --ou Dev"
)]
pub(super) struct CheckArgs {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// An event as `EventBridge` sends it; calls and stores nothing
    #[arg(long, value_name = "EVENT.json")]
    event: Option<PathBuf>,
    /// The assumed OU of the event's accounts
    #[arg(long, value_name = "NAME", default_value = "", requires = "event")]
    ou: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// Process an event as if the queue had delivered it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org remediate replay finding.json")]
pub(super) struct ReplayArgs {
    /// The event as `EventBridge` sent it: a dead-letter message of the queue
    #[arg(value_name = "EVENT.json")]
    event: PathBuf,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

fn event(path: &std::path::Path) -> Result<OrganizationEvent, Failure> {
    let text = read_text(path, EVENT_BYTES_MAX)?;
    let event =
        read_event(&text).map_err(|why| Failure::bad_input(why.to_string()).within(path))?;
    if takes(&event.source, &event.detail_type) {
        return Ok(event);
    }
    let (source, kind) = (&event.source, &event.detail_type);
    let words = format!("`{kind}` of `{source}` names no resource with a problem");
    Err(Failure::bad_input(words).within(path))
}

fn decided(file: &RuleFile, it: &Deviation, unit: &str) -> Value {
    let standing = AccountStanding::Member {
        unit: unit.to_owned(),
        management: false,
    };
    let now = hallpass_base::clock::now();
    let choice = choose(file, it, &standing, now);
    let rule = match &choice {
        RuleChoice::Ignored(_) => None,
        RuleChoice::Rule(rule) | RuleChoice::Excepted(rule, _) | RuleChoice::Refused(rule, _) => {
            Some(*rule)
        }
    };
    let (decision, why) = match (settle(&choice, &Before::default(), now), &choice) {
        (Some(RemediationDecision::Observe), _) => ("observe", String::new()),
        (Some(RemediationDecision::Act), _) => ("act", String::new()),
        (Some(RemediationDecision::Approve(why)), _) => ("approve", why),
        (Some(RemediationDecision::Suppress(why)), _) => ("suppress", why),
        (Some(RemediationDecision::Manual(why)), _) => ("manual", why),
        (None, RuleChoice::Ignored(why)) => ("ignored", why.clone()),
        (None, RuleChoice::Rule(_) | RuleChoice::Excepted(..) | RuleChoice::Refused(..)) => {
            ("ignored", String::new())
        }
    };
    json!({
        "resource": it.resource, "account": it.account, "control": it.control, "rule": rule.map(|it| it.id.clone()),
        "action": rule.map(|it| it.action.name()), "decision": decision, "why": why,
    })
}

fn print(output: &OutputArgs, rows: &[Value]) -> Result<(), Failure> {
    output::list(output.format(), rows, FIELDS, || {
        let mut table = Table::new(&["resource", "account", "rule", "decision", "why"]);
        for row in rows {
            let text = |name: &str| {
                row.get(name)
                    .and_then(Value::as_str)
                    .unwrap_or("-")
                    .to_owned()
            };
            table.row(["resource", "account", "rule", "decision", "why"].map(text));
        }
        table
    })
}

pub(super) fn run_check(args: &CheckArgs) -> Outcome {
    let (_, file) = read_rules(&args.file)?;
    for (later, first) in file.unreachable() {
        output::say(&format!(
            "rule `{later}` never counts: `{first}` before it fits wherever it would"
        ));
    }
    for exception in file.expired(hallpass_base::clock::now()) {
        output::say(&format!(
            "exception {} is over: {}",
            exception.number, exception.reason
        ));
    }
    output::say(&format!(
        "{} rules, {} exceptions",
        file.rules.len(),
        file.exceptions.len()
    ));
    let Some(path) = &args.event else {
        return Ok(Exit::Ok);
    };
    let read = read_deviations(&event(path)?);
    if let Some(why) = read.broken.first() {
        return Err(Failure::bad_input(why.clone()).within(path));
    }
    let rows: Vec<Value> = read
        .rows
        .iter()
        .map(|it| decided(&file, it, &args.ou))
        .collect();
    print(&args.output, &rows)?;
    Ok(Exit::Ok)
}

pub(super) fn run_replay(args: &ReplayArgs) -> Outcome {
    let (loaded, address) = (args.config.load()?, args.config.existing_store()?);
    let event = event(&args.event)?;
    let Some(path) = loaded.remediation_rules() else {
        let failure = Failure::bad_input("`remediation.rules` is not set: there are no rules");
        return Err(failure.help("docs/how-to/remediation.md has an example"));
    };
    runtime()?.block_on(async {
        let rules = Arc::new(RuleSource::open(path)?);
        let store = open_store_to_act(address).await?;
        let context = plans::open(&loaded).await?;
        let settings = loaded.enrich_settings()?;
        let clock: Arc<dyn Clock> = Arc::clone(&context.clock);
        let client = FindingClient::new(aws_settings(&loaded), fastrand::u64(..), Arc::clone(&clock));
        let client = client.await.map_err(Failure::failed)?;
        let findings: Arc<dyn FindingCalls> = Arc::new(client);
        let enricher = Enricher::new(Arc::clone(&findings), Arc::clone(&clock), settings.clone());
        let ids: Arc<dyn IdSource> = Arc::new(RandomIds);
        let about = context.aws.about();
        let management = about.management_account.as_deref();
        let client = aws_settings(&loaded);
        let (_, standings) = remediations::member_calls(&loaded, client, &clock, &findings);
        let handler = remediations::handler(
            &RemediationMeans {
                loaded: &loaded,
                client: &aws_settings(&loaded),
                store: &store,
                clock: &clock,
                ids: &ids,
                enricher: &Arc::new(enricher),
                findings: &findings,
                settings: &settings,
                organization: about.organization_id.clone().unwrap_or_default(),
                management: management.and_then(|it| it.parse().ok()),
                actor: about.arn.clone(),
            },
            &rules,
            standings,
        );
        let mut rows = Vec::new();
        for it in read_deviations(&event).rows {
            let (resource, account) = (it.resource.clone(), it.account.clone());
            let taken = handler.take(it).await.map_err(Failure::failed)?;
            let (decision, why, id, rule) = match taken {
                Taken::Ignored(why) => ("ignored", why, None, None),
                Taken::Known(id) => ("known", "it came before".to_owned(), Some(id), None),
                Taken::Kept(it) => (it.phase.name(), String::new(), Some(it.id), Some(it.rule)),
            };
            rows.push(json!({
                "resource": resource, "account": account, "decision": decision, "why": why, "remediation": id,
                "rule": rule,
            }));
        }
        print(&args.output, &rows)?;
        Ok(Exit::Ok)
    })
}
