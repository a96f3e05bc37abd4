//! `hallpass sync`: reads the organization into a snapshot (`inventory.md` §1.1). Slices are stored
//! one by one; the companion builds the snapshot.

mod explain;
mod run_folder;
mod summary;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallpass_app::directories::okta::{self, OktaHttp, OktaRights};
use hallpass_app::host::home_region::HomeRegionArgs;
use hallpass_app::host::live_grants::StoredGrants;
use hallpass_app::host::query_binary;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::StoreAddress;
use hallpass_app::host::snapshots_at::SnapshotsAtArgs;
use hallpass_app::setup::member_role::MemberRoleArgs;
use hallpass_app::setup::opening::{ensure_there, open_store};
use hallpass_aws::{AwsClientSettings, OrganizationCalls, RoleToAssume};
use hallpass_base::AccountId;
use hallpass_base::clock::SystemClock;
use hallpass_inventory::collect::{
    CollectError, EnumerationPlan, OktaCalls, PeopleForm, PeopleList, PlanChoice, SyncScope,
    TemporaryAssignments, collect,
};
use hallpass_inventory::{SnapshotId, SyncGroup, key_id};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use hallpass_terminal::text_file::read_text;
use serde_json::json;

use self::run_folder::SyncFolder;
use self::summary::Summary;
use super::each::{FlightArgs, hosts_are_there};
use super::runs;

const PEOPLE_BYTES_MAX: u64 = 1 << 30;

/// Read the organization into a snapshot for queries
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass sync
  hallpass sync --only iam --ou /Workloads
  hallpass sync --explain
  hallpass sync --people entra:users.json
  hallpass sync --snapshots s3://acme-inventory/hallpass
  hallpass query 'SELECT user_name FROM aws_iam_users WHERE NOT mfa_active'

