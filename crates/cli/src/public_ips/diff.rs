use std::path::{Path, PathBuf};

use hallpass_app::config::bucket_place;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::snapshots_at::{bucket, bucket_failure};
use hallpass_aws::BucketPlace;
use hallpass_inventory::addresses::{AddressReport, ChangeSide, changes};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, Table};
use hallpass_terminal::text_file::read_text;

const REPORT_BYTES_MAX: u64 = 256 << 20;

/// Show new and removed addresses between two saved reports
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org public-ips diff --fail-on-findings monday.json tuesday.json")]
pub(super) struct Args {
    /// The earlier report
    #[arg(value_name = "EARLIER")]
    earlier: PathBuf,
    /// The later report
    #[arg(value_name = "LATER")]
    later: PathBuf,
    /// Exit 3 if an address is new
    #[arg(long)]
    fail_on_findings: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let (earlier, later) = (read(&args.earlier)?, read(&args.later)?);
    if earlier.scope != later.scope || earlier.kinds != later.kinds {
        let of = |it: &AddressReport| {
            let kinds: Vec<&str> = it.kinds.iter().map(|it| it.name()).collect();
            format!("{} ({})", it.scope, kinds.join(","))
        };
        let failure = Failure::bad_input("the reports are not about the same");
        return Err(failure.detail(of(&earlier)).detail(of(&later)));
    }
    if earlier.as_of > later.as_of {
        return Err(Failure::bad_input("the first report is the later one"));
    }
    let found = changes(&earlier, &later);
    let fields = ["change", "public_ip", "account_id", "region", "resource_id"];
    output::list(args.output.format(), &found, &fields, || {
        let mut table = Table::new(&["=CHANGE", "=ADDRESS", "=ACCOUNT", "=REGION", "RESOURCE"]);
        for it in &found {
            table.row([
                words(it.change).to_owned(),
                it.public_ip.to_string(),
                it.account_id.to_string(),
                it.region.clone(),
                it.resource_id.clone(),
            ]);
        }
        table
    })?;
    let count = |change| found.iter().filter(|it| it.change == change).count();
    let (new, unknown) = (count(ChangeSide::New), count(ChangeSide::Unknown));
    let gone = count(ChangeSide::Gone);
    output::say(&format!("new {new}, removed {gone}, unknown {unknown}"));
    Ok(match (args.fail_on_findings, new, unknown) {
        (true, 1.., _) => Exit::Findings,
        (_, _, 0) => Exit::Ok,
        _ => Exit::Failed,
    })
}

fn words(change: ChangeSide) -> &'static str {
    match change {
        ChangeSide::New => "new",
        ChangeSide::Gone => "gone",
        ChangeSide::Unknown => "unknown",
    }
}

fn read(path: &Path) -> Result<AddressReport, Failure> {
    let typed = path.to_string_lossy();
    let text = match bucket_place(&typed)? {
        None => read_text(path, REPORT_BYTES_MAX)?,
        Some(file) => runtime()?.block_on(in_bucket(&file, &typed))?,
    };
    serde_json::from_str(&text).map_err(|error| {
        Failure::bad_input(format!("this is no report of `public-ips`: {error}")).within(path)
    })
}

async fn in_bucket(file: &BucketPlace, typed: &str) -> Result<String, Failure> {
    let (root, name) = file.root.rsplit_once('/').unwrap_or(("", &file.root));
    let place = BucketPlace {
        root: root.to_owned(),
        ..file.clone()
    };
    let files = bucket(&place).await.map_err(Failure::failed)?;
    let found = files.get(name).await.map_err(|it| bucket_failure(&it))?;
    let absent = || Failure::bad_input(format!("there is no `{typed}`"));
    String::from_utf8(found.ok_or_else(absent)?).map_err(|error| {
        Failure::bad_input(format!("`{typed}` is no report of `public-ips`: {error}"))
    })
}
