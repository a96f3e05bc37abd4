//! What sweeps find and do, said once in the channel.

use hallpass_access::{DigestKind, ToldDigest};
use serde_json::json;

use crate::app::Slack;
use crate::blocks::{context, section};
use crate::client::Outgoing;
use crate::deliver::{PostError, said_as};
use crate::memory::Said;
use crate::words::shown;

/// What is posted is marked with this, to find it again.
const MARK: &str = "hallpass_sweep";
/// Longest text; Slack takes 3,000 characters in a section.
const TEXT_MAX: usize = 2_800;

impl Slack {
    /// Posts a digest in the channel, unless it is there already.
    pub(crate) async fn post_digest(&self, told: &ToldDigest) -> Result<(), PostError> {
        let (digest, remembered) = (&told.digest, &self.inner.remembered);
        let what = said_as(digest.digest.name(), digest.at);
        let name = format!("{}/{what}", digest.sweep);
        let before = remembered.digest(&name).await?;
        if before.as_ref().is_some_and(|said| said.ts.is_some()) {
            return Ok(());
        }
        let meant = before.clone().unwrap_or_else(|| self.meant());
        remembered.keep_digest(&name, &meant).await?;
        let setup = &self.inner.setup;
        let mark = match digest.digest {
            DigestKind::SweepFound | DigestKind::SweepDone => &setup.marks.discarded,
            DigestKind::SweepPlanned => &setup.marks.waiting,
            DigestKind::SweepStopped | DigestKind::SweepFailed => &setup.marks.bad,
        };
        let text = format!("{mark} {}", shown(&digest.text, TEXT_MAX));
        let link = format!(
            "<{}/sweeps/{}|Open in Hallpass>",
            setup.public_url, digest.sweep
        );
        let blocks = [section("sweep", text.clone()), context("link", link)];
        let outgoing = Outgoing {
            channel: &setup.channel,
            text: &text,
            blocks: &blocks,
            thread_ts: None,
            metadata: Some(json!({
                "event_type": MARK,
                "event_payload": {"id": digest.sweep.to_string(), "digest": what},
            })),
            unfurl_links: false,
        };
        let (ts, _) = self.post_once(&outgoing, before.as_ref()).await?;
        let said = Said {
            ts: Some(ts),
            ..meant
        };
        remembered.keep_digest(&name, &said).await?;
        Ok(())
    }
}
