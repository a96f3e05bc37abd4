//! Several targets in one `hallpass request`: one request each, all or none.

use crate::client::Client;
use crate::confirming::ConfirmArgs;
use crate::follow::{Followed, Last, follow_since};
use crate::ids::preview;
use crate::tables::{self, Viewpoint};
use crate::target_args::TargetArgs;
use hallpass_api::{Grant, Request, RequestBatch, RequestTarget, RequestedBatch};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, Table};
use tokio::time::Instant;

/// `--account A … --permission-set P …` and `--group G …`: every set in every account, and the
/// groups.
#[derive(Debug, clap::Args)]
pub struct TargetsArgs {
    /// Account: its id, or its unique name; repeatable
    #[arg(long = "account", value_name = "ACCOUNT")]
    #[arg(required_unless_present_any = ["groups", "denied"])]
    #[arg(requires = "permission_sets")]
    accounts: Vec<String>,
    /// Permission set, by name; several are requested in each account
    #[arg(long = "permission-set", value_name = "NAME")]
    #[arg(required_unless_present_any = ["groups", "denied"])]
    #[arg(requires = "accounts")]
    permission_sets: Vec<String>,
    /// Group: its id or name; repeatable
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

impl TargetsArgs {
    pub fn all(&self) -> Vec<TargetArgs> {
        let pairs = self.accounts.iter().flat_map(|account| {
            self.permission_sets.iter().map(|set| TargetArgs {
                account: Some(account.clone()),
                permission_set: Some(set.clone()),
                group: None,
            })
        });
        let groups = self.groups.iter().map(|group| TargetArgs {
            account: None,
            permission_set: None,
            group: Some(group.clone()),
        });
        pairs.chain(groups).collect()
    }
}

pub struct Asked<'a> {
    pub duration: TimeSpan,
    pub reason: &'a str,
    pub ticket: Option<&'a str>,
    pub starts_at: Option<Timestamp>,
    /// Even if already held.
    pub anew: bool,
    /// Total wait; `None`: no wait.
    pub patience: Option<TimeSpan>,
    /// Confirmed warnings.
    pub confirm: &'a ConfirmArgs,
}

/// Requests all targets, prints the requests, and with a wait the results.
///
/// # Errors
/// If one is already held or refused; then none is requested. With a wait, exit 1 if some access
/// will not become active.
pub async fn ask(
    client: &Client,
    targets: &[TargetArgs],
    asked: &Asked<'_>,
    format: Format,
) -> Outcome {
    for target in targets {
        let preview = match preview(client, target).await {
            Err(failure) if failure.exit() == Exit::BadInput => return Err(failure),
            // a failed preview does not block the request, unless the target is missing
            Err(_) => continue,
            Ok(preview) => preview,
        };
        if let Some(held) = &preview.standing {
            output::say(&format!("note: {}", output::plain(&held.says)));
        }
        if let Some(grant) = preview.held
            && !asked.anew
            && asked.starts_at.is_none()
        {
            return Err(held_already(&grant, asked.duration));
        }
    }
    let body = |confirmed_warnings| RequestBatch {
        targets: targets.iter().map(on_the_wire).collect(),
        duration_seconds: asked.duration.as_seconds(),
        reason: asked.reason.to_owned(),
        ticket: asked.ticket.map(str::to_owned),
        starts_at: asked.starts_at,
        confirmed_warnings,
    };
    let path = ["requests", "batch"];
    let batch: RequestedBatch = asked.confirm.post(client, &path, body).await?;
    for request in batch.items.iter().filter(|it| it.already_pending) {
        output::say(&format!(
            "note: an equal request waits already: {}",
            output::plain(&request.id)
        ));
    }
    match asked.patience {
        None => {
            show(&batch.items, format)?;
            Ok(Exit::Ok)
        }
        Some(patience) => see_through(client, batch.items, patience, format).await,
    }
}

fn on_the_wire(target: &TargetArgs) -> RequestTarget {
    RequestTarget {
        account: target.account.clone(),
        permission_set: target.permission_set.clone(),
        group: target.group.clone(),
    }
}

fn held_already(grant: &Grant, length: TimeSpan) -> Failure {
    let (held, id) = (tables::held(grant), &grant.id);
    Failure::refused(format!(
        "you hold `{held}` already, by `{id}`; nothing was requested"
    ))
    .code("held")
    .help(format!(
        "leave it out and `hallpass extend {id} --for {length}`; `--new` requests it once more"
    ))
}

fn show(requests: &[Request], format: Format) -> Result<(), Failure> {
    output::list(format, requests, tables::REQUEST_FIELDS, || {
        tables::requests(requests, &Viewpoint::here())
    })
}

fn show_known(known: Vec<Last>, format: Format) -> Result<(), Failure> {
    if format != Format::Table {
        return output::list(format, &known, tables::GRANT_FIELDS, Table::default);
    }
    let (mut grants, mut requests) = (Vec::new(), Vec::new());
    for it in known {
        match it {
            Last::Grant(grant) => grants.push(grant),
            Last::Request(request) => requests.push(request),
        }
    }
    if !grants.is_empty() {
        output::list(format, &grants, tables::GRANT_FIELDS, || {
            tables::grants(&grants, &Viewpoint::here())
        })?;
    }
    if !requests.is_empty() {
        show(&requests, format)?;
    }
    Ok(())
}

/// Waits for each in turn; `patience` limits the total.
async fn see_through(
    client: &Client,
    requests: Vec<Request>,
    patience: TimeSpan,
    format: Format,
) -> Outcome {
    let begun = Instant::now();
    let (mut known, mut over) = (Vec::new(), Vec::new());
    for request in requests {
        let asked = Last::Request(request);
        match follow_since(client, asked.clone(), patience, begun).await {
            Ok(Followed::Active(grant)) => known.push(Last::Grant(*grant)),
            Ok(Followed::Over(last, failure)) => {
                known.push(*last);
                over.push(failure);
            }
            Err(failure) => {
                known.push(asked);
                over.push(failure);
            }
        }
    }
    show_known(known, format)?;
    let count = over.len();
    match over.into_iter().next() {
        None => Ok(Exit::Ok),
        Some(only) if count == 1 => Err(only),
        Some(first) => Err(Failure::failed(format!(
            "{count} of these are not there; the first: {}",
            first.words()
        ))
        .help("`hallpass requests --role mine` shows each")),
    }
}
