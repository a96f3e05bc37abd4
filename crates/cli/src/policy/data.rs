use hallpass_iam::facts::{self, ActionFacts, Key, ResourceType, ServiceFacts};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, Format, OutputArgs, Table};
use serde::Serialize;

/// Show known actions, resource types and condition keys
#[derive(Debug, clap::Args)]
#[command(
    disable_version_flag = true,
    long_about = "Show known actions, resource types and condition keys\n\nThe data is part of \
                  the program and has a date; later additions of AWS are not in it. Without flags \
                  its date and size are shown.",
    after_help = "Examples:
  hallpass policy data --version
  hallpass policy data --service sso
  hallpass policy data --service sso --show resource-types
  hallpass policy data --action 's3:Get*' --output json"
)]
pub(super) struct Args {
    /// Only the date of the data
    #[arg(long, conflicts_with_all = ["service", "action", "show", "output"])]
    version: bool,
    /// All data of this service, by its prefix
    #[arg(long, value_name = "PREFIX", conflicts_with = "action")]
    service: Option<String>,
    /// This action, `service:Name`; `*` and `?` are wildcards
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Which data of the service to show
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        default_value = "actions",
        requires = "service"
    )]
    show: Show,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Show {
    /// Its actions
    Actions,
    /// Its resource types, with their ARNs
    ResourceTypes,
    /// Its condition keys
    Keys,
}

#[derive(Debug, Serialize)]
struct Summary {
    version: &'static str,
    services: usize,
    actions: usize,
    resource_types: usize,
    condition_keys: usize,
}

