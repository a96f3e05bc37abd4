//! `who`: access by principal and account, path by path, with findings (`inventory.md` §3).

mod diff;
mod live;
mod outside;

use std::collections::{BTreeSet, HashMap, HashSet};

use hallpass_base::fold;
use hallpass_inventory::{
    AccessFinding, AccessGraph, AccessPath, AccessPerson, AccessReport, AssignmentHolder,
    GraphAccount, GraphAssignment, GraphGroup, GraphRole, OutsideAccess, Snapshot, TableCoverage,
    coverage_of, effective, group_of_way,
};
use serde_json::{Value, json};

use super::query::{DatasetArgs, WhichData, access_data, tell};
use crate::dataset::{PartialTable, not_synced};
use crate::failure::{QueryExit, QueryFailure, QueryOutcome, say};
use crate::output::{self, OutputArgs, Sheet};

/// Show who has access to what, and the findings
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  hallpass who --account payments-prod
  hallpass who --user mara.lindqvist --effective
  hallpass who --data inventory.json --output csv > access.csv
  hallpass who diff previous newest
  hallpass who --live --user mara.lindqvist
  hallpass who --account payments-prod --review-csv > review.csv
  hallpass who apply-review review.csv

Exit codes: 0 ok, 1 data are partial, 2 bad input, 3 findings with
--fail-on-findings, 4 more paths than --max-rows, 70 internal."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    /// Only this user: user name, address or id
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// Only access through this group
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// Only in this account: name or id
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,

    /// Only in the accounts below this organizational unit: its path, as `/Workloads/Production`
    #[arg(long, value_name = "OU", value_parser = unit_path)]
    ou: Option<String>,

    /// Only this permission set, or role of an entitlement: name or ARN
    #[arg(long, value_name = "NAME")]
    permission_set: Option<String>,

    /// Omit disabled users
    #[arg(long)]
    enabled_only: bool,

    #[command(flatten)]
    shape: ShapeArgs,

    #[command(flatten)]
    live: live::LiveArgs,

    /// Exit 3 when there are findings
    #[arg(long)]
    fail_on_findings: bool,

    /// Maximum number of paths
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    max_rows: usize,

    #[command(flatten)]
    dataset: DatasetArgs,

    #[command(flatten)]
    output: OutputArgs,
}

/// Form of the paths.
#[derive(Clone, Copy, Debug, clap::Args)]
struct ShapeArgs {
    /// One row for a user, an account and a permission set, regardless of the number of paths
    #[arg(long)]
    effective: bool,

    /// Show assignments as stored: one row for a group or a deleted principal
    #[arg(long, conflicts_with_all = ["effective", "review_csv", "enabled_only"])]
    no_expand: bool,

    /// For reviewers: CSV with columns `decision` and `reason` to fill in; `who apply-review` reads
    /// it
    #[arg(long, conflicts_with_all = ["effective", "output", "spreadsheet_safe"])]
    review_csv: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Diff(diff::Args),
}

/// Note for tables that were never collected (`inventory.md` W-13, W-17).
const NO_ENTITLEMENTS: &str = "not covered: account access entitlements";
const FEW_ENTITLEMENTS: &str =
    "not covered: account access entitlements of accounts outside the sync";
const NO_DELEGATIONS: &str =
    "not covered: delegation requests of partners (`hallpass sync --only iam`)";

const TABLES: [&str; 6] = [
    "aws_organizations_accounts",
    "aws_ssoadmin_permission_sets",
    "aws_ssoadmin_account_assignments",
    "aws_identitystore_users",
    "aws_identitystore_groups",
    "aws_identitystore_group_memberships",
];
const ENTITLEMENTS: &str = "aws_account_access_entitlements";
const PROVISIONED: &str = "aws_ssoadmin_provisioned";

