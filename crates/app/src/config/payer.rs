//! `[payer]`: a payer account of two parties; both are notified of root sign-ins.

use std::path::PathBuf;

use hallpass_base::Email;
use hallpass_org::payer::{PayerFile, PayerSide};
use hallpass_terminal::exit::Failure;
use hallpass_terminal::text_file::read_text;
use serde::Deserialize;

use super::Loaded;

const FILE_BYTES_MAX: u64 = 1 << 20;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payer {
    file: Option<PathBuf>,
}

impl Loaded {
    /// `None`: no sign-ins are reported.
    ///
    /// # Errors
    /// Exit 2 for an invalid file, no recipients, or no event source.
    pub fn payer(&self) -> Result<Option<PayerFile>, Failure> {
        let Some(path) = self.config.payer.file.as_ref().map(|it| self.path(it)) else {
            return Ok(None);
        };
        let text = read_text(&path, FILE_BYTES_MAX)?;
        let wrong = |error: String| Failure::bad_input(error).within(&path);
        let file = PayerFile::read(&text).map_err(wrong)?;
        for side in [PayerSide::Partner, PayerSide::Customer] {
            let (name, notify) = (side.name(), &file.party(side).notify);
            if notify.is_empty() {
                let failure = wrong(format!("`{name}.notify` has no address"));
                return Err(
                    failure.help("both parties are notified of sign-ins: give each an address")
                );
            }
            for address in notify {
                Email::new(address).map_err(|error| wrong(format!("`{name}.notify`: {error}")))?;
            }
        }
        let Some(queue) = self.event_queue()? else {
            let failure = Failure::bad_input("`payer.file` is given, and `events.queue` is not");
            return Err(
                failure.help("sign-ins arrive through the queue: see docs/how-to/shared-payer.md")
            );
        };
        if self.config.mail.url.is_none() {
            let failure = Failure::bad_input("`payer.file` is given, and `mail.url` is not");
            return Err(failure.help("both parties are notified by mail"));
        }
        if let Some(arn) = &file.hallpass_queue {
            let mut parts = arn.rsplit(':');
            let (name, account) = (parts.next(), parts.next());
            let end = format!(
                "/{}/{}",
                account.unwrap_or_default(),
                name.unwrap_or_default()
            );
            if !queue.ends_with(&end) {
                let message =
                    format!("`hallpass_queue` is `{arn}`, and `events.queue` is `{queue}`");
                return Err(wrong(message).help("they are to be the same queue"));
            }
        }
        Ok(Some(file))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const FILE: &str = include_str!("../../../../docs/spec/fixtures/org-payer.yaml");
    const QUEUE: &str =
        "[events]\nqueue = \"https://sqs.us-east-1.amazonaws.com/111111111111/hallpass-events\"\n";
    const MAIL: &str = "[mail]\nurl = \"smtp://127.0.0.1:25?tls=none\"\nfrom = \"a@example.com\"\n";

    fn read(file: &str, more: &str) -> Result<Option<PayerFile>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("payer.yaml"), file).unwrap();
        let text = format!("{more}[payer]\nfile = \"payer.yaml\"\n");
        let loaded = Loaded {
            config: parse(&text, "h.toml").map_err(|failure| failure.words())?,
            folder: folder.path().to_owned(),
        };
        loaded.payer().map_err(|failure| failure.words())
    }

    #[test]
    fn a_file_is_read_where_both_parties_can_be_told() {
        let both = format!("{QUEUE}{MAIL}");
        assert!(read(FILE, &both).unwrap().is_some());
        let queue = "hallpass_queue: \"arn:aws:sqs:us-east-1:111111111111:hallpass-events\"\n";
        assert!(read(&format!("{FILE}\n{queue}"), &both).unwrap().is_some());
        let other = queue.replace("hallpass-events", "others");
        for (file, more, said) in [
            (FILE.to_owned(), MAIL, "events.queue"),
            (FILE.to_owned(), QUEUE, "mail.url"),
            (
                FILE.replace("notify: [soc@customer.example]", "notify: []"),
                &both,
                "customer.notify",
            ),
            (
                FILE.replace("soc@customer.example", "soc"),
                &both,
                "customer.notify",
            ),
            (format!("{FILE}\n{other}"), &both, "hallpass_queue"),
            (
                format!("{FILE}\nhallpass_queue: others\n"),
                &both,
                "hallpass_queue",
            ),
        ] {
            let told = read(&file, more).expect_err(said);
            assert!(told.contains(said), "{told}");
        }
    }
}
