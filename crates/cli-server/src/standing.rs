use hallpass_api::{
    GroupAssignment, Standing, StandingAct, StandingAction, StandingDone, StandingList,
};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_client::api_args::ApiArgs;
use hallpass_client::client::{Client, Listing, block_on};
use hallpass_client::tables::Viewpoint;
use hallpass_client::target_args::TargetArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Table, plain};
use hallpass_terminal::prompt::{Consent, YesArgs, confirm};
use jiff::civil::Date;
use jiff::tz::TimeZone;

const FIELDS: &[&str] = &[
    "user_id",
    "user",
    "account",
    "account_name",
    "permission_set",
    "group",
    "group_name",
    "kind",
    "fate",
    "first_seen",
    "seen_at",
    "grant_id",
    "sweep_id",
];
const GROUP_FIELDS: &[&str] = &[
    "group",
    "group_name",
    "account",
    "account_name",
    "permission_set",
    "first_seen",
    "unread_since",
];
const PAGE: usize = 500;
const AGAIN_MAX: u32 = 3;

/// List and accept access from outside Hallpass
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server standing list
  hallpass server standing groups --group platform
  hallpass server standing accept --user eve@acme.example --account payments-prod \\
      --permission-set ReadOnly --reason 'the auditor of the year' --review 2027-01-31
  hallpass server standing adopt --user eve@acme.example --group oncall --for 8h --reason 'moving in'")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List findings of the newest sweep, and accepted access
    #[command(
        long_about = "List findings of the newest sweep, and accepted access\n\nAuditors and \
                      administrators. KIND is `unknown`, `preexisting`, `under_grant`, `accepted`, \
                      `review_overdue` or `absent`.",
        after_help = "Example:\n  hallpass server standing list --kind unknown"
    )]
    List {
        /// Only this kind
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// Only this user's: e-mail or id
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Only in this account: id or name
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Maximum number of items
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// List permission sets that groups have, as the newest sweep listed them
    #[command(
        long_about = "List permission sets that groups have, as the newest sweep listed them\n\nAuditors \
                      and administrators.",
        after_help = "Example:\n  hallpass server standing groups --account payments-prod"
    )]
    Groups {
        /// Only this group's: name or id
        #[arg(long, value_name = "GROUP")]
        group: Option<String>,
        /// Only in this account: id or name
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// Maximum number of items
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Accept access as standing, so that no sweep removes it
    #[command(
        long_about = "Accept access as standing, so that no sweep removes it\n\nAdministrators. After the \
                      review date it is reported, and stays.",
        after_help = "Example:\n  hallpass server standing accept --user eve@acme.example --account \
                      payments-prod \\\n      --permission-set ReadOnly --reason 'the auditor of \
                      the year' --review 2027-01-31"
    )]
    Accept {
        #[command(flatten)]
        item: ItemArgs,
        /// Review date (UTC)
        #[arg(long, value_name = "DATE", value_parser = hallpass_base::time::day)]
        review: Option<Date>,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Withdraw an acceptance of standing access
    #[command(
        long_about = "Withdraw an acceptance of standing access\n\nAdministrators. From here on it is unmanaged \
                      access, which a sweep may remove by its mode: asks first.",
        after_help = "Example:\n  hallpass server standing withdraw --user eve@acme.example --group oncall \
                      \\\n      --reason 'left the rota'"
    )]
    Withdraw {
        #[command(flatten)]
        item: ItemArgs,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        api: ApiArgs,
    },
    /// Give standing access an end: it becomes a normal grant
    #[command(
        long_about = "Give standing access an end: it becomes a grant like any other\n\nAdministrators. Its holder \
                      is notified, sees it with its countdown, may end it early, and may request more time by the rules. Asks first: it will be removed at its end.",
        after_help = "Example:\n  hallpass server standing adopt --user eve@acme.example --account \
                      payments-prod \\\n      --permission-set ReadOnly --for 8h --reason 'moving \
                      in from another tool'"
    )]
    Adopt {
        #[command(flatten)]
        item: ItemArgs,
        /// Remaining duration: `90m`, `8h`
        #[arg(long = "for", value_name = "DURATION")]
        duration: TimeSpan,
        #[command(flatten)]
        yes: YesArgs,
        #[command(flatten)]
        api: ApiArgs,
    },
}

