//! `hallpass query alerts mute` and `unmute`: suppresses a row for a time; lists still contain it,
//! with author and reason.

use hallpass_alerts::{
    AlertCommitError, AlertRowKey, AlertRuleId, AlertState, Mute, MuteStep, NoSuchRow, mute, unmute,
};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::reports::alerts::unstored;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::{AuditId, IdSource as _, Timestamp, time};
use hallpass_channels::wording::alert::row_key;
use hallpass_channels::wording::time::utc;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use jiff::tz::TimeZone;

use super::store;

/// Mute a row for a time; it stays in lists, with who and why
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass query alerts list --rows
  hallpass query alerts mute users/no-mfa --key '[\"222222222222\",\"ana\"]' \\
      --until 2027-01-31 --by ops@example.com --reason 'leaves in January'")]
pub(super) struct MuteArgs {
    #[command(flatten)]
    row: RowArgs,
    /// End of the mute: a day in UTC, or an instant (RFC 3339)
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    until: Timestamp,
}

/// Unmute a row
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass query alerts unmute users/no-mfa --key '[\"222222222222\",\"ana\"]' --reason 'stays after all'"
)]
pub(super) struct UnmuteArgs {
    #[command(flatten)]
    row: RowArgs,
}

/// The row, and the author and reason of the change.
#[derive(Debug, clap::Args)]
struct RowArgs {
    /// The rule
    rule: AlertRuleId,
    /// The row's key, as in `query alerts list --rows`; with a single column, its value
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Reason, for later readers
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Author of the change
    #[arg(long, value_name = "WHO", env = "USER", hide_env_values = true)]
    by: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// The audit record; the author is self-declared.
fn record(event: Event, now: Timestamp, by: &str) -> Draft {
    let id = AuditId::new(RandomIds.next(now));
    Draft::new(id, event, now, by, Origin::Cli)
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let day = || time::day(text).ok()?.to_zoned(TimeZone::UTC).ok();
    let day = day().map(|it| it.timestamp());
    day.or_else(|| time::instant(text).ok()).ok_or_else(|| {
        "a day such as 2027-01-31, or an instant such as 2027-01-31T12:00:00Z".to_owned()
    })
}

pub(super) fn run_mute(args: &MuteArgs) -> Outcome {
    let (now, key) = (
        hallpass_base::clock::now(),
        AlertRowKey::given(&args.row.key),
    );
    if args.until <= now {
        let message = format!("`--until {}` is over", args.until);
        return Err(Failure::bad_input(message));
    }
    reasoned(&args.row.reason)?;
    let wanted = Mute {
        key: key.clone(),
        until: args.until,
        by: args.row.by.clone(),
        reason: args.row.reason.clone(),
        at: now,
    };
    change(&args.row.config, &args.row.rule, |state| {
        let refused = no_row(&state, &key);
        let record = record(Event::AlertMuted, now, &args.row.by);
        mute(state, wanted.clone(), record).map_err(|NoSuchRow| refused)
    })?;
    output::say(&format!(
        "muted until {}: {}",
        utc(args.until),
        row_key(&key)
    ));
    Ok(Exit::Ok)
}

pub(super) fn run_unmute(args: &UnmuteArgs) -> Outcome {
    let (now, key) = (
        hallpass_base::clock::now(),
        AlertRowKey::given(&args.row.key),
    );
    reasoned(&args.row.reason)?;
    change(&args.row.config, &args.row.rule, |state| {
        let rule = state.rule.clone();
        let record = record(Event::AlertUnmuted, now, &args.row.by);
        unmute(state, &key, &args.row.reason, record).map_err(|NoSuchRow| {
            Failure::bad_input(format!("no row `{}` of `{rule}` is muted", row_key(&key)))
        })
    })?;
    output::say(&format!("muted no more: {}", row_key(&key)));
    Ok(Exit::Ok)
}

/// Requires a reason, so that a mute stays understandable.
fn reasoned(reason: &str) -> Result<(), Failure> {
    if reason.trim().is_empty() {
        return Err(Failure::bad_input("`--reason` is empty")
            .help("it stays in lists and in the audit log"));
    }
    Ok(())
}

fn no_row(state: &AlertState, key: &AlertRowKey) -> Failure {
    let failure = Failure::bad_input(format!("`{}` has no row `{}`", state.rule, row_key(key)));
    let keys: Vec<&str> = state.rows.keys().map(AlertRowKey::as_str).collect();
    match hallpass_rules::nearest(key.as_str(), keys) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None => failure.help("`hallpass query alerts list --rows` shows the keys"),
    }
}

const TRIES: usize = 8;

fn change(
    config: &ConfigArgs,
    rule: &AlertRuleId,
    change: impl Fn(AlertState) -> Result<MuteStep, Failure>,
) -> Result<(), Failure> {
    let address = config.existing_store()?;
    runtime()?.block_on(async {
        let store = store(address).await?;
        for _ in 0..TRIES {
            let state = store
                .alert_state(rule)
                .await
                .map_err(|error| unstored(&error))?;
            let Some(state) = state else {
                let failure = Failure::bad_input(format!("no rule `{rule}` was ever run"));
                return Err(failure.help("`hallpass query alerts list` shows those that were"));
            };
            match store.commit_mute(change(state)?).await {
                Ok(()) => return Ok(()),
                Err(AlertCommitError::Raced(_)) => {}
                Err(error @ AlertCommitError::Unavailable(_)) => return Err(unstored(&error)),
            }
        }
        Err(Failure::failed(format!(
            "`{rule}` is run again and again; try once more"
        )))
    })
}
