//! Maps commands to functions. A new top-level command needs a variant, an arm, an entry in
//! `GROUPS` and a module line in its crate; most belong below an existing one.

mod listing;

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

#[cfg(test)]
pub(crate) use self::listing::{BESIDE, GROUPS};
use self::listing::{DAILY, grouped, whole};
use crate::{complete, completions, demo, man, serve};
use hallpass_app::host::denial_details::denial_details;
use hallpass_cli::{access, org};
use hallpass_cli::{activity, each, query, who};
use hallpass_cli::{policy, rules};
use hallpass_cli_server::{audit, campaign, init, lambda, people, server};
use hallpass_client::commands::{
    approve, aws, break_glass, catalog, console, deny, exec, grants, login, logout, report,
    request, requests, whoami,
};
use hallpass_terminal::exit::{Exit, FailureForm, Outcome, report_causes};
use hallpass_terminal::nearest::nearest;
use hallpass_terminal::output;
use hallpass_terminal::short_forms::{SHORT_FORMS, ShortForm, expand};

/// Just-in-time access to AWS accounts: request it, get approval, it ends on time
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
    /// Add the cause to an error, as AWS or the system reported it
    #[arg(long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

/// All commands, in the order of completions and the manual; `--help` has a separate order.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Request(request::Args),
    Requests(requests::Args),
    Catalog(catalog::Args),
    Grants(grants::Args),
    Exec(exec::Args),
    Console(console::Args),
    Aws(aws::Args),
    BreakGlass(break_glass::Args),
    Login(login::Args),
    Approve(approve::Args),
    Deny(deny::Args),
    /// Show who has which access, and problems with it
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Who(who::Args),
    Report(report::Args),
    Query(Box<query::Args>),
    Each(Box<each::Args>),
    Activity(activity::Args),
    Org(Box<org::Args>),
    Access(access::Args),
    Policy(policy::Args),
    Rules(rules::Args),
    Init(Box<init::Args>),
    Serve(serve::Args),
    Server(server::Args),
    Campaign(campaign::Args),
    People(people::Args),
    Audit(audit::Args),
    Demo(demo::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(name = "__complete", hide = true)]
    Complete(complete::Args),
}

pub(crate) fn program() -> clap::Command {
    let program = Cli::command();
    let groups = grouped(&program);
    program.help_template(format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}\nOptions:\n{{options}}{{after-help}}"
    ))
}

pub(crate) fn with_short_forms() -> clap::Command {
    let program = program();
    let at_place = |it: &ShortForm| {
        let parent = program.find_subcommand(it.parent)?;
        parent.find_subcommand(it.name).cloned()
    };
    let short: Vec<clap::Command> = SHORT_FORMS.iter().filter_map(at_place).collect();
    program.subcommands(short)
}

#[derive(Debug)]
pub(crate) struct Called {
    command: Command,
    /// Output form of failures.
    pub(crate) form: FailureForm,
}

/// Parses the command line. Prints help, versions and usage errors.
///
/// # Errors
/// The exit code if no command runs.
pub(crate) fn parse() -> Result<Called, Exit> {
    let words = lambda::words().unwrap_or_else(|| std::env::args_os().collect());
    if let Some(text) = asked_list(&words) {
        let printed = output::print(&text);
        return Err(printed.map_or_else(|failure| failure.exit(), |()| Exit::Ok));
    }
    read(words).map_err(|error| {
        let exit = if error.use_stderr() {
            Exit::BadInput
        } else {
            Exit::Ok
        };
        // a failed print cannot be reported
        let _ = error.print();
        exit
    })
}

fn asked_list(words: &[OsString]) -> Option<String> {
    match words {
        [] | [_] => Some(DAILY.to_owned()),
        [_, help, all] if help == "help" && all == "all" => Some(whole(&program())),
        _ => None,
    }
}

fn read(words: Vec<OsString>) -> Result<Called, clap::Error> {
    let (words, short) = expand(words);
    let program = match short {
        Some(short) => with_line(program(), short),
        None => program(),
    };
    let first = words.get(1).cloned();
    let found = program
        .try_get_matches_from(left_to_companion(words))
        .map_err(|error| suggesting_short_form(error, first))?;
    let form = failure_form(&found);
    let Cli { command, verbose } = Cli::from_arg_matches(&found)?;
    if verbose {
        report_causes();
    }
    Ok(Called { command, form })
}

/// Adds the closest short form, which clap does not know. `first` is the first word.
fn suggesting_short_form(mut error: clap::Error, first: Option<OsString>) -> clap::Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    if first.is_none_or(|word| *word != **typed) {
        // the error is below a command
        return error;
    }
    let program = program();
    let today = program.get_subcommands().map(clap::Command::get_name);
    let names = today.chain(SHORT_FORMS.iter().map(|it| it.name));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    let meant = nearest(typed, &names);
    let short = SHORT_FORMS
        .iter()
        .find(|it| Some(it.name) == meant.map(String::as_str));
    if let Some(short) = short {
        let name = ContextValue::Strings(vec![short.name.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, name);
    }
    error
}

/// Passes `query --help` and `query --version` to the companion instead of clap.
fn left_to_companion(mut words: Vec<OsString>) -> Vec<OsString> {
    let is_asked = match words.as_slice() {
        [_, command, option, ..] if command == "query" => {
            let known = ["--help", "-h", "--version", "-V"];
            known.iter().any(|it| option == it)
        }
        _ => false,
    };
    if is_asked {
        words.insert(2, "--".into());
    }
    words
}

fn with_line(program: clap::Command, short: &ShortForm) -> clap::Command {
    program.mut_subcommands(|parent| {
        if parent.get_name() != short.parent {
            return parent;
        }
        parent.mut_subcommands(|command| {
            if command.get_name() == short.name {
                beginning_with(command, &short.line())
            } else {
                command
            }
        })
    })
}

fn beginning_with(command: clap::Command, line: &str) -> clap::Command {
    let command = command.before_help(line.to_owned());
    command.mut_subcommands(|below| beginning_with(below, line))
}

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

pub(crate) fn run(called: Called) -> Outcome {
    match called.command {
        Command::Request(args) => request::run(&args, |id| {
            Box::pin(async move { denial_details(&id, None).await })
        }),
        Command::Requests(args) => requests::run(&args),
        Command::Catalog(args) => catalog::run(&args),
        Command::Grants(args) => grants::run(&args),
        Command::Exec(args) => exec::run(&args),
        Command::Console(args) => console::run(&args),
        Command::Aws(args) => aws::run(&args),
        Command::BreakGlass(args) => break_glass::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Deny(args) => deny::run(&args),
        Command::Who(args) => who::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Query(args) => query::run(&args),
        Command::Each(args) => each::run(&args),
        Command::Activity(args) => activity::run(&args),
        Command::Org(args) => org::run(&args),
        Command::Access(args) => access::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Server(args) => server::run(&args),
        Command::Campaign(args) => campaign::run(&args),
        Command::People(args) => people::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::Whoami(args) => whoami::run(&args),
        Command::Completions(args) => completions::run(&args, with_short_forms()),
        Command::Man(args) => man::run(&args, program()),
        Command::Complete(args) => complete::run(&args),
    }
}

#[cfg(test)]
mod tests;