pub(crate) async fn run(args: &Args) -> QueryOutcome {
    if let Some(Command::Diff(args)) = &args.command {
        return diff::run(args).await;
    }
    let (snapshot, grants) = if args.live.live {
        let live = args.live.collect(args.is_narrowed())?;
        access_data(&live.snapshots(), &WhichData::NEWEST).await?
    } else {
        args.dataset.access().await?
    };
    let (mut partial, mut not_covered) = (Vec::new(), Vec::new());
    let more = [PROVISIONED, ENTITLEMENTS, OutsideAccess::TABLE];
    for name in TABLES.into_iter().chain(more) {
        match coverage_of(&snapshot.record, name) {
            TableCoverage::Complete => {}
            TableCoverage::Partial(groups) => partial.push(PartialTable {
                table: name,
                groups,
            }),
            TableCoverage::NotSynced if name == PROVISIONED => {
                say("not checked: provisioned_unassigned, outdated (no table of provisioned sets)");
            }
            TableCoverage::NotSynced if name == ENTITLEMENTS => not_covered.push(NO_ENTITLEMENTS),
            TableCoverage::NotSynced if name == OutsideAccess::TABLE => {
                not_covered.push(NO_DELEGATIONS);
            }
            TableCoverage::NotSynced => return Err(not_synced(name)),
        }
    }
    let graph = AccessGraph::new(&snapshot.rows, &grants);
    if graph.has_unasked(&snapshot.record, ENTITLEMENTS) {
        not_covered.push(FEW_ENTITLEMENTS);
    }
    if partial.is_empty() {
        args.refuse_unknown(&graph)?;
    }
    let report = args.chosen(&graph)?;
    if args.shape.review_csv {
        output::print(review(&report).spreadsheet_csv().as_bytes())?;
        not_covered.into_iter().for_each(say);
        tell(&partial);
        let is_whole = partial.is_empty();
        return Ok(if is_whole {
            QueryExit::Ok
        } else {
            QueryExit::Failed
        });
    }
    let found = args.outside(&snapshot, &graph);
    let (paths, findings, outside) = if args.output.is_for_people() {
        let outside = outside::shown(&found);
        (shown(&report), shown_findings(&report), outside)
    } else {
        (paths(&report), findings(&report), outside::sheet(&found))
    };
    let others = [("findings", &findings), ("outside", &outside)];
    args.output.sheets(("paths", &paths), &others)?;
    not_covered.into_iter().for_each(say);
    tell(&partial);
    Ok(if !partial.is_empty() {
        QueryExit::Failed
    } else if args.fail_on_findings && !report.findings.is_empty() {
        QueryExit::Findings
    } else {
        QueryExit::Ok
    })
}

impl Args {
    fn is_narrowed(&self) -> bool {
        let narrowing = [
            &self.user,
            &self.group,
            &self.account,
            &self.ou,
            &self.permission_set,
        ];
        narrowing.iter().any(|it| it.is_some())
    }

    /// Refuses unknown names: an empty answer would read as no access. Partial data may contain the
    /// name.
    fn refuse_unknown(&self, graph: &AccessGraph) -> Result<(), QueryFailure> {
        let unknown = |what: &str, name: &Option<String>, is_there: bool| match name {
            Some(name) if !is_there => Some(format!("there is no {what} `{name}`")),
            _ => None,
        };
        let mut people = graph.people.iter();
        let has_user = people.any(|it| self.is_user(it));
        let mut accounts = graph.accounts.iter();
        let has_account = accounts.any(|it| self.is_account(it));
        let mut accounts = graph.accounts.iter();
        let has_unit = accounts.any(|it| self.is_below(it));
        let message = unknown("person", &self.user, has_user)
            .or_else(|| unknown("account", &self.account, has_account))
            .or_else(|| {
                // a unit without accounts has no access
                unknown("account below", &self.ou, has_unit)
            });
        message.map_or(Ok(()), |it| Err(QueryFailure::bad_input(it)))
    }

    fn is_user(&self, person: &AccessPerson) -> bool {
        let names = [&person.user_name, &person.email, &person.user_id];
        is(self.user.as_deref(), &names.map(Option::as_deref))
    }

    fn is_account(&self, account: &GraphAccount) -> bool {
        let names = [Some(account.id.as_str()), account.name.as_deref()];
        is(self.account.as_deref(), &names)
    }

    fn is_below(&self, account: &GraphAccount) -> bool {
        let Some(wanted) = &self.ou else { return true };
        let path = account.ou_path.as_deref();
        path.is_some_and(|path| path.to_lowercase().starts_with(&wanted.to_lowercase()))
    }

