use std::fs;
use std::path::{Path, PathBuf};

use hallpass_iam::BadInput;
use hallpass_iam::generate::checked;
use hallpass_iam::generate::secrets::{
    Attribute, File, GeneratedSecretsPolicies, Guardrails, SecretsSpec, WildcardAdmin, generate,
};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::generated::{PolicyArgs, warn};
use hallpass_terminal::output;

/// Write a permission set for secrets with the user's tags, and its guardrails
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a permission set for secrets with the user's tags, and its \
                  guardrails\n\nWith --out the folder gets permission-set.json, the service \
                  control policies g1.json (reading needs matching tags), g2.json (a new secret \
                  has its tags), g3.json (tags stay), g4.json (tags are not changed), and \
                  guardrails.json, all of them in one if that fits. Without it they are printed \
                  as one JSON object by name.",
    after_help = "Example:
  hallpass policy abac secrets --attr department=Digital --attr AppID=Alpha,Beta --out secrets/ \\
      --admin-role arn:aws:iam::111122223333:role/SecretsAdmin"
)]
pub(super) struct Args {
    /// Tag shared by users and secrets, with its allowed values: KEY=VALUE,VALUE
    #[arg(long, value_name = "KEY=VALUES", num_args = 1..)]
    attr: Vec<String>,
    /// Role exempt from the guardrails, by ARN
    #[arg(long, value_name = "ARN", num_args = 1..)]
    admin_role: Vec<String>,
    /// Account that replaces `*` in the ARN of an admin role
    #[arg(long, value_name = "ID", num_args = 1.., value_delimiter = ',')]
    accounts: Vec<String>,
    /// Role that creates the admin roles; adds G0, which prevents others from doing so
    #[arg(long, value_name = "ARN", num_args = 1..)]
    provisioning_role: Vec<String>,
    /// Guard every action that supports the secret's tags, not only reads
    #[arg(long, conflicts_with = "as_published")]
    strict: bool,
    /// The published forms with their defects, for demonstrations
    #[arg(long)]
    as_published: bool,
    /// Keep `*` as account of an admin role; also writes G0
    #[arg(long)]
    allow_wildcard_admin: bool,
    /// Write the files into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    policy: PolicyArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let made = make(args)?;
    let texts = texts(args, &made)?;
    match &args.out {
        None => output::print(&object(&texts))?,
        Some(folder) => write(folder, &texts)?,
    }
    warn(&made.warnings);
    if args.out.is_some() && made.merged.is_some() {
        output::say("attach guardrails.json alone, or g1.json to g4.json: they say the same");
    }
    Ok(Exit::Ok)
}

fn make(args: &Args) -> Result<GeneratedSecretsPolicies, Failure> {
    let attributes = args.attr.iter().map(|it| it.parse());
    let attributes: Result<Vec<Attribute>, BadInput> = attributes.collect();
    let wish = SecretsSpec {
        attributes: attributes?,
        admin_roles: args.admin_role.clone(),
        accounts: args.accounts.clone(),
        provisioning_roles: args.provisioning_role.clone(),
        guardrails: match (args.as_published, args.strict) {
            (true, _) => Guardrails::AsPublished,
            (false, true) => Guardrails::Strict,
            (false, false) => Guardrails::Required,
        },
        wildcard_admin: if args.allow_wildcard_admin {
            WildcardAdmin::Guarded
        } else {
            WildcardAdmin::Refused
        },
        partition: args.policy.partition(),
        lengths: args.policy.lengths(),
    };
    Ok(generate(&wish)?)
}

fn texts(args: &Args, made: &GeneratedSecretsPolicies) -> Result<Vec<(String, String)>, Failure> {
    let files = made.files.iter().chain(&made.merged);
    files
        .map(|File { name, kind, draft }| {
            let text = if args.as_published {
                draft.text(args.policy.layout())
            } else {
                checked(draft.clone(), *kind)?.text(args.policy.layout())
            };
            Ok((name.clone(), text))
        })
        .collect()
}

fn object(texts: &[(String, String)]) -> String {
    let members: Vec<String> = texts
        .iter()
        .map(|(name, text)| format!("\"{name}\":{}", text.trim_end()))
        .collect();
    format!("{{{}}}\n", members.join(","))
}

fn write(folder: &Path, texts: &[(String, String)]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::unwritable(folder.display(), &error))?;
    for (name, text) in texts {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| Failure::unwritable(path.display(), &error))?;
        output::print(&format!("{}\n", path.display()))?;
    }
    Ok(())
}
