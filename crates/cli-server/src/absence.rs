use hallpass_api::{Absence, AbsenceEnded, Absences, EndAbsence, SetAbsence};
use hallpass_channels::wording::time::utc;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::block_on;
use hallpass_client::commands::starts;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output::{self, Table};
use hallpass_terminal::words;

const FIELDS: &[&str] = &["user", "user_id", "since", "until", "delegate", "set_by"];

/// Set an absence: you get no reviews, and a delegate approves in your place
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people out-of-office --until 2026-12-20T08:00 --delegate nina@acme.example
  hallpass people out-of-office --until +8h
  hallpass people out-of-office --user mara@acme.example --until +3d --delegate nina@acme.example")]
pub struct SetArgs {
    /// End: `2026-12-20T08:00` (in your zone; `…Z`: UTC), `tomorrow 08:00`, `18:00` or `+8h`
    #[arg(long, value_name = "WHEN")]
    until: String,
    /// Who approves in your place [default: no one]
    #[arg(long, value_name = "E-MAIL")]
    delegate: Option<String>,
    /// Of someone else: for administrators
    #[arg(long, value_name = "E-MAIL")]
    user: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run_set(args: &SetArgs) -> Outcome {
    let until = starts::read(&args.until, hallpass_base::clock::now(), &words::zone())?;
    let client = args.api.client()?;
    let body = SetAbsence {
        user: args.user.clone(),
        until,
        delegate: args.delegate.clone(),
    };
    let absence: Absence = block_on(async { client.post(&["absences"], &body).await })?;
    output::one(args.api.format(), &absence, FIELDS, || {
        let place = absence.delegate.as_ref().map_or_else(
            || "no one approves".to_owned(),
            |it| format!("{} approves", output::plain(it)),
        );
        format!(
            "{} is out of office until {}; {place} in their place.\n",
            output::plain(&absence.user),
            utc(absence.until)
        )
    })?;
    Ok(Exit::Ok)
}

/// End an absence now
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass people back")]
pub struct BackArgs {
    /// Of someone else: for administrators
    #[arg(long, value_name = "E-MAIL")]
    user: Option<String>,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run_back(args: &BackArgs) -> Outcome {
    let client = args.api.client()?;
    let body = EndAbsence {
        user: args.user.clone(),
    };
    let done: AbsenceEnded = block_on(async { client.post(&["absences", "end"], &body).await })?;
    output::say(if done.changed {
        "The absence is over."
    } else {
        "There is no absence; nothing changed."
    });
    Ok(Exit::Ok)
}

/// List absences in force: all as administrator or auditor, else those about you
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass people absences --output json")]
pub struct ListArgs {
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run_list(args: &ListArgs) -> Outcome {
    let found: Absences = block_on(args.api.client()?.get(&["absences"], &[]))?;
    output::list(args.api.format(), &found.items, FIELDS, || {
        let mut table = Table::new(&["USER", "UNTIL", "DELEGATE", "SET BY"]);
        for row in &found.items {
            table.row([
                row.user.clone(),
                utc(row.until),
                row.delegate.clone().unwrap_or_default(),
                row.set_by.clone(),
            ]);
        }
        table
    })?;
    Ok(Exit::Ok)
}
