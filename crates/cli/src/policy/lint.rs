//! `hallpass policy lint`: finds policy parts that are refused, have no effect, or are too broad.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass_channels::wording::lists::count;
use hallpass_iam::PolicyType;
use hallpass_iam::lint::{self, LintCode, LintFinding, Linted, Options, OrgTree, Severity};
use hallpass_terminal::exit::{Exit, Failure, FailureForm, Outcome};
use hallpass_terminal::output::{self, Format, plain};
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};
use serde::Serialize;
use serde_json::json;

use super::files::{self, FoundPolicies, PolicyFile};
use crate::reading::Language;

const FIELDS: &[&str] = &[
    "file", "line", "column", "severity", "code", "sid", "pointer", "message",
];

/// Check policies for errors and misleading parts
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Check policies for errors and misleading parts\n\nThe type comes from --type, \
                  the file's name (`logging.scp.json`) or its folder (`scp/logging.json`). In \
                  folders every `*.json` below is checked. Exit 1 when there is a finding as bad \
                  as --fail-on or worse, 2 when a file could not be used (the others are still \
                  checked) or there is no policy. `--codes` lists every code.",
    after_help = "Examples:
  hallpass policy lint --type scp deny-regions.json
  hallpass policy lint policies/ --fail-on warning --output sarif > lint.sarif
  hallpass policy lint policies/ --waive ACTION_STAR_ALLOW@BreakGlass --fix"
)]
pub(crate) struct Args {
    /// Policies, and folders of them; `-` for standard input
    #[arg(value_name = "FILE", required_unless_present_any = ["codes", "tree"])]
    files: Vec<PathBuf>,
    /// Policy type: identity, resource, trust, scp, rcp, boundary or session
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<PolicyType>,
    /// Minimum severity for exit 1
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    fail_on: Severity,
    /// A code to skip
    #[arg(long, value_name = "CODE")]
    disable: Vec<LintCode>,
    /// A code to accept in the statement with this Sid
    #[arg(long, value_name = "CODE@SID", value_parser = waiver)]
    waive: Vec<(LintCode, String)>,
    /// Treat account ids of examples as placeholders
    #[arg(long)]
    prod: bool,
    /// Language level of service control policies
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    scp_language: Language,
    /// An organization with its service control policies: checks that every level allows something
    #[arg(long, value_name = "FILE")]
    tree: Option<PathBuf>,
    /// An account of your organization; those of --tree are known
    #[arg(long, value_name = "ID")]
    own_account: Vec<String>,
    /// The management account; that of --tree is known
    #[arg(long, value_name = "ID")]
    management_account: Option<String>,
    /// Maximum policy length, instead of AWS's limit
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Apply mechanical repairs to the files; print the rest
    #[arg(long)]
    fix: bool,
    /// List every code with its meaning
    #[arg(long, conflicts_with = "fix")]
    codes: bool,
    /// Output format [default: table on a terminal, jsonl otherwise]
    #[arg(long, short = 'o', value_enum, value_name = "FORMAT")]
    output: Option<LintFormat>,
}

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// Comma-separated values with a header (RFC 4180)
    Csv,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

fn waiver(text: &str) -> Result<(LintCode, String), String> {
    let (code, sid) = text
        .split_once('@')
        .ok_or_else(|| "a waiver is CODE@SID, such as ACTION_STAR_ALLOW@BreakGlass".to_owned())?;
    Ok((code.parse()?, sid.to_owned()))
}

/// A finding with its file.
#[derive(Debug, Serialize)]
struct LintRow<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    #[serde(flatten)]
    finding: &'a LintFinding,
}

pub(crate) fn run(args: &Args) -> Outcome {
    if args.codes {
        codes(args.form())
    } else {
        check(args)
    }
}

