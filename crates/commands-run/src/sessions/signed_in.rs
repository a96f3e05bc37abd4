//! `hallpass people sessions list --web` and `end`: who is signed in on the web, on the server's own machine straight
//! in its store.

use std::collections::BTreeSet;

use hallpass_access::ReadError;
use hallpass_config::Loaded;
use hallpass_host::runtime::runtime;
use hallpass_host::server_store::ServerStore;
use hallpass_identity::{SignedIn, WebSession};
use hallpass_model::{Email, Timestamp, UserId};
use hallpass_setup::opening::{ConfigArgs, open_store};
use hallpass_setup::person;
use hallpass_setup::sources::next_record;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};
use hallpass_wording::{lists, time::utc};

const FIELDS: &[&str] = &["user", "signed_in_by", "began_at", "seen_at", "ends_at"];

/// End every session of a person at once; their access and tokens stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass people sessions end --user ana@example.com")]
pub(super) struct EndArgs {
    /// Whose: the e-mail they signed in with
    #[arg(long, value_name = "E-MAIL")]
    user: Email,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Forget which sign-in is whose, so that another one may become theirs
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Forget which sign-in is whose, so that another one may become theirs\n\nThe first \
                  sign-in of somebody at a provider stays theirs: whoever gets their address later \
                  signs in as nobody. After the provider gave somebody a new identifier, or all of \
                  them with a new client, that has to be forgotten.",
    after_help = "Examples:
  hallpass people sessions forget --user ana@example.com
  hallpass people sessions forget --issuer https://id.example.com"
)]
pub(super) struct ForgetArgs {
    /// Whose: an e-mail of the directory, or a user id
    #[arg(long, value_name = "E-MAIL", required_unless_present = "issuer")]
    user: Option<String>,
    /// Only at this provider; without `--user`, everybody's there
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run_forget(args: &ForgetArgs) -> Outcome {
    let (loaded, address) = (args.config.load()?, args.config.existing_store()?);
    let forgotten = runtime()?.block_on(async {
        let (store, now) = (open_store(address).await?, hallpass_clock::now());
        let user = match args.user.as_deref() {
            None => None,
            Some(text) => Some(user_of(&loaded, &store, text, now).await?),
        };
        let failed = |error: ReadError| Failure::failed(error.to_string());
        let mut forgotten = 0_usize;
        for row in store.sign_ins().await.map_err(failed)? {
            let is_meant = user.as_ref().is_none_or(|user| *user == row.user)
                && args.issuer.as_ref().is_none_or(|it| *it == row.issuer);
            if is_meant {
                let record =
                    next_record(now).sign_in_forgotten(&row.user, &row.subject, &row.issuer);
                let gone = store.sign_in_forget(&row, record).await.map_err(failed)?;
                forgotten += usize::from(gone);
            }
        }
        Ok::<usize, Failure>(forgotten)
    })?;
    if forgotten == 0 {
        return Err(Failure::failed("no sign-in is known that is meant"));
    }
    output::say(&format!("forgot {}", lists::count(forgotten, "sign-in")));
    Ok(Exit::Ok)
}

async fn user_of(
    loaded: &Loaded,
    store: &ServerStore,
    text: &str,
    now: Timestamp,
) -> Result<UserId, Failure> {
    if let Ok(user) = UserId::new(text) {
        return Ok(user);
    }
    let email = Email::new(text).map_err(|error| Failure::bad_input(error.to_string()))?;
    Ok(person::owner_of(loaded, store, &email, now).await?.user)
}

pub(super) fn run_list(config: &ConfigArgs, output: &OutputArgs) -> Outcome {
    let address = config.existing_store()?;
    let sessions = runtime()?.block_on(async { live(&open_store(address).await?).await })?;
    list(&sessions, output)?;
    Ok(Exit::Ok)
}

pub(super) fn run_end(args: &EndArgs) -> Outcome {
    let address = args.config.existing_store()?;
    let user = &args.user;
    let ended = runtime()?.block_on(async {
        let store = open_store(address).await?;
        let failed = |error: ReadError| Failure::failed(error.to_string());
        let mut ended = 0;
        // whoever has left is found by the address of then, and ends by the user id
        let found = live(&store)
            .await?
            .into_iter()
            .filter(|it| it.user == *user);
        let users: BTreeSet<UserId> = found.filter_map(|it| it.user_id).collect();
        for user in &users {
            ended += store.sessions_delete(user).await.map_err(failed)?;
        }
        Ok::<u64, Failure>(ended)
    })?;
    if ended == 0 {
        return Err(Failure::failed(format!("`{user}` has no session"))
            .help("`hallpass people sessions list --web` shows who has"));
    }
    output::say(&format!("{user} is signed out everywhere"));
    Ok(Exit::Ok)
}

/// Sessions that are not over, and whose secret was not replaced.
async fn live(store: &ServerStore) -> Result<Vec<WebSession>, Failure> {
    let now = hallpass_clock::now();
    let sessions = store
        .sessions()
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    let is_live = |session: &WebSession| now < session.ends_at && session.next.is_none();
    Ok(sessions.into_iter().filter(is_live).collect())
}

fn by(session: &WebSession) -> &str {
    match &session.signed_in {
        SignedIn::Persona => "demo",
        SignedIn::Oidc { issuer, .. } => issuer,
    }
}

fn list(sessions: &[WebSession], output: &OutputArgs) -> Result<(), Failure> {
    let shown: Vec<serde_json::Value> = sessions
        .iter()
        .map(|session| {
            serde_json::json!({
                "user": session.user, "signed_in_by": by(session), "began_at": session.began_at,
                "seen_at": session.seen_at, "ends_at": session.ends_at,
            })
        })
        .collect();
    let table = || {
        let mut table = output::Table::new(&["whose", "by", "began", "last seen", "ends"]);
        for session in sessions {
            table.row([
                session.user.to_string(),
                by(session).to_owned(),
                utc(session.began_at),
                utc(session.seen_at),
                utc(session.ends_at),
            ]);
        }
        table
    };
    output::list(output.format(), &shown, FIELDS, table)
}
