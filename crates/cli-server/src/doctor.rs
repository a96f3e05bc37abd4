//! `hallpass server doctor`: checks a server's prerequisites, one line each, with remedies.

mod account_tags;
mod armed_ends;
mod chores;
mod cutover;
mod database;
mod delegation_policy;
mod entitlements;
mod event_queue;
mod exports;
mod groups;
mod guard;
mod iam_policy;
mod instance;
mod named;
mod network;
mod people;
mod place;
mod policy_groups;
mod policy_role;
mod program;
mod propagation;
mod regions;
mod release;
mod remediation;
mod roles;
mod signing_key;
mod slack;
mod store;
mod telemetry;

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::{Channel, DirectorySource as _, GroupSyncSettings};
use hallpass_app::config::{Loaded, Secrets};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ConfigArgs, connect};
use hallpass_app::setup::rule_files::read_rules;
use hallpass_aws::{ConnectedOrganization, Inventory};
use hallpass_base::clock::{BOUND, ProcessClock, Reading, SystemClock};
use hallpass_base::time::utc_seconds;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_rules::{Directory, GroupRef, PersonAttribute, Rules};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use serde::Serialize;

use policy_groups::WithoutStoreArgs;
use policy_role::PolicyRole;
use regions::SignInPlaces;

const FIELDS: &[&str] = &["check", "result", "detail", "remedy"];

/// Check the server's configuration, rules, store, sign-in, AWS and roles
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("policy_of_role").args(["iam_policy", "check_configuration"])))]
#[command(after_help = "Examples:
  hallpass server doctor
  hallpass server doctor --iam-policy > policy.json
  hallpass server doctor --iam-policy --for guard > guard-policy.json
  hallpass server doctor --iam-policy --management-account > policy.json
  hallpass server doctor --check-configuration --config new.toml
  hallpass server doctor --delegation-policy > delegation.json
  hallpass server doctor --cutover
  hallpass server doctor --release downloads --release-key release.pub
  hallpass server doctor --measure-armed-ends")]
pub struct Args {
    /// Print only the server's least IAM policy; exit 1 if rules cover the management account and
    /// it cannot grant access there
    #[arg(long)]
    iam_policy: bool,
    #[command(flatten)]
    without_store: WithoutStoreArgs,
    /// Role of the policy or configuration
    #[arg(long = "for", value_name = "ROLE", value_enum, default_value_t = PolicyRole::Server, requires = "policy_of_role")]
    role: PolicyRole,
    /// Include the IAM permissions to grant and end access to the management account
    #[arg(long, requires = "iam_policy")]
    management_account: bool,
    /// Print only Organizations' delegation policy with the needs of a server outside the
    /// management account
    #[arg(long, conflicts_with_all = ["iam_policy", "cutover", "measure_armed_ends"])]
    delegation_policy: bool,
    #[command(flatten)]
    cutover: cutover::CutoverArgs,
    #[command(flatten)]
    release: release::ReleaseArgs,
    #[command(flatten)]
    measure: propagation::MeasureArgs,
    /// Listen address of the server, if started with `--listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub(crate) struct DoctorLine {
    check: &'static str,
    result: &'static str,
    detail: String,
    remedy: String,
}

#[derive(Default)]
struct DoctorReport {
    lines: Vec<DoctorLine>,
}

impl DoctorReport {
    fn add(&mut self, check: &'static str, outcome: Result<String, (String, &str)>) {
        let (result, detail, remedy) = match outcome {
            Ok(detail) => ("ok", detail, String::new()),
            Err((detail, remedy)) => ("problem", detail, remedy.to_owned()),
        };
        self.lines.push(DoctorLine {
            check,
            result,
            detail,
            remedy,
        });
    }

    fn warn(&mut self, check: &'static str, detail: String, remedy: &str) {
        self.lines.push(DoctorLine {
            check,
            result: "warning",
            detail,
            remedy: remedy.to_owned(),
        });
    }
}

/// Loads the configuration, tolerating one missing secret: often only the running server has it.
/// Policies need no secrets, and guards none of the server's.
fn load(args: &Args) -> Result<(Loaded, Option<Failure>), Failure> {
    let listen = args.listen.as_deref();
    let needs_none = args.iam_policy || args.role == PolicyRole::Guard;
    let needs_all = args.without_store.check_configuration;
    let secrets = match (needs_none, needs_all) {
        (true, _) => Secrets::Left,
        (false, true) => Secrets::Read,
        (false, false) => return args.config.load_as_far_as_it_goes(listen),
    };
    Ok((args.config.load_listening(listen, secrets)?, None))
}

