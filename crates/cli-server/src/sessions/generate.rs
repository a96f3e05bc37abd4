use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use hallpass_iam::PolicyType;
use hallpass_iam::generate::checked;
use hallpass_iam::generate::sessions::{
    GeneratedRevocation, Match, RevocationForm, RevocationSpec, Revocations, SCP_SLOTS, Split,
    generate,
};
use hallpass_iam::residual::span;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::generated::{PolicyArgs, warn};
use hallpass_terminal::output;
use hallpass_terminal::text_file::read_text;
use jiff::SignedDuration;

use super::LONGEST_SESSION;

/// Bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Write the policy that revokes a user's AWS sessions
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write the policy that revokes a person's sessions at AWS\n\nIt denies \
                  everything to sessions that match. A user id is the best way to name \
                  a person: it never changes. A name is compared with its case, so it is written as given, \
                  in lower case and in every spelling of --variants. A source identity also \
                  matches sessions of chained roles, when the identity provider sets it. With \
                  a role, all sessions issued before an instant are revoked.",
    after_help = "Examples:
  hallpass people sessions generate --as scp --user ana@example.com \\
      --user-id 9067642ac7-4f0e2c1a-1111-4222-8333-1234567890ab --plan
  hallpass people sessions generate --as scp --role arn:aws:iam::222233334444:role/Deploy \\
      --issued-before 2026-03-02T09:00:00Z
  hallpass people sessions generate --as scp --pre-stage > revoked.json
  hallpass people sessions generate --as scp --into revoked.json --user ana@example.com"
)]
pub(super) struct Args {
    /// Name of the user in sessions: with most identity providers the e-mail
    #[arg(long, value_name = "NAME", num_args = 1..)]
    user: Vec<String>,
    /// Further spelling of the name
    #[arg(long, value_name = "NAME", num_args = 1..)]
    variants: Vec<String>,
    /// Where to match the user's name [default: name]
    #[arg(long = "match", value_enum, value_name = "KEY", num_args = 1..)]
    matches: Vec<MatchArg>,
    /// Id of the user in the identity store
    #[arg(long, value_name = "ID", num_args = 1..)]
    user_id: Vec<String>,
    /// Source identity set by the identity provider
    #[arg(long, value_name = "NAME", num_args = 1..)]
    source_identity: Vec<String>,
    /// Role with sessions to revoke, by ARN; `*` and `?` are wildcards
    #[arg(long, value_name = "ARN", num_args = 1..)]
    role: Vec<String>,
    /// Only sessions of the role issued before this time, with its zone
    #[arg(long, value_name = "RFC3339")]
    issued_before: Option<String>,
    /// Policy type
    #[arg(long = "as", value_enum, value_name = "FORM")]
    form: FormArg,
    /// Keep statements without a match, so that the policy can be attached in advance
    #[arg(long)]
    pre_stage: bool,
    /// Insert into this earlier policy of this command
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Maximum length of a role session
    #[arg(long, value_name = "SPAN", default_value_t = LONGEST_SESSION.to_string())]
    max_session: String,
    /// Write several policies, one per line, if one is too small
    #[arg(long, conflicts_with = "into")]
    split: bool,
    /// Free attachment slots of the target: the limit of policies for `--split`
    #[arg(long, value_name = "N", requires = "split", default_value_t = SCP_SLOTS)]
    slots: usize,
    /// Print the order of revocations on stderr
    #[arg(long)]
    plan: bool,
    /// Account of the sessions; warns if the policy cannot reach it
    #[arg(long, value_name = "ID", num_args = 1..)]
    account: Vec<String>,
    /// The management account, where service control policies have no effect
    #[arg(long, value_name = "ID")]
    management_account: Option<String>,
    #[command(flatten)]
    policy: PolicyArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormArg {
    /// Service control policy: member accounts
    Scp,
    /// Policy on the role: the management account
    Iam,
    /// Inline policy of a permission set
    PermissionSet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum MatchArg {
    /// The session's name, in aws:userid
    Name,
    /// aws:SourceIdentity
    Source,
}

pub(super) fn run(args: &Args) -> Outcome {
    let made = make(args)?;
    let text = text(args, &made)?;
    if let Some(path) = &args.into {
        replace(path, &text)?;
    }
    warn(&made.warnings);
    if args.plan {
        output::say(made.order.trim_end());
    }
    output::print(&text)?;
    Ok(Exit::Ok)
}

fn make(args: &Args) -> Result<GeneratedRevocation, Failure> {
    let into = match &args.into {
        None => Revocations::new(),
        Some(path) => Revocations::parse(&read_text(path, FILE_BYTES_MAX)?)?,
    };
    let seconds = span(&args.max_session, "--max-session")?.as_seconds();
    let wish = RevocationSpec {
        users: args.user.clone(),
        variants: args.variants.clone(),
        matches: args.matches.iter().map(|it| (*it).into()).collect(),
        user_ids: args.user_id.clone(),
        source_identities: args.source_identity.clone(),
        roles: args.role.clone(),
        issued_before: args.issued_before.clone(),
        form: args.form.into(),
        pre_stage: args.pre_stage,
        into,
        max_session: SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)),
        split: if args.split {
            Split::Slots(args.slots)
        } else {
            Split::No
        },
        accounts: args.account.clone(),
        management_account: args.management_account.clone(),
        partition: args.policy.partition(),
        lengths: args.policy.lengths(),
    };
    Ok(generate(&wish, hallpass_base::clock::now())?)
}

fn text(args: &Args, made: &GeneratedRevocation) -> Result<String, Failure> {
    let kind = match args.form {
        FormArg::Scp => PolicyType::Scp,
        FormArg::Iam | FormArg::PermissionSet => PolicyType::Identity,
    };
    let mut text = String::new();
    for part in &made.parts {
        text.push_str(&checked(part.clone(), kind)?.text(args.policy.layout()));
    }
    Ok(text)
}

/// Replaces the file atomically.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let unwritable = |error| Failure::unwritable(path.display(), &error);
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    let rights = fs::metadata(path).map_err(unwritable)?.permissions();
    file.as_file().set_permissions(rights).map_err(unwritable)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(unwritable)?;
    file.as_file().sync_all().map_err(unwritable)?;
    file.persist(path)
        .map_err(|error| unwritable(error.error))?;
    Ok(())
}

impl From<FormArg> for RevocationForm {
    fn from(arg: FormArg) -> Self {
        match arg {
            FormArg::Scp => Self::Scp,
            FormArg::Iam => Self::Iam,
            FormArg::PermissionSet => Self::PermissionSet,
        }
    }
}

impl From<MatchArg> for Match {
    fn from(arg: MatchArg) -> Self {
        match arg {
            MatchArg::Name => Self::Name,
            MatchArg::Source => Self::Source,
        }
    }
}
