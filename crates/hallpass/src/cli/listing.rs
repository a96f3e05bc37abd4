//! What `hallpass --help` lists, and what `hallpass` alone says.

use std::fmt::Write as _;

use hallpass_terminal::output;

/// The columns that help is laid out in.
pub(super) const WIDTH: usize = 80;

/// Commands for one purpose.
pub(crate) struct CommandGroup {
    /// What they are for.
    pub(crate) title: &'static str,
    /// The commands by name.
    pub(crate) commands: &'static [&'static str],
}

/// Every command that is listed, in its group.
pub(crate) const GROUPS: [CommandGroup; 6] = [
    CommandGroup {
        title: "Ask for access and use it",
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
        commands: &["who", "query", "each", "sync", "activity"],
    },
    CommandGroup {
        title: "Organization and policies",
        commands: &["org", "access", "policy", "rules"],
    },
    CommandGroup {
        title: "Run and watch over it",
        commands: &["serve", "server", "people", "audit"],
    },
    CommandGroup {
        title: "Try it out",
        commands: &["demo"],
    },
];

/// Commands that are in no group, for tests and reference pages: `login --help` names the first two, `UNLISTED` the others.
#[cfg(test)]
pub(crate) const BESIDE: &[&str] = &["logout", "whoami", "init", "sim", "completions", "man"];

/// What stands below the groups.
const UNLISTED: &str = "\
Not listed: `init` writes the first configuration of a server; `sim` runs
simulated AWS alone; `completions` and `man` print files for your shell. Short
forms: `extend`, `release` and `revoke` are `grants …`, `discard` is
`requests …`, `lock` and `unlock` are `people …`, `doctor` and `guard` are
`server …`, `plan` is `org …`.
";

/// What `hallpass` alone says: the commands of every day, and where the others are.
pub(super) const DAILY: &str = "\
Just-in-time access to AWS accounts: request it, get approval, it ends on time

  hallpass login       Sign in to a server
  hallpass catalog     List what you may ask for, and who would approve
  hallpass request     Ask for access; `--wait` waits until you have it
  hallpass requests    List your requests, or those that wait for you
  hallpass approve     Approve a request
  hallpass deny        Deny a request
  hallpass grants      List who holds what until when
  hallpass exec        Run a command with access you hold
  hallpass console     Open the AWS console with access you hold
  hallpass extend      Ask to keep access for longer
  hallpass release     Give access back before its end

`hallpass --help` lists all commands, `hallpass COMMAND --help` explains one.
`hallpass demo` runs a server over a simulated organization, to try it out.
";

/// The listed commands with their first lines, by group.
pub(super) fn grouped(program: &clap::Command) -> String {
    let names = GROUPS.iter().flat_map(|group| group.commands);
    let column = names.map(|name| name.len()).max().unwrap_or(0) + 4;
    let mut text = String::new();
    for group in &GROUPS {
        // writing to a `String` cannot fail
        let _ = writeln!(text, "{}:", group.title);
        for name in group.commands {
            let command = program.find_subcommand(name);
            let about = command.and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let about = output::wrapped(&about, WIDTH - column, column);
            let _ = writeln!(text, "  {name:0$}{about}", column - 2);
        }
        text.push('\n');
    }
    text.push_str(UNLISTED);
    text
}
