//! Parses the command line completely before any call.

use std::path::Path;
use std::sync::Arc;

use hallpass_app::host::home_region::known_region;
use hallpass_aws::{
    AccountsToFind, AnyOperation, AwsClientSettings, FanoutAccess, FanoutCalls, OrganizationUnits,
    RoleToAssume,
};
use hallpass_aws_model::wire::{InputProblem, Unknown, catalog, check_input, only_reads};
use hallpass_base::AccountId;
use hallpass_plans::fanout::{Management, RegionChoice, Selection};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};
use serde_json::{Value, json};

use super::recipes::{self, RECIPES};
use super::{Args, SelectionArgs};

pub(super) struct AskedOperation {
    pub(super) operation: AnyOperation,
    pub(super) query: Option<String>,
    /// Whether the operation writes, or returns secrets.
    pub(super) writes: bool,
    pub(super) regions: RegionChoice,
    pub(super) selection: Selection,
    pub(super) access: FanoutAccess,
}

impl AskedOperation {
    /// Equal arguments give equal text: a run resumes only with its own.
    pub(super) fn text(&self, keep_empty: bool) -> String {
        json!({
            "service": self.operation.service.name,
            "operation": self.operation.operation,
            "input": self.operation.input,
            "query": self.query,
            "keep_empty": keep_empty,
            "regions": format!("{:?}", self.regions),
            "selection": format!("{:?}", self.selection),
            "accounts": format!("{:?}", self.access.accounts),
            "role": [self.access.role.name, self.access.role.via.join(",")],
        })
        .to_string()
    }
}

pub(super) fn understand(args: &Args, id: &str) -> Result<AskedOperation, Failure> {
    let (service, operation, params, query) = named(args)?;
    let model = catalog().open(&service).map_err(|error| unknown(&error))?;
    let model = Arc::new(model);
    let found = catalog()
        .operation(&model, &operation)
        .map_err(|error| unknown(&error))?;
    let writes = !only_reads(&service, &found.name);
    if writes && !args.write.write {
        return Err(
            Failure::refused(format!("`{service} {operation}` does not only read")).help(
                "with `--write` it is planned, shown and confirmed first; it cannot be undone",
            ),
        );
    }
    check_input(&model, found, &params).map_err(|problem| bad_params(&problem))?;
    let asked = AnyOperation {
        service: Arc::clone(&model),
        operation,
        input: params,
    };
    FanoutCalls::check(&asked).map_err(|error| Failure::bad_input(error.to_string()))?;
    let home = args.home.known()?;
    Ok(AskedOperation {
        regions: regions(&args.walk.regions, &service, &home)?,
        selection: selection(&args.walk.selection),
        access: access(args, home, id)?,
        operation: asked,
        query,
        writes,
    })
}

type NamedCall = (String, String, Value, Option<String>);

fn named(args: &Args) -> Result<NamedCall, Failure> {
    let params = args.params.as_deref().map(read_params).transpose()?;
    if let Some(name) = &args.recipe {
        let recipe = recipes::find(name).ok_or_else(|| {
            let names: Vec<&str> = RECIPES.iter().map(|it| it.name).collect();
            Failure::bad_input(format!("there is no recipe `{name}`"))
                .help(format!("there are {}", names.join(", ")))
        })?;
        let query = args.query.clone().or_else(|| Some(recipe.query.to_owned()));
        let params = params.unwrap_or_else(recipe.params);
        return Ok((
            recipe.service.to_owned(),
            recipe.operation.to_owned(),
            params,
            query,
        ));
    }
    let (Some(service), Some(operation)) = (&args.service, &args.operation) else {
        return Err(Failure::bad_input("a service and an operation are missing")
            .help("as in `hallpass each ec2 DescribeVpcs`, or name a `--recipe`"));
    };
    let params = params.unwrap_or_else(|| json!({}));
    Ok((
        service.clone(),
        operation.clone(),
        params,
        args.query.clone(),
    ))
}

fn read_params(text: &str) -> Result<Value, Failure> {
    let text = match text.strip_prefix('@') {
        Some(path) => read_text(Path::new(path), TEXT_BYTES_MAX)?,
        None => text.to_owned(),
    };
    serde_json::from_str(&text)
        .map_err(|error| Failure::bad_input(format!("`--params` is no JSON: {error}")))
}

