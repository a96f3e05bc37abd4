use std::time::Duration;

use async_trait::async_trait;
use hallpass_plans::Sleeper;

pub struct Timer;

#[async_trait]
impl Sleeper for Timer {
    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}