/// Item and reason.
#[derive(Debug, clap::Args)]
struct ItemArgs {
    /// The user's e-mail, user name, or id in the identity store
    #[arg(long, value_name = "USER")]
    user: String,
    #[command(flatten)]
    target: TargetArgs,
    /// Why; this is recorded
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl ItemArgs {
    fn act(&self, action: StandingAction) -> StandingAct {
        StandingAct {
            action,
            user: self.user.clone(),
            account: self.target.account.clone(),
            permission_set: self.target.permission_set.clone(),
            group: self.target.group.clone(),
            reason: Some(self.reason.clone()),
            review_at: None,
            duration_seconds: None,
        }
    }

    fn words(&self) -> String {
        let target = &self.target;
        let what = match (&target.account, &target.permission_set, &target.group) {
            (Some(account), Some(set), _) => format!("{account} / {set}"),
            (_, _, Some(group)) => format!("group {group}"),
            _ => "nothing".to_owned(),
        };
        format!("{}, {}", plain(&self.user), plain(&what))
    }
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List {
            kind,
            user,
            account,
            limit,
            api,
        } => {
            let mut query = Vec::new();
            for (name, value) in [("kind", kind), ("user", user), ("account", account)] {
                query.extend(value.clone().map(|value| (name, value)));
            }
            list(api, &query, *limit)
        }
        Command::Groups {
            group,
            account,
            limit,
            api,
        } => {
            let mut query = Vec::new();
            for (name, value) in [("group", group), ("account", account)] {
                query.extend(value.clone().map(|value| (name, value)));
            }
            groups(api, &query, *limit)
        }
        Command::Accept { item, review, api } => {
            let review_at = review.map(midnight).transpose()?;
            let body = StandingAct {
                review_at,
                ..item.act(StandingAction::Accept)
            };
            done(api, &body, &format!("Accepted: {}.", item.words()))
        }
        Command::Withdraw { item, yes, api } => {
            let question = format!(
                "{}.\nWithdraw its acceptance, so that a sweep may remove it?",
                item.words()
            );
            confirm(&question, yes.consent())?;
            let said = format!("No longer accepted: {}.", item.words());
            done(api, &item.act(StandingAction::Withdraw), &said)
        }
        Command::Adopt {
            item,
            duration,
            yes,
            api,
        } => adopt(api, item, *duration, yes.consent()),
    }
}

fn midnight(date: Date) -> Result<Timestamp, Failure> {
    let at = date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    at.map_err(|error| Failure::bad_input(format!("`{date}` is no day to review it: {error}")))
}

fn list(api: &ApiArgs, query: &[(&str, String)], limit: usize) -> Outcome {
    let client = api.client()?;
    block_on(async {
        let (mut items, sweep, has_more) = all(&client, query, limit).await?;
        let is_cut = has_more || items.len() > limit;
        items.truncate(limit);
        let view = Viewpoint::here();
        output::list(api.format(), &items, FIELDS, || table(&items, &view))?;
        hallpass_client::api_args::say_more(is_cut, items.len());
        match sweep.and_then(|sweep| sweep.report) {
            Some(report) => {
                let entitlements = report.entitlements.map(|it| it.says);
                let said: Vec<String> = entitlements.into_iter().chain(report.left_out).collect();
                output::say(&format!(
                    "As of {}. {}",
                    view.time(report.began),
                    said.join(" ")
                ));
            }
            None => output::say("No sweep has looked yet; `hallpass server sweep run` looks now."),
        }
        Ok(Exit::Ok)
    })
}

fn groups(api: &ApiArgs, query: &[(&str, String)], limit: usize) -> Outcome {
    let client = api.client()?;
    block_on(async {
        let path = ["standing", "groups"];
        let Listing { items, has_more } = client.list(&path, query, limit).await?;
        let view = Viewpoint::here();
        output::list(api.format(), &items, GROUP_FIELDS, || {
            group_table(&items, &view)
        })?;
        hallpass_client::api_args::say_more(has_more, items.len());
        Ok(Exit::Ok)
    })
}

fn group_table(items: &[GroupAssignment], view: &Viewpoint) -> Table {
    let mut table = Table::new(&["GROUP", "ACCOUNT", "PERMISSION SET", "=FIRST SEEN"]);
    for item in items {
        let unread = item.unread_since.map(|at| view.time(at));
        let unread = unread.map(|at| format!(" (not read since {at})"));
        table.row([
            item.group_name.clone(),
            item.account_name.clone(),
            item.permission_set.clone(),
            view.time(item.first_seen) + &unread.unwrap_or_default(),
        ]);
    }
    table
}

