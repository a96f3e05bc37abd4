//! Parses a PostgreSQL address and connects. TLS with a verified certificate is the default, except
//! for a local database.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hallpass_base::with_causes;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config};

use crate::postgres::made_password::{Account, PasswordMaker};
use crate::postgres::password::PasswordKey;
use crate::postgres::tls::{PostgresTls, RootsError, TrustedRoots};

/// Default of `connect_timeout`.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Default of `keepalives_idle`.
const QUIET_MAX: Duration = Duration::from_secs(5);
/// Default of `tcp_user_timeout`, the time to confirm sent data: detects a broken connection.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(8);

/// Never displayed completely: it may contain a password.
#[derive(Clone)]
pub struct PostgresAddress {
    config: Config,
    roots: TrustedRoots,
    /// Host, port and database, for display.
    name: String,
    password: Password,
}

#[derive(Clone)]
enum Password {
    /// Fixed: from the address, the environment or a password file.
    Kept,
    /// Created by AWS per connection, without a maker yet.
    OfAws(Account),
    Made(Account, Arc<dyn PasswordMaker>),
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresAddress").field(&self.name).finish()
    }
}

/// Why an address is invalid; does not repeat it, as it may contain a password.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct UnusableAddress {
    why: String,
    help: &'static str,
}