pub fn run(args: &Args) -> Outcome {
    let (loaded, missing) = load(args)?;
    if args.iam_policy {
        let goes = args.role.uses_rules();
        let held = if args.without_store.by_rules_alone {
            BTreeSet::new()
        } else {
            policy_groups::held_groups(goes, &loaded)?
        };
        let text = policy_role::policy_of(args.role, args.management_account, &loaded, held)?;
        policy_groups::tell_missing_rules(goes, &loaded)?;
        output::print(&text)?;
        let goes = Some(goes).filter(|_| !args.management_account);
        return policy_groups::tell_management_account(goes, &loaded);
    }
    if args.without_store.check_configuration {
        policy_role::policy_of(args.role, false, &loaded, BTreeSet::new())?;
        return Ok(Exit::Ok);
    }
    if args.delegation_policy {
        return delegation_policy::run(&loaded);
    }
    if args.cutover.is_asked() {
        args.config.ensure_meant(&loaded.store()?)?;
        let list = cutover::run(&args.cutover, &loaded, args.output.format());
        return runtime()?.block_on(list);
    }
    if let Some(consent) = args.measure.asked() {
        return propagation::run(&loaded, consent, args.output.format());
    }
    let mut report = DoctorReport::default();
    release::check(&args.release, &mut report);
    program::check_configuration(&args.config, &mut report);
    let places = runtime()?.block_on(examine(&loaded, missing.as_ref(), &mut report))?;
    if let Some(places) = places {
        regions::check_log(&loaded, &places, &mut report);
    }
    let table = || {
        let mut table = Table::new(&["check", "result", "detail", "remedy"]);
        for line in &report.lines {
            table.row_of_lines([
                line.check.to_owned(),
                line.result.to_owned(),
                line.detail.clone(),
                line.remedy.clone(),
            ]);
        }
        table
    };
    output::list(args.output.format(), &report.lines, FIELDS, table)?;
    let failed = report.lines.iter().any(|line| line.result == "problem");
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

pub(crate) async fn findings(
    loaded: &Loaded,
    missing: Option<&Failure>,
) -> Result<Vec<DoctorLine>, Failure> {
    let mut report = DoctorReport::default();
    report.add(program::CONFIGURATION, Ok("read".to_owned()));
    examine(loaded, missing, &mut report).await?;
    Ok(report.lines)
}

pub(crate) fn least_policy(loaded: &Loaded) -> Result<String, Failure> {
    policy_role::policy_of(PolicyRole::Server, false, loaded, BTreeSet::new())
}

async fn examine(
    loaded: &Loaded,
    missing: Option<&Failure>,
    report: &mut DoctorReport,
) -> Result<Option<SignInPlaces>, Failure> {
    check_program(loaded, report);
    let rules = check_rules(loaded, report);
    let newest_record = store::check(loaded, report).await;
    signing_key::check(loaded, report);
    exports::check(loaded, report).await;
    guard::check(loaded, report).await;
    match missing {
        None => check_with_secrets(loaded, report).await,
        Some(missing) => report.add("secrets", Err((missing.words(), &without(missing)))),
    }
    people::check(loaded, report);
    let clock = Arc::new(ProcessClock::new(SystemClock, None));
    let aws = match connect(loaded, &clock, Arc::new(RandomIds)).await {
        Ok(aws) => Arc::new(aws),
        Err(failure) => {
            let remedy = failure.remedy().unwrap_or(SEE_MESSAGE);
            let remedy = format!(
                "{remedy}; `hallpass server doctor --iam-policy` prints the rights that it needs"
            );
            report.add("aws", Err((failure.words(), &remedy)));
            return Ok(None);
        }
    };
    let about = aws.about().clone();
    report.add("aws", Ok(format!("{} in {}", about.arn, about.region)));
    report.add("clock", check_clock(&clock.read(), newest_record));
    check_account(loaded, &about, report);
    instance::check(loaded, &aws, report).await;
    let places = regions::check(loaded, &aws, report).await;
    network::check(loaded, &about, report).await;
    let identity = loaded.identity(&about.identity_store_id, &about.region);
    let role_groups = identity.role_groups();
    let mut wanted: BTreeSet<GroupRef> = rules.iter().flat_map(Rules::referenced_groups).collect();
    wanted.extend(role_groups.iter().map(|name| GroupRef::named(name)));
    let sync = loaded.settings().group_sync;
    wanted.extend(sync.iter().flat_map(GroupSyncSettings::group_refs));
    armed_ends::check_rules(loaded, rules.as_ref(), report);
    armed_ends::check_policies(loaded, aws.as_ref(), report).await;
    let its_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    entitlements::check(loaded, &about, &its_clock, report).await;
    let attributes = named_attributes(rules.as_ref(), sync.as_ref());
    let inventory = Inventory::new(Arc::clone(&aws), Arc::new(move || wanted.clone()))
        .with_attributes(Arc::new(move || attributes.clone()));
    let inventory = account_tags::wanted(inventory, rules.as_ref());
    match inventory.refresh().await {
        Ok(directory) => {
            account_tags::check(&inventory, &directory, rules.as_ref(), report);
            check_directory(&directory, &role_groups, &identity, rules.as_ref(), report);
            named::check(loaded, &directory, rules.as_ref(), report);
            place::check_management_account(&about, rules.as_ref(), &directory, report);
            armed_ends::check_reached(loaded, &aws, &directory, rules.as_ref(), report).await;
        }
        Err(fault) => {
            let remedy = "`hallpass server doctor --iam-policy` prints the required rights";
            report.add("inventory", Err((fault.to_string(), remedy)));
        }
    }
    Ok(Some(places))
}

/// Remedy for a missing secret without a specific one.
const NOT_THERE: &str = "credentials from systemd exist while the service runs, for its user and root; else put it there, or name another place";

fn without(missing: &Failure) -> String {
    let remedy = missing.remedy().unwrap_or(NOT_THERE);
    format!("{remedy}. Slack, mail, webhooks, telemetry and sign-in were not checked")
}

async fn check_with_secrets(loaded: &Loaded, report: &mut DoctorReport) {
    slack::check(loaded, report).await;
    check_telling(loaded, report).await;
    telemetry::check(loaded, report).await;
    check_sign_in(loaded, report).await;
}

fn check_program(loaded: &Loaded, report: &mut DoctorReport) {
    program::check(report);
    program::check_descriptors(loaded, report);
}

fn check_account(loaded: &Loaded, about: &ConnectedOrganization, report: &mut DoctorReport) {
    place::check(about, report);
    propagation::check(loaded, about, report);
}

fn named_attributes(
    rules: Option<&Rules>,
    sync: Option<&GroupSyncSettings>,
) -> BTreeSet<PersonAttribute> {
    let mut named = rules.map(Rules::referenced_attributes).unwrap_or_default();
    named.extend(sync.map(GroupSyncSettings::attributes).unwrap_or_default());
    named
}

/// Checks notifications: mail server login, private webhooks.
async fn check_telling(loaded: &Loaded, report: &mut DoctorReport) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match loaded.mail(&clock) {
        Ok(None) => {}
        Ok(Some(mail)) => {
            let remedy = "fix `mail.url`; docs/reference/notifications.md explains it";
            report.add("mail", mail.probe().await.map_err(|why| (why, remedy)));
            if loaded.config.mail.alerts.is_empty() {
                report.warn(
                    "mail",
                    "no one gets mail when AWS refuses to remove access".to_owned(),
                    "set `mail.alerts`",
                );
            }
        }
        Err(failure) => report.add("mail", Err((failure.words(), "fix `[mail]`"))),
    }
    match loaded.webhooks(&clock) {
        Ok(webhooks) if webhooks.is_empty() => {}
        Ok(webhooks) => {
            let names: Vec<&str> = webhooks.iter().map(Channel::name).collect();
            report.add("webhooks", Ok(names.join(", ")));
        }
        Err(failure) => report.add("webhooks", Err((failure.words(), "fix `[[webhooks]]`"))),
    }
}

