//! What the activity table has of an account on some days: the manifest, and of each day's sessions the line of that
//! account (`inventory.md` H-27). Nothing else of the table is read here.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use hallpass_activity::{
    AccountActivity, ActivityManifest, SessionAccount, SessionDayHead, account_in,
};
use jiff::civil::Date;

/// A line of an account is never that long; what says so is broken.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// What there is of an account.
///
/// # Errors
/// When a file cannot be read; one that was replaced meanwhile is worth another try.
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