    /// Returns the candidate paths. Filters before expanding, because a large organization does not
    /// fit in memory. Returns none beyond `--max-rows`.
    fn paths(
        &self,
        graph: &AccessGraph,
        accounts: &BTreeSet<&str>,
    ) -> Result<Vec<AccessPath>, QueryFailure> {
        if self.shape.no_expand {
            return Ok(graph.stored());
        }
        let all = graph.accounts.iter();
        let accounts: Vec<bool> = all.map(|it| accounts.contains(it.id.as_str())).collect();
        let is_role = |it: &GraphRole| {
            is(
                self.permission_set.as_deref(),
                &[Some(it.shown()), Some(&it.arn)],
            )
        };
        let roles: Vec<bool> = graph.roles.iter().map(is_role).collect();
        let is_group = |it: &GraphGroup| is(self.group.as_deref(), &[Some(&it.name)]);
        let groups: Vec<bool> = graph.groups.iter().map(is_group).collect();
        let people = graph.people.iter().enumerate();
        let people = people.filter(|it| self.is_user(it.1));
        let people: Vec<usize> = people.map(|it| it.0).collect();
        let has = |list: &[bool], place: usize| list.get(place).copied().unwrap_or(false);
        let is_wanted = |it: &GraphAssignment| {
            let is_held = match &it.holder {
                AssignmentHolder::Group(group) => has(&groups, *group),
                AssignmentHolder::Person(_) | AssignmentHolder::Gone(..) => self.group.is_none(),
            };
            is_held && has(&accounts, it.account) && has(&roles, it.role)
        };
        let people = self.user.is_some().then_some(people.as_slice());
        let count = graph.count_of_some(is_wanted, people);
        if count > self.max_rows {
            let message = format!("{count} paths, and `--max-rows` is {}", self.max_rows);
            let failure = QueryFailure::new(QueryExit::Refused, message).code("E_SQL_ROWS");
            return Err(failure.help(
                "narrow it (`--user`, `--account`, `--permission-set`), show one row a group \
                 (`--no-expand`), or raise `--max-rows`",
            ));
        }
        Ok(graph.paths_of_some(is_wanted, people))
    }

    fn accounts<'a>(&self, graph: &'a AccessGraph) -> BTreeSet<&'a str> {
        let wanted = graph.accounts.iter();
        let wanted = wanted.filter(|it| self.is_account(it) && self.is_below(it));
        wanted.map(|it| it.id.as_str()).collect()
    }

    /// Returns the access of principals outside the directory; empty with a user, group or
    /// permission set filter.
    fn outside(&self, snapshot: &Snapshot, graph: &AccessGraph) -> Vec<OutsideAccess> {
        let of_people = [&self.user, &self.group, &self.permission_set];
        if of_people.iter().any(|it| it.is_some()) {
            return Vec::new();
        }
        let wanted = self.accounts(graph);
        let mut found = OutsideAccess::all(&snapshot.rows, graph, snapshot.record.finished);
        found.retain(|it| it.is_in(&wanted));
        found
    }

    fn chosen(&self, graph: &AccessGraph) -> Result<AccessReport, QueryFailure> {
        let wanted_accounts = self.accounts(graph);
        let mut paths = self.paths(graph, &wanted_accounts)?;
        paths.retain(|path| {
            let person = &path.person;
            let group = group_of_way(&path.via);
            let set = [Some(path.role.shown()), Some(path.role.arn())];
            self.is_user(person)
                && is(self.group.as_deref(), &[group])
                && wanted_accounts.contains(path.account_id.as_str())
                && is(self.permission_set.as_deref(), &set)
                && !(self.enabled_only && person.user_status.as_deref() == Some("DISABLED"))
        });
        let mut findings = graph.findings();
        let is_of_somebody = self.user.is_some() || self.group.is_some();
        let holders: HashSet<&str> = paths.iter().map(|it| it.principal_id.as_str()).collect();
        findings.retain(|finding| {
            let holder = finding.principal_id.as_deref();
            wanted_accounts.contains(finding.account_id.as_str())
                && is(
                    self.permission_set.as_deref(),
                    &[Some(finding.role.shown()), Some(finding.role.arn())],
                )
                && (!is_of_somebody || holder.is_some_and(|it| holders.contains(it)))
        });
        if self.shape.effective {
            paths = effective(&paths);
        }
        Ok(AccessReport { paths, findings })
    }
}

