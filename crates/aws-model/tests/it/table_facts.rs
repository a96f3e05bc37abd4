//! The committed tables are complete, and lookups resolve request fields.

use std::collections::BTreeSet;

use hallpass_aws_model::{Protocol, Retry, ServiceModel, Shape, ShapeKind, tables};

#[test]
fn every_table_parses() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tables");
    let files = std::fs::read_dir(folder).unwrap();
    let names = files.map(|it| it.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> = names
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    let parsed: BTreeSet<String> = tables().services().map(|it| it.name.clone()).collect();
    assert_eq!(parsed, files);
    assert_eq!(
        parsed.len(),
        tables().services().count(),
        "one is there twice"
    );
}

#[test]
fn a_broken_table_says_why() {
    let error = ServiceModel::parse("{}").unwrap_err();
    assert_eq!(error.to_string(), "the service table cannot be read");
}

#[test]
fn every_name_resolves() {
    let mut lost = Vec::new();
    for service in tables().services() {
        let mut need = |at: &str, name: &str| {
            if service.shape(name).is_none() {
                lost.push(format!("{} {at} -> {name}", service.name));
            }
        };
        for operation in service.operations() {
            for name in operation
                .input
                .iter()
                .chain(&operation.output)
                .chain(&operation.errors)
            {
                need(&operation.name, name);
            }
        }
        for shape in service.shapes() {
            match &shape.kind {
                ShapeKind::Structure { members, .. } => {
                    for member in members {
                        need(&shape.name, &member.shape);
                    }
                }
                ShapeKind::List { element, .. } => need(&shape.name, element),
                ShapeKind::Map { key, value, .. } => {
                    need(&shape.name, key);
                    need(&shape.name, value);
                }
                _ => {}
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn pages_name_real_members() {
    let mut lost = Vec::new();
    for service in tables().services() {
        let has = |shape: Option<&Shape>, path: &str| {
            // rows may be nested: `ResourceCollection.Tags`
            let name = path.split('.').next().unwrap_or(path);
            shape.is_some_and(|shape| shape.members().iter().any(|it| it.name == name))
        };
        for operation in service.operations() {
            let Some(page) = &operation.page else {
                continue;
            };
            let (input, output) = (service.input(operation), service.output(operation));
            let inputs = page
                .input
                .iter()
                .chain(&page.limit)
                .filter(|it| !has(input, it));
            let outputs = page.output.iter().chain(&page.result).chain(&page.more);
            lost.extend(inputs.map(|it| format!("{} {it}", operation.name)));
            lost.extend(
                outputs
                    .filter(|it| !has(output, it))
                    .map(|it| format!("{} {it}", operation.name)),
            );
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn every_pattern_is_checked() {
    let mut unread = Vec::new();
    for service in tables().services() {
        for shape in service.shapes() {
            if let ShapeKind::Text {
                pattern: Some(pattern),
                ..
            } = &shape.kind
                && !pattern.is_checked()
            {
                unread.push(format!(
                    "{} {}: {}",
                    service.name,
                    shape.name,
                    pattern.source()
                ));
            }
        }
    }
    assert!(
        unread.is_empty(),
        "translate these or check them by hand: {unread:#?}"
    );
}

#[test]
fn services_are_found_by_what_requests_carry() {
    let rows = [
        (
            "sso-admin",
            "sso",
            "2020-07-20",
            Some("SWBExternalService"),
            Protocol::Json,
        ),
        (
            "identitystore",
            "identitystore",
            "2020-06-15",
            Some("AWSIdentityStore"),
            Protocol::Json,
        ),
        (
            "organizations",
            "organizations",
            "2016-11-28",
            Some("AWSOrganizationsV20161128"),
            Protocol::Json,
        ),
        ("sts", "sts", "2011-06-15", None, Protocol::Query),
        ("iam", "iam", "2010-05-08", None, Protocol::Query),
    ];
    for (name, signing, version, target, protocol) in rows {
        let service = tables().by_signing_name(signing).expect(name);
        assert_eq!(service.name, name);
        assert_eq!(service.version, version, "{name}");
        assert_eq!(service.target_prefix.as_deref(), target, "{name}");
        assert_eq!(service.protocols, [protocol], "{name}");
    }
    let (service, operation) = tables()
        .by_target("SWBExternalService.ListInstances")
        .unwrap();
    assert_eq!(
        (service.name.as_str(), operation.name.as_str()),
        ("sso-admin", "ListInstances")
    );
    let (service, operation) = tables().by_action("AssumeRole", "2011-06-15").unwrap();
    assert_eq!(
        (service.name.as_str(), operation.name.as_str()),
        ("sts", "AssumeRole")
    );
    for lost in [
        "SWBExternalService.Nothing",
        "Nothing.ListInstances",
        "ListInstances",
        ".",
    ] {
        assert!(tables().by_target(lost).is_none(), "{lost}");
    }
    assert!(tables().by_action("AssumeRole", "2010-05-08").is_none());
    assert!(tables().by_action("ListInstances", "2020-07-20").is_none());
}

#[test]
fn errors_carry_status_fault_and_spelling() {
    let rows = [
        ("iam", "NoSuchEntity", 404, true, None, Some("message")),
        (
            "iam",
            "NoSuchEntityException",
            404,
            true,
            None,
            Some("message"),
        ),
        ("iam", "ServiceFailure", 500, false, None, Some("message")),
        (
            "sso-admin",
            "ConflictException",
            400,
            true,
            None,
            Some("Message"),
        ),
        (
            "sso-admin",
            "InternalServerException",
            500,
            false,
            None,
            Some("Message"),
        ),
        (
            "identitystore",
            "ThrottlingException",
            400,
            true,
            Some(Retry::Throttling),
            Some("Message"),
        ),
        (
            "organizations",
            "TooManyRequestsException",
            400,
            true,
            None,
            Some("Message"),
        ),
    ];
    for (service, name, status, sender, retry, message) in rows {
        let (_, facts) = tables().service(service).unwrap().error(name).expect(name);
        let found = (
            facts.status,
            facts.sender,
            facts.retry,
            facts.message_member.as_deref(),
        );
        assert_eq!(found, (status, sender, retry, message), "{service} {name}");
    }
}

#[test]
fn members_of_pages_are_told_once() {
    let told = |service: &str, operation: &str| {
        let service = tables().service(service).unwrap();
        let it = service.page_members(service.operation(operation).unwrap());
        [it.token, it.limit, it.rows, it.next, it.more].map(Option::unwrap_or_default)
    };
    for (service, operation, expected) in [
        (
            "organizations",
            "ListAccounts",
            ["NextToken", "MaxResults", "Accounts", "NextToken", ""],
        ),
        (
            "iam",
            "ListUsers",
            ["Marker", "MaxItems", "Users", "Marker", "IsTruncated"],
        ),
        (
            "kms",
            "ListKeys",
            ["Marker", "Limit", "Keys", "NextMarker", "Truncated"],
        ),
        (
            "rds",
            "DescribeDBInstances",
            ["Marker", "MaxRecords", "DBInstances", "Marker", ""],
        ),
        (
            "sso",
            "ListAccounts",
            ["next_token", "max_result", "accountList", "nextToken", ""],
        ),
        (
            "detective",
            "ListGraphs",
            ["NextToken", "MaxResults", "GraphList", "NextToken", ""],
        ),
        (
            "servicecatalog",
            "SearchProductsAsAdmin",
            [
                "PageToken",
                "PageSize",
                "ProductViewDetails",
                "NextPageToken",
                "",
            ],
        ),
        (
            "iam",
            "GetAccountAuthorizationDetails",
            [
                "Marker",
                "MaxItems",
                "UserDetailList",
                "Marker",
                "IsTruncated",
            ],
        ),
        ("iam", "GetUser", ["", "", "", "", ""]),
    ] {
        assert_eq!(told(service, operation), expected, "{service} {operation}");
    }
}
