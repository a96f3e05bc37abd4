//! Static files of pages. Only these are compressed: a page contains its form token next to text
//! from a link, so its compressed size would leak the token (`docs/reference/http.md`,
//! "Connections").

use std::io::{self, Write as _};
use std::sync::OnceLock;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, Uri, header, uri::PathAndQuery},
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};
use hallpass_access::identity::hash_secret;

/// A file with its hash in the URL.
pub(crate) struct KeptFile {
    path: &'static str,
    text: &'static str,
    kind: &'static str,
    url: OnceLock<String>,
    gzipped: OnceLock<Option<Bytes>>,
}

impl KeptFile {
    pub(super) const fn new(path: &'static str, text: &'static str, kind: &'static str) -> Self {
        Self {
            path,
            text,
            kind,
            url: OnceLock::new(),
            gzipped: OnceLock::new(),
        }
    }

    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    pub(crate) fn url(&self) -> &str {
        self.url.get_or_init(|| {
            let hash = hash_secret(self.text);
            format!("{}?v={}", self.path, hash.get(..12).unwrap_or("0"))
        })
    }

    /// Returns the cache header. During a rolling update a page of one release may request files
    /// from the other, so a mismatching file must not be cached under that URL.
    fn kept_for(&self, address: &Uri) -> HeaderValue {
        let asked_for = address.path_and_query().map(PathAndQuery::as_str);
        let is_its_own = asked_for == Some(self.url());
        HeaderValue::from_static(if is_its_own {
            "public, max-age=31536000, immutable"
        } else {
            "no-store"
        })
    }

    pub(super) fn answer(&self, address: &Uri, headers: &HeaderMap) -> Response {
        let gzipped = self.gzipped.get_or_init(|| gzipped(self.text).ok());
        let about = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.kind)),
            (header::CACHE_CONTROL, self.kept_for(address)),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        match gzipped {
            Some(gzipped) if takes_gzip(headers) => {
                let coding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
                (about, coding, gzipped.clone()).into_response()
            }
            Some(_) | None => (about, self.text).into_response(),
        }
    }
}

fn gzipped(text: &str) -> io::Result<Bytes> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::best());
    packing.write_all(text.as_bytes())?;
    packing.finish().map(Bytes::from)
}

/// Returns whether gzip is accepted and not excluded (RFC 9110 §12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts
            .next()
            .is_some_and(|it| it.eq_ignore_ascii_case("gzip"));
        let mut weights = parts.filter_map(|it| it.strip_prefix("q="));
        is_gzip && !weights.any(|weight| weight.trim_matches(['0', '.']).is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for (named, takes) in [
            (&[][..], false),
            (&["gzip"][..], true),
            (&["gzip, deflate, br, zstd"], true),
            (&["br;q=1.0, GZIP;q=0.8"], true),
            (&["br", "gzip"], true),
            (&["identity"], false),
            (&["gzipped"], false),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, br"], false),
            (&["gzip;q=0.001"], true),
            (&["*"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in named {
                headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            }
            assert_eq!(takes_gzip(&headers), takes, "{named:?}");
        }
    }
}