Okta is read where HALLPASS_OKTA_URL is set, with HALLPASS_OKTA_TOKEN, or with
HALLPASS_OKTA_CLIENT_ID and the file of its key in HALLPASS_OKTA_KEY_FILE.")]
pub struct Args {
    /// Only these tables: organizations, iam, identity-center, okta, contacts [default: all
    /// readable ones except contacts]
    #[arg(long, value_name = "GROUP,...", value_delimiter = ',')]
    only: Vec<SyncGroup>,
    /// IAM and Regions of these accounts only
    #[arg(long, value_name = "ID,...", value_delimiter = ',')]
    accounts: Vec<String>,
    /// IAM and Regions below this organizational unit only: an id, or a path as
    /// `/Workloads/Production`
    #[arg(long, value_name = "OU")]
    ou: Vec<String>,
    #[command(flatten)]
    role: MemberRoleArgs,
    /// How to find assignments: auto, cheapest, nested, provisioned or principal; auto is
    /// provisioned, which also finds those with a deleted principal
    #[arg(long, value_name = "PLAN", default_value = "auto", value_parser = plan)]
    plan: PlanChoice,
    /// Print the search plans with calls and seconds, and read nothing else
    #[arg(long, conflicts_with_all = ["resume", "carry"])]
    explain: bool,
    /// Leave out the Regions of accounts
    #[arg(long, hide = true)]
    without_regions: bool,
    #[command(flatten)]
    flight: FlightArgs,
    /// Fill failed slices from the newest earlier snapshot that has them
    #[arg(long)]
    carry: bool,
    /// Maximum age of that snapshot
    #[arg(long, value_name = "SPAN")]
    #[arg(default_value = "48h", requires = "carry", value_parser = span)]
    carry_max_age: String,
    /// Resume a run that stopped or had failures; takes the same arguments
    #[arg(long, value_name = "ID")]
    resume: Option<SnapshotId>,
    #[command(flatten)]
    snapshots: SnapshotsAtArgs,
    /// Folder of unfinished runs [default: ~/.local/state/hallpass/sync]
    #[arg(long, value_name = "DIR")]
    runs: Option<PathBuf>,
    #[command(flatten)]
    home: HomeRegionArgs,
    /// Address of the Okta organization
    #[arg(long, value_name = "URL")]
    #[arg(env = "HALLPASS_OKTA_URL", hide_env_values = true)]
    okta_url: Option<String>,
    /// People of another directory, from a file: scim, google or entra, and a list as its API
    /// returns it, or CSV
    #[arg(long, value_name = "FORM:FILE", value_parser = people_file)]
    people: Vec<PeopleFile>,
    /// Configuration of the server; its store lists the temporary assignments of Hallpass
    #[arg(long, value_name = "FILE", env = "HALLPASS_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Debug)]
struct PeopleFile {
    form: PeopleForm,
    path: PathBuf,
}

fn people_file(text: &str) -> Result<PeopleFile, String> {
    let parted = text.split_once(':').filter(|(_, path)| !path.is_empty());
    let (form, path) = parted.ok_or("`FORM:FILE` was expected, as scim:people.json")?;
    Ok(PeopleFile {
        form: form.parse()?,
        path: path.into(),
    })
}

fn span(text: &str) -> Result<String, String> {
    match text.parse::<jiff::SignedDuration>() {
        Ok(span) if span.is_positive() => Ok(text.to_owned()),
        _ => Err("a span such as 48h".to_owned()),
    }
}

fn plan(text: &str) -> Result<PlanChoice, String> {
    match text {
        "auto" => Ok(PlanChoice::WithOrphans),
        "cheapest" => Ok(PlanChoice::Cheapest),
        text => text
            .parse::<EnumerationPlan>()
            .map(PlanChoice::Fixed)
            .map_err(|names| format!("{names}, auto or cheapest")),
    }
}

/// # Errors
/// Exit 2 for invalid arguments; exit 1 for AWS failures, reported in the end.
pub fn run(args: &Args) -> Outcome {
    let home = args.home.known()?;
    if args.explain {
        return explain::run(args, home);
    }
    let okta = okta::configured(args.okta_url.as_deref(), OktaRights::Read)?;
    let scope = scope(args, okta.is_some())?;
    query_binary::path()?;
    let (runtime, store) = (runtime()?, store_of(args)?);
    let grants = match store {
        Some(address) => Some(StoredGrants(Arc::new(
            runtime.block_on(open_store(address))?,
        ))),
        None => None,
    };
    let grants = grants
        .as_ref()
        .map(|it| -> &dyn TemporaryAssignments { it });
    if grants.is_none() && scope.wants(SyncGroup::IdentityCenter) {
        output::say(
            "note: temporary assignments are not known; `--config` names the server whose store has them",
        );
    }
    let base = match &args.runs {
        Some(folder) => folder.clone(),
        None => runs::base("sync")?,
    };
    runtime.block_on(reachable(args, &home, &scope))?;
    let asked = asked(args, &scope, &home, okta.as_ref());
    let mut folder = match &args.resume {
        Some(id) => SyncFolder::go_on(&base, id, &asked, new_id()?)?,
        None => SyncFolder::begin(&base, new_id()?, &asked)?,
    };
    match runtime.block_on(read(args, home, &scope, okta, grants, &folder)) {
        Ok(true) => {}
        Ok(false) => {
            folder.end_progress();
            output::say("stopped; nothing is in the snapshots yet");
            hint(&folder);
            return Ok(Exit::Failed);
        }
        Err(error @ (CollectError::UnknownAccounts(_) | CollectError::UnknownUnits(_))) => {
            folder.end_progress();
            folder.forget();
            return Err(Failure::bad_input(error.to_string()));
        }
        Err(error @ CollectError::Store(_)) => return Err(Failure::failed(error.to_string())),
    }
    folder.end_progress();
    let summary = seal(args, &mut folder)?;
    summary.tell(args.output.format(), &folder)?;
    if summary.is_whole() {
        folder.forget();
        return Ok(Exit::Ok);
    }
    hint(&folder);
    Ok(Exit::Failed)
}

fn hint(folder: &SyncFolder) {
    output::say(&format!(
        "hint: the same command with `--resume {}` reads only the missing parts",
        folder.id()
    ));
}

async fn calls_of(
    args: &Args,
    home: String,
    role: RoleToAssume,
) -> std::io::Result<OrganizationCalls> {
    let client = AwsClientSettings::new(home);
    let (seed, clock) = (fastrand::u64(..), Arc::new(SystemClock));
    let calls = OrganizationCalls::new(client, role, args.flight.concurrency, seed, clock).await;
    calls.map_err(std::io::Error::other)
}

/// Checks that every required service has an endpoint of the chosen variant; makes no call.
async fn reachable(args: &Args, home: &str, scope: &SyncScope) -> Result<(), Failure> {
    let calls = calls_of(args, home.to_owned(), RoleToAssume::default()).await;
    let calls = calls.map_err(|error| Failure::failed(error.to_string()))?;
    let services = scope.services();
    let none = services.iter().filter_map(|it| calls.no_host(it, home));
    hosts_are_there(none.collect())
}

async fn read(
    args: &Args,
    home: String,
    scope: &SyncScope,
    okta: Option<OktaHttp>,
    grants: Option<&dyn TemporaryAssignments>,
    folder: &SyncFolder,
) -> Result<bool, CollectError> {
    let role = args.role.to_assume(format!("hallpass-{}", folder.id()));
    let calls = calls_of(args, home, role).await?;
    let okta = okta.as_ref().map(|it| -> &dyn OktaCalls { it });
    let stop = async {
        // without a handler the process ends by default
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let ended = tokio::select! {
        ended = collect(scope, &calls, okta, grants, folder) => ended.map(|()| true),
        () = stop => Ok(false),
    };
    folder.count_calls(calls.counts());
    ended
}

fn seal(args: &Args, folder: &mut SyncFolder) -> Result<Summary, Failure> {
    folder.begin_sealing(hallpass_base::clock::now())?;
    let mut command = query_binary::command()?;
    command.arg("seal").arg(folder.path());
    command
        .arg("--folder")
        .arg(args.snapshots.folder.argument());
    if args.carry {
        command.args(["--carry-max-age", &args.carry_max_age]);
    }
    command.stderr(std::process::Stdio::inherit());
    let sealed = command.output();
    let sealed = sealed
        .map_err(|error| query_binary::unrunnable(Path::new(command.get_program()), &error))?;
    if !sealed.status.success() {
        let failure = Failure::failed("the collected data could not be made a snapshot");
        let id = folder.id();
        return Err(failure.help(format!("nothing is lost: `--resume {id}` tries again")));
    }
    Summary::parse(&sealed.stdout)
}

/// Opens the grant store if a configuration is named. A missing store is refused: temporary access
/// would look standing. Never creates one.
fn store_of(args: &Args) -> Result<Option<StoreAddress>, Failure> {
    let Some(path) = &args.config else {
        return Ok(None);
    };
    let address = hallpass_app::config::load(path)?.store()?;
    ensure_there(&address)?;
    Ok(Some(address))
}

fn scope(args: &Args, has_okta: bool) -> Result<SyncScope, Failure> {
    let mut groups: BTreeSet<SyncGroup> = args.only.iter().copied().collect();
    if groups.is_empty() {
        let usual = SyncGroup::ALL.into_iter();
        groups.extend(usual.filter(|it| !it.is_by_name_only()));
        if !has_okta {
            groups.remove(&SyncGroup::Okta);
        }
    }
    if groups.contains(&SyncGroup::Okta) && !has_okta {
        let failure = Failure::bad_input("Okta cannot be read: it is not known where it is");
        return Err(failure.help(
            "set `HALLPASS_OKTA_URL`, and `HALLPASS_OKTA_TOKEN` or `HALLPASS_OKTA_CLIENT_ID`",
        ));
    }
    let accounts = args.accounts.iter().map(|it| AccountId::new(it.as_str()));
    let accounts = accounts.collect::<Result<_, _>>();
    Ok(SyncScope {
        groups,
        accounts: accounts.map_err(|error| Failure::bad_input(error.to_string()))?,
        units: args.ou.clone(),
        plan: args.plan,
        people: people_lists(&args.people)?,
        without_regions: args.without_regions,
    })
}

fn people_lists(files: &[PeopleFile]) -> Result<Vec<PeopleList>, Failure> {
    let mut lists: Vec<PeopleList> = Vec::new();
    for PeopleFile { form, path } in files {
        if lists.iter().any(|it| it.form() == *form) {
            let failure = Failure::bad_input(format!("there are two lists of `{form}`"));
            return Err(failure.help("a list may have several pages, as an array"));
        }
        let text = read_text(path, PEOPLE_BYTES_MAX)?;
        let list = PeopleList::read(*form, &text).map_err(|why| {
            let path = path.display();
            Failure::bad_input(format!("`{path}` is no list of people: {why}"))
        })?;
        lists.push(list);
    }
    Ok(lists)
}

/// Equal arguments give equal text; only a matching run resumes.
fn asked(args: &Args, scope: &SyncScope, home: &str, okta: Option<&OktaHttp>) -> String {
    let groups: Vec<&str> = scope.groups.iter().map(|it| it.name()).collect();
    let mut asked = json!({
        "groups": groups,
        "accounts": scope.accounts,
        "units": scope.units,
        "plan": format!("{:?}", scope.plan),
        "without_regions": scope.without_regions,
        "role": [args.role.role, args.role.via.join(",")],
        "home": home,
        "okta": okta.map(OktaCalls::base),
    });
    // omitted if empty: resumes a run of an earlier release
    if let (Some(members), false) = (asked.as_object_mut(), scope.people.is_empty()) {
        let digests = scope.people.iter().map(digest).collect();
        members.insert("people".to_owned(), digests);
    }
    asked.to_string()
}

fn digest(list: &PeopleList) -> String {
    let rows = list.rows().iter().map(|it| Some(it.to_string()));
    let rows: Vec<Option<String>> = rows.collect();
    let rows: Vec<Option<&str>> = rows.iter().map(Option::as_deref).collect();
    key_id(list.form().table(), &rows)
}

fn new_id() -> Result<SnapshotId, Failure> {
    let random = getrandom::u32().map_err(Failure::bug)?;
    Ok(SnapshotId::new(hallpass_base::clock::now(), random))
}
