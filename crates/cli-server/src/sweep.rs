use std::fmt::Write as _;

use hallpass_api::{ConfirmSweep, Sweep, SweepFindings, SweepReport, SweepState};
use hallpass_base::SweepId;
use hallpass_channels::wording::lists;
use hallpass_client::api_args::ApiArgs;
use hallpass_client::api_args::say_more;
use hallpass_client::client::{Client, block_on};
use hallpass_client::tables::Viewpoint;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table, plain};
use hallpass_terminal::prompt::{Consent, YesArgs, confirm};

use super::standing;

const FIELDS: &[&str] = &[
    "id",
    "state",
    "trigger",
    "by",
    "mode",
    "scope",
    "begun_at",
    "at",
    "detail",
    "confirmed_by",
];
const ITEMS_MAX: usize = 10_000;
const PAGE: usize = 500;

/// Find unmanaged access, and confirm its removal
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server sweep show
  hallpass server sweep run
  hallpass server sweep confirm swp_01934a5b6c7d7e8f90123456789abcde")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List the newest runs, or show one with its findings
    #[command(
        long_about = "List the newest runs, or show one with what it found\n\nAuditors and \
                      administrators. Exit 1 when the run that is shown could not read some \
                      places, and with --fail-on-findings 3 when it found unmanaged \
                      access, or accepted access whose review is overdue.",
        after_help = "Examples:\n  hallpass server sweep show\n  hallpass server sweep show \
                      swp_01934a5b6c7d7e8f90123456789abcde --fail-on-findings"
    )]
    Show {
        /// The run [default: list the newest ones]
        #[arg(value_name = "SWEEP")]
        id: Option<SweepId>,
        /// Maximum number of runs
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// Exit with 3 if the shown run has findings
        #[arg(long, requires = "id")]
        fail_on_findings: bool,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Sweep now; removes only confirmed items
    #[command(
        long_about = "Look now\n\nAdministrators. A requested run acts by the mode, \
                      with the same limits as a scheduled one. Answers before it is \
                      done: `hallpass server sweep show` shows its findings. During another run it is queued and runs next.",
        after_help = "Example:\n  hallpass server sweep run"
    )]
    Run {
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Confirm a run's plan as shown
    #[command(
        long_about = "Confirm the plan of a run, as it was shown\n\nAdministrators. Shows \
                      the plan and asks first. If anything changed since the plan was made, it is refused and nothing is done.",
        after_help = "Example:\n  hallpass server sweep confirm swp_01934a5b6c7d7e8f90123456789abcde"
    )]
    Confirm {
        /// The pending run
        #[arg(value_name = "SWEEP")]
        id: SweepId,
        /// Allow more changes than an automatic run
        #[arg(long)]
        beyond_limits: bool,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        api: ApiArgs,
    },
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Show {
            id: None,
            limit,
            api,
            ..
        } => list(api, *limit),
        Command::Show {
            id: Some(id),
            fail_on_findings,
            api,
            ..
        } => show(api, *id, *fail_on_findings),
        Command::Run { api } => begin(api),
        Command::Confirm {
            id,
            beyond_limits,
            yes,
            api,
        } => {
            let body = ConfirmSweep {
                beyond_limits: *beyond_limits,
            };
            confirm_plan(api, *id, &body, yes.consent())
        }
    }
}

fn list(api: &ApiArgs, limit: usize) -> Outcome {
    let client = api.client()?;
    block_on(async {
        let found = client.list::<Sweep>(&["sweeps"], &[], limit).await?;
        api.print_listing(&found, FIELDS, |sweeps| table(sweeps, &Viewpoint::here()))?;
        Ok(Exit::Ok)
    })
}

fn show(api: &ApiArgs, id: SweepId, fail_on_findings: bool) -> Outcome {
    let client = api.client()?;
    block_on(async {
        let found = findings(&client, id, &[]).await?;
        output::one(api.format(), &found, &["sweep", "items"], || {
            text(&found, &Viewpoint::here())
        })?;
        let report = found.sweep.report.as_ref();
        Ok(report.map_or(Exit::Ok, |it| exit(it, fail_on_findings)))
    })
}

/// An incomplete run is partial; findings count on request.
fn exit(report: &SweepReport, fail_on_findings: bool) -> Exit {
    let findings = report.unknown + report.preexisting + report.reviews_overdue;
    Exit::of_look(report.unread > 0, fail_on_findings && findings > 0)
}

async fn findings(
    client: &Client,
    id: SweepId,
    query: &[(&str, String)],
) -> Result<SweepFindings, Failure> {
    let id = id.to_string();
    let mut query = query.to_vec();
    query.push(("limit", PAGE.to_string()));
    let mut found: SweepFindings = client.get(&["sweeps", &id], &query).await?;
    while let Some(cursor) = found.next.take() {
        if found.items.len() >= ITEMS_MAX {
            say_more(true, found.items.len());
            break;
        }
        let mut further = query.clone();
        further.push(("cursor", cursor));
        let page: SweepFindings = client.get(&["sweeps", &id], &further).await?;
        found.items.extend(page.items);
        found.next = page.next;
    }
    Ok(found)
}

