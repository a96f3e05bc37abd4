use std::path::{Path, PathBuf};

use hallpass_app::config::{HeadKey, Loaded};
use hallpass_app::host::keys::{self, Absent};
use hallpass_app::host::ownership::is_of_root_alone;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::heads::open_key;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_audit::{AuditStore as _, WitnessName};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::places;

/// Print the public key of the server's file signatures
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the public key that the server's files are signed with\n\nOn the server's \
                  machine. The key lies beside the store (with PostgreSQL: `hallpass.key` beside the configuration, or in `store.seen_folder`) and is created here if it is missing and nothing was exported: after a loss, --new makes another one on purpose. \
                  Guards elsewhere name the public half in `guard.public_key` and accept \
                  no other file of ends.\n\nWith --heads, the key that heads of the audit log are signed \
                  with, as the line that `audit verify --keys` and witnesses take: of the key in AWS \
                  KMS if `audit.sign.kms_key` names one. An auditor can take the \
                  same line from KMS instead: `head ecdsa-p256:` and what `aws kms get-public-key \
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
    /// Create another key if the one that signed this log is missing
    #[arg(long, conflicts_with = "witness")]
    new: bool,
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
        _ if args.heads => runtime()?.block_on(of_heads(args))?,
        _ => {
            let loaded = args.config.load_without_secrets()?;
            let path = loaded.own_key()?;
            let is_new = !path.exists();
            let absent = runtime()?.block_on(absent(args, &loaded, &path))?;
            let public = keys::key_at(&path, absent)?.public().to_string();
            say_if_new(is_new, &path);
            public
        }
    };
    output::print(&format!("{line}\n"))?;
    Ok(Exit::Ok)
}

fn say_if_new(is_new: bool, path: &Path) {
    if is_new {
        let shown = path.display();
        output::say(&format!("`{shown}` is a new signing key."));
        if is_of_root_alone(path) {
            output::say(&format!(
                "`{shown}` is root's: a server that runs as another user cannot read it; give it to that user \
                 (`chown`), or, over PostgreSQL, name their folder in `store.seen_folder`."
            ));
        }
    }
}

async fn absent(args: &Args, loaded: &Loaded, path: &Path) -> Result<Absent, Failure> {
    if !path.exists() {
        args.config.ensure_meant(&loaded.store()?)?;
    }
    absent_over(loaded, path, args.new).await
}

/// If the log was exported, guards and witnesses know the old key: a read must not replace it.
async fn absent_over(loaded: &Loaded, path: &Path, new: bool) -> Result<Absent, Failure> {
    let address = loaded.store()?;
    if new || path.exists() || !address.may_be_there()? {
        return Ok(Absent::Made);
    }
    let exported = match open_store(address).await {
        Ok(store) => store.exported().await.map_err(|fault| fault.to_string()),
        Err(failure) => Err(failure.words()),
    };
    match exported {
        Ok(0) => Ok(Absent::Made),
        // heads use another key, and no file of ends was signed
        Ok(_)
            if !matches!(loaded.head_key()?, HeadKey::Own(_)) && loaded.ends_place()?.is_none() =>
        {
            Ok(Absent::Made)
        }
        Ok(_) => Ok(Absent::Lost),
        Err(why) => {
            let (shown, help) = (path.display(), "`--new` makes it all the same");
            Err(Failure::failed(format!(
                "there is no key `{shown}`, and whether one signed this log is not known: {why}"
            ))
            .help(help))
        }
    }
}

async fn of_heads(args: &Args) -> Result<String, Failure> {
    let loaded = args.config.load_without_secrets()?;
    let means = places::means(&args.config)?;
    let head_key = loaded.head_key()?;
    let (new, absent) = match &head_key {
        HeadKey::Own(path) if !path.exists() => {
            (Some(path.clone()), absent(args, &loaded, path).await?)
        }
        HeadKey::Own(_) | HeadKey::File(_) | HeadKey::Kms(_) => (None, Absent::Made),
    };
    let signing = open_key(&head_key, absent, &means).await?;
    if let Some(path) = new {
        say_if_new(true, &path);
    }
    let key = signing.public_key().await;
    let key = key.map_err(|fault| Failure::failed(fault.to_string()))?;
    Ok(format!("head {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_signed_is_not_replaced_by_looking() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("hallpass.toml");
        std::fs::write(&config, "[store]\nurl = \"sqlite:hallpass.db\"\n").unwrap();
        let loaded = hallpass_app::config::load(&config).unwrap();
        let path = loaded.own_key().unwrap();
        let runtime = runtime().unwrap();
        let absent = |new| runtime.block_on(absent_over(&loaded, &path, new)).unwrap();
        assert_eq!(absent(false), Absent::Made, "there is no log yet");
        let exported = |seq: u64| {
            runtime.block_on(async {
                let store = open_store(loaded.store().unwrap()).await.unwrap();
                store.set_exported(seq).await.unwrap();
            });
        };
        exported(0);
        assert_eq!(absent(false), Absent::Made, "nothing of it was signed");
        exported(1);
        assert_eq!(absent(false), Absent::Lost);
        assert_eq!(absent(true), Absent::Made, "on purpose");
        let refused = keys::key_at(&path, Absent::Lost).err().unwrap().words();
        assert!(refused.contains("is missing"), "{refused}");
        keys::key_at(&path, Absent::Made).unwrap();
        assert_eq!(absent(false), Absent::Made, "it is there and is read");
    }
}
