use std::path::Path;
use std::sync::Arc;

use hallpass_app::config::Loaded;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ConfigArgs, aws_settings};
use hallpass_aws::{FindingClient, RoleToAssume};
use hallpass_base::Clock;
use hallpass_base::clock::SystemClock;
use hallpass_findings::events::{InvocationAnswer, answer_invocation};
use hallpass_findings::{Enricher, FindingCalls, FindingHandler};
use hallpass_org::{ReadCalls as _, ReadPlace};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use serde_json::{Value, json};

use super::RuntimeArgs;
use super::runtime_api::{InvocationFailed, cannot_begin, serve};

/// Enrich findings of Security Hub as they arrive
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Enrich findings of Security Hub as they arrive\n\n\
        Takes events from a rule of EventBridge, a queue (with `ReportBatchItemFailures`) or a topic. An event that \
        cannot be handled fails: it is retried, and then goes to the dead-letter queue or the function's destination for \
        failures, so give it one.",
    after_help = "Examples:
  HALLPASS_LAMBDA=enrich ./bootstrap
  HALLPASS_LAMBDA=enrich HALLPASS_CONFIG_PARAMETER=/hallpass/config ./bootstrap"
)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Systems Manager parameter with the configuration, in place of a file
    #[arg(long, value_name = "NAME", env = "HALLPASS_CONFIG_PARAMETER")]
    config_parameter: Option<String>,
    #[command(flatten)]
    runtime: RuntimeArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    runtime()?.block_on(async {
        let api = &args.runtime.runtime_api;
        let handler = match handler(args).await {
            Ok(handler) => handler,
            Err(failure) => {
                cannot_begin(api, &failure).await;
                return Err(failure);
            }
        };
        let answer = async |event: String| match answer_invocation(&handler, &event).await {
            InvocationAnswer::Done(said) => Ok(said.to_string()),
            InvocationAnswer::Failed { kind, message } => Err(InvocationFailed { kind, message }),
        };
        serve(api, answer).await
    })
}

/// Builds the handler. Only the findings persist state between processes.
async fn handler(args: &Args) -> Result<FindingHandler, Failure> {
    let loaded = match &args.config_parameter {
        Some(name) => from_parameter(name).await?,
        None => args.config.load()?,
    };
    let settings = loaded.enrich_settings()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let client = FindingClient::new(aws_settings(&loaded), fastrand::u64(..), Arc::clone(&clock));
    let client = client
        .await
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let calls: Arc<dyn FindingCalls> = Arc::new(client);
    let enricher = Arc::new(Enricher::new(calls, clock, settings));
    let warn = |warning: &str| output::say(warning);
    Ok(FindingHandler::new(enricher, warn))
}

async fn from_parameter(name: &str) -> Result<Loaded, Failure> {
    let unread = |why: String| {
        Failure::failed(format!("the parameter `{name}` cannot be read: {why}")).help(
            "the function's role needs `ssm:GetParameter` for it, and `kms:Decrypt` where it is a `SecureString`",
        )
    };
    let package = Loaded {
        config: hallpass_app::config::parse("", name)?,
        folder: Path::new(".").to_path_buf(),
    };
    let calls = NamedCalls::of(aws_settings(&package), RoleToAssume::default(), 1).await?;
    let input = json!({ "Name": name, "WithDecryption": true });
    let place = ReadPlace::default();
    let asked = calls.call(&place, ("ssm", "GetParameter"), &input).await;
    let (answer, _) = asked.map_err(|it| unread(format!("{}: {}", it.code, it.message)))?;
    let text = answer.pointer("/Parameter/Value").and_then(Value::as_str);
    let text = text.ok_or_else(|| unread("the answer has no value".to_owned()))?;
    Ok(Loaded {
        config: hallpass_app::config::parse(text, name)?,
        ..package
    })
}
