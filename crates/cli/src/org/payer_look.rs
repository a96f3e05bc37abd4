use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hallpass_app::host::home_region::RegionArgs;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::host::runtime::runtime;
use hallpass_aws::RoleToAssume;
use hallpass_org::ReadFact;
use hallpass_org::payer::{BillingTransfer, PayerFile, payer_checks, read_facts, read_transfers};
use hallpass_plans::CheckResult;
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

const FILE_BYTES_MAX: u64 = 1 << 20;
const CONCURRENCY: usize = 4;

/// Payer and time.
#[derive(Debug, clap::Args)]
pub(super) struct PayerLookArgs {
    /// The agreement
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    home: RegionArgs,
    /// Time to check attestations at [default: now]
    #[arg(long, value_name = "RFC3339", value_parser = hallpass_base::time::instant)]
    as_of: Option<Timestamp>,
}

pub(super) struct SeenPayer {
    pub(super) checks: Vec<CheckResult>,
    pub(super) transfers: ReadFact<Vec<BillingTransfer>>,
}

impl PayerLookArgs {
    pub(super) fn look(&self) -> Result<SeenPayer, Failure> {
        let text = read_text(&self.file, FILE_BYTES_MAX)?;
        let wrong = |error: String| Failure::bad_input(error).within(&self.file);
        let file = PayerFile::read(&text).map_err(wrong)?;
        let beside = self.file.parent().unwrap_or(Path::new("."));
        let baseline = file.scp_baseline.as_ref();
        let baseline = baseline.map(|it| policies(&beside.join(it))).transpose()?;
        let home = self.home.known()?;
        let as_of = self.as_of.unwrap_or_else(hallpass_base::clock::now);
        let today = as_of.to_zoned(TimeZone::UTC).date();
        runtime()?.block_on(async {
            let calls = NamedCalls::new(home, RoleToAssume::default(), CONCURRENCY).await?;
            let own = calls.own_account().await?;
            if own != file.payer.as_str() {
                let payer = &file.payer;
                let failure = Failure::bad_input(format!(
                    "the credentials are those of {own}, not of {payer}"
                ));
                return Err(failure.help("run it in the account that the file names as `payer`"));
            }
            let facts = read_facts(&calls, &file, today).await;
            Ok(SeenPayer {
                checks: payer_checks(&file, &facts, baseline.as_ref(), today),
                transfers: read_transfers(&calls).await,
            })
        })
    }
}

fn policies(folder: &Path) -> Result<BTreeMap<String, Value>, Failure> {
    let unreadable = |error| Failure::unreadable(folder.display(), &error);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let text = read_text(&path, FILE_BYTES_MAX)?;
        let wrong = |error: serde_json::Error| Failure::bad_input(error.to_string()).within(&path);
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        found.insert(
            name.into_owned(),
            serde_json::from_str(&text).map_err(wrong)?,
        );
    }
    Ok(found)
}
