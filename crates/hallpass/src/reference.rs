//! Generates reference pages of commands and environment variables, and compares them with
//! `docs/reference/`. `BLESS=1` rewrites them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Arg, Command};
use hallpass_terminal::short_forms::SHORT_FORMS;

use crate::cli::{self, BESIDE, GROUPS};

/// An option of so many commands is explained once.
const COMMON: usize = 4;

fn commands(command: &Command, name: &str, found: &mut Vec<(String, Command)>) {
    found.push((name.to_owned(), command.clone()));
    for below in command.get_subcommands() {
        if below.get_name() != "help" && !below.is_hide_set() {
            commands(below, &format!("{name} {}", below.get_name()), found);
        }
    }
}

fn all() -> Vec<(String, Command)> {
    let mut program = cli::program();
    program.build();
    let mut found = Vec::new();
    commands(&program, "hallpass", &mut found);
    found
}

fn written(arg: &Arg) -> String {
    let value = arg
        .get_value_names()
        .filter(|_| arg.get_action().takes_values())
        .map(|names| {
            names
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        });
    match (arg.get_long(), value) {
        (Some(long), Some(value)) => format!("`--{long} <{value}>`"),
        (Some(long), None) => format!("`--{long}`"),
        (None, Some(value)) => format!("`<{value}>`"),
        (None, None) => format!("`{}`", arg.get_id()),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('\n', " ")
        .replace('<', "\\<")
}

fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let is_switch = !arg.get_action().takes_values();
    if !values.is_empty() && !is_switch {
        let _ = write!(text, "; one of {}", values.join(", "));
    }
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|it| it.to_string_lossy())
        .collect();
    if !defaults.is_empty() && !is_switch {
        let _ = write!(text, "; default `{}`", defaults.join(" "));
    }
    if let Some(name) = arg.get_env() {
        let _ = write!(text, "; or the variable `{}`", name.to_string_lossy());
    }
    cell(&text)
}

fn shown(command: &Command) -> Vec<&Arg> {
    command
        .get_arguments()
        .filter(|arg| {
            !arg.is_hide_set() && !["help", "verbose", "version"].contains(&arg.get_id().as_str())
        })
        .collect()
}

fn short_forms() -> String {
    let rows = SHORT_FORMS.iter().map(|it| {
        let (name, parent) = (it.name, it.parent);
        format!("| `hallpass {name}` | [hallpass {parent} {name}](#hallpass-{parent}-{name}) |\n")
    });
    format!(
        "\n## Short forms\n\n| short form | command |\n|---|---|\n{}",
        rows.collect::<String>()
    )
}

fn commands_page() -> String {
    let mut text = String::from(
        "# Commands\n\nFor users of `hallpass`: every command and its options, which `hallpass help all` lists in short. Every command takes `--help`, which shows the same with examples, and `--verbose`, which adds the cause to an error. Data goes to standard output, \
         everything else to standard error.\n",
    );
    let link = |name: &&str| format!("[{name}](#hallpass-{name})");
    for group in &GROUPS {
        let links: Vec<String> = group.commands.iter().map(link).collect();
        let _ = write!(text, "\n**{}**: {}\n", group.title, links.join(", "));
    }
    let links: Vec<String> = BESIDE.iter().map(link).collect();
    let _ = write!(text, "\n**Not listed by `--help`**: {}\n", links.join(", "));
    text.push_str(&short_forms());
    let commands = all();
    let common = common_options(&commands);
    text.push_str("\n## Common options\n\nThe section of a command names those that it takes.\n");
    list(&mut text, common.clone());
    for (name, command) in &commands {
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = write!(text, "\n## {name}\n\n{about}.\n");
        let (shared, own): (Vec<_>, Vec<_>) = shown(command)
            .into_iter()
            .map(|arg| (written(arg), meaning(arg)))
            .partition(|(name, meaning)| common.get(name) == Some(meaning));
        list(&mut text, own);
        let names: Vec<String> = shared.into_iter().map(|it| it.0).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            let _ = write!(text, "\n[Common options](#common-options): {names}.\n");
        }
    }
    text
}

/// Of each option the meaning that most commands share, where enough do.
fn common_options(commands: &[(String, Command)]) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    for (_, command) in commands {
        for arg in shown(command)
            .into_iter()
            .filter(|arg| arg.get_long().is_some())
        {
            let meanings = found.entry(written(arg)).or_default();
            *meanings.entry(meaning(arg)).or_default() += 1;
        }
    }
    let most = |meanings: BTreeMap<String, usize>| meanings.into_iter().max_by_key(|it| it.1);
    found
        .into_iter()
        .filter_map(|(name, meanings)| Some((name, most(meanings)?)))
        .filter(|(_, (_, count))| *count >= COMMON)
        .map(|(name, (meaning, _))| (name, meaning))
        .collect()
}

/// As a list: a bar in a name would end the cell of a table.
fn list(text: &mut String, options: impl IntoIterator<Item = (String, String)>) {
    for (index, (name, meaning)) in options.into_iter().enumerate() {
        let before = if index == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{before}- {name}: {meaning}");
    }
}

