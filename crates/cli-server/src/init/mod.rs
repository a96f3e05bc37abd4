mod answers;
mod asking;
mod checked;
mod config_text;
mod files;
mod names;
mod preset_answers;
mod rule_tests_text;
mod rule_text;
mod sections;
mod toml_text;
#[cfg(test)]
mod written_tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::DirectorySource as _;
use hallpass_app::config::{Loaded, Secrets};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{
    NO_PERMISSION_SETS, connect, management_account, not_the_home_region,
};
use hallpass_aws::{Aws, Inventory, OwnAccountRole, PermissionSetUse};
use hallpass_base::AccountId;
use hallpass_base::clock::{ProcessClock, SystemClock};
use hallpass_channels::wording::lists::count;
use hallpass_rules::{Directory, GroupRef};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, plain, say};
use hallpass_terminal::prompt::{YesArgs, confirm_act};
use serde::Serialize;
use serde_json::Value;

use self::answers::Answers;
use self::asking::{Answering, Question, Terminal};
use self::preset_answers::Given;
use self::sections::FoundInstance;
use crate::doctor;

const FIELDS: &[&str] = &["folder", "configuration", "rules", "region", "instance_arn"];

/// Write a first configuration and rules, from a few answers
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a first configuration and rules, from your organization and a few answers\n\nReads the \
                  instance of IAM Identity Center, groups, accounts and permission sets with the credentials of \
                  the AWS CLI, asks for missing values, checks both files as a server would, shows them, and \
                  writes `hallpass.toml` and `rules.toml`: both or neither, and never over a file. Nothing is \
                  changed at AWS.\n\nEvery question is a flag, and a key of the file of --answers, with `_` for \
                  `-` (`sensitive`, `permission_sets` and `read_only` are lists). Without a terminal, values without a \
                  default have to be given so.",
    after_help = "Examples:
  hallpass init
  hallpass init --folder /etc/hallpass --data /var/lib/hallpass
  hallpass init --answers answers.toml --yes
  hallpass init --public-url https://hallpass.example.com --region eu-west-1 \\
      --administrators platform-admins --approvers prod-approvers \\
      --sensitive Workloads/Prod --permission-set ReadOnly --read-only ReadOnly --yes"
)]
pub struct Args {
    /// A file of answers, TOML
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// The folder for both files
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The folder for the database and the exported audit log [default: next to the files]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Result for programs.
#[derive(Debug, Serialize)]
struct Written {
    folder: PathBuf,
    configuration: PathBuf,
    rules: PathBuf,
    region: String,
    instance_arn: String,
    warnings: Vec<String>,
    /// The server's least IAM policy.
    policy: Value,
    /// Next commands, in order.
    next: Vec<String>,
}

struct FoundOrganization {
    instance: FoundInstance,
    management: Option<AccountId>,
    place: OwnAccountRole,
    account: String,
    inventory: Inventory,
    /// Groups with members to read next.
    groups: Arc<Mutex<BTreeSet<GroupRef>>>,
}

pub fn run(args: &Args) -> Outcome {
    files::refuse_existing(&args.folder)?;
    let mut given = args.given.clone();
    if let Some(path) = &args.answers {
        given = given.or(Given::read(path)?);
    }
    let data = args.data.as_deref().map(absolute).transpose()?;
    let mut terminal = Terminal::open();
    let missing = given.missing();
    if terminal.is_none() && !missing.is_empty() {
        let message = format!(
            "there is no terminal to ask on, and these are not answered: {}",
            missing.join(", ")
        );
        return Err(Failure::bad_input(message).help("answer them in the file of `--answers`, or with flags; `hallpass init --help` lists them"));
    }
    let mut answering = match &mut terminal {
        Some(terminal) => Answering::Somebody(terminal),
        None => Answering::Nobody,
    };
    let region = region(&given, &mut answering)?;
    let runtime = runtime()?;
    let found = runtime.block_on(find(&given, region))?;
    let directory = runtime.block_on(read(&found))?;
    say(&about(&found, &directory));
    let answers = answers::settle(
        &given,
        found.management.as_ref(),
        &directory,
        &mut answering,
    )?;
    let members = answers.groups().map(names::ChosenGroup::reference);
    found
        .groups
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(members);
    let directory = runtime.block_on(read(&found))?;
    drop(runtime);
    let configuration = config_text::configuration(&answers, &found.instance, data.as_deref());
    let rules = rule_text::rules(&answers, found.management.as_ref(), &directory);
    let now = hallpass_base::clock::now();
    let mut warnings = checked::check(
        &args.folder,
        &configuration,
        &rules,
        &answers,
        &directory,
        now,
    )?;
    warnings.extend(place_warning(&found));
    say(&plan(
        args,
        data.as_deref(),
        &configuration,
        &rules,
        &answers,
        &warnings,
    ));
    confirm_act("this writes two files", "Write them?", args.yes.consent())?;
    if let Some(data) = &data {
        std::fs::create_dir_all(data)
            .map_err(|error| Failure::unwritable(data.display(), &error))?;
    }
    let [configuration, rules] = files::write(&args.folder, &configuration, &rules)?;
    told(
        args,
        &written(args, &found, configuration, rules, warnings)?,
    )
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let whole =
        std::path::absolute(path).map_err(|error| Failure::unreadable(path.display(), &error))?;
    if whole.to_str().is_none() {
        return Err(Failure::bad_input(format!("`{}` is not UTF-8", whole.display())).at("--data"));
    }
    Ok(whole)
}

fn region(given: &Given, answering: &mut Answering<'_>) -> Result<String, Failure> {
    let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let of_environment = variables
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let question = Question {
        key: "region",
        words: "Home Region of IAM Identity Center",
        default: of_environment.filter(|it| !it.is_empty()),
        ..Question::default()
    };
    answering.settle(given.region.as_deref(), &question, |text| {
        hallpass_app::host::home_region::known_region(text.to_owned())
    })
}

async fn find(given: &Given, region: String) -> Result<FoundOrganization, Failure> {
    let mut instance = FoundInstance {
        region,
        role_arn: given.role_arn.clone(),
        external_id: given.external_id.clone(),
        ..FoundInstance::default()
    };
    let loaded = Loaded {
        config: hallpass_app::config::parse(&sections::aws(&instance), files::CONFIGURATION)?,
        folder: PathBuf::new(),
    };
    let clock = Arc::new(ProcessClock::new(SystemClock, None));
    let aws = Arc::new(connect(&loaded, &clock, Arc::new(RandomIds)).await?);
    check_home(&aws).await?;
    let facts = aws.instance().await.map_err(|fault| {
        Failure::failed(format!("the instance cannot be described: {fault}"))
            .help("allow `sso:DescribeInstance`")
    })?;
    if facts.permission_sets == PermissionSetUse::Off {
        let (words, help) = NO_PERMISSION_SETS;
        return Err(Failure::failed(words).help(help));
    }
    let about = aws.about().clone();
    instance.instance_arn.clone_from(&about.instance_arn);
    instance.encryption_key = facts.key;
    let groups = Arc::new(Mutex::new(BTreeSet::new()));
    let wanted = Arc::clone(&groups);
    let wanted = move || {
        wanted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    };
    Ok(FoundOrganization {
        instance,
        management: management_account(&about),
        place: about.place,
        account: about.account,
        inventory: Inventory::new(aws, Arc::new(wanted)),
        groups,
    })
}

/// Refuses an additional Region: it accepts no assignments.
async fn check_home(aws: &Aws) -> Result<(), Failure> {
    // without permission to list, the first assignment fails, as in the server
    let regions = aws.instance_regions().await.unwrap_or_default();
    let own = &aws.about().region;
    match regions.iter().find(|it| it.is_home && it.name != *own) {
        Some(home) => {
            let (words, _) = not_the_home_region(own, &home.name);
            Err(Failure::failed(words).help(format!("use `--region {}`", home.name)))
        }
        None => Ok(()),
    }
}

async fn read(found: &FoundOrganization) -> Result<Arc<Directory>, Failure> {
    found.inventory.refresh().await.map_err(|fault| {
        Failure::failed(format!("the organization cannot be read: {fault}"))
            .help("use credentials that may read IAM Identity Center and AWS Organizations")
    })
}

fn about(found: &FoundOrganization, directory: &Directory) -> String {
    format!(
        "Found {} in {}: {}, {}, {}, {}.",
        found.instance.instance_arn,
        found.instance.region,
        count(directory.accounts().len(), "account"),
        count(directory.permission_sets().len(), "permission set"),
        count(directory.groups().len(), "group"),
        count(directory.people().len(), "user"),
    )
}

fn place_warning(found: &FoundOrganization) -> Option<String> {
    match found.place {
        OwnAccountRole::Management | OwnAccountRole::DelegatedAdministrator => None,
        OwnAccountRole::Other => Some(format!(
            "account {} is neither the management account nor a delegated administrator of IAM Identity Center: a server cannot give access there",
            found.account
        )),
    }
}

fn plan(
    args: &Args,
    data: Option<&Path>,
    configuration: &str,
    rules: &str,
    answers: &Answers,
    warnings: &[String],
) -> String {
    let mut text = String::new();
    for (name, content) in [(files::CONFIGURATION, configuration), (files::RULES, rules)] {
        let _ = write!(
            text,
            "\n--- {}\n{content}",
            args.folder.join(name).display()
        );
    }
    let _ = writeln!(
        text,
        "---\nAdministrators: {}. Approvers: {}. Requesters: {}.",
        plain(&answers.administrators.name),
        plain(&answers.approvers.name),
        answers
            .requesters
            .as_ref()
            .map_or_else(|| "everyone".to_owned(), |it| plain(&it.name)),
    );
    if let Some(data) = data {
        let _ = writeln!(
            text,
            "The database and the exported audit log will lie in {}.",
            data.display()
        );
    }
    for warning in warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text.truncate(text.trim_end().len());
    text
}

fn written(
    args: &Args,
    found: &FoundOrganization,
    configuration: PathBuf,
    rules: PathBuf,
    warnings: Vec<String>,
) -> Result<Written, Failure> {
    let loaded = hallpass_app::config::load_with(&configuration, Secrets::Left)?;
    let policy = doctor::least_policy(&loaded)?;
    let option = if args.folder.as_path() == Path::new(".") {
        String::new()
    } else {
        format!(" --config {}", configuration.display())
    };
    let next = vec![
        format!("hallpass server doctor --iam-policy{option} > policy.json"),
        format!("hallpass server doctor{option}"),
        format!("hallpass serve{option}"),
        format!(
            "hallpass server token create --user YOUR-ADDRESS{option} | hallpass login --token-stdin"
        ),
    ];
    Ok(Written {
        folder: args.folder.clone(),
        configuration,
        rules,
        region: found.instance.region.clone(),
        instance_arn: found.instance.instance_arn.clone(),
        warnings,
        policy: serde_json::from_str(&policy).map_err(Failure::bug)?,
        next,
    })
}

fn told(args: &Args, written: &Written) -> Outcome {
    let text = || {
        let [policy, doctor, serve, token] =
            [0, 1, 2, 3].map(|at| written.next.get(at).map_or("", String::as_str));
        format!(
            "Wrote {} and {}.\n\nThe least IAM policy of the server, for the role it runs as:\n{:#}\n\nNext:\n  \
             {policy}\n      the same policy, in a file: attach it to that role\n  {doctor}\n      what the server needs, each line with its remedy\n  {serve}\n  {token}\n      your first \
             token, beside the running server\n\nKeep both files in git. docs/how-to/install.md continues from here.\n",
            written.configuration.display(),
            written.rules.display(),
            written.policy
        )
    };
    output::one(args.output.format(), written, FIELDS, text)?;
    Ok(Exit::Ok)
}
