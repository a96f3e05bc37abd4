//! S3, for what the credentials of a session can be tried with: `ListBuckets`. There is no table.

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::Output,
    context::Context,
    errors::{self, ApiError, ErrorForms},
    issue::unique_id,
    service::{
        BucketSharing, CallRate, CallRates, PolicyFacts, RequestForm, ScopeRegions, SimService,
    },
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "S3",
        signing_name: "s3",
        requests: RequestForm::XmlRoot("ListBuckets"),
        scope: ScopeRegions::Regional,
        rates: CallRates::One(CallRate {
            shared: BucketSharing::Account,
            rate: 100.0,
            burst: 100.0,
        }),
        errors: ErrorForms {
            throttled: || ApiError::new("SlowDown", "Please reduce your request rate.").status(503),
            internal: |text| ApiError::new("InternalError", text),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            other_actions: &[("ListBuckets", "ListAllMyBuckets")],
            ..PolicyFacts::BY_NAME
        }),
        secrets: &[],
        names_origin: false,
    },
    begin: |call| call.admit(),
    operations: &[("ListBuckets", Reads(|call| Ok(Output::Xml(buckets(call)))))],
};

/// No buckets.
fn buckets(context: &Context<'_>) -> String {
    let owner = unique_id(context.state.seed, "", &context.caller.account);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>{owner}</ID></Owner>\
         <Buckets></Buckets></ListAllMyBucketsResult>"
    )
}
