//! `hallpass __complete`: names for shell completion. Responds within a third of a second, hides
//! errors, caches for minutes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use hallpass_api::{Offer, Offers};
use hallpass_base::{TimeSpan, Timestamp};
use hallpass_client::client::{Client, ServerArgs, block_on};
use hallpass_client::credentials::{private_folder, write_private};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_millis(250);
const FRESH: TimeSpan = TimeSpan::minutes(10);
/// Page size; reads only one page.
const PAGE: usize = 1000;

/// Print names with a prefix, for the shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Kind of name
    #[arg(value_enum)]
    kind: NameKind,
    /// The account typed earlier, for its permission sets
    #[arg(long, default_value = "")]
    account: String,
    #[command(flatten)]
    server: ServerArgs,
    /// The typed prefix
    #[arg(last = true, default_value = "")]
    typed: String,
}

/// Kind of name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NameKind {
    /// Accounts.
    Account,
    /// Permission sets.
    PermissionSet,
    /// Groups.
    Group,
}

/// Cached names: all requestable ones of one server.
#[derive(Serialize, Deserialize)]
struct KnownNames {
    server: String,
    at: Timestamp,
    names: Vec<OfferedName>,
}

#[derive(Serialize, Deserialize)]
struct OfferedName {
    account: Option<String>,
    permission_set: Option<String>,
    group: Option<String>,
}

impl From<Offer> for OfferedName {
    fn from(offer: Offer) -> Self {
        Self {
            account: offer.account.map(|it| it.name),
            permission_set: offer.permission_set,
            group: offer.group.map(|it| it.name),
        }
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    // errors must not disturb typing
    let names = names(args).unwrap_or_default();
    let mut text = String::new();
    for name in names {
        text.push_str(&output::plain(&name));
        text.push('\n');
    }
    output::print(&text)?;
    Ok(Exit::Ok)
}

fn names(args: &Args) -> Result<BTreeSet<String>, Failure> {
    let server = args.server.address()?.to_string();
    let known = match remembered(&server) {
        Some(names) => names,
        None => ask(args, &server)?,
    };
    let typed = args.typed.to_lowercase();
    let found = known.into_iter().filter_map(|name| match args.kind {
        NameKind::Account => name.account,
        NameKind::Group => name.group,
        NameKind::PermissionSet => {
            let account = name.account.as_deref().unwrap_or_default();
            let is_of = args.account.is_empty() || account.eq_ignore_ascii_case(&args.account);
            name.permission_set.filter(|_| is_of)
        }
    });
    Ok(found
        .filter(|name| name.to_lowercase().starts_with(&typed))
        .collect())
}

fn ask(args: &Args, server: &str) -> Result<Vec<OfferedName>, Failure> {
    let client = args.server.client()?;
    block_on(async {
        let asked = tokio::time::timeout(PATIENCE, look(args, &client, server));
        asked.await.unwrap_or_else(|_| Ok(Vec::new()))
    })
}

async fn look(args: &Args, client: &Client, server: &str) -> Result<Vec<OfferedName>, Failure> {
    let limit = ("limit", PAGE.to_string());
    let mut offers: Offers = client
        .get(&["catalog"], std::slice::from_ref(&limit))
        .await?;
    let is_all = offers.next.is_none();
    let text = match args.kind {
        NameKind::PermissionSet => &args.account,
        NameKind::Account | NameKind::Group => &args.typed,
    };
    if !is_all && !text.is_empty() {
        let query = [limit, ("q", text.clone())];
        offers = client.get(&["catalog"], &query).await?;
    }
    let names: Vec<OfferedName> = offers.items.into_iter().map(OfferedName::from).collect();
    if !is_all {
        return Ok(names);
    }
    let known = KnownNames {
        server: server.to_owned(),
        at: hallpass_base::clock::now(),
        names,
    };
    if let (Some(path), Ok(text)) = (cache(), serde_json::to_string(&known)) {
        // without a cache it queries again
        let _ = path.parent().map(private_folder);
        let _ = write_private(&path, &text);
    }
    Ok(known.names)
}

fn remembered(server: &str) -> Option<Vec<OfferedName>> {
    let bytes = fs::read(cache()?).ok()?;
    let known: KnownNames = serde_json::from_slice(&bytes).ok()?;
    let is_good = known.server == server && FRESH.covers(known.at, hallpass_base::clock::now());
    is_good.then_some(known.names)
}

fn cache() -> Option<PathBuf> {
    let folder = |name: &str| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?;
    Some(base.join("hallpass").join("names.json"))
}