fn begin(api: &ApiArgs) -> Outcome {
    let client = api.client()?;
    block_on(async {
        let sweep: Sweep = client.post(&["sweeps"], &serde_json::json!({})).await?;
        output::one(api.format(), &sweep, FIELDS, || {
            head(&sweep, &Viewpoint::here())
        })?;
        let when = match sweep.state {
            SweepState::Queued => {
                "It looks within seconds; if another run looks, as soon as that is over"
            }
            SweepState::Running
            | SweepState::Planned
            | SweepState::Stopped
            | SweepState::Working
            | SweepState::Done
            | SweepState::Replaced
            | SweepState::Failed
            | SweepState::Interrupted
            | SweepState::Unknown => "It looks now",
        };
        output::say(&format!(
            "{when}; `hallpass server sweep show {}` shows what it finds.",
            plain(&sweep.id)
        ));
        Ok(Exit::Ok)
    })
}

fn confirm_plan(api: &ApiArgs, id: SweepId, body: &ConfirmSweep, consent: Consent) -> Outcome {
    let client = api.client()?;
    block_on(async {
        if consent == Consent::Ask {
            let planned = ("fate", "planned".to_owned());
            let found = findings(&client, id, &[planned]).await?;
            let counted = lists::count(found.items.len(), "item");
            output::say(
                standing::table(&found.items, &Viewpoint::here())
                    .text(output::width())
                    .trim_end(),
            );
            confirm(&format!("Do this to {counted} now?"), Consent::Ask)?;
        }
        let path = ["sweeps", &id.to_string(), "confirm"];
        let sweep: Sweep = client.post(&path, body).await?;
        output::one(api.format(), &sweep, FIELDS, || {
            head(&sweep, &Viewpoint::here())
        })?;
        Ok(Exit::Ok)
    })
}

fn table(runs: &[Sweep], view: &Viewpoint) -> Table {
    let mut table = Table::new(&["=ID", "=STATE", "WHY", "MODE", "=BEGAN", "FOUND", "SAYS"]);
    for run in runs {
        let why = match &run.by {
            Some(by) => by.clone(),
            None => run.trigger.name().to_owned(),
        };
        table.row([
            run.id.clone(),
            run.state.name().to_owned(),
            why,
            run.mode.name().to_owned(),
            view.time(run.begun_at),
            run.report.as_ref().map(brief).unwrap_or_default(),
            run.detail.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn brief(report: &SweepReport) -> String {
    let mut parts = vec![format!("{} unknown", report.unknown)];
    for (number, what) in [
        (report.preexisting, "found by grants"),
        (report.reviews_overdue, "reviews overdue"),
        (report.unread, "not read"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    parts.join(", ")
}

fn head(run: &Sweep, view: &Viewpoint) -> String {
    let mut text = format!(
        "{}: {}, mode {}, began {}\n",
        plain(&run.id),
        run.state.name(),
        run.mode.name(),
        view.time(run.begun_at)
    );
    if let Some(detail) = &run.detail {
        let _ = writeln!(text, "  {}", plain(detail));
    }
    if let Some(by) = &run.confirmed_by {
        let _ = writeln!(text, "  confirmed by {}", plain(by));
    }
    text
}

fn text(found: &SweepFindings, view: &Viewpoint) -> String {
    let mut text = head(&found.sweep, view);
    if let Some(report) = &found.sweep.report {
        let _ = writeln!(
            text,
            "  read {} pairs and {} groups: {} seen, {} managed, {} accepted, {}",
            report.pairs_read,
            report.groups_read,
            report.seen,
            report.ours,
            report.accepted,
            brief(report)
        );
        if let Some(entitlements) = &report.entitlements {
            let _ = writeln!(text, "  {}", plain(&entitlements.says));
            for it in &entitlements.items {
                let new = if it.new == Some(true) { ", new" } else { "" };
                let _ = writeln!(text, "    {}{new}", plain(&it.says));
            }
        }
        for place in &report.unread_places {
            let _ = writeln!(
                text,
                "  not read: {}: {}",
                plain(&place.what),
                plain(&place.error)
            );
        }
        for left_out in &report.left_out {
            let _ = writeln!(text, "  {}", plain(left_out));
        }
    }
    if !found.items.is_empty() {
        text.push('\n');
        text.push_str(&standing::table(&found.items, view).text(output::width()));
    }
    if matches!(found.sweep.state, SweepState::Planned | SweepState::Stopped) {
        let _ = writeln!(
            text,
            "\nIt waits: hallpass server sweep confirm {}{}",
            plain(&found.sweep.id),
            if found.sweep.over_limits {
                " --beyond-limits"
            } else {
                ""
            }
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_with_findings_is_exit_3_only_where_that_is_asked_for() {
        let report = |unknown: u64, unread: u64| {
            let report = json!({
                "began": "2026-03-06T14:00:00Z", "ended": "2026-03-06T14:00:01Z", "pairs_read": 1,
                "groups_read": 1, "seen": 9, "ours": 1, "accepted": 2, "under_grant": 1,
                "preexisting": 0, "unknown": unknown, "reviews_overdue": 0, "new": 0, "changed": 0,
                "gone": 0, "to_act": 0, "group_assignments": 0, "unread": unread,
                "unread_places": [], "left_out": [],
                "drift": {"seen": 0, "fixed": 0, "against_rules": [], "failed": 0},
            });
            serde_json::from_value::<SweepReport>(report).unwrap()
        };
        for (unknown, unread, plain, asked) in [
            (0, 0, Exit::Ok, Exit::Ok),
            (1, 0, Exit::Ok, Exit::Findings),
            (0, 1, Exit::Failed, Exit::Failed),
            (1, 1, Exit::Failed, Exit::Failed),
        ] {
            let report = report(unknown, unread);
            assert_eq!(exit(&report, false), plain, "{report:?}");
            assert_eq!(exit(&report, true), asked, "{report:?}");
        }
    }
}
