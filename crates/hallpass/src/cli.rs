//! The table from command to function, in the order of `--help`: grouped by who uses what. A new
//! command is a variant, an arm, its place in `GROUPS` and a module line in its group's `mod.rs`.

use std::fmt::Write as _;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands::approver::{approve, close_review, deny};
use crate::commands::auditor::{activity, audit, pci};
use crate::commands::everybody::{complete, completions, demo, man, sim};
use crate::commands::inventory::{access, alerts, companion, each, public_ips, sync, who};
use crate::commands::operator::{
    doctor, events, findings, guard, insights, lambda, lock, org, outage, plan, remediate, revoke,
    serve, sessions, slack, standing, store, sweep, token,
};
use crate::commands::policy_author::{abac, delegation, perimeter, policy, rules, vpn};
use crate::commands::requester::{
    aws, break_glass, catalog, console, discard, exec, extend, grants, login, logout, release,
    request, requests, whoami,
};
use crate::exit::{Exit, FailureForm, Outcome};
use crate::output;

/// The columns that help is laid out in.
const WIDTH: usize = 80;

/// Temporary access to AWS accounts: ask, approve, and it ends by itself
#[derive(Debug, Parser)]
#[command(
    name = "hallpass",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Examples:
  hallpass catalog
  hallpass request --account payments-prod --permission-set ReadOnly --for 2h \\
      --reason 'disk of the ledger database is full' --wait
  hallpass exec --account payments-prod --permission-set ReadOnly -- aws s3 ls

Exit codes: 0 ok, 1 failed or partial, 2 bad input, 3 findings, 4 refused for
safety, 5 held elsewhere, 70 internal. `hallpass COMMAND --help` says more."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Catalog(catalog::Args),
    Request(request::Args),
    Requests(requests::Args),
    Grants(grants::Args),
    Exec(exec::Args),
    Console(console::Args),
    Aws(aws::Args),
    Extend(extend::Args),
    Release(release::Args),
    Discard(discard::Args),
    BreakGlass(break_glass::Args),
    Approve(approve::Args),
    Deny(deny::Args),
    CloseReview(close_review::Args),
    Serve(serve::Args),
    Guard(guard::Args),
    Doctor(doctor::Args),
    Store(store::Args),
    Token(token::Args),
    Slack(slack::Args),
    Lambda(lambda::Args),
    Revoke(revoke::Args),
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Sessions(sessions::Args),
    Standing(standing::Args),
    Sweep(sweep::Args),
    Org(org::Args),
    Outage(outage::Args),
    Findings(findings::Args),
    Insights(insights::Args),
    Remediate(Box<remediate::Args>),
    Events(events::Args),
    Plan(plan::Args),
    Audit(audit::Args),
    Activity(activity::Args),
    Pci(pci::Args),
    Access(access::Args),
    Each(Box<each::Args>),
    PublicIps(Box<public_ips::Args>),
    Sync(Box<sync::Args>),
    /// Who has what, where, and what is wrong with it
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Who(who::Args),
    /// SQL over a snapshot: SELECT as PostgreSQL has it
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Query(companion::Args),
    /// Snapshots of what exists: list, show, import, export, compare, remove
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Snapshots(companion::Args),
    /// The tables that can be queried, or the columns of one
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Tables(companion::Args),
    Alerts(alerts::Args),
    Rules(rules::Args),
    Policy(policy::Args),
    Perimeter(perimeter::Args),
    Vpn(vpn::Args),
    Abac(abac::Args),
    Delegation(delegation::Args),
    Demo(demo::Args),
    Sim(Box<sim::Args>),
    Completions(completions::Args),
    Man(man::Args),
    #[command(name = "__complete", hide = true)]
    Complete(complete::Args),
}

/// Commands of one kind of person.
pub(crate) struct CommandGroup {
    /// What they do with them.
    pub(crate) title: &'static str,
    /// The commands by name.
    pub(crate) commands: &'static [&'static str],
}

/// Every command in its group; the folders of `commands/` are the same.
pub(crate) const GROUPS: [CommandGroup; 7] = [
    CommandGroup {
        title: "Ask for access and use it",
        commands: &[
            "login",
            "logout",
            "whoami",
            "catalog",
            "request",
            "requests",
            "grants",
            "exec",
            "console",
            "aws",
            "extend",
            "release",
            "discard",
            "break-glass",
        ],
    },
    CommandGroup {
        title: "Approve",
        commands: &["approve", "deny", "close-review"],
    },
    CommandGroup {
        title: "Run the server, take access away, change the organization",
        commands: &[
            "serve",
            "guard",
            "doctor",
            "store",
            "token",
            "slack",
            "lambda",
            "revoke",
            "lock",
            "unlock",
            "sessions",
            "standing",
            "sweep",
            "org",
            "outage",
            "findings",
            "insights",
            "remediate",
            "events",
            "plan",
        ],
    },
    CommandGroup {
        title: "Audit",
        commands: &["audit", "activity", "pci"],
    },
    CommandGroup {
        title: "Look across the organization",
        commands: &[
            "access",
            "each",
            "public-ips",
            "sync",
            "who",
            "query",
            "snapshots",
            "tables",
            "alerts",
        ],
    },
    CommandGroup {
        title: "Write rules and policies",
        commands: &["rules", "policy", "perimeter", "vpn", "abac", "delegation"],
    },
    CommandGroup {
        title: "Try it out, set up the shell",
        commands: &["demo", "sim", "completions", "man", "help"],
    },
];