fn environment_page() -> String {
    let mut known: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for (name, command) in all() {
        for arg in shown(&command) {
            if let Some(variable) = arg.get_env() {
                let entry = known
                    .entry(variable.to_string_lossy().into_owned())
                    .or_insert_with(|| {
                        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                        (cell(&help), Vec::new())
                    });
                entry.1.push(format!("`{name}`"));
            }
        }
    }
    let mut text = String::from(
        "# Environment variables\n\nFor scripts and services: the variables that commands read. Arguments win over variables.\n\n| variable | meaning | used by |\n|---|---|---|\n",
    );
    for (variable, (help, users)) in known {
        let shown = match users.len() {
            0..=4 => users.join(", "),
            many => format!(
                "{} and {} more",
                users.iter().take(3).cloned().collect::<Vec<_>>().join(", "),
                many - 3
            ),
        };
        let _ = writeln!(text, "| `{variable}` | {help} | {shown} |");
    }
    text.push_str(
        "| `HALLPASS_LAMBDA` | the handler to be when there are no arguments: `vpn` or `enrich` | `hallpass server lambda` |\n\
         | `HALLPASS_OKTA_TOKEN` | the token of Okta, which is never shown or stored | `hallpass sync` |\n\
         | `HALLPASS_OKTA_CLIENT_ID`, `HALLPASS_OKTA_KEY_FILE`, `HALLPASS_OKTA_KEY_ID` | in place of the token: a client of Okta's, the file of its private key (PEM, PKCS #8) and the key's id | `hallpass sync` |\n\
         | `HALLPASS_LOG` | what is logged, over `log.level`: `info`, or filters such as `hallpass=debug,info` | `hallpass serve`, `hallpass demo`, `hallpass server guard` |\n\
         | `HALLPASS_TOKEN` | the caller's token, before that of `hallpass login` | every command with `--server` |\n\
         | `BROWSER` | the program that opens a page in a browser | `hallpass login`, `hallpass console` |\n\
         | `PGPASSWORD`, `PGPASSFILE` | the password of a database of PostgreSQL where its address has none, and the file with it in place of `~/.pgpass` | every command that opens the store, `hallpass query snapshots export` |\n\
         | `STATE_DIRECTORY` | where a server over PostgreSQL stores the last seen state of the audit log, unless `store.seen_folder` is set; systemd sets it with `StateDirectory=` | `hallpass serve` |\n\
         | `SSL_CERT_FILE` | the certificates of authorities that are trusted, in place of the system's | all that call others |\n\
         | `NOTIFY_SOCKET` | the socket of a service manager, which is notified when the service is ready; systemd sets it with `Type=notify` | `hallpass serve`, `hallpass server guard` |\n\
         | `OTEL_…` | where traces and logs are sent, and what of them, as far as [this page](../how-to/opentelemetry.md#settings-of-the-environment) says | `hallpass serve`, `hallpass server doctor` |\n\
         | `NO_COLOR` | no colours | all |\n\
         | `AWS_CONFIG_FILE` | the file that profiles are written to, in place of `~/.aws/config` | `hallpass aws configure` |\n\
         | `AWS_…` | how AWS is found, as the AWS CLI and SDKs read them | `hallpass serve`, `hallpass server doctor` |\n",
    );
    text
}

fn hold(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/reference/{name} differs from the commands; BLESS=1 writes it"
    );
}

#[test]
fn the_page_of_commands_is_as_the_commands_are() {
    hold("commands.md", &commands_page());
}

#[test]
fn the_page_of_variables_is_as_the_commands_are() {
    hold("environment.md", &environment_page());
}

fn read_by_name(folder: &Path, found: &mut BTreeMap<String, String>) {
    const EVERYWHERE: [&str; 3] = ["HOME", "PATH", "TERM"];
    // for building and testing
    const BUILDING: [&str; 4] = ["BLESS", "BOLERO_", "CARGO_", "HALLPASS_SOAK"];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_by_name(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for call in ["env::var(\"", "env::var_os(\""] {
                for after in text.split(call).skip(1) {
                    let name = after.split('"').next().unwrap_or_default();
                    let is_known = EVERYWHERE.contains(&name);
                    if !is_known && !BUILDING.iter().any(|it| name.starts_with(it)) {
                        found.insert(name.to_owned(), path.display().to_string());
                    }
                }
            }
        }
    }
}

#[test]
fn every_variable_that_is_read_by_name_is_on_the_page() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(crates).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        // never shipped
        let ships = !["xtask", "simulation", "testing"]
            .iter()
            .any(|it| name == *it);
        if ships && entry.path().join("src").is_dir() {
            read_by_name(&entry.path().join("src"), &mut found);
        }
    }
    let page = environment_page();
    for (name, path) in found {
        let is_of_aws = name.starts_with("AWS_") && page.contains("`AWS_…`");
        assert!(
            is_of_aws || page.contains(&format!("`{name}`")),
            "{name}: {path}"
        );
    }
}
