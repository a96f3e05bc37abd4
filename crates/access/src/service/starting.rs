use hallpass_base::UserId;

use super::{Access, AccessError};
use crate::step::{ApprovedThrough, RequestStep};
use crate::{Change, Request, start};

impl Access {
    /// Handles a request whose start has come; `None` while it cannot be decided or granted: the
    /// next tick retries until its time is over. Never waits for AWS.
    pub(super) async fn started(&self, request: Request) -> Result<Option<Change>, AccessError> {
        let (rules, directory) = (self.rules(), self.directory());
        let holds = self.holds(request.key.as_ref()).await?;
        let reviews = request.reviews.iter();
        let mut concerned: Vec<UserId> = reviews.filter_map(|it| it.user.clone()).collect();
        concerned.push(request.requester.user.clone());
        concerned.sort();
        concerned.dedup();
        let mut locks = self.locks_of(&concerned).await?;
        let directory = self.with_delegations(directory, &mut locks).await?;
        let step = self.step();
        let Ok(pending) = request.pending(step.now) else {
            return Ok(None);
        };
        if self.ensure_fresh(&directory, step).is_err() || self.export_behind().await?.is_some() {
            return Ok(None);
        }
        let request = pending.request();
        let read = Box::pin(self.facts_at_start(request, &rules, &directory));
        let Some(facts) = read.await? else {
            return Ok(None);
        };
        let directory = facts.in_directory(&directory);
        let context = self.context(&rules, &directory, &holds, &locks, step);
        let change = match start::begin(pending.clone(), &context) {
            Ok(approved) => approved.fold(ApprovedThrough::Press),
            Err(why)
                if why.retry_after().is_some()
                    || start::rests_on_unread(pending.request(), &why, &context) =>
            {
                return Ok(None);
            }
            Err(why) => RequestStep::update_change(start::refused(pending, &why, step)),
        };
        Ok(Some(Change {
            locks_seen: locks,
            live_grants_seen: facts.live_grants,
            ..change
        }))
    }
}