/// The program with its help.
pub(crate) fn program() -> clap::Command {
    let program = Cli::command();
    let groups = grouped(&program);
    program.help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}\nOptions:\n{{options}}{{after-help}}"
    ))
}

/// Every command with its first line, by group.
fn grouped(program: &clap::Command) -> String {
    let names = GROUPS.iter().flat_map(|group| group.commands);
    let column = names.map(|name| name.len()).max().unwrap_or(0) + 4;
    let mut text = String::new();
    for group in &GROUPS {
        // writing to a `String` cannot fail
        let _ = writeln!(text, "{}:", group.title);
        for name in group.commands {
            let about = match program.find_subcommand(name) {
                Some(command) => command.get_about().map(ToString::to_string),
                None => Some("Print this, or the help of a command".to_owned()),
            };
            let about = output::wrapped(&about.unwrap_or_default(), WIDTH - column, column);
            let _ = writeln!(text, "  {name:0$}{about}", column - 2);
        }
        text.push('\n');
    }
    text.pop();
    text
}

/// Reads the command line. Help, versions and usage errors are printed here.
///
/// # Errors
/// The exit code when there is nothing to run.
pub(crate) fn parse() -> Result<(Command, FailureForm), Exit> {
    let words = lambda::words().unwrap_or_else(|| std::env::args_os().collect());
    program()
        .try_get_matches_from(words)
        .and_then(|found| {
            let form = failure_form(&found);
            Cli::from_arg_matches(&found).map(|cli| (cli.command, form))
        })
        .map_err(|error| {
            let exit = if error.use_stderr() {
                Exit::BadInput
            } else {
                Exit::Ok
            };
            // nobody is left to tell when this cannot be printed
            let _ = error.print();
            exit
        })
}

/// The form of a failure: that of `--output` of the command that was called, whatever values it takes.
fn failure_form(found: &ArgMatches) -> FailureForm {
    let mut called = found;
    while let Some((_, inner)) = called.subcommand() {
        called = inner;
    }
    let output = called.try_get_raw("output").ok().flatten();
    let is_json = output.is_some_and(|mut values| values.any(|it| it == "json"));
    if is_json {
        FailureForm::Json
    } else {
        FailureForm::Text
    }
}

