//! `hallpass people sessions list --web` and `end`: web sessions, directly in the store on the
//! server's machine.

use std::collections::BTreeSet;

use hallpass_access::ReadError;
use hallpass_access::identity::{SignedIn, WebSession, WhichSessions};
use hallpass_app::config::Loaded;
use hallpass_app::host::runtime::runtime;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::opening::{ConfigArgs, open_store};
use hallpass_app::setup::person;
use hallpass_app::setup::sources::next_record;
use hallpass_base::{Email, Timestamp, UserId};
use hallpass_channels::wording::{lists, time::utc};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};

const FIELDS: &[&str] = &[
    "user",
    "user_id",
    "signed_in_by",
    "began_at",
    "seen_at",
    "ends_at",
];

/// End every session of a user immediately; their access and tokens stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass people sessions end --user ana@example.com")]
pub(super) struct EndArgs {
    /// An e-mail of the directory, or a user id
    #[arg(long, value_name = "E-MAIL")]
    user: String,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Forget links between sign-ins and users, so that another sign-in can take over
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Forget a user's sign-in, so that another one may become theirs\n\nA user's \
                  first sign-in at a provider stays theirs: a later owner of their address signs in as no one. After the provider gave a user a new identifier, or all users with a new client, it has to be forgotten.",
    after_help = "Examples:
  hallpass people sessions forget --user ana@example.com
  hallpass people sessions forget --issuer https://id.example.com"
)]
pub(super) struct ForgetArgs {
    /// An e-mail of the directory, or a user id
    #[arg(long, value_name = "E-MAIL", required_unless_present = "issuer")]
    user: Option<String>,
    /// Only at this provider; without `--user`, all users there
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run_forget(args: &ForgetArgs) -> Outcome {
    let (loaded, address) = (args.config.load()?, args.config.existing_store()?);
    let forgotten = runtime()?.block_on(async {
        let (store, now) = (open_store(address).await?, hallpass_base::clock::now());
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
        return Err(Failure::failed("no such sign-in is known"));
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
    let loaded = args.config.load_without_secrets()?;
    let address = args.config.existing_store()?;
    let ended = runtime()?.block_on(async {
        let (store, now) = (open_store(address).await?, hallpass_base::clock::now());
        let mut ended = 0;
        for user in meant(&loaded, &store, &args.user, now).await? {
            let record = next_record(now).sessions_ended_by_operator(&user);
            let gone = store.sessions_end(&user, WhichSessions::All, record).await;
            ended += gone.map_err(|error| Failure::failed(error.to_string()))?;
        }
        Ok::<u64, Failure>(ended)
    })?;
    let user = output::plain(&args.user);
    if ended == 0 {
        return Err(Failure::failed(format!("`{user}` has no session"))
            .help("`hallpass people sessions list --web` shows who has"));
    }
    output::say(&format!("{user} is signed out everywhere"));
    Ok(Exit::Ok)
}

/// Resolves a directory user. If missing or AWS is unreachable, matches the address used to sign
/// in.
async fn meant(
    loaded: &Loaded,
    store: &ServerStore,
    text: &str,
    now: Timestamp,
) -> Result<BTreeSet<UserId>, Failure> {
    let unfound = match user_of(loaded, store, text, now).await {
        Ok(user) => {
            tell_of_others(store, text, &user).await?;
            return Ok(BTreeSet::from([user]));
        }
        Err(unfound) => unfound,
    };
    let users = signed_in_as(store, text).await?;
    if users.is_empty() {
        return Err(unfound);
    }
    let why = unfound.words();
    output::say(&format!("{why}; meant is who signed in with that address"));
    Ok(users)
}

/// Users who signed in with an address, even if it has a new owner; empty for other text.
async fn signed_in_as(store: &ServerStore, text: &str) -> Result<BTreeSet<UserId>, Failure> {
    let email = Email::new(text).ok();
    let sessions = live(store).await?.into_iter();
    let theirs = sessions.filter(|session| Some(&session.user) == email.as_ref());
    Ok(theirs.filter_map(|session| session.user_id).collect())
}

/// Warns that listed sessions belong to a previous owner of the address.
async fn tell_of_others(store: &ServerStore, text: &str, user: &UserId) -> Result<(), Failure> {
    let others = signed_in_as(store, text).await?;
    for other in others.iter().filter(|other| *other != user) {
        output::say(&format!(
            "user {other} signed in with that address, which now belongs to another user, and stays signed in: \
             `--user {other}` ends that"
        ));
    }
    Ok(())
}

async fn live(store: &ServerStore) -> Result<Vec<WebSession>, Failure> {
    let now = hallpass_base::clock::now();
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
        SignedIn::Link => "link",
        SignedIn::Oidc { issuer, .. } => issuer,
    }
}

fn list(sessions: &[WebSession], output: &OutputArgs) -> Result<(), Failure> {
    let shown: Vec<serde_json::Value> = sessions
        .iter()
        .map(|session| {
            serde_json::json!({
                "user": session.user, "user_id": session.user_id, "signed_in_by": by(session), "began_at": session.began_at,
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use hallpass_access::identity::Browsing;
    use hallpass_app::setup::sources::cache_snapshot;
    use hallpass_audit::AuditStore as _;
    use hallpass_base::TimeSpan;
    use hallpass_rules::PersonAttributes;
    use hallpass_rules::directory::{Person, Snapshot};

    use super::*;

    #[derive(clap::Parser)]
    struct EndLine {
        #[command(flatten)]
        args: EndArgs,
    }

    fn user(n: u8) -> UserId {
        let id = format!("0000000{n}-0000-4000-8000-000000000000");
        id.parse().unwrap()
    }

    fn session(hash: &str, whose: u8, address: &str) -> WebSession {
        let now = hallpass_base::clock::now();
        WebSession {
            hash: hash.to_owned(),
            user: Email::new(address).unwrap(),
            user_id: Some(user(whose)),
            secondary_domain: false,
            signed_in: SignedIn::Persona,
            began_at: now,
            seen_at: now,
            renewed_at: now,
            ends_at: TimeSpan::hours(1).after(now),
            browsing: Browsing::default(),
            csrf: format!("csrf of {hash}"),
            previous: None,
            next: None,
        }
    }

    /// The first user was renamed after signing in; the second now has the old address.
    async fn fill(store: &ServerStore) {
        let person = |n: u8, email: &str| Person {
            user_id: user(n),
            user_name: format!("person{n}"),
            display_name: String::new(),
            emails: vec![Email::new(email).unwrap()],
            enabled: true,
            attributes: PersonAttributes::default(),
        };
        let snapshot = Snapshot {
            people: vec![person(1, "new@corp.example"), person(2, "ana@corp.example")],
            taken_at: Some(hallpass_base::clock::now()),
            ..Snapshot::default()
        };
        assert!(cache_snapshot(store, &snapshot).await);
        for it in [
            session("1", 1, "ana@corp.example"),
            session("2", 1, "ana@corp.example"),
            session("3", 2, "ben@corp.example"),
            session("4", 3, "cai@corp.example"),
        ] {
            store.session_insert(&it, None).await.unwrap();
        }
    }

    fn end(config: &Path, whose: &str) -> Outcome {
        use clap::Parser as _;
        let config = config.display().to_string();
        let line = ["end", "--config", &config, "--user", whose];
        run_end(&EndLine::parse_from(line).args)
    }

    #[test]
    fn an_operator_ends_the_sessions_of_who_has_an_address_now_and_that_is_on_record() {
        let folder = tempfile::tempdir().unwrap();
        let (config, database) = (folder.path().join("hallpass.toml"), "hallpass.db");
        std::fs::write(&config, format!("[store]\nurl = \"sqlite:{database}\"\n")).unwrap();
        let store = ServerStore::open(folder.path().join(database)).unwrap();
        let runtime = runtime().unwrap();
        runtime.block_on(fill(&store));
        let third = user(3).to_string();
        for (whose, left) in [
            ("new@corp.example", vec!["3", "4"]),
            ("ana@corp.example", vec!["4"]),
            (&third, vec![]),
        ] {
            end(&config, whose).unwrap();
            let kept = runtime.block_on(store.sessions()).unwrap();
            let kept: Vec<&str> = kept.iter().map(|it| it.hash.as_str()).collect();
            assert_eq!(kept, left, "{whose}");
        }
        assert!(end(&config, &third).is_err(), "nothing is left to end");
        let records = runtime.block_on(store.records_from(1, 100)).unwrap();
        let told = records
            .iter()
            .map(|it| ["event", "actor", "sso_user_principal_id", "why"].map(|name| it.text(name)));
        let ids = [1, 2, 3].map(user);
        let expected = ids
            .iter()
            .map(|id| ["session.revoked", "operator", id.as_str(), "all"].map(Some));
        assert_eq!(told.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