impl UnusableAddress {
    pub const fn help(&self) -> &'static str {
        self.help
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No certificate can be verified.
    #[error(transparent)]
    Roots(#[from] RootsError),
    #[error("no answer within {0:?}")]
    Silent(Duration),
    #[error("no password for the database: {0}")]
    Password(String),
    /// The server or network refused the connection.
    #[error(transparent)]
    Refused(#[from] tokio_postgres::Error),
}

/// Parts of an address that the client library does not know: TLS mode, password maker.
#[derive(Default)]
struct OwnWords {
    mode: Option<String>,
    root_file: Option<PathBuf>,
    aws_iam: Option<String>,
}

impl PostgresAddress {
    /// Parses
    /// `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…&sslrootcert=…&aws_iam=true]`.
    ///
    /// # Errors
    /// The problem; never the address.
    pub fn parse(text: &str) -> Result<Self, UnusableAddress> {
        let wrong = |why: String| UnusableAddress {
            why,
            help: "write it as `postgres://USER@HOST/DATABASE`; PGPASSWORD may have the password",
        };
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(wrong("it begins with `postgres://`".to_owned()));
        }
        let (plain, words) = without_own_words(text);
        let config: Result<Config, _> = plain.parse();
        let mut config = config.map_err(|error| wrong(with_causes(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host".to_owned()));
        }
        config.ssl_mode(mode_of(&config, &words)?);
        let password = password_of(&config, &words)?;
        limit_waiting(&mut config, text);
        if config.get_application_name().is_none() {
            config.application_name("hallpass");
        }
        let roots = words
            .root_file
            .map_or(TrustedRoots::System, TrustedRoots::File);
        let name = name_of(&config);
        Ok(Self {
            config,
            roots,
            name,
            password,
        })
    }

    /// True for a fixed or a generated password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some() || self.account_of_aws().is_some()
    }

    /// The account for AWS-generated passwords (`aws_iam=true`).
    pub fn account_of_aws(&self) -> Option<&Account> {
        match &self.password {
            Password::Kept => None,
            Password::OfAws(account) | Password::Made(account, _) => Some(account),
        }
    }

    #[must_use = "the address without it is as it was"]
    pub fn with_passwords_of(mut self, maker: Arc<dyn PasswordMaker>) -> Self {
        self.password = match self.password {
            Password::Kept => Password::Kept,
            Password::OfAws(account) | Password::Made(account, _) => Password::Made(account, maker),
        };
        self
    }

    /// Resolves a relative `sslrootcert` against this folder.
    #[must_use = "the address without it is as it was"]
    pub fn within(mut self, folder: &Path) -> Self {
        if let TrustedRoots::File(path) = &mut self.roots {
            *path = folder.join(&*path);
        }
        self
    }

    pub fn root_file(&self) -> Option<&Path> {
        match &self.roots {
            TrustedRoots::System => None,
            TrustedRoots::File(path) => Some(path),
        }
    }

    #[must_use = "the address without it is as it was"]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// Finds its password in the text of a `.pgpass` file.
    pub fn password_in(&self, file: &str) -> Option<String> {
        let user = self.config.get_user()?;
        let host = match self.config.get_hosts().first()? {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        let wanted = |host| PasswordKey {
            host,
            port: port_of(&self.config),
            database: self.config.get_dbname().unwrap_or(user),
            user,
        };
        let found = wanted(host.as_str()).find(file);
        // PostgreSQL's programs use this name for the default socket
        found.or_else(|| {
            wanted("localhost")
                .find(file)
                .filter(|_| host.starts_with('/'))
        })
    }

    /// Connects. The second value drives the connection while polled, next to the client; its
    /// failure is returned by the client's next call.
    ///
    /// # Errors
    /// There is no connection.
    pub async fn connect(
        &self,
    ) -> Result<(Client, impl Future<Output = ()> + Send + 'static), ConnectError> {
        let tls = match self.config.get_ssl_mode() {
            SslMode::Disable => PostgresTls::none(),
            _ => PostgresTls::with(&self.roots)?,
        };
        // the library's own limit ends with the first received byte
        let patience = self.config.get_connect_timeout().copied();
        let patience = patience.unwrap_or(CONNECT_MAX);
        let connecting = async {
            let config = self.with_made_password().await?;
            Ok::<_, ConnectError>(config.connect(tls).await?)
        };
        let connected = tokio::time::timeout(patience, connecting).await;
        let (client, line) = connected.map_err(|_| ConnectError::Silent(patience))??;
        Ok((client, async move { drop(line.await) }))
    }

    async fn with_made_password(&self) -> Result<Cow<'_, Config>, ConnectError> {
        match &self.password {
            Password::Kept => Ok(Cow::Borrowed(&self.config)),
            Password::OfAws(_) => {
                let why = "`aws_iam=true` in its address is for the server's own store";
                Err(ConnectError::Password(why.to_owned()))
            }
            Password::Made(account, maker) => {
                let made = maker.password(account).await;
                let mut config = self.config.clone();
                config.password(made.map_err(ConnectError::Password)?);
                Ok(Cow::Owned(config))
            }
        }
    }
}

/// The password source. A password from AWS is sent in clear text and valid for any reader, so it
/// requires a single host and TLS.
fn password_of(config: &Config, words: &OwnWords) -> Result<Password, UnusableAddress> {
    let wrong = |why: &str| UnusableAddress {
        why: why.to_owned(),
        help: "write `postgres://USER@HOST/DATABASE?aws_iam=true`, without a password; it goes over TLS",
    };
    match words.aws_iam.as_deref() {
        None | Some("false") => return Ok(Password::Kept),
        Some("true") => {}
        Some(_) => return Err(wrong("`aws_iam` is `true` or `false`")),
    }
    if config.get_password().is_some() {
        return Err(wrong("it has a password, and `aws_iam=true`"));
    }
    if config.get_ssl_mode() != SslMode::Require {
        return Err(wrong(
            "`aws_iam=true` without TLS would show the password on the way",
        ));
    }
    match (config.get_hosts(), config.get_user()) {
        ([Host::Tcp(host)], Some(user)) => Ok(Password::OfAws(Account {
            host: host.clone(),
            port: port_of(config),
            user: user.to_owned(),
        })),
        _ => Err(wrong("`aws_iam=true` is for one server, and one user")),
    }
}

fn mode_of(config: &Config, words: &OwnWords) -> Result<SslMode, UnusableAddress> {
    let is_near = config.get_hosts().iter().all(is_on_this_machine)
        && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    match words.mode.as_deref() {
        Some("disable") => Ok(SslMode::Disable),
        None if is_near => Ok(SslMode::Disable),
        // each mode that requires a certificate verifies it with its name
        None | Some("require" | "verify-ca" | "verify-full") => Ok(SslMode::Require),
        Some(other) => Err(UnusableAddress {
            why: format!("`sslmode={other}` may silently be without TLS"),
            help: "say `sslmode=verify-full`, or `sslmode=disable` where the line may be plain",
        }),
    }
}

fn limit_waiting(config: &mut Config, text: &str) {
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_MAX);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNCONFIRMED_MAX);
    }
    if !text.contains("keepalives") {
        config.keepalives_idle(QUIET_MAX);
        config.keepalives_interval(Duration::from_secs(1));
        config.keepalives_retries(3);
    }
}

/// Splits off the parts that the client library does not know.
fn without_own_words(text: &str) -> (String, OwnWords) {
    let Some((address, query)) = text.split_once('?') else {
        return (text.to_owned(), OwnWords::default());
    };
    let mut words = OwnWords::default();
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
        match &*name {
            "sslmode" => words.mode = Some(value.into_owned()),
            "sslrootcert" => words.root_file = Some(value.into_owned().into()),
            "aws_iam" => words.aws_iam = Some(value.into_owned()),
            _ => drop(kept.append_pair(&name, &value)),
        }
    }
    // in these addresses a plus is not a blank
    let kept = kept.finish().replace('+', "%20");
    (format!("{address}?{kept}"), words)
}

