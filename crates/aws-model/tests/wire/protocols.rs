use std::fmt::Write as _;

use hallpass_aws_model::wire::{
    InputProblem, WireResponse, catalog, check_input, next_page, read_error, read_response,
    write_request,
};
use serde_json::{Value, json};

fn written(service: &str, operation: &str, input: &Value) -> String {
    let service = catalog().open(service).unwrap();
    let operation = catalog().operation(&service, operation).unwrap();
    check_input(&service, operation, input).unwrap();
    let request = write_request(&service, operation, input).unwrap();
    let mut text = format!("{} {}", request.method, request.target);
    for (name, value) in request.headers {
        let _ = write!(text, "\n{name}: {value}");
    }
    if !request.body.is_empty() {
        let _ = write!(text, "\n{}", String::from_utf8(request.body).unwrap());
    }
    text
}

fn read(service: &str, operation: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let service = catalog().open(service).unwrap();
    let operation = catalog().operation(&service, operation).unwrap();
    let headers: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let response = WireResponse {
        status: 200,
        headers: &headers,
        body: body.as_bytes(),
    };
    read_response(&service, operation, &response).unwrap()
}

#[test]
fn services_that_speak_nothing_but_cbor_are_spoken_to() {
    let service = catalog().open("eventbridgev2").unwrap();
    let list = catalog().operation(&service, "ListEventBuses").unwrap();
    let request = write_request(&service, list, &json!({"MaxResults": 300})).unwrap();
    assert_eq!(
        request.target,
        "/service/AWSEventsV2/operation/ListEventBuses"
    );
    for header in [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("accept", "application/cbor"),
        ("content-type", "application/cbor"),
    ] {
        let header = (header.0.to_owned(), header.1.to_owned());
        assert!(request.headers.contains(&header), "{header:?}");
    }
    assert_eq!(request.body, b"\xa1\x6aMaxResults\x19\x01\x2c");
    let describe = catalog().operation(&service, "DescribeEventBus").unwrap();
    let body = b"\xbf\x64Name\x61b\x6cCreationTime\xc1\x1a\x51\x4b\x67\xb0\x67Unknown\xf6\xff";
    let response = WireResponse {
        status: 200,
        headers: &[],
        body,
    };
    assert_eq!(
        read_response(&service, describe, &response).unwrap(),
        json!({"Name": "b", "CreationTime": "2013-03-21T20:04:00Z"})
    );
    let headers = [("content-type".to_owned(), "application/cbor".to_owned())];
    let refusal = WireResponse {
        status: 400,
        headers: &headers,
        body: b"\xa2\x66__type\x6ba.b#NotHere\x67message\x62no",
    };
    let error = read_error(&refusal);
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("NotHere", "no")
    );
    let broken = WireResponse {
        body: b"{}",
        ..response
    };
    assert!(read_response(&service, describe, &broken).is_err());
}

