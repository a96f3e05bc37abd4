//! `hallpass policy shrink`: proposes a smaller policy for a permission set, with proof
//! (`inventory.md` §7.5).

mod fitting;
mod input_policies;
mod line_diff;
mod log_age;
mod render;

use std::collections::BTreeSet;
use std::path::PathBuf;

use hallpass_activity::{
    ResourceGrain, ShrinkError, ShrinkGrain, ShrinkQuestion, Shrunk, UnseenKept, UseOf, UsesWanted,
    data_event_services, shrink,
};
use hallpass_app::log_files::{DigestArgs, LogPlace};
use hallpass_app::reports::observed::{self, SeenActivity};
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_iam::facts;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use jiff::tz::TimeZone;
use serde_json::Value;

use self::fitting::{Fitting, fit};
use self::input_policies::GivenPolicies;
use self::log_age::LogAge;

/// Propose a smaller policy from actual use, and prove it
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Propose a smaller policy from actual use, and prove it\n\nCompares the policies \
                  of a permission set with logged calls, keeps permissions that were used or that \
                  no log shows, and replays every call against the old and the new policy. The \
                  new policy allows nothing new: conditions and every Deny stay. Actions that \
                  CloudTrail logs only if configured, or has no event for, are `not visible`, \
                  never unused.\n\nExit code 0: proved; 1: a call would break or could not be \
                  judged, or the log or the policies are not whole; 2: bad input. Nothing is \
                  changed.",
    after_help = "Examples:
  hallpass policy shrink ProdAdmin --grain level --days 180
  hallpass policy shrink ProdAdmin --grain action --resources exact --log trail -o policy > smaller.json
  hallpass policy shrink ProdAdmin --live --log s3://acme-trail --grain action
  hallpass policy shrink Dev --policy dev.json --log trail --data-events s3 -o diff"
)]
pub(crate) struct Args {
    /// The permission set; with `--role` a role
    #[arg(value_name = "SET")]
    set: String,
    /// SET is a role name: needs `--policy`
    #[arg(long, requires = "policy")]
    role: bool,
    /// Its policies, instead of those of the newest snapshot
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Its current policies in IAM Identity Center, instead of those of the newest snapshot
    #[arg(long, conflicts_with_all = ["policy", "role"])]
    live: bool,
    /// Its permissions boundary, with `--policy`
    #[arg(long, value_name = "FILE", requires = "policy")]
    boundary: Option<PathBuf>,
    /// Logs, instead of the activity table: the bucket of a trail, folders, files, saved pages of
    /// `LookupEvents`
    #[arg(long, value_name = "SOURCE")]
    log: Vec<LogPlace>,
    #[command(flatten)]
    digests: DigestArgs,
    /// Unit to keep or remove
    #[arg(long, value_enum, value_name = "GRAIN", default_value = "service")]
    grain: GrainArg,
    /// How to narrow resources, if every call named its own: needs `--grain action` and `--log`
    #[arg(long, value_enum, value_name = "HOW", default_value = "any")]
    resources: ResourcesArg,
    /// Which permissions without logged use to keep
    #[arg(long, value_enum, value_name = "WHAT", default_value = "keep")]
    unseen: UnseenArg,
    /// Services with all data events in the log
    #[arg(long, value_name = "SERVICE,...", value_delimiter = ',')]
    data_events: Vec<String>,
    /// Only calls in this account [default: all]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<AccountId>,
    /// Days to include, up to --as-of
    #[arg(long, value_name = "N", default_value_t = 90)]
    days: u32,
    /// End of the period [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    as_of: Option<Timestamp>,
    /// The folder of snapshots, with the activity table
    #[arg(long, value_name = "DIR", default_value = "snapshots")]
    folder: PathBuf,
    /// Output format
    #[arg(
        long,
        short = 'o',
        value_enum,
        value_name = "FORMAT",
        default_value = "text"
    )]
    output: ShrinkFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum GrainArg {
    /// Services
    Service,
    /// Access levels of services: List, Read, Tagging, Write, Permissions
    Level,
    /// Actions
    Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ResourcesArg {
    /// Not at all
    Any,
    /// To the used ones, and similar ones in any account and Region
    Prefix,
    /// To the used ones
    Exact,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UnseenArg {
    /// All
    Keep,
    /// Those of used services
    UsedServices,
    /// None, except what unmatched calls may have needed
    GiveUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ShrinkFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// The new policy
    Policy,
    /// The new policy, or if it is too long its managed policies, one per line
    Policies,
    /// Changed lines between the pretty-printed policies
    Diff,
    /// The permission set as an access file, for `hallpass access plan`
    AccessFile,
}

pub(crate) fn run(args: &Args) -> Outcome {
    check(args)?;
    let as_of = args.as_of.unwrap_or_else(hallpass_base::clock::now);
    let since = TimeSpan::hours(24 * u64::from(args.days)).before(as_of);
    let given = GivenPolicies::read(args)?;
    let wanted = UsesWanted {
        of: if args.role {
            UseOf::Role(args.set.clone())
        } else {
            UseOf::PermissionSet(args.set.clone())
        },
        since,
        until: as_of,
        account: args.account.as_ref().map(ToString::to_string),
    };
    let seen = match args.log.as_slice() {
        [] => observed::of_table(&args.folder, &wanted)?,
        sources => observed::of_logs(sources, &args.digests, &wanted)?,
    };
    let data_events = data_events(args, &seen)?;
    let question = ShrinkQuestion {
        policies: &given.policies,
        boundary: given.boundary.as_ref(),
        uses: &seen.uses,
        grain: args.grain.into(),
        resources: args.resources.into(),
        unseen: args.unseen.into(),
        data_events: &data_events,
    };
    let unfit = |error: ShrinkError| Failure::bad_input(error.to_string());
    let shrunk = shrink(&question).map_err(unfit)?;
    let fitting = fit(&args.set, shrunk.policy.as_ref(), &question).map_err(unfit)?;
    let age = LogAge::of(seen.days, as_of);
    let is_known = tell_log(&seen, since, age.as_ref()) & given.tell_missing();
    print(args, &given, (&shrunk, age.as_ref()), &fitting)?;
    render::proof(&shrunk.proof);
    let has_place = fitting.tell();
    Ok(if is_known && has_place && shrunk.proof.is_whole() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn check(args: &Args) -> Result<(), Failure> {
    if args.resources != ResourcesArg::Any
        && (args.grain != GrainArg::Action || args.log.is_empty())
    {
        return Err(Failure::bad_input("`--resources` cannot be narrowed here").help(
            "give `--grain action`, and logs by `--log`: the activity table does not say whether every call named its resource",
        ));
    }
    if args.digests.is_asked() && args.log.is_empty() {
        return Err(Failure::bad_input("`--verify-digests` is about logs").help(
            "name them by `--log`; for the activity table give it to `hallpass activity ingest`",
        ));
    }
    for service in &args.data_events {
        if facts::service(service).is_none_or(|it| it.prefix != service) {
            return Err(
                Failure::bad_input(format!("no service is called `{service}`"))
                    .help("name it as policies do, such as `s3` or `dynamodb`"),
            );
        }
    }
    Ok(())
}

fn data_events(args: &Args, seen: &SeenActivity) -> Result<BTreeSet<String>, Failure> {
    let found = data_event_services(&seen.names);
    for service in &args.data_events {
        if !found.contains(service.as_str()) {
            let message = format!("the log has no data event of `{service}`");
            return Err(Failure::bad_input(message).help(
                "leave it out of `--data-events`: its part of that service would count as all",
            ));
        }
    }
    let said: BTreeSet<String> = args.data_events.iter().cloned().collect();
    let more: Vec<&str> = found
        .iter()
        .copied()
        .filter(|it| !said.contains(*it))
        .collect();
    if !more.is_empty() {
        output::say(&format!(
            "the log has some data events of {}: `--data-events` says that it has all of a service",
            more.join(", ")
        ));
    }
    Ok(said)
}

/// Whether the log covers all days.
fn tell_log(seen: &SeenActivity, since: Timestamp, age: Option<&LogAge>) -> bool {
    let since = since.to_zoned(TimeZone::UTC).date();
    let reaches_back = if let Some((first, last)) = seen.days {
        output::say(&format!("the log has the days from {first} to {last}"));
        first <= since
    } else {
        output::say("the log is empty");
        false
    };
    if !reaches_back {
        output::say(&format!(
            "it does not reach back to {since}: use before its first day is not known"
        ));
    }
    if let Some(ended) = age.and_then(LogAge::ended) {
        output::say(&ended);
    }
    if seen.left_out > 0 {
        output::say(&format!(
            "{} files were left out: their content is not known",
            seen.left_out
        ));
    }
    reaches_back && seen.left_out == 0
}

fn print(
    args: &Args,
    given: &GivenPolicies,
    (shrunk, age): (&Shrunk, Option<&LogAge>),
    fitting: &Fitting,
) -> Result<(), Failure> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).map_err(Failure::bug);
    let needed = || {
        shrunk.policy.as_ref().ok_or_else(|| {
            Failure::failed(format!("nothing that `{}` allows was used", args.set)).help(
                "there is no policy without statements; `hallpass access` deletes an unneeded set",
            )
        })
    };
    let text = match args.output {
        ShrinkFormat::Text => render::text(&args.set, shrunk, age),
        ShrinkFormat::Json => pretty(&document(shrunk, age, fitting)?)? + "\n",
        ShrinkFormat::Policies => fitting.lines(needed()?),
        ShrinkFormat::Policy => pretty(needed()?)? + "\n",
        ShrinkFormat::Diff => {
            let new = shrunk.policy.as_ref().map(pretty).transpose()?;
            line_diff::changed(&pretty(&shrunk.old)?, &new.unwrap_or_default())
        }
        ShrinkFormat::AccessFile => {
            pretty(&given.access_file(&args.set, needed()?, fitting))? + "\n"
        }
    };
    output::print(&text)
}

fn document(shrunk: &Shrunk, age: Option<&LogAge>, fitting: &Fitting) -> Result<Value, Failure> {
    let mut document = serde_json::to_value(shrunk).map_err(Failure::bug)?;
    if let Some(members) = document.as_object_mut() {
        let log = age.map(|it| ("log".to_owned(), it.document()));
        let fitting = fitting.document().map(|it| ("fitting".to_owned(), it));
        members.extend(log.into_iter().chain(fitting));
    }
    Ok(document)
}

impl From<GrainArg> for ShrinkGrain {
    fn from(grain: GrainArg) -> Self {
        match grain {
            GrainArg::Service => Self::Service,
            GrainArg::Level => Self::Level,
            GrainArg::Action => Self::Action,
        }
    }
}

impl From<ResourcesArg> for ResourceGrain {
    fn from(resources: ResourcesArg) -> Self {
        match resources {
            ResourcesArg::Any => Self::Any,
            ResourcesArg::Prefix => Self::Prefix,
            ResourcesArg::Exact => Self::Exact,
        }
    }
}

impl From<UnseenArg> for UnseenKept {
    fn from(unseen: UnseenArg) -> Self {
        match unseen {
            UnseenArg::Keep => Self::All,
            UnseenArg::UsedServices => Self::OfUsedServices,
            UnseenArg::GiveUp => Self::None,
        }
    }
}
