//! The table from command to function. A new command is a variant, an arm and a module line in
//! `commands/mod.rs`.

use clap::{Parser, Subcommand};

use crate::commands::{
    abac, approve, audit, break_glass, catalog, close_review, completions, delegation, demo, deny,
    discard, doctor, extend, grants, guard, lambda, lock, login, logout, man, outage, perimeter,
    plan, policy, release, request, requests, revoke, rules, serve, sessions, sim, slack, standing,
    store, sweep, token, vpn, whoami,
};
use crate::exit::{Exit, Outcome};

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

Exit codes: 0 ok, 1 failed or partial, 2 bad input, 3 findings, 4 refused for safety,
5 held elsewhere, 70 internal."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Guard(guard::Args),
    Doctor(doctor::Args),
    Store(store::Args),
    Token(token::Args),
    Sessions(sessions::Args),
    Login(login::Args),
    Logout(logout::Args),
    Whoami(whoami::Args),
    Catalog(catalog::Args),
    Request(request::Args),
    Requests(requests::Args),
    Approve(approve::Args),
    Deny(deny::Args),
    Discard(discard::Args),
    BreakGlass(break_glass::Args),
    CloseReview(close_review::Args),
    Grants(grants::Args),
    Release(release::Args),
    Extend(extend::Args),
    Revoke(revoke::Args),
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Sweep(sweep::Args),
    Standing(standing::Args),
    Rules(rules::Args),
    Policy(policy::Args),
    Audit(audit::Args),
    Abac(abac::Args),
    Delegation(delegation::Args),
    Perimeter(perimeter::Args),
    Outage(outage::Args),
    Plan(plan::Args),
    Vpn(vpn::Args),
    Lambda(lambda::Args),
    Slack(slack::Args),
    Sim(Box<sim::Args>),
    Completions(completions::Args),
    Man(man::Args),
}

/// Reads the command line. Help, versions and usage errors are printed here.
///
/// # Errors
/// The exit code when there is nothing to run.
pub(crate) fn parse() -> Result<Command, Exit> {
    let words = lambda::words().unwrap_or_else(|| std::env::args_os().collect());
    Cli::try_parse_from(words)
        .map(|cli| cli.command)
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

/// Runs a command.
///
/// # Errors
/// Why it did not do what was asked.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Guard(args) => guard::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Sessions(args) => sessions::run(&args),
        Command::Login(args) => login::run(&args),
        Command::Logout(args) => logout::run(&args),
        Command::Whoami(args) => whoami::run(&args),
        Command::Catalog(args) => catalog::run(&args),
        Command::Request(args) => request::run(&args),
        Command::Requests(args) => requests::run(&args),
        Command::Approve(args) => approve::run(&args),
        Command::Deny(args) => deny::run(&args),
        Command::Discard(args) => discard::run(&args),
        Command::BreakGlass(args) => break_glass::run(&args),
        Command::CloseReview(args) => close_review::run(&args),
        Command::Grants(args) => grants::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Extend(args) => extend::run(&args),
        Command::Revoke(args) => revoke::run(&args),
        Command::Lock(args) => lock::run_lock(&args),
        Command::Unlock(args) => lock::run_unlock(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Standing(args) => standing::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Abac(args) => abac::run(&args),
        Command::Delegation(args) => delegation::run(&args),
        Command::Perimeter(args) => perimeter::run(&args),
        Command::Outage(args) => outage::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Vpn(args) => vpn::run(&args),
        Command::Lambda(args) => lambda::run(&args),
        Command::Slack(args) => slack::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