/// Restarts if another sweep ran between pages: its findings differ.
async fn all(
    client: &Client,
    query: &[(&str, String)],
    limit: usize,
) -> Result<(Vec<Standing>, Option<hallpass_api::Sweep>, bool), Failure> {
    let mut query = query.to_vec();
    query.push(("limit", PAGE.min(limit.max(1)).to_string()));
    let mut page: StandingList = client.get(&["standing"], &query).await?;
    let (mut sweep, mut again) = (page.sweep.take(), AGAIN_MAX);
    let mut items = std::mem::take(&mut page.items);
    while let Some(cursor) = page.next.take() {
        if items.len() >= limit {
            return Ok((items, sweep, true));
        }
        let mut further = query.clone();
        further.push(("cursor", cursor));
        match client.get::<StandingList>(&["standing"], &further).await {
            Ok(next) => {
                page = next;
                items.append(&mut page.items);
            }
            Err(refused) if again > 0 && refused.has_code() == Some("bad-parameter") => {
                again -= 1;
                page = client.get(&["standing"], &query).await?;
                (sweep, items) = (page.sweep.take(), std::mem::take(&mut page.items));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok((items, sweep, false))
}

fn done(api: &ApiArgs, body: &StandingAct, said: &str) -> Outcome {
    let client = api.client()?;
    block_on(async {
        let done: StandingDone = client.post(&["standing"], body).await?;
        output::one(api.format(), &done, &["action", "accepted"], || {
            format!("{said}\n")
        })?;
        Ok(Exit::Ok)
    })
}

fn adopt(api: &ApiArgs, item: &ItemArgs, duration: TimeSpan, consent: Consent) -> Outcome {
    let client = api.client()?;
    let question = format!("{}.\nLet it end in {duration}?", item.words());
    confirm(&question, consent)?;
    let body = StandingAct {
        duration_seconds: Some(duration.as_seconds()),
        ..item.act(StandingAction::Adopt)
    };
    block_on(async {
        let done: StandingDone = client.post(&["standing"], &body).await?;
        let grant = done
            .grant
            .ok_or_else(|| Failure::failed("the server did not return the new state"))?;
        api.print_grant(&grant)?;
        Ok(Exit::Ok)
    })
}

pub fn table(items: &[Standing], view: &Viewpoint) -> Table {
    let mut table = Table::new(&["WHO", "WHAT", "=KIND", "=FIRST SEEN", "SAYS"]);
    for item in items {
        let what = match (&item.account, &item.permission_set, &item.group) {
            (Some(account), Some(set), _) => {
                format!("{} / {set}", item.account_name.as_ref().unwrap_or(account))
            }
            (_, _, Some(group)) => {
                format!("group {}", item.group_name.as_ref().unwrap_or(group))
            }
            (Some(account), None, _) => account.clone(),
            (None, _, None) => String::new(),
        };
        let who = item.user.as_ref().unwrap_or(&item.user_id).clone();
        let says = item.fate_says.as_ref().unwrap_or(&item.says).clone();
        table.row([
            who,
            what,
            item.kind.name().to_owned(),
            item.first_seen.map(|at| view.time(at)).unwrap_or_default(),
            says,
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item() -> Standing {
        serde_json::from_value(json!({
            "user_id": "u-1", "user": "eve@acme.example", "account": "222233334444",
            "account_name": "payments-prod", "permission_set": "ReadOnly", "group": null,
            "kind": "unknown", "says": "unmanaged", "fate": "planned",
            "fate_says": "to be removed, once an administrator confirms it",
            "first_seen": "2026-03-06T14:00:00Z", "seen_at": "2026-03-06T14:00:00Z"
        }))
        .unwrap()
    }

    #[test]
    fn items_say_who_holds_what_and_what_is_done_about_it() {
        let view = Viewpoint {
            now: "2026-03-06T15:00:00Z".parse().unwrap(),
            zone: TimeZone::UTC,
        };
        let left = Standing {
            user: None,
            ..item()
        };
        let text = table(&[item(), left], &view).text(None);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("eve@acme.example"), "{text}");
        assert!(lines[1].contains("payments-prod / ReadOnly"), "{text}");
        assert!(
            lines[1].contains("once an administrator confirms it"),
            "{text}"
        );
        assert!(lines[2].starts_with("u-1"), "who left has an id: {text}");
    }

    #[test]
    fn reviews_are_days() {
        let at = midnight("2027-01-31".parse().unwrap()).unwrap();
        assert_eq!(at.to_string(), "2027-01-31T00:00:00Z");
    }
}