fn is(wanted: Option<&str>, names: &[Option<&str>]) -> bool {
    let Some(wanted) = wanted else { return true };
    let mut names = names.iter().flatten();
    names.any(|name| fold::is_same(name, wanted))
}

fn unit_path(text: &str) -> Result<String, String> {
    let names = text.strip_prefix('/');
    let names = names.ok_or(
        "a path, as `/Workloads/Production`: snapshots have no ids of units beside accounts",
    )?;
    let names: Vec<&str> = names.split('/').filter(|it| !it.is_empty()).collect();
    Ok(if names.is_empty() {
        "/".to_owned()
    } else {
        format!("/{}/", names.join("/"))
    })
}

fn shown(report: &AccessReport) -> Sheet {
    let mut sheet = Sheet::new(&["person", "way", "account", "permission set", "until"]);
    let noted = |name: &str, note: Option<&str>, usual: &str| match note {
        Some(note) if note != usual => format!("{name} ({})", note.to_lowercase()),
        _ => name.to_owned(),
    };
    sheet.rows.extend(report.paths.iter().map(|path| {
        let person = path.person.user_name.as_deref().unwrap_or("nobody");
        let account = path.account_name.as_deref();
        let account = account.unwrap_or(&path.account_id);
        let until = match (path.temporary, path.expires_at) {
            (false, _) => "no end".to_owned(),
            (true, Some(at)) => at.to_string(),
            (true, None) => "its grant ends".to_owned(),
        };
        vec![
            json!(noted(person, path.person.user_status.as_deref(), "ENABLED")),
            json!(path.via),
            json!(noted(account, path.account_state.as_deref(), "ACTIVE")),
            json!(path.role.shown()),
            json!(until),
        ]
    }));
    sheet
}

fn shown_findings(report: &AccessReport) -> Sheet {
    // the first of several paths of one holder sets its name
    let paths = report.paths.iter().rev();
    let by_holder: HashMap<&str, &AccessPath> =
        paths.map(|it| (it.principal_id.as_str(), it)).collect();
    let name_of = |finding: &AccessFinding| {
        let id = finding.principal_id.as_ref()?;
        let path = by_holder.get(id.as_str());
        let name = path.and_then(|path| match path.principal_type.as_str() {
            "USER" => path.person.user_name.clone(),
            _ => Some(path.via.clone()),
        });
        Some(name.unwrap_or_else(|| id.clone()))
    };
    let mut sheet = Sheet::new(&["finding", "account", "permission set", "whom"]);
    sheet.rows.extend(report.findings.iter().map(|finding| {
        vec![
            json!(finding.kind),
            json!(finding.account_id),
            json!(finding.role.shown()),
            json!(name_of(finding)),
        ]
    }));
    sheet
}

fn paths(report: &AccessReport) -> Sheet {
    let mut sheet = Sheet::new(&[
        "user_name",
        "user_id",
        "email",
        "user_status",
        "via",
        "principal_type",
        "principal_id",
        "account_id",
        "account_name",
        "account_state",
        "ou_path",
        "permission_set",
        "permission_set_arn",
        "role_name",
        "role_arn",
        "latest",
        "temporary",
        "expires_at",
        "grant_id",
    ]);
    sheet.rows = rows(&sheet, report.paths.iter().map(|path| json!(path)));
    sheet
}

fn review(report: &AccessReport) -> Sheet {
    let mut sheet = paths(report);
    sheet
        .columns
        .extend(["decision", "reason"].map(str::to_owned));
    for row in &mut sheet.rows {
        row.extend([json!(""), json!("")]);
    }
    sheet
}

fn findings(report: &AccessReport) -> Sheet {
    let mut sheet = Sheet::new(&[
        "kind",
        "account_id",
        "permission_set",
        "role_name",
        "principal_type",
        "principal_id",
    ]);
    sheet.rows = rows(&sheet, report.findings.iter().map(|finding| json!(finding)));
    sheet
}

fn rows(sheet: &Sheet, objects: impl Iterator<Item = Value>) -> Vec<Vec<Value>> {
    let row = |object: Value| {
        let cells = sheet.columns.iter().map(|name| object.get(name).cloned());
        cells.map(Option::unwrap_or_default).collect()
    };
    objects.map(row).collect()
}
