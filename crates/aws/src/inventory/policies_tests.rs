use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, FakeAnswer, error};
use crate::fake_http::settings;

fn arn() -> PermissionSetArn {
    PermissionSetArn::new("arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0000000000000001")
        .unwrap()
}

fn full(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let answer = match operation {
        "DescribePermissionSet" => json!({"PermissionSet": {
            "Name": "Database", "SessionDuration": "PT8H"}}),
        "GetInlinePolicyForPermissionSet" => json!({"InlinePolicy": "{\"Statement\": []}"}),
        "ListManagedPoliciesInPermissionSet" => match input["NextToken"].as_str() {
            None => json!({"AttachedManagedPolicies": [
                {"Name": "ReadOnlyAccess", "Arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
                "NextToken": "more"}),
            _ => json!({"AttachedManagedPolicies": [
                {"Name": "Billing", "Arn": "arn:aws:iam::aws:policy/job-function/Billing"}]}),
        },
        "ListCustomerManagedPolicyReferencesInPermissionSet" => {
            json!({"CustomerManagedPolicyReferences": [
                {"Name": "own", "Path": "/team/"}, {"Name": "bare"}]})
        }
        "GetPermissionsBoundaryForPermissionSet" => json!({"PermissionsBoundary": {
            "ManagedPolicyArn": "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"}}),
        _ => return None,
    };
    Some((200, answer))
}

fn empty(operation: &str, input: &Value) -> Option<FakeAnswer> {
    let answer = match operation {
        "GetInlinePolicyForPermissionSet" => json!({"InlinePolicy": ""}),
        "ListManagedPoliciesInPermissionSet" => json!({"AttachedManagedPolicies": []}),
        "ListCustomerManagedPolicyReferencesInPermissionSet" => {
            json!({"CustomerManagedPolicyReferences": []})
        }
        "GetPermissionsBoundaryForPermissionSet" => {
            return Some(error("ResourceNotFoundException", "no boundary"));
        }
        _ => return full(operation, input),
    };
    Some((200, answer))
}

async fn reader(fake: &Arc<Fake>) -> Policies {
    let aws = Arc::new(fake.connect().await);
    let (client, clock) = (settings("http://127.0.0.1:1"), Arc::clone(&aws.clock));
    Policies::new(aws, ManagedTexts::new(client, clock, 1))
}

#[tokio::test(start_paused = true)]
async fn everything_a_set_holds_is_read_once_in_a_while() {
    let fake = Fake::new(full);
    let source = reader(&fake).await;
    let set = arn();
    let (first, second) = tokio::join!(source.policies(&set), source.policies(&set));
    let found = first.unwrap().unwrap();
    assert_eq!(second.unwrap().unwrap(), found);
    assert_eq!(fake.count("GetInlinePolicyForPermissionSet"), 1);
    assert_eq!(found.session, TimeSpan::hours(8));
    assert_eq!(found.inline.as_deref(), Some("{\"Statement\": []}"));
    let names: Vec<_> = found.managed.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["ReadOnlyAccess", "Billing"]);
    let own: Vec<_> = found
        .referenced
        .iter()
        .map(|it| format!("{}{}", it.path, it.name))
        .collect();
    assert_eq!(own, ["/team/own", "/bare"]);
    let Some(Boundary::Managed(boundary)) = &found.boundary else {
        panic!("{:?}", found.boundary);
    };
    assert_eq!(boundary.name, "ViewOnlyAccess");
}

#[tokio::test(start_paused = true)]
async fn a_set_may_hold_nothing() {
    let fake = Fake::new(empty);
    let source = reader(&fake).await;
    let found = source.policies(&arn()).await.unwrap().unwrap();
    assert_eq!((&found.inline, &found.boundary), (&None, &None));
    assert!(found.managed.is_empty() && found.referenced.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_whole_is_an_error_and_what_is_gone_is_none() {
    let refused = |operation: &str, input: &Value| match operation {
        "ListManagedPoliciesInPermissionSet" => {
            Some(error("AccessDeniedException", "not authorized"))
        }
        _ => full(operation, input),
    };
    let fake = Fake::new(refused);
    let source = reader(&fake).await;
    let fault = source.policies(&arn()).await.unwrap_err();
    assert_eq!(fault.what, "the AWS managed policies of the permission set");
    assert!(fault.message.contains("not authorized"), "{fault}");

    let gone = |operation: &str, _: &Value| {
        (operation == "DescribePermissionSet")
            .then(|| error("ResourceNotFoundException", "no such set"))
    };
    let fake = Fake::new(gone);
    let source = reader(&fake).await;
    assert_eq!(source.policies(&arn()).await.unwrap(), None);
}
