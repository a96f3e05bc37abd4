use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use hallpass_app::host::replaced_file;
use hallpass_channels::wording::lists::count;
use hallpass_rules::{FormatRefused, RuleFile, SOURCE_BYTES_MAX, Syntax, canonical_toml};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::{errors_of, finding};

const STDIN: &str = "-";

/// Format rule files and access files
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Format rule files and access files\n\nWrites each file in the one form that all have: one space \
                  around `=`, one empty line between tables, lists on one line as long as it has at most 100 \
                  characters, or one entry a line where it was written so. Comments, the order of everything, and \
                  what the file says stay as they are. A file is replaced whole or not at all, and only where its \
                  form differs.\n\nThe files are TOML: rules, or permission sets and assignments (`hallpass access \
                  apply`). Exit 2 when one is not; then none is written. `-` reads standard input and prints the \
                  form.",
    after_help = "Examples:
  hallpass rules fmt rules.toml access/*.toml
  hallpass rules fmt --check rules.toml"
)]
pub(crate) struct Args {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write nothing: print the names of unformatted files, and exit 1 if there are any
    #[arg(long)]
    check: bool,
    /// Print the formatted file instead of writing it
    #[arg(long, conflicts_with = "check")]
    stdout: bool,
}

struct Formatted<'a> {
    path: &'a Path,
    before: String,
    after: String,
}

impl Formatted<'_> {
    fn differs(&self) -> bool {
        self.before != self.after
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    let prints = args.stdout || args.files.iter().any(|path| is_stdin(path));
    if prints && args.files.len() > 1 {
        let message = "standard input and `--stdout` are for one file";
        return Err(Failure::bad_input(message).help("format the files one by one"));
    }
    let mut formatted = Vec::new();
    let mut refused = Vec::new();
    for path in &args.files {
        match format(path) {
            Ok(file) => formatted.push(file),
            Err(failure) => refused.push(failure),
        }
    }
    if let Some(last) = refused.pop() {
        let others = refused.iter().flat_map(Failure::lines);
        return Err(others.fold(last, Failure::detail));
    }
    match formatted.as_slice() {
        [file] if prints && !args.check => {
            output::print(&file.after)?;
            Ok(Exit::Ok)
        }
        files if args.check => check(files),
        files => write(files),
    }
}

fn check(files: &[Formatted<'_>]) -> Outcome {
    let others: Vec<&Formatted<'_>> = files.iter().filter(|file| file.differs()).collect();
    let mut names = String::new();
    for file in &others {
        names.push_str(&output::plain(&file.path.display().to_string()));
        names.push('\n');
    }
    output::print(&names)?;
    if others.is_empty() {
        return Ok(Exit::Ok);
    }
    let (others, all) = (others.len(), count(files.len(), "file"));
    output::say(&format!(
        "{others} of {all} to be formatted; `hallpass rules fmt` without `--check` does"
    ));
    Ok(Exit::Failed)
}

fn write(files: &[Formatted<'_>]) -> Outcome {
    let mut written = 0;
    for file in files.iter().filter(|file| file.differs()) {
        replaced_file::replace(file.path, &file.after)?;
        output::say(&format!("{}: formatted", file.path.display()));
        written += 1;
    }
    let (all, unchanged) = (count(files.len(), "file"), files.len() - written);
    output::say(&format!(
        "{all}: {written} formatted, {unchanged} as before"
    ));
    Ok(Exit::Ok)
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

fn format(path: &Path) -> Result<Formatted<'_>, Failure> {
    let name = path.display().to_string();
    if !is_stdin(path) {
        ensure_toml(&name)?;
    }
    let bytes = bytes(path).map_err(|error| Failure::unreadable(&name, &error))?;
    let file = RuleFile::from_bytes(&name, &bytes);
    let file = file.map_err(|errors| broken(&name, &errors, &String::from_utf8_lossy(&bytes)))?;
    match canonical_toml(&name, &file.text) {
        Ok(after) => Ok(Formatted {
            path,
            before: file.text,
            after,
        }),
        Err(FormatRefused::Broken(errors)) => Err(broken(&name, &errors, &file.text)),
        Err(why @ FormatRefused::Unfaithful) => Err(Failure::bug(format!("`{name}`: {why}"))),
    }
}

fn ensure_toml(name: &str) -> Result<(), Failure> {
    let help = match RuleFile::new(name, "").syntax {
        Syntax::Toml => return Ok(()),
        Syntax::Hcl => "`terraform fmt` formats HCL",
        Syntax::Json => "`jq .` formats JSON; a file of TOML is named `.toml`",
        Syntax::Yaml => "the formatter of your editor formats YAML",
    };
    let message = format!("`{name}` is no TOML by its name; nothing was written");
    Err(Failure::bad_input(message).help(help))
}

/// Reads one byte over the limit, to refuse a longer file instead of truncating it.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let limit = SOURCE_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    if is_stdin(path) {
        io::stdin().take(limit).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?
            .take(limit)
            .read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn broken(name: &str, errors: &[hallpass_rules::Diagnostic], text: &str) -> Failure {
    let message = format!("`{name}` is not formatted: {}", errors_of(errors));
    errors
        .iter()
        .fold(Failure::bad_input(message), |failure, error| {
            finding::detailed(failure, error, text)
        })
}
