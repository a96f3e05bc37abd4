//! The body of an HTTP answer, up to a size.

/// Why there is no whole body.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// The connection broke.
    #[error("the answer was cut off")]
    Lost(#[source] reqwest::Error),
    /// It has more bytes than are read.
    #[error("it is too large")]
    TooLarge,
}

/// Reads an answer of up to `max` bytes.
///
/// # Errors
/// The connection broke, or there is more.
pub async fn whole(mut answer: reqwest::Response, max: usize) -> Result<Vec<u8>, BodyFault> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(BodyFault::Lost)? {
        if body.len() + chunk.len() > max {
            return Err(BodyFault::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
