//! `hallpass sessions list --web` and `end`: who is signed in on the web, on the server's own machine straight
//! in its store.

use hallpass_model::Email;
use hallpass_server::{Session, SignedIn};
use hallpass_store::SqliteStore;

use crate::clock;
use crate::commands::serve::{ConfigArgs, open_store, runtime};
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, OutputArgs};

const FIELDS: &[&str] = &["user", "signed_in_by", "began_at", "seen_at", "ends_at"];

/// End every session of a person at once; their access and tokens stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass sessions end --user ana@example.com")]
pub(super) struct EndArgs {
    /// Whose: the e-mail they signed in with
    #[arg(long, value_name = "E-MAIL")]
    user: Email,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run_list(config: &ConfigArgs, output: &OutputArgs) -> Outcome {
    let path = config.load()?.sqlite()?;
    let sessions = runtime()?.block_on(async { live(&open_store(path).await?).await })?;
    list(&sessions, output)?;
    Ok(Exit::Ok)
}

pub(super) fn run_end(args: &EndArgs) -> Outcome {
    let path = args.config.load()?.sqlite()?;
    let user = &args.user;
    let ended = runtime()?.block_on(async {
        let store = open_store(path).await?;
        let ended = store.sessions_delete(user).await;
        ended.map_err(|error| Failure::failed(error.to_string()))
    })?;
    if ended == 0 {
        return Err(Failure::failed(format!("`{user}` has no session"))
            .help("`hallpass sessions list --web` shows who has"));
    }
    output::say(&format!("{user} is signed out everywhere"));
    Ok(Exit::Ok)
}

/// Sessions that are not over, and whose secret was not replaced.
async fn live(store: &SqliteStore) -> Result<Vec<Session>, Failure> {
    let now = clock::now();
    let rows = store
        .sessions()
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    let sessions: Result<Vec<Session>, serde_json::Error> = rows
        .iter()
        .map(|(_, body)| serde_json::from_str(body))
        .collect();
    let sessions =
        sessions.map_err(|error| Failure::failed(format!("a session cannot be read: {error}")))?;
    let is_live = |session: &Session| now < session.ends_at && session.next.is_none();
    Ok(sessions.into_iter().filter(is_live).collect())
}

fn by(session: &Session) -> &str {
    match &session.signed_in {
        SignedIn::Persona => "demo",
        SignedIn::Oidc { issuer, .. } => issuer,
    }
}

fn list(sessions: &[Session], output: &OutputArgs) -> Result<(), Failure> {
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
        let at = |time: hallpass_model::Timestamp| time.strftime("%Y-%m-%d %H:%M UTC").to_string();
        for session in sessions {
            table.row([
                session.user.to_string(),
                by(session).to_owned(),
                at(session.began_at),
                at(session.seen_at),
                at(session.ends_at),
            ]);
        }
        table
    };
    output::list(output.format(), &shown, FIELDS, table)
}
