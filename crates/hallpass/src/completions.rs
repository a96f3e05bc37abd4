//! `hallpass completions`: shell completions of commands, and of account, permission set and group
//! names from the server.

use clap_complete::Shell;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

const BASH: &str = r#"
_hallpass_names() {
    local kind account= index name
    case "${COMP_WORDS[COMP_CWORD-1]}" in
        --account) kind=account ;;
        --permission-set) kind=permission-set ;;
        --group) kind=group ;;
        *) _hallpass "$@"; return ;;
    esac
    for ((index = 1; index < COMP_CWORD - 1; index++)); do
        [[ ${COMP_WORDS[index]} == --account ]] && account=${COMP_WORDS[index+1]}
    done
    COMPREPLY=()
    while IFS= read -r name; do
        COMPREPLY+=("$(printf %q "$name")")
    done < <("$1" __complete "$kind" --account "$account" -- "$2" 2>/dev/null)
}
complete -F _hallpass_names -o bashdefault -o default hallpass
"#;

const ZSH: &str = r#"
_hallpass_names() {
    local account at=${words[(i)--account]}
    (( at < CURRENT - 1 )) && account=${words[at+1]}
    local -a names
    names=("${(@f)$(hallpass __complete ${@[-1]} --account "$account" -- "$PREFIX" 2>/dev/null)}")
    compadd -- ${names:#}
}
"#;

const FISH: &str = r"
complete -c hallpass -l account -x -a '(hallpass __complete account -- (commandline -ct) 2>/dev/null)'
complete -c hallpass -l permission-set -x -a '(hallpass __complete permission-set -- (commandline -ct) 2>/dev/null)'
complete -c hallpass -l group -x -a '(hallpass __complete group -- (commandline -ct) 2>/dev/null)'
";

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print completions for a shell\n\nThose of bash, zsh and fish complete the names \
                  of accounts, permission sets and groups too, as the server offers them; they \
                  are remembered for ten minutes in ~/.cache/hallpass.",
    after_help = "Example:\n  hallpass completions zsh > ~/.zfunc/_hallpass\n  \
                  hallpass completions bash > /etc/bash_completion.d/hallpass"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut program: clap::Command) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "hallpass", &mut script);
    let script = String::from_utf8(script).map_err(Failure::bug)?;
    let script = match args.shell {
        Shell::Bash => script + BASH,
        Shell::Fish => script + FISH,
        Shell::Zsh => with_names(&script),
        _ => script,
    };
    output::print(&script)?;
    Ok(Exit::Ok)
}

fn with_names(script: &str) -> String {
    let mut lines = script.lines();
    let mut text = format!("{}\n{ZSH}", lines.next().unwrap_or_default());
    for line in lines {
        let kinds = ["account", "permission-set", "group"];
        let argument = argument(line);
        let kind = kinds
            .into_iter()
            .find(|kind| argument.starts_with(&format!("--{kind}=[")));
        match (kind, line.rsplit_once(":_default")) {
            (Some(kind), Some((before, after))) => {
                text.push_str(before);
                text.push_str(":_hallpass_names ");
                text.push_str(kind);
                text.push_str(after);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Strips a prefix of exclusions and repetition (`'(--group)*--account=[…`) before the name.
fn argument(line: &str) -> &str {
    let spec = line.trim_start().trim_start_matches('\'');
    let spec = match spec.strip_prefix('(') {
        Some(excludes) => excludes.split_once(')').map_or(spec, |(_, rest)| rest),
        None => spec,
    };
    spec.trim_start_matches('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_whatever_stands_before_the_argument() {
        for line in [
            "'--account=[Which]:ACCOUNT:_default' \\",
            "'*--account=[Which]:ACCOUNT:_default' \\",
            "  '(--group)--account=[Which]:ACCOUNT:_default' \\",
            "'(--group --all)*--account=[Which]:ACCOUNT:_default' \\",
        ] {
            let found = with_names(&format!("#compdef hallpass\n{line}"));
            assert!(
                found.contains(":ACCOUNT:_hallpass_names account' \\"),
                "{line}: {found}"
            );
        }
        let other = "'*--accounts=[Which]:ID:_default' \\";
        assert!(with_names(&format!("#compdef hallpass\n{other}")).contains(other));
    }
}