fn unknown(error: &Unknown) -> Failure {
    let failure = Failure::bad_input(error.to_string());
    match error.nearest.as_slice() {
        [] => failure,
        nearest => failure.help(format!("nearest: {}", nearest.join(", "))),
    }
}

fn bad_params(problem: &InputProblem) -> Failure {
    let failure = Failure::bad_input(format!("`--params`: {problem}"));
    match problem {
        InputProblem::Unknown { nearest, .. } if !nearest.is_empty() => {
            failure.help(format!("nearest: {}", nearest.join(", ")))
        }
        InputProblem::Unknown { .. } | InputProblem::Missing(_) | InputProblem::Type { .. } => {
            failure
        }
    }
}

pub(crate) fn regions(
    names: &[String],
    service: &str,
    home: &str,
) -> Result<RegionChoice, Failure> {
    if let Some(global) = catalog().global_region(service, home) {
        return Ok(RegionChoice::Certain(vec![global.to_owned()]));
    }
    match names {
        [one] if one == "enabled" => Ok(RegionChoice::Enabled),
        [one] if one == "all" => Ok(RegionChoice::Named(catalog().regions(home).to_vec())),
        names => {
            let names: Result<Vec<String>, Failure> =
                names.iter().cloned().map(known_region).collect();
            let mut names = names?;
            names.sort();
            names.dedup();
            Ok(if names.iter().all(|it| catalog().is_always_on(it)) {
                RegionChoice::Certain(names)
            } else {
                RegionChoice::Named(names)
            })
        }
    }
}

pub(crate) fn selection(args: &SelectionArgs) -> Selection {
    let which = &args.which;
    let tags = which.tag.iter().map(|it| match it.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (it.clone(), None),
    });
    Selection {
        accounts: which.accounts.iter().cloned().collect(),
        exclude: which.exclude.iter().cloned().collect(),
        names: args.name_glob.clone(),
        tags: tags.collect(),
        management: if which.include_management {
            Management::Included
        } else {
            Management::Skipped
        },
    }
}

fn access(args: &Args, home: String, id: &str) -> Result<FanoutAccess, Failure> {
    let tags = args.session_tag.iter().map(|it| {
        let (key, value) = it.split_once('=').ok_or_else(|| {
            Failure::bad_input(format!("`--session-tag {it}` is not `KEY=VALUE`"))
        })?;
        Ok((key.to_owned(), value.to_owned()))
    });
    Ok(FanoutAccess {
        client: AwsClientSettings::new(home),
        accounts: accounts_to_find(&args.walk.selection)?,
        role: RoleToAssume {
            tags: tags.collect::<Result<_, Failure>>()?,
            source_identity: args.source_identity.clone(),
            ..args.walk.role.to_assume(format!("hallpass-{id}"))
        },
    })
}

pub(crate) fn accounts_to_find(args: &SelectionArgs) -> Result<AccountsToFind, Failure> {
    let given = args.accounts_file.as_deref();
    Ok(AccountsToFind {
        given: given.map(accounts_of_file).transpose()?,
        units: args.which.ou.clone(),
        depth: if args.which.ou_direct {
            OrganizationUnits::Named
        } else {
            OrganizationUnits::AllBelow
        },
        without: args.exclude_ou.clone(),
        with_tags: !args.which.tag.is_empty(),
    })
}

fn accounts_of_file(path: &Path) -> Result<Vec<AccountId>, Failure> {
    let text = read_text(path, TEXT_BYTES_MAX)?;
    let cells = |line: &str| -> Vec<String> {
        let cells = line
            .split(',')
            .map(|it| it.trim().trim_matches('"').to_owned());
        cells.collect()
    };
    let mut lines = text.lines().filter(|it| !it.trim().is_empty()).peekable();
    let head = lines.peek().map(|it| cells(it)).unwrap_or_default();
    let column = head.iter().position(|it| it == "account_id");
    let rows = lines.skip(usize::from(column.is_some()));
    let ids = rows.map(|line| {
        let cell = cells(line).into_iter().nth(column.unwrap_or(0));
        AccountId::new(cell.unwrap_or_default())
    });
    let mut ids: Vec<AccountId> = ids
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::bad_input(error.to_string()).at(path.display().to_string()))?;
    ids.sort();
    ids.dedup();
    Ok(ids)
}
