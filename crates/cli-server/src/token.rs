//! `hallpass server token`: API tokens, directly in the store on the server's machine.

use hallpass_access::identity::{Owner, TokenScope, TokenSource, hash_secret};
use hallpass_app::host::random_ids::RandomIds;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_app::setup::person;
use hallpass_app::setup::sources::new_secret;
use hallpass_app::setup::sources::next_record;
use hallpass_base::{Email, IdSource, TimeSpan, Timestamp, TokenId};
use hallpass_channels::wording::time::utc;
use hallpass_store::TokenRow;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};

const FIELDS: &[&str] = &[
    "id",
    "user",
    "scopes",
    "name",
    "created_at",
    "used_at",
    "expires_at",
    "revoked_at",
];

/// Create, list and revoke API tokens, on the server's own machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  export HALLPASS_TOKEN=$(hallpass server token create --user ana@example.com)
  hallpass server token create --user ci@example.com --scope read --ttl 365d --name nightly
  hallpass server token list
  hallpass server token revoke tok_0193…")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Create a token; prints it alone on stdout, once
    #[command(
        after_help = "Example:\n  hallpass server token create --user ci@example.com --scope read --ttl 365d"
    )]
    Create {
        /// The owner: an e-mail of the directory
        #[arg(long, value_name = "E-MAIL")]
        user: Email,
        /// Scopes: read, request, review, admin [default: all of the user's permissions]
        #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
        scopes: Vec<String>,
        /// Lifetime
        #[arg(long, value_name = "TIME", default_value = "30d")]
        ttl: TimeSpan,
        /// Purpose
        #[arg(long, value_name = "TEXT", default_value = "")]
        name: String,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// List tokens, without their secrets
    #[command(after_help = "Example:\n  hallpass server token list --output json")]
    List {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Revoke a token; it stops working immediately
    #[command(
        after_help = "Example:\n  hallpass server token revoke tok_01934a5b6c7d7e8f90123456789abcde"
    )]
    Revoke {
        /// The token's id
        #[arg(value_name = "TOKEN")]
        id: TokenId,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Create {
            user,
            scopes,
            ttl,
            name,
            config,
        } => {
            let scopes = scopes_of(scopes)?;
            let loaded = config.load_without_secrets()?;
            let address = loaded.store()?;
            config.ensure_meant(&address)?;
            let secret = runtime()?.block_on(async {
                let (store, now) = (open_store(address).await?, hallpass_base::clock::now());
                let owner = person::owner_of(&loaded, &store, user, now).await?;
                create(&store, &owner, &scopes, *ttl, name, now).await
            })?;
            output::print(&format!("{secret}\n"))?;
        }
        Command::List { config, output } => {
            let address = config.existing_store()?;
            let rows = runtime()?.block_on(async {
                let store = open_store(address).await?;
                store
                    .tokens()
                    .await
                    .map_err(|error| Failure::failed(error.to_string()))
            })?;
            list(&rows, output)?;
        }
        Command::Revoke { id, config } => {
            let address = config.existing_store()?;
            runtime()?.block_on(async {
                let store = open_store(address).await?;
                revoke(&store, *id).await
            })?;
        }
    }
    Ok(Exit::Ok)
}

fn scopes_of(names: &[String]) -> Result<Vec<TokenScope>, Failure> {
    if names.is_empty() {
        return Ok(TokenScope::ALL.to_vec());
    }
    names
        .iter()
        .map(|name| {
            TokenScope::parse(name).ok_or_else(|| {
                Failure::bad_input(format!("`{name}` is not a scope"))
                    .help("scopes are read, request, review and admin")
            })
        })
        .collect()
}

/// Stores a new token and its record; returns the secret, which is not stored.
pub async fn create(
    store: &ServerStore,
    owner: &Owner,
    scopes: &[TokenScope],
    ttl: TimeSpan,
    name: &str,
    now: Timestamp,
) -> Result<String, Failure> {
    let secret = new_secret().map_err(|error| {
        Failure::failed(format!("the operating system gives no randomness: {error}"))
    })?;
    let row = TokenRow {
        id: TokenId::new(RandomIds.next(now)),
        hash: hash_secret(&secret),
        user: owner.email.clone(),
        user_id: Some(owner.user.clone()),
        secondary_domain: owner.secondary_domain,
        scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        created_at: now,
        expires_at: ttl.after(now),
        revoked_at: None,
        name: name.to_owned(),
        source: TokenSource::ServerMachine,
        used_at: None,
    };
    let record = next_record(now).token_made_by_operator(owner, &row.scopes, ttl);
    store
        .token_insert(&row, record)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    Ok(secret)
}

fn list(rows: &[TokenRow], output: &OutputArgs) -> Result<(), Failure> {
    let shown: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            serde_json::json!({
                "id": row.id, "user": row.user, "scopes": row.scopes, "name": row.name,
                "created_at": row.created_at, "used_at": row.used_at, "expires_at": row.expires_at,
                "revoked_at": row.revoked_at,
            })
        })
        .collect();
    let table = || {
        let heads = [
            "=token", "whose", "scopes", "for", "used", "ends", "revoked",
        ];
        let mut table = output::Table::new(&heads);
        for row in rows {
            table.row([
                row.id.to_string(),
                row.user.to_string(),
                row.scopes.join(" "),
                row.name.clone(),
                row.used_at.map(utc).unwrap_or_default(),
                utc(row.expires_at),
                row.revoked_at.map(utc).unwrap_or_default(),
            ]);
        }
        table
    };
    output::list(output.format(), &shown, FIELDS, table)
}

async fn revoke(store: &ServerStore, id: TokenId) -> Result<(), Failure> {
    let now = hallpass_base::clock::now();
    let record = next_record(now).token_revoked_by_operator(id);
    let revoked = store
        .token_revoke(id, now, record)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    match revoked {
        Some(row) => {
            output::say(&format!("revoked the token of {}", row.user));
            Ok(())
        }
        None => Err(Failure::failed(format!("there is no token `{id}`"))
            .help("`hallpass server token list` shows them")),
    }
}