async fn check_sign_in(loaded: &Loaded, report: &mut DoctorReport) {
    let provider = match loaded.sign_in().and_then(|_| loaded.provider()) {
        Ok(Some(provider)) => provider,
        Ok(None) => {
            let remedy = "set `[oidc]`; docs/how-to/sign-in.md says how";
            report.warn(
                "sign-in",
                "no one can sign in on the web".to_owned(),
                remedy,
            );
            return;
        }
        Err(failure) => {
            report.add("sign-in", Err((failure.words(), "fix the configuration")));
            return;
        }
    };
    let settings = provider.settings();
    let redirect = settings.redirect_uri();
    match provider.check(hallpass_base::clock::now()).await {
        Ok(found) => {
            let known = format!("{}, {} keys", settings.issuer, found.keys);
            report.add("sign-in", Ok(known));
            let registered = match found.refused {
                None => Ok(format!("{redirect} (must be registered)")),
                Some(why) => Err((
                    format!("the provider refuses {redirect}: {why}"),
                    "register exactly this address, and check `oidc.client_id`",
                )),
            };
            report.add("redirect URI", registered);
        }
        Err(why) => {
            let remedy = "`oidc.issuer` must be as the discovery document has it; docs/operations/runbooks/sign-in-fails.md";
            report.add("sign-in", Err((why, remedy)));
        }
    }
    if !loaded.sessions().is_ok_and(|settings| settings.secure)
        && !settings.public_url.starts_with("http://127.0.0.1")
        && !settings.public_url.starts_with("http://localhost")
    {
        report.warn(
            "sign-in",
            format!(
                "`{}` is not https: sessions can be read on the way",
                settings.public_url
            ),
            "end TLS in front of the server and set `server.public_url`",
        );
    }
}

