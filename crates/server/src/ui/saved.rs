//! Addresses that a person saved on a page: pinned targets, filters of reports. They are in a cookie
//! of the browser, because they give no right and decide nothing.

use axum::http::HeaderMap;
use form_urlencoded::Serializer;

use super::words::plain;
use crate::session;

/// The newest first.
const LINKS_MAX: usize = 8;
/// A browser keeps at most 4,096 bytes of a cookie (RFC 6265, section 6.1).
const COOKIE_BYTES_MAX: usize = 3_500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedLink {
    pub(crate) name: String,
    pub(crate) address: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SavedOn {
    Ask,
    Reports,
}

impl SavedOn {
    pub(super) const ALL: [Self; 2] = [Self::Ask, Self::Reports];

    pub(super) const fn cookie(self) -> &'static str {
        match self {
            Self::Ask => "saved_ask",
            Self::Reports => "saved_reports",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Ask => "/ask",
            Self::Reports => "/reports",
        }
    }

    /// The fields of its address; others of the form, such as a reason, are not kept.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Ask => &["account", "permission_set", "group"],
            Self::Reports => &[
                "from",
                "to",
                "at",
                "user",
                "account",
                "ou",
                "permission_set",
                "group",
            ],
        }
    }

    pub(super) fn address(self, form: &[(String, String)]) -> String {
        let mut query = Serializer::new(String::new());
        for field in self.fields() {
            let given = form.iter().find(|(name, _)| name == field);
            let value = given.map_or("", |(_, value)| value.trim());
            if !value.is_empty() {
                query.append_pair(field, value);
            }
        }
        format!("{}?{}", self.path(), query.finish())
    }
}

/// What a browser keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Saved {
    ask: Vec<SavedLink>,
    reports: Vec<SavedLink>,
}

impl Saved {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let of = |page: SavedOn| {
            let text = session::cookie(headers, page.cookie()).unwrap_or_default();
            let pairs = form_urlencoded::parse(text.as_bytes());
            let own = format!("{}?", page.path());
            let links = pairs.map(|(name, address)| SavedLink {
                name: plain(&name),
                address: address.into_owned(),
            });
            // anyone can edit their cookie, and it is to lead to its page only
            links
                .filter(|link| link.address.starts_with(&own))
                .take(LINKS_MAX)
                .collect()
        };
        Self {
            ask: of(SavedOn::Ask),
            reports: of(SavedOn::Reports),
        }
    }

    pub(crate) fn on(&self, page: SavedOn) -> &[SavedLink] {
        match page {
            SavedOn::Ask => &self.ask,
            SavedOn::Reports => &self.reports,
        }
    }

    pub(crate) fn has(&self, page: SavedOn, form: &[(String, String)]) -> bool {
        let address = page.address(form);
        self.on(page).iter().any(|link| link.address == address)
    }
}

/// `links` as the value of a cookie, without the oldest where they are too long.
pub(super) fn value_of(links: &[SavedLink]) -> String {
    let mut kept = String::new();
    for count in 1..=links.len().min(LINKS_MAX) {
        let mut pairs = Serializer::new(String::new());
        for link in links.iter().take(count) {
            pairs.append_pair(&link.name, &link.address);
        }
        let value = pairs.finish();
        if value.len() > COOKIE_BYTES_MAX {
            break;
        }
        kept = value;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(count: usize, length: usize) -> Vec<SavedLink> {
        let link = |n: usize| SavedLink {
            name: format!("Größe {n}; x"),
            address: format!("/reports?user={n}{}", "a".repeat(length)),
        };
        (0..count).map(link).collect()
    }

    fn read(value: &str) -> Saved {
        let mut headers = HeaderMap::new();
        let cookie =
            format!("theme=dark; saved_reports={value}; saved_ask=x=https%3A%2F%2Fevil.example");
        headers.insert("cookie", cookie.parse().unwrap());
        Saved::of(&headers)
    }

    #[test]
    fn what_is_saved_is_read_again_the_newest_first_and_within_a_cookie() {
        for (count, length, kept) in [
            (0, 0, 0),
            (3, 10, 3),
            (9, 10, 8),
            (8, 1_000, 3),
            (2, 4_000, 0),
        ] {
            let links = links(count, length);
            let value = value_of(&links);
            assert!(value.len() <= COOKIE_BYTES_MAX);
            let saved = read(&value);
            assert_eq!(
                saved.on(SavedOn::Reports),
                &links[..kept],
                "{count} of {length}"
            );
            assert_eq!(saved.on(SavedOn::Ask), [], "an address elsewhere");
        }
    }

    #[test]
    fn only_the_fields_of_the_page_are_in_its_address() {
        let form = [
            ("csrf", "s"),
            ("account", "1 & 2"),
            ("reason", "secret"),
            ("kind", ""),
            ("permission_set", "A"),
        ];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            SavedOn::Ask.address(&form),
            "/ask?account=1+%26+2&permission_set=A"
        );
    }
}
