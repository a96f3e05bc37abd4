//! The address of a PostgreSQL database, and the way there: TLS with a certificate that is checked, unless the
//! address says otherwise or the database is on this machine.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hallpass_model::with_causes;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::tls::{PostgresTls, TrustedRoots};
use crate::failure::QueryFailure;

/// The longest wait for a connection, unless the address says `connect_timeout`.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Where a database is, and who asks. It is never shown whole: it may have a password.
pub(crate) struct PostgresAddress {
    config: Config,
    roots: TrustedRoots,
    /// Host, port and database, for people.
    name: String,
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What of an address the client does not know itself.
#[derive(Default)]
struct TlsWords {
    mode: Option<String>,
    root_file: Option<PathBuf>,
}

impl PostgresAddress {
    /// Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…&sslrootcert=…]`; `password` is that of an
    /// address without one.
    ///
    /// # Errors
    /// What is wrong with it; never the address itself.
    pub(crate) fn parse(text: &str, password: Option<&str>) -> Result<Self, QueryFailure> {
        let wrong = |why: String| {
            let failure = QueryFailure::bad_input(format!("`--to` is no address: {why}"));
            failure.help(
                "write it as `postgres://USER@HOST/DATABASE`; PGPASSWORD may have the password",
            )
        };
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(wrong("it begins with `postgres://`".to_owned()));
        }
        let (plain, words) = without_tls_words(text);
        let config: Result<Config, _> = plain.parse();
        let mut config = config.map_err(|error| wrong(with_causes(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host".to_owned()));
        }
        if let (None, Some(password)) = (config.get_password(), password) {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("hallpass");
        }
        let is_near = config.get_hosts().iter().all(is_on_this_machine)
            && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        let mode = match words.mode.as_deref() {
            Some("disable") => SslMode::Disable,
            None if is_near => SslMode::Disable,
            // a certificate that is asked for is checked, with its name, whichever of these it was
            None | Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some(other) => {
                let message = format!("`sslmode={other}` may be without TLS and nobody would know");
                return Err(wrong(message).help(
                    "say `sslmode=verify-full`, or `sslmode=disable` where the line may be plain",
                ));
            }
        };
        config.ssl_mode(mode);
        let roots = words
            .root_file
            .map_or(TrustedRoots::System, TrustedRoots::File);
        let name = name_of(&config);
        Ok(Self {
            config,
            roots,
            name,
        })
    }

    /// Connects.
    ///
    /// # Errors
    /// When there is no connection.
    pub(crate) async fn connect(&self) -> Result<Client, QueryFailure> {
        let tls = match self.config.get_ssl_mode() {
            SslMode::Disable => PostgresTls::none(),
            _ => PostgresTls::with(&self.roots)?,
        };
        let connected = self.config.connect(tls).await;
        let (client, connection) = connected.map_err(|it| self.failure("connecting", &it))?;
        // what ends the connection is told to whoever uses it next
        tokio::spawn(connection);
        Ok(client)
    }

    /// What went wrong there.
    pub(crate) fn failure(&self, doing: &str, error: &tokio_postgres::Error) -> QueryFailure {
        let Some(answer) = error.as_db_error() else {
            let failure =
                QueryFailure::failed(format!("{doing}: {}: {}", self.name, with_causes(error)));
            return failure.help(
                "check address and network; `sslrootcert=FILE` names who signed its certificate, `sslmode=disable` goes without TLS",
            );
        };
        let message = format!("{doing}: {}: {}", self.name, answer.message());
        let details = [answer.detail(), answer.hint()];
        let details = details.into_iter().flatten().map(str::to_owned);
        let failure = QueryFailure::failed(message).lines(details);
        match help(answer.code()) {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

fn help(code: &SqlState) -> Option<&'static str> {
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
    {
        Some("check user and password; PGPASSWORD may have the password")
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        Some("make the database, or name another one")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Some(
            "the user has to own the schema and its tables: `CREATE SCHEMA hallpass AUTHORIZATION …`",
        )
    } else if *code == SqlState::LOCK_NOT_AVAILABLE {
        Some("something reads these tables for long: try again, nothing was changed")
    } else if *code == SqlState::DEPENDENT_OBJECTS_STILL_EXIST {
        Some(
            "the snapshot has not collected that table: export one that has, or drop what stands on it",
        )
    } else {
        None
    }
}

/// An address without what says how TLS is done, and that.
fn without_tls_words(text: &str) -> (String, TlsWords) {
    let Some((address, query)) = text.split_once('?') else {
        return (text.to_owned(), TlsWords::default());
    };
    let mut words = TlsWords::default();
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
        match &*name {
            "sslmode" => words.mode = Some(value.into_owned()),
            "sslrootcert" => words.root_file = Some(value.into_owned().into()),
            _ => drop(kept.append_pair(&name, &value)),
        }
    }
    // a plus is no blank in these addresses
    let kept = kept.finish().replace('+', "%20");
    (format!("{address}?{kept}"), words)
}

fn is_on_this_machine(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address: Option<IpAddr> = name.parse().ok();
            name == "localhost" || address.is_some_and(|it| it.is_loopback())
        }
    }
}

fn name_of(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = hosts.collect();
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user());
    format!(
        "`{}:{port}/{}`",
        hosts.join(","),
        database.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(SslMode, String), String> {
        let parsed = PostgresAddress::parse(text, None);
        parsed
            .map(|it| (it.config.get_ssl_mode(), it.name))
            .map_err(|it| it.sentence())
    }

    #[test]
    fn the_line_is_plain_only_where_that_is_said_or_stays_on_the_machine() {
        let rows = [
            ("postgres://u@db.example.com/x", SslMode::Require),
            (
                "postgres://u@db.example.com/x?sslmode=require",
                SslMode::Require,
            ),
            (
                "postgres://u@db.example.com/x?sslmode=verify-full&sslrootcert=%2Fca.pem",
                SslMode::Require,
            ),
            (
                "postgres://u@db.example.com/x?sslmode=disable",
                SslMode::Disable,
            ),
            ("postgresql://u@127.0.0.1:6543/x", SslMode::Disable),
            (
                "postgres://u@localhost/x?sslmode=verify-full",
                SslMode::Require,
            ),
            ("postgres://u@localhost,db.example.com/x", SslMode::Require),
            (
                "postgres://u@localhost/x?hostaddr=192.0.2.1",
                SslMode::Require,
            ),
            (
                "postgres:///x?host=%2Fvar%2Frun%2Fpostgresql",
                SslMode::Disable,
            ),
        ];
        for (text, mode) in rows {
            assert_eq!(of(text).unwrap().0, mode, "{text}");
        }
        assert_eq!(of("postgres://u@h:6543/x").unwrap().1, "`h:6543/x`");
        for bad in [
            "mysql://u@h/x",
            "postgres://",
            "postgres://u:secret@h/x?sslmode=prefer",
            "postgres://u:secret@h/x?sslmode=allow",
            "postgres://u:secret@h:port/x",
            "postgres://u:secret@h/x?unknown=1",
        ] {
            let said = of(bad).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn other_words_of_an_address_are_kept() {
        let (plain, words) =
            without_tls_words("postgres://u:p+w@h/x?options=-c%20search_path=a+b&sslmode=disable");
        assert_eq!(words.mode.as_deref(), Some("disable"));
        let config: Config = plain.parse().unwrap();
        assert_eq!(config.get_options(), Some("-c search_path=a+b"));
        assert_eq!(config.get_password(), Some(b"p+w".as_slice()));
        let own = PostgresAddress::parse("postgres://u:own@h/x", Some("other")).unwrap();
        assert_eq!(own.config.get_password(), Some(b"own".as_slice()));
        let given = PostgresAddress::parse("postgres://u@h/x", Some("other")).unwrap();
        assert_eq!(given.config.get_password(), Some(b"other".as_slice()));
    }
}
