//! Reads an account's days from the activity table: the manifest, and its line in each day's
//! sessions (`inventory.md` H-27).

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use hallpass_activity::{
    AccountActivity, ActivityManifest, SessionAccount, SessionDayHead, account_in,
};
use jiff::civil::Date;

/// Longer lines are corrupt.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// # Errors
/// An unreadable file; retry if it was replaced meanwhile.
pub fn read(folder: &Path, account: &str, days: &[Date]) -> io::Result<AccountActivity> {
    let text = match fs::read_to_string(folder.join(ActivityManifest::place())) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(AccountActivity::default());
        }
        Err(error) => return Err(error),
    };
    let manifest = ActivityManifest::read(&text).map_err(io::Error::other)?;
    let mut found = AccountActivity {
        span: manifest.accounts.get(account).copied(),
        ..AccountActivity::default()
    };
    for day in days {
        let Some(entry) = manifest.days.get(day) else {
            continue;
        };
        let path = folder.join(ActivityManifest::sessions_of(*day, &entry.run));
        if let Some(sessions) = of_day(&path, account)? {
            found.days.insert(*day, sessions);
        }
    }
    Ok(found)
}

fn of_day(path: &Path, account: &str) -> io::Result<Option<SessionAccount>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut first = String::new();
    file.read_line(&mut first)?;
    let head = SessionDayHead::read(first.trim_end()).map_err(io::Error::other)?;
    let Some(reach) = head.accounts.get(account) else {
        return Ok(None);
    };
    if reach.bytes > LINE_BYTES_MAX {
        return Err(io::Error::other(
            "the line of an account is longer than it can be",
        ));
    }
    file.seek(SeekFrom::Start(first.len() as u64 + reach.at))?;
    let mut line = String::new();
    file.take(reach.bytes).read_to_string(&mut line)?;
    account_in(&line).map(Some).map_err(io::Error::other)
}
