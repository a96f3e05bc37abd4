//! Text of `hallpass --help` and plain `hallpass`.

use std::fmt::Write as _;

use hallpass_terminal::output;
use hallpass_terminal::short_forms::{SHORT_FORMS, ShortForm};

pub(super) const WIDTH: usize = 80;

const WHOLE_COLUMN: usize = 26;

pub(crate) struct CommandGroup {
    pub(crate) title: &'static str,
    pub(crate) commands: &'static [&'static str],
}

pub(crate) const GROUPS: [CommandGroup; 6] = [
    CommandGroup {
        title: "Request access and use it",
        commands: &[
            "request",
            "requests",
            "catalog",
            "grants",
            "exec",
            "console",
            "aws",
            "break-glass",
            "login",
        ],
    },
    CommandGroup {
        title: "Approve",
        commands: &["approve", "deny"],
    },
    CommandGroup {
        title: "Look",
        commands: &["who", "query", "each", "activity"],
    },
    CommandGroup {
        title: "Organization and policies",
        commands: &["org", "access", "policy", "rules"],
    },
    CommandGroup {
        title: "Run and watch over it",
        commands: &["init", "serve", "server", "people", "audit"],
    },
    CommandGroup {
        title: "Try it out",
        commands: &["demo"],
    },
];

/// Ungrouped: `login --help` names the first two, packages include the next two's output, and
/// auditors find the others in the documents.
pub(crate) const BESIDE: &[&str] = &[
    "logout",
    "whoami",
    "completions",
    "man",
    "report",
    "campaign",
];

const UNLISTED: &str = "\
`hallpass help all` lists every command with those below it: also `campaign`,
`report`, `logout`, `whoami`, `completions` and `man`, and short forms such as
`extend`.
";

pub(super) const DAILY: &str = "\
Just-in-time access to AWS accounts: request it, get approval, it ends on time

  hallpass login       Sign in to a server
  hallpass catalog     List what you may request, and who would approve
  hallpass request     Request access; `--wait` waits until you have it
  hallpass requests    List your requests, or those that wait for you
  hallpass approve     Approve a request
  hallpass deny        Deny a request
  hallpass grants      List who holds what until when
  hallpass exec        Run a command with access you hold
  hallpass console     Open the AWS console with access you hold
  hallpass extend      Request to keep access for longer
  hallpass release     End your access early

`hallpass --help` lists the others, `hallpass COMMAND --help` explains one.
`hallpass demo` runs a server over a simulated organization, to try it out.
";

pub(super) fn grouped(program: &clap::Command) -> String {
    let names = GROUPS.iter().flat_map(|group| group.commands);
    let column = names.map(|name| name.len()).max().unwrap_or(0) + 4;
    let mut text = String::new();
    for group in &GROUPS {
        let _ = writeln!(text, "{}:", group.title);
        for command in named(program, group.commands) {
            text.push_str(&line(&format!("  {}", command.get_name()), command, column));
        }
        text.push('\n');
    }
    text.push_str(UNLISTED);
    text
}

pub(super) fn whole(program: &clap::Command) -> String {
    let beside = CommandGroup {
        title: "Beside them",
        commands: BESIDE,
    };
    let about = program.get_about().map(ToString::to_string);
    let mut text = format!("{}\n", about.unwrap_or_default());
    for group in GROUPS.iter().chain([&beside]) {
        let mut rows = Vec::new();
        for command in named(program, group.commands) {
            below(command, "  ", &mut rows);
        }
        let _ = writeln!(text, "\n{}:", group.title);
        for (name, command) in rows {
            text.push_str(&line(&name, command, WHOLE_COLUMN));
        }
    }
    text.push_str("\nShort forms:\n");
    for ShortForm { name, parent } in SHORT_FORMS {
        let _ = writeln!(text, "  {name:0$}{parent} {name}", WHOLE_COLUMN - 2);
    }
    text
}

fn named<'a>(
    program: &'a clap::Command,
    names: &'a [&'a str],
) -> impl Iterator<Item = &'a clap::Command> {
    let found = names.iter().map(|name| program.find_subcommand(name));
    found.flatten()
}

/// Indents subcommands by depth.
fn below<'a>(
    command: &'a clap::Command,
    indent: &str,
    rows: &mut Vec<(String, &'a clap::Command)>,
) {
    rows.push((format!("{indent}{}", command.get_name()), command));
    for inner in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        below(inner, &format!("{indent}  "), rows);
    }
}

fn line(name: &str, command: &clap::Command, column: usize) -> String {
    let about = command.get_about().map(ToString::to_string);
    let about = output::wrapped(&about.unwrap_or_default(), WIDTH - column, column);
    format!("{name:column$}{about}\n")
}
