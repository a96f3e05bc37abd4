use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_base::AccountId;
use hallpass_base::clock::SystemClock;
use hallpass_findings::{Enricher, Finding, update_of};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use serde::Serialize;

use super::{client, refused};

const FIELDS: &[&str] = &["account", "note", "fields"];

/// Show the data that a finding of an account would get
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org findings show 111122223333")]
pub(super) struct Args {
    /// The account
    #[arg(value_name = "ACCOUNT")]
    account: AccountId,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Serialize)]
struct Shown {
    account: String,
    note: Option<String>,
    fields: BTreeMap<String, String>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let loaded = args.config.load()?;
    let settings = loaded.enrich_settings()?;
    let (facts, warning) = runtime()?.block_on(async {
        let client = client(&loaded).await?;
        let enricher = Enricher::new(client, Arc::new(SystemClock), settings.clone());
        enricher
            .facts(&args.account)
            .await
            .map_err(|refusal| refused(&refusal))
    })?;
    let update = update_of(&Finding::bare(args.account.clone()), &facts, &settings);
    let shown = Shown {
        account: args.account.to_string(),
        note: update.note.map(|it| it.text),
        fields: update.fields,
    };
    let text = || {
        let mut text = String::new();
        for (name, value) in &shown.fields {
            let _ = writeln!(text, "{}: {}", output::plain(name), output::plain(value));
        }
        let note = shown.note.as_deref().unwrap_or_default();
        let _ = writeln!(text, "\n{}", output::plain(note));
        text
    };
    output::one(args.output.format(), &shown, FIELDS, text)?;
    if let Some(warning) = warning {
        output::say(&warning);
    }
    Ok(Exit::Ok)
}