fn check(args: &Args) -> Outcome {
    let tree = args.tree.as_deref().map(read_tree).transpose()?;
    let FoundPolicies {
        policies,
        mut failures,
        passed_over,
    } = files::find(&args.files, args.kind);
    for name in &passed_over {
        output::say(&format!(
            "`{}` is no policy: it has no Statement",
            plain(name)
        ));
    }
    if policies.is_empty() && failures.is_empty() && !args.files.is_empty() {
        let failure = Failure::bad_input("there is no policy in the input");
        return Err(failure.code("E_NO_POLICY"));
    }
    let mut linted = Vec::new();
    let mut repaired = 0;
    for file in &policies {
        match args.look_at(file, tree.as_ref()) {
            Ok((made, findings)) => {
                repaired += made;
                linted.push(findings);
            }
            Err(failure) => failures.push(failure),
        }
    }
    if let (Some(tree), Some(path)) = (&tree, &args.tree) {
        linted.push(Linted {
            path: path.display().to_string(),
            findings: args.check_tree(tree, &policies),
        });
    }
    // print nothing on standard output if nothing was checked
    if linted.is_empty()
        && let Some(last) = failures.pop()
    {
        args.report(failures);
        return Err(last);
    }
    if repaired > 0 {
        output::say(&format!("{} made", count(repaired, "repair")));
    }
    args.print(&linted)?;
    let mut findings = linted.iter().flat_map(|it| &it.findings);
    let found = findings.any(|it| it.severity >= args.fail_on);
    Ok(match args.report(failures) {
        Some(unusable) => unusable,
        None if found => Exit::Failed,
        None => Exit::Ok,
    })
}

fn read_tree(path: &Path) -> Result<OrgTree, Failure> {
    let text = read_text(path, TEXT_BYTES_MAX)?;
    OrgTree::read(&text).map_err(|error| {
        let place = match error.position {
            Some((line, column)) => format!("{}:{line}:{column}", path.display()),
            None => format!("{}#{}", path.display(), error.pointer),
        };
        Failure::bad_input(error.message)
            .code(error.code.as_str())
            .at(place)
    })
}

impl Args {
    fn form(&self) -> LintFormat {
        self.output.unwrap_or_else(|| match output::width() {
            Some(_) => LintFormat::Table,
            None => LintFormat::Jsonl,
        })
    }

    fn look_at(
        &self,
        file: &PolicyFile,
        tree: Option<&OrgTree>,
    ) -> Result<(usize, Linted), Failure> {
        let options = self.options(file.kind, tree);
        let (text, made) = if self.fix {
            lint::repair(&file.text, &options)
        } else {
            (file.text.clone(), 0)
        };
        if made > 0 {
            file.write(&text)?;
        }
        let linted = Linted {
            path: file.name.clone(),
            findings: lint::lint(&text, &options),
        };
        Ok((made, linted))
    }

    fn report(&self, failures: Vec<Failure>) -> Option<Exit> {
        let form = match self.form() {
            LintFormat::Json => FailureForm::Json,
            LintFormat::Table | LintFormat::Jsonl | LintFormat::Csv | LintFormat::Sarif => {
                FailureForm::Text
            }
        };
        let said = failures.into_iter().map(|failure| {
            failure.report(form);
            failure.exit()
        });
        said.max_by_key(|exit| exit.code())
    }

    fn options(&self, kind: PolicyType, tree: Option<&OrgTree>) -> Options {
        let mut own_accounts = self.own_account.clone();
        own_accounts.extend(tree.map(OrgTree::accounts).unwrap_or_default());
        let management = tree.and_then(OrgTree::management_account);
        Options {
            language: self.scp_language.into(),
            prod: self.prod,
            disabled: self.disable.clone(),
            waived: self.waive.clone(),
            now: Some(hallpass_base::clock::now()),
            limit: self.limit,
            own_accounts,
            management_account: self
                .management_account
                .clone()
                .or_else(|| management.map(str::to_owned)),
            ..Options::new(kind)
        }
    }