/// Runs a command.
///
/// # Errors
/// Why it did not do what was asked.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::Whoami(args) => whoami::run(&args),
        Command::Catalog(args) => catalog::run(&args),
        Command::Request(args) => request::run(&args),
        Command::Requests(args) => requests::run(&args),
        Command::Grants(args) => grants::run(&args),
        Command::Exec(args) => exec::run(&args),
        Command::Console(args) => console::run(&args),
        Command::Aws(args) => aws::run(&args),
        Command::Extend(args) => extend::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Discard(args) => discard::run(&args),
        Command::BreakGlass(args) => break_glass::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Deny(args) => deny::run(&args),
        Command::CloseReview(args) => close_review::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Guard(args) => guard::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Slack(args) => slack::run(&args),
        Command::Lambda(args) => lambda::run(&args),
        Command::Revoke(args) => revoke::run(&args),
        Command::Lock(args) => lock::run_lock(&args),
        Command::Unlock(args) => lock::run_unlock(&args),
        Command::Sessions(args) => sessions::run(&args),
        Command::Standing(args) => standing::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Org(args) => org::run(&args),
        Command::Outage(args) => outage::run(&args),
        Command::Findings(args) => findings::run(&args),
        Command::Insights(args) => insights::run(&args),
        Command::Remediate(args) => remediate::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Activity(args) => activity::run(&args),
        Command::Pci(args) => pci::run(&args),
        Command::Query(args) => companion::run("query", &args),
        Command::Snapshots(args) => companion::run("snapshots", &args),
        Command::Tables(args) => companion::run("tables", &args),
        Command::Who(args) => who::run(&args),
        Command::Alerts(args) => alerts::run(&args),
        Command::Access(args) => access::run(&args),
        Command::Each(args) => each::run(&args),
        Command::PublicIps(args) => public_ips::run(&args),
        Command::Sync(args) => sync::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Perimeter(args) => perimeter::run(&args),
        Command::Vpn(args) => vpn::run(&args),
        Command::Abac(args) => abac::run(&args),
        Command::Delegation(args) => delegation::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Complete(args) => complete::run(&args),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_help_fits_the_terminal() {
        let program = program();
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|it| it.commands).copied().collect();
        let once: BTreeSet<&str> = grouped.iter().copied().collect();
        assert_eq!(grouped.len(), once.len(), "a command stands in two groups");
        let shown = program.get_subcommands().filter(|it| !it.is_hide_set());
        let mut names: Vec<&str> = shown.map(clap::Command::get_name).collect();
        names.push("help");
        assert_eq!(grouped, names, "in the order of the table, too");
        let help = program.clone().render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(help.contains("\n  request       Ask for access"), "{help}");
    }

    #[test]
    fn a_command_says_why_it_failed_in_the_form_of_its_data() {
        let told = |words: &str| failure_form(&program().get_matches_from(words.split(' ')));
        for (words, wanted) in [
            ("hallpass org vend a.csv --output json", FailureForm::Json),
            ("hallpass org vend a.csv -o table", FailureForm::Text),
            ("hallpass org vend a.csv", FailureForm::Text),
            ("hallpass org payer audit a.yaml -o json", FailureForm::Json),
            ("hallpass plan list --output=json", FailureForm::Json),
            ("hallpass serve", FailureForm::Text),
        ] {
            assert_eq!(told(words), wanted, "{words}");
        }
    }

    /// The flags that choose targets (`organization.md` P-14).
    const SELECTING: &[&str] = &[
        "accounts",
        "ou",
        "ou_direct",
        "tag",
        "exclude",
        "include_management",
        "regions",
    ];

    /// Commands with a plan whose targets are named by something else, and by what.
    const NAMED: &[(&str, &str)] = &[
        ("access apply", "the files say who has what where"),
        (
            "org delegate",
            "each service of the file names its administrator and Regions",
        ),
        (
            "org delegate remove",
            "one service, in the Regions that are named",
        ),
        (
            "org enroll",
            "--ou-from, --account and --email, and one unit they come into",
        ),
        (
            "org vend",
            "the rows of the list: its accounts are not there yet",
        ),
        ("org vend retry", "a plan that is there"),
        ("outage apply", "one unit or account"),
        ("outage reap", "drills that are over"),
        ("outage remove", "one drill"),
        ("pci act", "people"),
        ("plan resume", "a plan that is there"),
        ("plan undo", "what a plan changed"),
        ("remediate undo", "what one remediation changed"),
        ("sessions apply", "--target: where the policy is attached"),
        ("sessions prune", "entries that are over"),
        ("who apply-review", "the rows of the review"),
    ];

    /// Commands with all of these arguments, by their words.
    fn with_arguments<'a>(
        command: &'a clap::Command,
        words: &str,
        found: &mut Vec<(String, &'a clap::Command)>,
    ) {
        found.push((words.to_owned(), command));
        for inner in command.get_subcommands() {
            let words = format!("{words} {}", inner.get_name());
            with_arguments(inner, words.trim(), found);
        }
    }

    #[test]
    fn plans_over_accounts_and_regions_are_chosen_by_the_same_flags() {
        let program = program();
        let mut all = Vec::new();
        with_arguments(&program, "", &mut all);
        let argument = |command: &clap::Command, id: &str| {
            let mut all = command.get_arguments();
            all.find(|it| it.get_id() == id).cloned()
        };
        let (mut named, mut selecting) = (BTreeSet::new(), Vec::new());
        for (words, command) in &all {
            // what every command that runs a plan takes
            if argument(command, "accept_drift").is_none() {
                continue;
            }
            let has_all = SELECTING.iter().all(|it| argument(command, it).is_some());
            if has_all && !NAMED.iter().any(|(it, _)| it == words) {
                selecting.push(words.as_str());
            } else {
                named.insert(words.as_str());
            }
        }
        let known: BTreeSet<&str> = NAMED.iter().map(|(words, _)| *words).collect();
        assert_eq!(
            named, known,
            "a plan command without the flags of its targets"
        );
        assert!(selecting.contains(&"org standards apply"), "{selecting:?}");
        // whoever has one of them means the same by it
        for id in SELECTING.iter().filter(|it| **it != "regions") {
            let of = |words: &str| {
                let (_, command) = all.iter().find(|(it, _)| it == words).unwrap();
                argument(command, id).unwrap()
            };
            let shared = of("org standards apply");
            for words in [
                "org standards diff",
                "org standards export",
                "each",
                "public-ips",
            ] {
                let found = of(words);
                let said = |it: &clap::Arg| it.get_help().map(ToString::to_string);
                assert_eq!(said(&found), said(&shared), "{words} --{id}");
                assert_eq!(
                    found.get_value_names(),
                    shared.get_value_names(),
                    "{words} --{id}"
                );
            }
        }
    }
}
