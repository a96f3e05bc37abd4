//! Formats mails: plain text and simple HTML, with headers that no text can extend.

use crate::wording::notice::mail::Letter;
use askama::Template;
use aws_lc_rs::digest;
use hallpass_base::{Email, text};
use lettre::address::AddressError;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

#[derive(Debug, thiserror::Error)]
pub(super) enum FormError {
    #[error("no address to send to")]
    Address(#[from] AddressError),
    #[error("the page of the mail cannot be drawn")]
    Page(#[from] askama::Error),
    #[error("the message cannot be written")]
    Message(#[from] lettre::error::Error),
}

/// `Auto-Submitted: auto-generated` (RFC 3834) suppresses out-of-office replies.
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

pub(super) struct Envelope<'a> {
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a Email,
    pub(super) number: u64,
    pub(super) about: &'a str,
    pub(super) link: &'a str,
}

impl Envelope<'_> {
    /// Builds the message. A repetition has the same `Message-ID` (RFC 5322 §3.6.4); messages about
    /// one request or sweep refer to the same ancestor and form a thread.
    pub(super) fn seal(&self, letter: &Letter) -> Result<Message, FormError> {
        let to = Mailbox::new(None, self.to.as_str().parse::<Address>()?);
        let host = self.from.email.domain();
        let person = hex::encode(digest::digest(&digest::SHA256, self.to.as_str().as_bytes()));
        let person = person.get(..12).unwrap_or_default();
        let (number, about, link) = (self.number, self.about, self.link);
        let page = LetterPage { letter, link }.render()?;
        Ok(Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(letter.subject.clone())
            .message_id(Some(format!("<mail.{number}.{about}.{person}@{host}>")))
            .references(format!("<{about}@{host}>"))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(plain(letter, link), page))?)
    }
}

fn plain(letter: &Letter, link: &str) -> String {
    let mut parts = vec![letter.headline.clone(), String::new()];
    parts.extend(
        letter
            .facts
            .iter()
            .map(|(label, value)| format!("{label:<9}{value}")),
    );
    if let Some((label, words)) = &letter.quote {
        parts.extend([String::new(), format!("{label}:")]);
        parts.extend(text::lines(words).iter().map(|line| format!("> {line}")));
    }
    parts.push(String::new());
    parts.extend(letter.notes.iter().cloned());
    parts.push(format!("{}: {link}", letter.link));
    // mail readers treat the text after this line as a signature
    parts.extend([String::new(), "-- ".to_owned(), letter.footer.clone()]);
    parts.push(String::new());
    parts.join("\n")
}

#[derive(Template)]
#[template(path = "mail.html")]
struct LetterPage<'a> {
    letter: &'a Letter,
    link: &'a str,
}