fn check_rules(loaded: &Loaded, report: &mut DoctorReport) -> Option<Rules> {
    let path = loaded.rules().ok()?;
    match read_rules(&path) {
        Ok(rules) => {
            report.add(
                "rules",
                Ok(format!("{}, hash {}", path.display(), rules.hash())),
            );
            Some(rules)
        }
        Err(failure) => {
            report.add(
                "rules",
                Err((failure.words(), "`hallpass rules check` shows every error")),
            );
            None
        }
    }
}

fn check_clock(
    reading: &Reading,
    newest_record: Option<Timestamp>,
) -> Result<String, (String, &'static str)> {
    let remedy = "keep the machine's time (chrony or systemd-timesyncd); docs/operations/runbooks/clock-wrong.md";
    let shown = utc_seconds;
    let apart = |this: Timestamp, other: Timestamp| {
        let way = if this > other { "behind" } else { "ahead" };
        let by = TimeSpan::between(this, other).max(TimeSpan::between(other, this));
        if by.is_zero() {
            "the same".to_owned()
        } else {
            format!("{by} {way}")
        }
    };
    let mut words = vec![format!("this machine {}", shown(reading.wall))];
    words.push(match reading.aws {
        Some(aws) => format!("AWS {}", apart(reading.wall, aws)),
        None => "AWS unknown".to_owned(),
    });
    if let Some(record) = newest_record {
        words.push(format!("newest record {}", apart(reading.wall, record)));
    }
    let words = words.join(", ");
    let is_off = |ahead: TimeSpan| ahead > BOUND;
    let aws_is_off = reading.aws.is_none_or(|aws| {
        is_off(TimeSpan::between(aws, reading.wall)) || is_off(TimeSpan::between(reading.wall, aws))
    });
    let record_is_early =
        newest_record.is_some_and(|record| is_off(TimeSpan::between(reading.wall, record)));
    if aws_is_off || record_is_early {
        Err((words, remedy))
    } else {
        Ok(words)
    }
}

/// Used if the message has the remedy.
const SEE_MESSAGE: &str = "see the message";

fn check_directory(
    directory: &Directory,
    role_groups: &BTreeSet<String>,
    identity: &hallpass_access::identity::Identity,
    rules: Option<&Rules>,
    report: &mut DoctorReport,
) {
    report.add(
        "inventory",
        Ok(format!(
            "{} accounts, {} permission sets, {} users, {} groups",
            directory.accounts().len(),
            directory.permission_sets().len(),
            directory.people().len(),
            directory.groups().len()
        )),
    );
    let missing = identity.missing_groups(directory);
    if identity.admins.is_empty() {
        report.warn(
            "roles",
            "no one is an administrator".to_owned(),
            "set `identity.admins`",
        );
    } else if !missing.is_empty() {
        let known = { directory.groups().iter() }.map(|group| group.name.clone());
        report.add(
            "roles",
            Err(roles::missing_groups(&missing, &known.collect())),
        );
    } else {
        let administrators = identity.administrators(directory).len();
        let groups = role_groups.len();
        if administrators == 0 {
            let said = "no one is an administrator: `identity.admins` names groups without members, or deleted people";
            report.warn("roles", said.to_owned(), "see docs/operations/recover.md");
        } else {
            let said = format!("{groups} groups found, {administrators} administrators");
            report.add("roles", Ok(said));
        }
    }
    for warning in rules
        .map(|rules| rules.check_with_roles(Some(directory), &identity.groups_with_roles()))
        .unwrap_or_default()
    {
        report.warn(
            "rules",
            warning.to_string(),
            "`hallpass rules check` shows the line",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_there_and_of_no_use_is_not_told_as_missing() {
        let missing = without(&Failure::failed("cannot read it"));
        assert!(missing.starts_with(NOT_THERE), "{missing}");
        let useless = without(&Failure::failed("it cannot be a header").help("write one line"));
        assert!(useless.starts_with("write one line. "), "{useless}");
    }
}
