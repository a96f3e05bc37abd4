use std::path::{Path, PathBuf};

use hallpass_app::setup::facts::FactsSource;
use hallpass_imports::Imported;
use hallpass_imports::elevator::{
    ElevatorOptions, ElevatorRefused, StatementsFile, Sweeps, TerraformFolder, import,
    import_folder,
};
use hallpass_rules::NamedFacts;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::OutputArgs;
use hallpass_terminal::text_file::read_text;

use super::super::finding;
use super::folder::{self, ConfigurationFolder};

const BYTES_MAX: u64 = 256 << 20;

/// Import statements and settings of sso-elevator
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Import statements and settings of sso-elevator\n\nRead from the object \
                  `config/approval-config.json` of its bucket, a file of variables (`.tfvars`, \
                  `.tfvars.json`), a folder of Terraform or a file of one (`.tf`, `.tf.json`), \
                  `terragrunt.hcl`, or a plan or state as JSON (`terraform show -json`), in which \
                  everything is computed.\n\nOf a folder, locals, variables and expressions are \
                  evaluated as Terraform does, with `terraform.tfvars`, `*.auto.tfvars` and each \
                  `--var-file` in this order; variables of the environment (`TF_VAR_…`) are not \
                  read, and `file(\"…\")` reads only below the folder. Values that only Terraform \
                  can compute are reported with file and line.\n\nStatements keep their form, so \
                  that each request is decided as before; settings become lines for \
                  hallpass.toml, and secrets are never repeated. The ending of `--to` selects the \
                  syntax: `.json`, or `.toml` as the Helm chart and the Terraform modules take \
                  it.\n\nApprovers must be users of IAM Identity Center, which sso-elevator does \
                  not require: `--facts live` reads the organization from AWS, with the \
                  credentials of the environment, and the report names the missing \
                  people.\n\nPrints for each row whether it moved, differs and why, or is not \
                  converted. Exit 2 when the file is truncated or would not be loaded, 1 when \
                  some setting is not converted (the statements are written), 4 when the rule \
                  file is there already.",
    after_help = "Examples:
  hallpass rules import elevator terraform.tfvars --facts live --to statements.json
  hallpass rules import elevator terraform.tfvars --to rules.toml
  hallpass rules import elevator infra/access --var-file production.tfvars
  terraform plan -out plan && terraform show -json plan > plan.json
  hallpass rules import elevator plan.json"
)]
pub(crate) struct Args {
    /// The object, variables file, Terraform file or folder, or plan
    pub(super) file: PathBuf,
    /// A variables file, the last has precedence; for a Terraform folder
    #[arg(long, value_name = "FILE")]
    pub(super) var_file: Vec<PathBuf>,
    /// The rule file to write, `.json` or `.toml`; must not exist
    #[arg(long, value_name = "FILE", default_value = "statements.json")]
    pub(super) to: PathBuf,
    /// Organization file, or `live` for AWS, to report named people missing in it
    #[arg(long, value_name = "ORGANIZATION")]
    pub(super) facts: Option<FactsSource>,
    /// Remove unrecorded access each night, as sso-elevator does; without it, report it
    #[arg(long)]
    pub(super) keep_sweep: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    super::refuse_existing(&args.to)?;
    let Some(to) = StatementsFile::named(&args.to.display().to_string()) else {
        return Err(super::other_ending(&args.to, "`.json` or `.toml`"));
    };
    let sweeps = if args.keep_sweep {
        Sweeps::Remove
    } else {
        Sweeps::Report
    };
    let found = read(args)?;
    // last: reading AWS is slower than detecting a missing file
    let facts = args.facts.as_ref();
    let facts = facts.map(|source| source.read(NamedFacts::default(), None));
    let facts = facts.transpose()?;
    let options = ElevatorOptions {
        sweeps,
        to,
        directory: facts.as_ref().map(|it| &it.directory),
    };
    let imported = found.import(args, &options)?;
    super::finish(&imported, &args.to, args.output.format())
}

enum ElevatorSource {
    Folder(ConfigurationFolder),
    Text(String),
}

fn read(args: &Args) -> Result<ElevatorSource, Failure> {
    let name = args.file.display().to_string();
    if args.file.is_dir() || folder::is_configuration(&name) {
        return folder::read(&args.file, &args.var_file).map(ElevatorSource::Folder);
    }
    if args.var_file.is_empty() {
        return text(&args.file).map(ElevatorSource::Text);
    }
    let message = format!("`--var-file` needs a folder of Terraform, and `{name}` is not one");
    Err(Failure::bad_input(message))
}

impl ElevatorSource {
    fn import(self, args: &Args, options: &ElevatorOptions<'_>) -> Result<Imported, Failure> {
        let name = args.file.display().to_string();
        let found = match self {
            Self::Folder(found) => found,
            Self::Text(text) => {
                let only = |_: &str| Some(text.as_str());
                return import(&name, &text, options)
                    .map_err(|why| refused(&why, &args.file, only));
            }
        };
        let folder = TerraformFolder {
            name,
            files: found.files,
            values: found.values,
            others: found.others,
            read: &|path| folder::below(&found.root, path),
        };
        import_folder(&folder, options).map_err(|why| {
            let text = |name: &str| -> Option<&str> {
                let mut files = folder.files.iter().chain(&folder.values);
                let file = files.find(|it| it.name == name)?;
                std::str::from_utf8(&file.bytes).ok()
            };
            refused(&why, &args.file, text)
        })
    }
}

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    read_text(path, BYTES_MAX).map_err(|failure| match failure.has_code() {
        Some("E_LIMIT") => failure.help("plan the module of sso-elevator alone"),
        _ => failure,
    })
}

fn refused<'t>(
    why: &ElevatorRefused,
    path: &Path,
    text: impl Fn(&str) -> Option<&'t str>,
) -> Failure {
    let failure = Failure::bad_input(format!("`{}` is not imported: {why}", path.display()));
    let ElevatorRefused::Statements(errors) = why else {
        return failure;
    };
    let failure = errors.iter().fold(failure, |failure, error| {
        finding::detailed(failure, error, text(&error.file).unwrap_or_default())
    });
    failure.help("where Terraform computes values, import the plan: `terraform show -json`")
}