fn is_on_this_machine(host: &Host) -> bool {
    match host {
        #[cfg(unix)]
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            let address: Option<IpAddr> = name.parse().ok();
            name == "localhost" || address.is_some_and(|it| it.is_loopback())
        }
    }
}

fn port_of(config: &Config) -> u16 {
    config.get_ports().first().copied().unwrap_or(5432)
}

fn name_of(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = hosts.collect();
    let port = port_of(config);
    let database = config.get_dbname().or(config.get_user());
    format!(
        "postgres://{}:{port}/{}",
        hosts.join(","),
        database.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<(SslMode, String), String> {
        let parsed = PostgresAddress::parse(text);
        parsed
            .map(|it| (it.config.get_ssl_mode(), it.name))
            .map_err(|it| it.to_string())
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
        assert_eq!(
            of("postgres://u@h:6543/x").unwrap().1,
            "postgres://h:6543/x"
        );
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
            without_own_words("postgres://u:p+w@h/x?options=-c%20search_path=a+b&sslmode=disable");
        assert_eq!(words.mode.as_deref(), Some("disable"));
        let config: Config = plain.parse().unwrap();
        assert_eq!(config.get_options(), Some("-c search_path=a+b"));
        assert_eq!(config.get_password(), Some(b"p+w".as_slice()));
        let own = PostgresAddress::parse("postgres://u:own@h/x").unwrap();
        assert!(own.has_password());
        assert!(!format!("{own} {own:?}").contains("own"), "{own:?}");
        let given = PostgresAddress::parse("postgres://u@h/x").unwrap();
        assert!(!given.has_password());
        let given = given.with_password("other");
        assert_eq!(given.config.get_password(), Some(b"other".as_slice()));
    }

    #[test]
    fn passwords_of_aws_are_for_one_server_over_tls() {
        let account = PostgresAddress::parse("postgres://u@db.example.com:6543/x?aws_iam=true");
        let account = account.unwrap().account_of_aws().cloned().unwrap();
        assert_eq!(
            (&*account.host, account.port, &*account.user),
            ("db.example.com", 6543, "u")
        );
        let kept = PostgresAddress::parse("postgres://u@db.example.com/x?aws_iam=false").unwrap();
        assert_eq!((kept.account_of_aws(), kept.has_password()), (None, false));
        for bad in [
            "postgres://u:secret@h/x?aws_iam=true",
            "postgres://u@h/x?aws_iam=true&sslmode=disable",
            "postgres://u@localhost/x?aws_iam=true",
            "postgres://u@h,i/x?aws_iam=true",
            "postgres://h/x?aws_iam=true",
            "postgres://u@%2Ftmp/x?aws_iam=true&sslmode=require",
            "postgres://u@h/x?aws_iam=yes",
        ] {
            let said = of(bad).unwrap_err();
            assert!(
                said.contains("aws_iam") && !said.contains("secret"),
                "{bad}: {said}"
            );
        }
    }

    #[test]
    fn a_password_is_found_by_host_port_database_and_user() {
        let file = "h:6543:x:u:of the host\nlocalhost:5432:x:u:of the socket\n";
        let rows = [
            ("postgres://u@h:6543/x", Some("of the host")),
            ("postgres://u@h/x", None),
            (
                "postgres://u@%2Fvar%2Frun%2Fpostgresql/x",
                Some("of the socket"),
            ),
            ("postgres://other@localhost/x", None),
        ];
        for (text, wanted) in rows {
            let address = PostgresAddress::parse(text).unwrap();
            assert_eq!(address.password_in(file).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn nobody_waits_for_ever_unless_the_address_says_so() {
        let usual = PostgresAddress::parse("postgres://u@h/x").unwrap().config;
        assert_eq!(usual.get_connect_timeout(), Some(&CONNECT_MAX));
        assert_eq!(usual.get_tcp_user_timeout(), Some(&UNCONFIRMED_MAX));
        assert_eq!(usual.get_keepalives_idle(), QUIET_MAX);
        let said = "postgres://u@h/x?connect_timeout=3&tcp_user_timeout=2&keepalives_idle=60";
        let said = PostgresAddress::parse(said).unwrap().config;
        assert_eq!(said.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(said.get_tcp_user_timeout(), Some(&Duration::from_secs(2)));
        assert_eq!(said.get_keepalives_idle(), Duration::from_mins(1));
    }
}
