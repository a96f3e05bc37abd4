//! Chunked bodies, as SDKs send objects to S3 (Amazon S3 API Reference, "Signature calculations for
//! the authorization header: transferring payload in multiple chunks"). Chunk signatures and
//! trailers are not checked.

use std::borrow::Cow;

use http::HeaderMap;

use crate::core::errors::ApiError;

const LINE_END: &[u8; 2] = b"\r\n";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let mut encodings = header(headers, "content-encoding").split(',');
    encodings.any(|one| one.trim() == "aws-chunked")
        || header(headers, "x-amz-content-sha256").starts_with("STREAMING-")
}

/// Returns the decoded body.
///
/// # Errors
/// The chunks end too early, or differ from the stated length.
pub(super) fn content<'a>(headers: &HeaderMap, body: &'a [u8]) -> Result<Cow<'a, [u8]>, ApiError> {
    if !is_chunked(headers) {
        return Ok(Cow::Borrowed(body));
    }
    let said = header(headers, "x-amz-decoded-content-length").parse::<usize>();
    let content = joined(body).filter(|content| said == Ok(content.len()));
    content.map(Cow::Owned).ok_or_else(|| {
        let text =
            "You did not provide the number of bytes specified by the Content-Length HTTP header";
        ApiError::new("IncompleteBody", text)
    })
}

/// `SIZE;chunk-signature=…`, a line end, the chunk, a line end; the last chunk has no bytes.
fn joined(body: &[u8]) -> Option<Vec<u8>> {
    let (mut content, mut rest) = (Vec::new(), body);
    loop {
        let end = rest.windows(LINE_END.len()).position(|it| it == LINE_END)?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
        let after = rest.get(end + LINE_END.len()..)?;
        if size == 0 {
            return Some(content);
        }
        content.extend_from_slice(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix(LINE_END)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_or_refused() {
        for (encoding, said, body, wanted) in [
            (
                "aws-chunked",
                "5",
                "3\r\nabc\r\n2;chunk-signature=00\r\nde\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n",
                Some("abcde"),
            ),
            ("gzip, aws-chunked", "0", "0\r\n\r\n", Some("")),
            ("aws-chunked", "4", "3\r\nabc\r\n0\r\n\r\n", None),
            ("aws-chunked", "", "3\r\nabc\r\n0\r\n\r\n", None),
            ("aws-chunked", "3", "3\r\nabc\r\n", None),
            ("aws-chunked", "3", "3\r\nabcd\r\n0\r\n\r\n", None),
            ("aws-chunked", "3", "ffffffffffffffff\r\nabc", None),
            ("aws-chunked", "3", "abc", None),
            ("identity", "9", "3\r\nabc", Some("3\r\nabc")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-encoding", encoding.parse().unwrap());
            headers.insert("x-amz-decoded-content-length", said.parse().unwrap());
            let found = content(&headers, body.as_bytes()).ok();
            assert_eq!(
                found.as_deref(),
                wanted.map(str::as_bytes),
                "{encoding} {said} {body}"
            );
        }
        let mut headers = HeaderMap::new();
        let streamed = "STREAMING-UNSIGNED-PAYLOAD-TRAILER".parse().unwrap();
        headers.insert("x-amz-content-sha256", streamed);
        headers.insert("x-amz-decoded-content-length", "1".parse().unwrap());
        assert_eq!(
            content(&headers, b"1\r\na\r\n0\r\n\r\n").unwrap(),
            b"a".as_slice()
        );
    }
}