#[test]
fn bodies_in_xml_are_those_of_boto3() {
    let tags = json!({"Bucket": "b", "Tagging": {"TagSet": [{"Key": "a", "Value": "b&<c>"}, {"Key": "d", "Value": "x\r\ny"}]}});
    let delete = json!({"Bucket": "b", "Delete": {"Objects": [{"Key": "a"}, {"Key": "b", "VersionId": "1"}], "Quiet": true}});
    let grants = json!([{"Grantee": {"Type": "CanonicalUser", "ID": "x"}, "Permission": "READ"}]);
    let acl =
        json!({"Bucket": "b", "AccessControlPolicy": {"Owner": {"ID": "o"}, "Grants": grants}});
    let rules = json!([{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Date": "2027-01-02T00:00:00Z"}}]);
    let lifecycle = json!({"Bucket": "b", "LifecycleConfiguration": {"Rules": rules}});
    let block = json!({"AccountId": "111122223333",
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": false}});
    let set = json!({"Name": "a.example.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]});
    let change = json!({"HostedZoneId": "Z1", "ChangeBatch": {"Changes": [{"Action": "UPSERT", "ResourceRecordSet": set}]}});
    let paths = json!({"DistributionId": "D",
        "InvalidationBatch": {"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": "x"}});
    let s3 = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
    let xsi = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\"";
    for (service, operation, input, line, body) in [
        ("s3", "PutBucketTagging", tags, "PUT /b?tagging",
            format!("<Tagging {s3}><TagSet><Tag><Key>a</Key><Value>b&amp;&lt;c&gt;</Value></Tag><Tag><Key>d</Key><Value>x&#xD;&#xA;y</Value></Tag></TagSet></Tagging>")),
        ("s3", "DeleteObjects", delete, "POST /b?delete",
            format!("<Delete {s3}><Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>1</VersionId></Object><Quiet>true</Quiet></Delete>")),
        ("s3", "PutBucketAcl", acl, "PUT /b?acl",
            format!("<AccessControlPolicy {s3}><AccessControlList><Grant><Grantee {xsi}><ID>x</ID></Grantee><Permission>READ</Permission></Grant></AccessControlList><Owner><ID>o</ID></Owner></AccessControlPolicy>")),
        ("s3", "PutBucketLifecycleConfiguration", lifecycle, "PUT /b?lifecycle",
            format!("<LifecycleConfiguration {s3}><Rule><Expiration><Date>2027-01-02T00:00:00Z</Date></Expiration><ID>r</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status></Rule></LifecycleConfiguration>")),
        ("s3control", "PutPublicAccessBlock", block, "PUT /v20180820/configuration/publicAccessBlock",
            "<PublicAccessBlockConfiguration xmlns=\"http://awss3control.amazonaws.com/doc/2018-08-20/\"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>false</IgnorePublicAcls></PublicAccessBlockConfiguration>".to_owned()),
        ("route53", "ChangeResourceRecordSets", change, "POST /2013-04-01/hostedzone/Z1/rrset/",
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>a.example.</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>".to_owned()),
        ("cloudfront", "CreateInvalidation", paths, "POST /2020-05-31/distribution/D/invalidation",
            "<InvalidationBatch xmlns=\"http://cloudfront.amazonaws.com/doc/2020-05-31/\"><Paths><Quantity>1</Quantity><Items><Path>/*</Path></Items></Paths><CallerReference>x</CallerReference></InvalidationBatch>".to_owned()),
    ] {
        let written = written(service, operation, &input);
        assert!(written.starts_with(line), "{operation}: {written}");
        assert!(written.contains("content-type: application/xml"), "{operation}: {written}");
        assert_eq!(written.lines().last(), Some(body.as_str()), "{operation}");
    }
}

const FORM: &str = "content-type: application/x-www-form-urlencoded; charset=utf-8";

#[test]
fn requests_of_every_protocol() {
    let assume = json!({"RoleArn": "arn:aws:iam::1:role/X", "RoleSessionName": "s",
        "Tags": [{"Key": "a", "Value": "b c"}]});
    assert_eq!(
        written("sts", "AssumeRole", &assume),
        format!(
            "POST /\n{FORM}\nAction=AssumeRole&Version=2011-06-15\
             &RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2FX&RoleSessionName=s\
             &Tags.member.1.Key=a&Tags.member.1.Value=b%20c"
        )
    );
    let filters = json!({"Filters": [{"Name": "isDefault", "Values": ["true", "false"]}],
        "MaxResults": 5, "DryRun": false});
    let body = written("ec2", "DescribeVpcs", &filters);
    for part in [
        "Action=DescribeVpcs&Version=2016-11-15",
        "Filter.1.Name=isDefault&Filter.1.Value.1=true&Filter.1.Value.2=false",
        "MaxResults=5",
        "DryRun=false",
    ] {
        assert!(body.contains(part), "{body}");
    }
    assert_eq!(
        written("organizations", "ListAccounts", &json!({"MaxResults": 20})),
        "POST /\ncontent-type: application/x-amz-json-1.1\n\
         x-amz-target: AWSOrganizationsV20161128.ListAccounts\n{\"MaxResults\":20}"
    );
    assert_eq!(
        written(
            "account",
            "ListRegions",
            &json!({"RegionOptStatusContains": ["ENABLED"]})
        ),
        "POST /listRegions\ncontent-type: application/json\n{\"RegionOptStatusContains\":[\"ENABLED\"]}"
    );
    assert_eq!(
        written(
            "lambda",
            "ListFunctions",
            &json!({"MaxItems": 5, "Marker": "a/b"})
        ),
        "GET /2015-03-31/functions?Marker=a%2Fb&MaxItems=5"
    );
    assert_eq!(
        written("lambda", "GetFunction", &json!({"FunctionName": "a b/c"})),
        "GET /2015-03-31/functions/a%20b%2Fc"
    );
    assert_eq!(
        written(
            "s3",
            "ListObjectsV2",
            &json!({"Bucket": "b", "Prefix": "a b"})
        ),
        "GET /b?list-type=2&prefix=a%20b"
    );
    assert_eq!(
        written("s3", "HeadObject", &json!({"Bucket": "b", "Key": "x/y z"})),
        "HEAD /b/x/y%20z"
    );
}

#[test]
fn answers_have_the_names_and_types_of_the_model() {
    let vpcs = r#"<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
        <requestId>r</requestId><vpcSet><item><vpcId>vpc-1</vpcId><isDefault>true</isDefault>
        <cidrBlockAssociationSet><item><cidrBlock>10.0.0.0/16</cidrBlock></item></cidrBlockAssociationSet>
        <tagSet><item><key>Name</key><value>a &amp; b</value></item></tagSet></item></vpcSet>
        <nextToken>t</nextToken></DescribeVpcsResponse>"#;
    assert_eq!(
        read("ec2", "DescribeVpcs", &[], vpcs),
        json!({"NextToken": "t", "Vpcs": [{"IsDefault": true, "VpcId": "vpc-1",
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16"}],
            "Tags": [{"Key": "Name", "Value": "a & b"}]}]})
    );
    let empty = "<DescribeVpcsResponse><requestId>r</requestId><vpcSet/></DescribeVpcsResponse>";
    assert_eq!(read("ec2", "DescribeVpcs", &[], empty), json!({"Vpcs": []}));
    let summary = "<GetAccountSummaryResponse><GetAccountSummaryResult><SummaryMap><entry>\
        <key>Users</key><value>3</value></entry></SummaryMap></GetAccountSummaryResult>\
        </GetAccountSummaryResponse>";
    assert_eq!(
        read("iam", "GetAccountSummary", &[], summary),
        json!({"SummaryMap": {"Users": 3}})
    );
    let users = "<ListUsersResponse><ListUsersResult><IsTruncated>false</IsTruncated><Users>\
        <member><UserName>a</UserName><CreateDate>2026-11-20T07:27:43Z</CreateDate></member>\
        </Users></ListUsersResult></ListUsersResponse>";
    assert_eq!(
        read("iam", "ListUsers", &[], users),
        json!({"IsTruncated": false,
            "Users": [{"UserName": "a", "CreateDate": "2026-11-20T07:27:43Z"}]})
    );
    let accounts = r#"{"Accounts":[{"Id":"111122223333","JoinedTimestamp":1.6209185816E9,
        "Name":null,"NewMember":1}],"NextToken":"t"}"#;
    assert_eq!(
        read("organizations", "ListAccounts", &[], accounts),
        json!({"Accounts": [{"Id": "111122223333",
            "JoinedTimestamp": "2021-05-13T15:09:41.6Z"}], "NextToken": "t"})
    );
    let objects = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>a</Key>\
        <Size>7</Size></Contents><Contents><Key>b</Key><Size>8</Size></Contents></ListBucketResult>";
    let region = [("x-amz-bucket-region", "eu-west-1")];
    assert_eq!(
        read("s3", "ListObjectsV2", &region, objects),
        json!({"IsTruncated": true, "Contents": [{"Key": "a", "Size": 7}, {"Key": "b", "Size": 8}]})
    );
    let location = "<LocationConstraint xmlns=\"x\">eu-west-1</LocationConstraint>";
    assert_eq!(
        read("s3", "GetBucketLocation", &[], location),
        json!({"LocationConstraint": "eu-west-1"})
    );
    assert_eq!(
        read("s3", "HeadBucket", &region, ""),
        json!({"BucketRegion": "eu-west-1"})
    );
}

#[test]
fn an_answer_that_is_none_is_an_error_and_never_empty() {
    for (service, operation, body) in [
        ("ec2", "DescribeVpcs", ""),
        ("ec2", "DescribeVpcs", "<DescribeVpcsResponse><vpcSet>"),
        ("iam", "ListUsers", "<html/>"),
        ("organizations", "ListAccounts", ""),
        ("organizations", "ListAccounts", "[]"),
        ("organizations", "ListAccounts", "{\"Accounts\":"),
    ] {
        let model = catalog().open(service).unwrap();
        let operation = catalog().operation(&model, operation).unwrap();
        let response = WireResponse {
            status: 200,
            headers: &[],
            body: body.as_bytes(),
        };
        let found = read_response(&model, operation, &response);
        assert!(found.is_err(), "{service} {body}: {found:?}");
    }
}

#[test]
fn refusals_of_every_protocol_are_read() {
    let query = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
        <Message>no</Message></Error><RequestId>r1</RequestId></ErrorResponse>";
    let ec2 = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message>\
        </Error></Errors><RequestID>r2</RequestID></Response>";
    let s3 =
        "<Error><Code>NoSuchBucket</Code><Message>none</Message><RequestId>r3</RequestId></Error>";
    let json11 = r#"{"__type":"com.amazon#ThrottlingException","Message":"slow"}"#;
    for (headers, body, expected) in [
        (vec![], query, "AccessDenied no r1"),
        (vec![], ec2, "RequestLimitExceeded slow r2"),
        (vec![], s3, "NoSuchBucket none r3"),
        (vec![], json11, "ThrottlingException slow -"),
        (
            vec![
                ("x-amzn-errortype", "ValidationException:http://x"),
                ("x-amzn-requestid", "r4"),
            ],
            r#"{"message":"bad"}"#,
            "ValidationException bad r4",
        ),
        (vec![], "", "HTTP 503  -"),
        (vec![], "<html>busy</html>", "HTTP 503  -"),
    ] {
        let headers: Vec<(String, String)> = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let error = read_error(&WireResponse {
            status: 503,
            headers: &headers,
            body: body.as_bytes(),
        });
        let id = error.request_id.unwrap_or_else(|| "-".to_owned());
        assert_eq!(format!("{} {} {id}", error.code, error.message), expected);
    }
}

#[test]
fn inputs_are_held_against_the_model() {
    let check = |service: &str, operation: &str, input: Value| {
        let service = catalog().open(service).unwrap();
        let operation = catalog().operation(&service, operation).unwrap();
        check_input(&service, operation, &input).map_err(|problem| problem.to_string())
    };
    for (service, operation, input, expected) in [
        ("ec2", "DescribeVpcs", json!({}), ""),
        (
            "ec2",
            "DescribeVpcs",
            json!([]),
            "`the input` should be a structure",
        ),
        (
            "ec2",
            "DescribeVpcs",
            json!({"Filter": []}),
            "`Filter` is not known",
        ),
        (
            "ec2",
            "DescribeVpcs",
            json!({"VpcIds": "vpc-1"}),
            "`VpcIds` should be a list",
        ),
        (
            "ec2",
            "DescribeVpcs",
            json!({"VpcIds": [1]}),
            "`VpcIds.0` should be text",
        ),
        (
            "ec2",
            "DescribeVpcs",
            json!({"MaxResults": 1.5}),
            "`MaxResults` should be a whole number",
        ),
        (
            "lambda",
            "GetFunction",
            json!({}),
            "`FunctionName` is missing",
        ),
        (
            "sts",
            "GetCallerIdentity",
            json!({"A": 1}),
            "`A` is not known",
        ),
    ] {
        let found = check(service, operation, input.clone())
            .err()
            .unwrap_or_default();
        assert_eq!(found, expected, "{service} {operation} {input}");
    }
    let ec2 = catalog().open("ec2").unwrap();
    let operation = catalog().operation(&ec2, "DescribeVpcs").unwrap();
    match check_input(&ec2, operation, &json!({"Filter": []})).unwrap_err() {
        InputProblem::Unknown { nearest, .. } => assert_eq!(nearest[0], "Filters"),
        other => panic!("{other}"),
    }
}

#[test]
fn pages_follow_one_another() {
    let next = |service: &str, operation: &str, answer: Value| {
        let service = catalog().open(service).unwrap();
        let operation = catalog().operation(&service, operation).unwrap();
        let next = next_page(operation.page.as_ref().unwrap(), &answer).unwrap();
        next.map(Value::Object).unwrap_or_default()
    };
    for (service, operation, answer, expected) in [
        (
            "ec2",
            "DescribeVpcs",
            json!({"Vpcs": [], "NextToken": "t"}),
            json!({"NextToken": "t"}),
        ),
        ("ec2", "DescribeVpcs", json!({"Vpcs": []}), Value::Null),
        ("ec2", "DescribeVpcs", json!({"NextToken": ""}), Value::Null),
        (
            "iam",
            "ListUsers",
            json!({"IsTruncated": true, "Marker": "m"}),
            json!({"Marker": "m"}),
        ),
        (
            "iam",
            "ListUsers",
            json!({"IsTruncated": false, "Marker": "m"}),
            Value::Null,
        ),
        (
            "s3",
            "ListObjects",
            json!({"IsTruncated": true, "Contents": [{"Key": "a"}, {"Key": "b"}]}),
            json!({"Marker": "b"}),
        ),
        (
            "cloudfront",
            "ListDistributions",
            json!({"DistributionList": {"IsTruncated": true, "NextMarker": "n"}}),
            json!({"Marker": "n"}),
        ),
    ] {
        assert_eq!(
            next(service, operation, answer.clone()),
            expected,
            "{operation} {answer}"
        );
    }
}

/// A "not found" exception of IAM Identity Center may concern its customer managed key: the code
/// alone does not prove that the resource is missing.
#[test]
fn the_reason_of_a_key_that_cannot_be_used_is_the_code() {
    for (code, reason, expected) in [
        (
            "ResourceNotFoundException",
            r#","Reason":"KMS_NotFoundException""#,
            "KMS_NotFoundException",
        ),
        (
            "ResourceNotFoundException",
            r#","Reason":"KMS_KEY_NOT_FOUND""#,
            "KMS_KEY_NOT_FOUND",
        ),
        (
            "ThrottlingException",
            r#","Reason":"KMS_THROTTLING""#,
            "ThrottlingException",
        ),
        (
            "ConflictException",
            r#","Reason":"CONCURRENT_MODIFICATION""#,
            "ConflictException",
        ),
        ("ResourceNotFoundException", "", "ResourceNotFoundException"),
    ] {
        for header in [true, false] {
            let body = format!(r#"{{"__type":"com.amazonaws#{code}","message":"no"{reason}}}"#);
            let named = [("x-amzn-errortype".to_owned(), format!("{code}:http://x/"))];
            let error = read_error(&WireResponse {
                status: 400,
                headers: named.get(..usize::from(header)).unwrap_or_default(),
                body: body.as_bytes(),
            });
            assert_eq!(error.code, expected, "{body}, with a header: {header}");
        }
    }
}
