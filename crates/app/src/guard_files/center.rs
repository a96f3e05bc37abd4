//! Identity Center for a guard: our AWS client behind a port that cannot grant, connected once AWS
//! responds.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use hallpass_assignments::{
    CenterFault, IdentityCenter as _, Missing, OperationKind, OperationStatus, SentOperation,
    Urgency,
};
use hallpass_aws::Aws;
use hallpass_base::{HoldKey, Target, UserId};
use hallpass_guard::Center;

/// A guard's AWS access. Exposes only four calls of the client, none of which grants.
#[derive(Default)]
pub struct RemoveOnly {
    aws: OnceLock<Arc<Aws>>,
}

impl RemoveOnly {
    pub fn connected(&self, aws: Arc<Aws>) {
        // keep the first; they are equivalent
        let _already: Result<(), Arc<Aws>> = self.aws.set(aws);
    }

    fn aws(&self) -> Result<&Aws, CenterFault> {
        let aws = self.aws.get();
        aws.map(AsRef::as_ref).ok_or(CenterFault::Unreachable {
            message: "not connected yet".to_owned(),
        })
    }
}

#[async_trait]
impl Center for RemoveOnly {
    async fn holders(&self, target: &Target) -> Result<Vec<UserId>, CenterFault> {
        self.aws()?.holders(target, Urgency::End).await
    }

    async fn remove(&self, key: &HoldKey) -> Result<SentOperation, CenterFault> {
        self.aws()?.delete(key, Urgency::End).await
    }

    async fn status(&self, request: &str) -> Result<OperationStatus, CenterFault> {
        let kind = OperationKind::Delete;
        self.aws()?.progress((kind, request), Urgency::End).await
    }

    async fn missing(&self, key: &HoldKey) -> Result<Option<Missing>, CenterFault> {
        self.aws()?.missing(key).await
    }
}
