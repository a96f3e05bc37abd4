#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    #[error("the answer was truncated")]
    Lost(#[source] reqwest::Error),
    #[error("it is too large")]
    TooLarge,
}

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