#[derive(Debug, Serialize)]
struct ActionRow {
    action: String,
    access: &'static str,
    resource_types: Vec<&'static str>,
    required: Vec<&'static str>,
    one_of: Vec<&'static str>,
    condition_keys: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct TypeRow {
    resource_type: &'static str,
    arns: Vec<&'static str>,
    condition_keys: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct KeyRow {
    key: &'static str,
    value: &'static str,
    multi_valued: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.output.format();
    let shown = match (&args.service, &args.action) {
        _ if args.version => output::print(&format!("{}\n", facts::version())),
        (Some(prefix), _) => {
            let service = service(prefix)?;
            show(service, args.show, format)
        }
        (None, Some(pattern)) => {
            let rows = matching(pattern)?;
            show_actions(&rows, format)
        }
        (None, None) => summary(format),
    };
    shown.map(|()| Exit::Ok)
}

fn service(prefix: &str) -> Result<&'static ServiceFacts, Failure> {
    facts::service(prefix).ok_or_else(|| {
        let failure = Failure::bad_input(format!("no service has the prefix `{prefix}`"));
        let failure = failure.code("E_SERVICE").at("--service");
        match facts::nearest_service(prefix) {
            Some(near) => failure.help(format!("did you mean `{near}`?")),
            None => failure,
        }
    })
}

fn matching(pattern: &str) -> Result<Vec<ActionRow>, Failure> {
    let rows: Vec<ActionRow> = facts::actions_matching(pattern)
        .map(ActionRow::new)
        .collect();
    if !rows.is_empty() {
        return Ok(rows);
    }
    let failure = Failure::bad_input(format!(
        "no action known on {} is `{pattern}`",
        facts::version()
    ));
    let failure = failure.code("E_ACTION").at("--action");
    Err(match facts::nearest_action(pattern) {
        Some(near) => failure.help(format!("did you mean `{}`?", near.full_name())),
        None => failure,
    })
}

fn summary(format: Format) -> Result<(), Failure> {
    let mut all = Summary {
        version: facts::version(),
        services: 0,
        actions: 0,
        resource_types: 0,
        condition_keys: facts::global_keys().count(),
    };
    for service in facts::services() {
        let own = service.condition_keys().iter();
        // every service with tags has the tag keys of `aws:`
        let own = own.filter(|key| facts::global_key(key.name).is_none());
        all.services += 1;
        all.actions += service.actions().len();
        all.resource_types += service.resource_types().len();
        all.condition_keys += own.count();
    }
    let fields = [
        "version",
        "services",
        "actions",
        "resource_types",
        "condition_keys",
    ];
    output::one(format, &all, &fields, || {
        format!(
            "facts of {}: {} services, {} actions, {} resource types, {} condition keys\n",
            all.version, all.services, all.actions, all.resource_types, all.condition_keys
        )
    })
}

fn show(service: &'static ServiceFacts, what: Show, format: Format) -> Result<(), Failure> {
    match what {
        Show::Actions => {
            let rows: Vec<ActionRow> = service.actions().iter().map(ActionRow::new).collect();
            show_actions(&rows, format)
        }
        Show::ResourceTypes => {
            let rows: Vec<TypeRow> = service.resource_types().iter().map(TypeRow::new).collect();
            output::list(
                format,
                &rows,
                &["resource_type", "arns", "condition_keys"],
                || {
                    let mut table = Table::new(&["=TYPE", "ARN", "CONDITION KEYS"]);
                    for row in &rows {
                        let keys = row.condition_keys.join(" ");
                        table.row([row.resource_type.to_owned(), row.arns.join(" "), keys]);
                    }
                    table
                },
            )
        }
        Show::Keys => {
            let rows: Vec<KeyRow> = service.condition_keys().iter().map(KeyRow::new).collect();
            output::list(format, &rows, &["key", "value", "multi_valued"], || {
                let mut table = Table::new(&["=KEY", "VALUE"]);
                for row in &rows {
                    let list = if row.multi_valued { "list of " } else { "" };
                    table.row([row.key.to_owned(), format!("{list}{}", row.value)]);
                }
                table
            })
        }
    }
}

fn show_actions(rows: &[ActionRow], format: Format) -> Result<(), Failure> {
    let fields = [
        "action",
        "access",
        "resource_types",
        "required",
        "one_of",
        "condition_keys",
    ];
    output::list(format, rows, &fields, || {
        let mut table = Table::new(&[
            "=ACTION",
            "=ACCESS",
            "RESOURCE TYPES (* required)",
            "CONDITION KEYS",
        ]);
        for row in rows {
            let marked = row.resource_types.iter().map(|name| {
                let mark = if row.required.contains(name) { "*" } else { "" };
                format!("{name}{mark}")
            });
            let types: Vec<String> = marked.collect();
            let (types, keys) = (types.join(", "), row.condition_keys.join(" "));
            table.row([row.action.clone(), row.access.to_owned(), types, keys]);
        }
        table
    })
}

impl ActionRow {
    fn new(action: &'static ActionFacts) -> Self {
        let service = facts::service(action.service);
        let required = facts::required_resource_types(&action.full_name()).unwrap_or_default();
        let mut keys: Vec<&str> = action.condition_keys.to_vec();
        for used in &action.resource_types {
            let kind = service.and_then(|it| it.resource_type(used.name));
            let of_type = kind.iter().flat_map(|it| it.condition_keys.iter());
            let carried = of_type.filter(|key| action.comes_with(used, key));
            keys.extend(used.condition_keys.iter().chain(carried));
        }
        keys.sort_unstable();
        keys.dedup();
        Self {
            action: action.full_name(),
            access: action.access.as_str(),
            resource_types: action.resource_types.iter().map(|it| it.name).collect(),
            required: required.all,
            one_of: required.one_of,
            condition_keys: keys,
        }
    }
}

impl TypeRow {
    fn new(kind: &ResourceType) -> Self {
        Self {
            resource_type: kind.name,
            arns: kind.arns.iter().map(facts::ArnPattern::as_str).collect(),
            condition_keys: kind.condition_keys.to_vec(),
        }
    }
}

impl KeyRow {
    fn new(key: &Key) -> Self {
        Self {
            key: key.name,
            value: key.value.as_str(),
            multi_valued: key.multi_valued,
        }
    }
}