    fn check_tree(&self, tree: &OrgTree, policies: &[PolicyFile]) -> Vec<LintFinding> {
        let scps = policies.iter().filter(|it| it.kind == PolicyType::Scp);
        let files: Vec<(String, String)> = scps.map(|it| (it.stem(), it.text.clone())).collect();
        let mut findings = tree.check(&files, self.scp_language.into());
        findings.retain(|it| !self.disable.contains(&it.code));
        findings
    }

    fn print(&self, linted: &[Linted]) -> Result<(), Failure> {
        let rows: Vec<LintRow<'_>> = linted
            .iter()
            .flat_map(|file| file.findings.iter().map(|finding| row(&file.path, finding)))
            .collect();
        let format = match self.form() {
            LintFormat::Table => return output::print(&text(linted, output::stdout_has_colour())),
            LintFormat::Sarif => {
                let log = lint::sarif(linted, env!("CARGO_PKG_VERSION"));
                return output::one(Format::Json, &log, &[], String::new);
            }
            LintFormat::Json => Format::Json,
            LintFormat::Jsonl => Format::Jsonl,
            LintFormat::Csv => Format::Csv,
        };
        output::list(format, &rows, FIELDS, output::Table::default)
    }
}

fn row<'a>(file: &'a str, finding: &'a LintFinding) -> LintRow<'a> {
    LintRow {
        file,
        line: finding.region.line,
        column: finding.region.column,
        finding,
    }
}

fn text(linted: &[Linted], colour: bool) -> String {
    let mut text = String::new();
    let mut counts = [0, 0, 0];
    for file in linted {
        let mut findings: Vec<&LintFinding> = file.findings.iter().collect();
        findings.sort_by_key(|it| (it.region.line, it.region.column));
        for finding in findings {
            let (at, code) = match finding.severity {
                Severity::Error => (0, "1;31"),
                Severity::Warning => (1, "1;33"),
                Severity::Info => (2, "1;36"),
            };
            if let Some(number) = counts.get_mut(at) {
                *number += 1;
            }
            let label = format!("{}[{}]", finding.severity, finding.code);
            let label = if colour {
                format!("\u{1b}[{code}m{label}\u{1b}[0m")
            } else {
                label
            };
            let sid = finding
                .sid
                .as_ref()
                .map_or(String::new(), |sid| format!(" {}:", plain(sid)));
            let (line, column) = (finding.region.line, finding.region.column);
            let _ = writeln!(
                text,
                "{}:{line}:{column}: {label}{sid} {}",
                plain(&file.path),
                plain(&finding.message)
            );
            let help = match finding.fix {
                Some(_) => "fix: `--fix` repairs it".to_owned(),
                None => format!("help: {}", finding.code.about().help),
            };
            let _ = writeln!(text, "  {help}");
        }
    }
    let [errors, warnings, infos] = counts;
    let _ = writeln!(
        text,
        "{}: {}, {}, {infos} info",
        count(linted.len(), "file"),
        count(errors, "error"),
        count(warnings, "warning")
    );
    text
}

fn codes(form: LintFormat) -> Outcome {
    let rows: Vec<_> = LintCode::ALL
        .iter()
        .map(|rule| {
            let about = rule.about();
            json!({
                "number": about.number,
                "code": about.name,
                "severity": about.severity,
                "fires": about.fires,
                "help": about.help,
                "example": about.example,
            })
        })
        .collect();
    let format = match form {
        LintFormat::Table => Format::Table,
        LintFormat::Json | LintFormat::Sarif => Format::Json,
        LintFormat::Jsonl => Format::Jsonl,
        LintFormat::Csv => Format::Csv,
    };
    let fields = ["number", "code", "severity", "fires", "help", "example"];
    output::list(format, &rows, &fields, || {
        let mut table = output::Table::new(&["=CODE", "SEVERITY", "FIRES WHEN"]);
        for rule in LintCode::ALL {
            let about = rule.about();
            table.row([
                about.name.to_owned(),
                about.severity.to_string(),
                about.fires.to_owned(),
            ]);
        }
        table
    })?;
    Ok(Exit::Ok)
}
