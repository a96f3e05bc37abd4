//! `hallpass audit key`: public keys, for those who check what a server or a witness signs.

use std::path::{Path, PathBuf};

use hallpass_audit::WitnessName;
use hallpass_config::HeadKey;
use hallpass_host::keys::{self, Absent};
use hallpass_host::runtime::runtime;
use hallpass_setup::heads::open_key;
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::places;

/// Print the public key that the server's files are signed with
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the public key that the server's files are signed with\n\nOn the server's \
                  machine. The key lies beside the store (with PostgreSQL: `hallpass.key` beside the configuration) and is made here when there is none yet. \
                  Guards elsewhere name the public half in `guard.public_key` and believe no \
                  other file of ends.\n\nWith --heads, the key that heads of the audit log are signed \
                  with, as the line that `audit verify --keys` and witnesses take: of the key in AWS \
                  KMS if `audit.sign.kms_key` names one. An auditor who would rather not ask the server \
                  takes the same line from KMS: `head ecdsa-p256:` and what `aws kms get-public-key \
                  --query PublicKey --output text` prints. With --witness, the line of a witness's key.",
    after_help = "Examples:
  hallpass audit key --config /etc/hallpass/hallpass.toml
  hallpass audit key --heads > keys.txt
  hallpass audit key --witness security --file hallpass-witness/witness.key >> keys.txt"
)]
pub(crate) struct Args {
    /// The key of heads, as a line of a key list
    #[arg(long, conflicts_with = "witness")]
    heads: bool,
    /// The key of the witness of this name, as a line of a key list
    #[arg(long, value_name = "NAME", requires = "file")]
    witness: Option<WitnessName>,
    /// The witness's key file
    #[arg(long, value_name = "FILE", requires = "witness")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let line = match (&args.witness, &args.file) {
        (Some(name), Some(path)) => {
            let signer = keys::key_at(path, Absent::Missed)?;
            format!("witness {name} {}", signer.public())
        }
        _ if args.heads => runtime()?.block_on(of_heads(&args.config))?,
        _ => {
            let path = args.config.load()?.own_key()?;
            let is_new = !path.exists();
            let public = keys::key_at(&path, Absent::Made)?.public().to_string();
            say_if_new(is_new, &path);
            public
        }
    };
    output::print(&format!("{line}\n"))?;
    Ok(Exit::Ok)
}

/// Whoever only looks at the key of a server hears that this is not the one that it had.
fn say_if_new(is_new: bool, path: &Path) {
    if is_new {
        let path = path.display();
        output::say(&format!("`{path}` is a new signing key."));
    }
}

async fn of_heads(config: &ConfigArgs) -> Result<String, Failure> {
    let (loaded, means) = (config.load()?, places::means(config)?);
    let head_key = loaded.head_key()?;
    let new = match &head_key {
        HeadKey::Own(path) if !path.exists() => Some(path.clone()),
        HeadKey::Own(_) | HeadKey::File(_) | HeadKey::Kms(_) => None,
    };
    let signing = open_key(&head_key, Absent::Made, &means).await?;
    if let Some(path) = new {
        say_if_new(true, &path);
    }
    let key = signing.public_key().await;
    let key = key.map_err(|fault| Failure::failed(fault.to_string()))?;
    Ok(format!("head {key}"))
}
