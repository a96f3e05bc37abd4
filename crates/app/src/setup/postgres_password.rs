//! The password of a database, from where PostgreSQL's own programs take it: the address, PGPASSWORD, `.pgpass`. Or from
//! AWS, a new one for each connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use hallpass_aws::DatabaseTokens;
use hallpass_base::clock::SystemClock;
use hallpass_store::postgres::{Account, PasswordMaker, PostgresAddress};
use hallpass_terminal::exit::Failure;

struct TokensOfAws(DatabaseTokens);

#[async_trait]
impl PasswordMaker for TokensOfAws {
    async fn password(&self, account: &Account) -> Result<String, String> {
        let Account { host, port, user } = account;
        self.0.token(host, *port, user).await
    }
}

/// The address with its password, where one is known.
///
/// # Errors
/// When a file of passwords that is named cannot be read.
pub(crate) fn completed(address: PostgresAddress) -> Result<PostgresAddress, Failure> {
    if address.account_of_aws().is_some() {
        let tokens = DatabaseTokens::new(Arc::new(SystemClock));
        return Ok(address.with_passwords_of(Arc::new(TokensOfAws(tokens))));
    }
    if address.has_password() {
        return Ok(address);
    }
    if let Ok(password) = std::env::var("PGPASSWORD") {
        return Ok(address.with_password(&password));
    }
    let Some(path) = file() else {
        return Ok(address);
    };
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| Failure::unreadable(path.display(), &error))?;
    Ok(match address.password_in(&text) {
        Some(password) => address.with_password(&password),
        None => address,
    })
}

/// The file of passwords, if there is one that nobody else may read.
fn file() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PGPASSFILE") {
        return Some(named.into()).filter(|path: &PathBuf| is_private(path));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let usual = home.map(|home| home.join(".pgpass"));
    usual.filter(|path| path.exists() && is_private(path))
}

/// As PostgreSQL's programs do, one that others may read is left alone, and that is said.
#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::metadata(path).is_ok_and(|it| it.permissions().mode() & 0o077 != 0);
    if open {
        tracing::warn!(
            file = %path.display(),
            "the file of passwords is not read, for others may read it: `chmod 600` it"
        );
    }
    !open
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}
