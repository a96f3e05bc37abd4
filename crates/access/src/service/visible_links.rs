//! Filters the request and grant ids in a request by visibility.

use hallpass_base::{GrantId, RequestId};

use super::Access;
use crate::{Actor, ReadError, Request};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisibleLinks {
    pub asked_with: Vec<RequestId>,
    pub extends: Option<GrantId>,
    pub grant: Option<GrantId>,
}

impl Access {
    /// Leaves out and logs unreadable ones.
    pub async fn visible_links(&self, actor: &Actor, request: &Request) -> VisibleLinks {
        // The requester made the others in the same call, and holds the grants.
        if actor.reads_all() || request.requester.is(actor) {
            return VisibleLinks {
                asked_with: request.asked_with.clone(),
                extends: request.extends,
                grant: request.grant,
            };
        }
        let mut links = VisibleLinks {
            extends: self.visible_grant(actor, request.extends).await,
            grant: self.visible_grant(actor, request.grant).await,
            ..VisibleLinks::default()
        };
        for id in &request.asked_with {
            let other = logged(id, self.ports.store.request(*id).await);
            if other.is_some_and(|other| self.may_see(actor, &other)) {
                links.asked_with.push(*id);
            }
        }
        links
    }

    async fn visible_grant(&self, actor: &Actor, id: Option<GrantId>) -> Option<GrantId> {
        let id = id?;
        let grant = logged(&id, self.ports.store.grant(id).await)?;
        self.may_see_grant(actor, &grant).then_some(id)
    }
}

fn logged<T>(id: &impl std::fmt::Display, found: Result<Option<T>, ReadError>) -> Option<T> {
    found.unwrap_or_else(|error| {
        tracing::warn!(%id, %error, "a request is shown without this id: it could not be read");
        None
    })
}
