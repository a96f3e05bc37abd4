use hallpass_aws_model::wire::{EndpointVariant, catalog, only_reads};
use hallpass_base::testing::rows;

#[test]
fn every_service_opens() {
    let names: Vec<&str> = catalog().names().collect();
    assert!(names.len() > 400, "{}", names.len());
    let mut unspoken = Vec::new();
    for name in names {
        let service = catalog().open(name).expect(name);
        if service.protocol().is_none() {
            unspoken.push(name);
        }
        for operation in service.operations() {
            for shape in [&operation.input, &operation.output].into_iter().flatten() {
                assert!(service.shape(shape).is_some(), "{name} {shape}");
            }
            let page = operation.page.iter();
            for path in page.flat_map(|page| page.output.iter().chain(&page.more)) {
                let empty = serde_json::json!({});
                let paging = operation.page.as_ref().unwrap();
                assert!(
                    hallpass_aws_model::wire::next_page(paging, &empty).is_ok(),
                    "{name} {path}"
                );
            }
        }
    }
    assert!(unspoken.is_empty(), "{unspoken:?}");
}

/// Service, Region, variant, and host with signing Region; empty where AWS has none.
const VARIANTS: &str = "
    ec2            us-east-1      fips        ec2-fips.us-east-1.amazonaws.com us-east-1
    ec2            eu-west-1      fips        -
    ec2            eu-west-1      dual-stack  ec2.eu-west-1.api.aws eu-west-1
    kms            eu-west-1      fips        kms-fips.eu-west-1.amazonaws.com eu-west-1
    iam            eu-west-1      fips        iam-fips.amazonaws.com us-east-1
    iam            eu-west-1      dual-stack  iam.global.api.aws us-east-1
    organizations  eu-west-1      fips        organizations-fips.us-east-1.amazonaws.com us-east-1
    sts            us-west-2      fips        sts-fips.us-west-2.amazonaws.com us-west-2
    sts            us-gov-west-1  fips        sts.us-gov-west-1.amazonaws.com us-gov-west-1
    sts            eu-west-1      dual-stack  sts.eu-west-1.api.aws eu-west-1
    sts            ca-central-1   both        sts-fips.ca-central-1.api.aws ca-central-1
    sts            eu-west-1      both        -
    sts            us-gov-west-1  both        -
    sts            cn-north-1     dual-stack  sts.cn-north-1.api.amazonwebservices.com.cn cn-north-1
    sts            nowhere-1      dual-stack  -
    account        us-east-1      dual-stack  -
    sso-admin      eu-west-1      fips        -
    account        us-east-1      fips        -
    s3             us-east-2      both        s3-fips.dualstack.us-east-2.amazonaws.com us-east-2
    cloudtrail     eu-west-1      neither     cloudtrail.eu-west-1.amazonaws.com eu-west-1
";

#[test]
fn variants_are_where_aws_has_them_and_nowhere_else() {
    for [service, region, asked, expected] in rows(VARIANTS) {
        let (fips, dual_stack) = match asked {
            "fips" => (true, false),
            "dual-stack" => (false, true),
            "both" => (true, true),
            _ => (false, false),
        };
        let model = catalog().open(service).unwrap();
        let found =
            catalog().endpoint_variant(&model, region, EndpointVariant { fips, dual_stack });
        let found = found.map(|it| format!("{} {}", it.host, it.region));
        assert_eq!(
            found.unwrap_or_default(),
            expected,
            "{service} {region} {asked}"
        );
    }
}

#[test]
fn endpoints_are_where_aws_has_them() {
    let host = |service: &str, region: &str| {
        let service = catalog().open(service).unwrap();
        let found = catalog().endpoint(&service, region);
        format!("{} {}", found.host, found.region)
    };
    let table = "
        ec2            eu-west-1   ec2.eu-west-1.amazonaws.com eu-west-1
        iam            eu-west-1   iam.amazonaws.com us-east-1
        iam            cn-north-1  iam.cn-north-1.amazonaws.com.cn cn-north-1
        sts            eu-west-1   sts.eu-west-1.amazonaws.com eu-west-1
        organizations  eu-west-1   organizations.us-east-1.amazonaws.com us-east-1
        account        eu-west-1   account.us-east-1.amazonaws.com us-east-1
        route53        eu-west-1   route53.amazonaws.com us-east-1
        s3             eu-west-1   s3.eu-west-1.amazonaws.com eu-west-1
        sso-admin      eu-west-1   sso.eu-west-1.amazonaws.com eu-west-1
    ";
    for [service, region, expected] in rows(table) {
        assert_eq!(host(service, region), expected, "{service}");
    }
    for (service, global) in [
        ("iam", true),
        ("cloudfront", true),
        ("s3", false),
        ("sts", false),
    ] {
        let region = catalog().global_region(service, "eu-west-1");
        assert_eq!(region.is_some(), global, "{service}");
    }
}

#[test]
fn an_unknown_name_comes_with_the_nearest() {
    let unknown = catalog().open("ec").unwrap_err();
    assert!(unknown.nearest.contains(&"ec2".to_owned()), "{unknown:?}");
    let ec2 = catalog().open("ec2").unwrap();
    let unknown = catalog().operation(&ec2, "DescribeVpc").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no operation `DescribeVpc`");
    assert_eq!(unknown.nearest[0], "DescribeVpcs");
    assert_eq!(
        catalog()
            .operation(&ec2, "describevpcs")
            .unwrap_err()
            .nearest[0],
        "DescribeVpcs"
    );
}

#[test]
fn only_what_reads_is_a_read() {
    for (service, operation, reads) in [
        ("ec2", "DescribeVpcs", true),
        ("iam", "GetAccountSummary", true),
        ("iam", "SimulatePrincipalPolicy", true),
        ("dynamodb", "Scan", true),
        ("dynamodb", "Query", true),
        ("s3", "HeadBucket", true),
        ("ecs", "BatchGetServices", true),
        ("ec2", "DeleteVpc", false),
        ("ec2", "Getaway", false),
        ("ec2", "GetPasswordData", false),
        ("secretsmanager", "GetSecretValue", false),
        ("secretsmanager", "DescribeSecret", true),
        ("sts", "GetSessionToken", false),
        ("sts", "GetFederationToken", false),
        ("sts", "GetCallerIdentity", true),
        ("sts", "AssumeRole", false),
        ("iam", "GenerateCredentialReport", false),
        ("athena", "QueryEverything", false),
    ] {
        assert_eq!(
            only_reads(service, operation),
            reads,
            "{service} {operation}"
        );
    }
}

const SUSPICIOUS: [&str; 12] = [
    "Credential",
    "Password",
    "Secret",
    "Token",
    "ApiKey",
    "EmbedUrl",
    "resigned",
    "LoginUrl",
    "Access",
    "AuthKey",
    "StreamKey",
    "DownloadUrl",
];

/// The reviewed list of allowed reads with suspicious names. A new catalog with another one fails
/// here.
#[test]
fn reads_of_secrets_are_known_by_name() {
    let mut left = Vec::new();
    for name in catalog().names() {
        let service = catalog().open(name).expect(name);
        for operation in service.operations() {
            let looks = SUSPICIOUS.iter().any(|part| operation.name.contains(part));
            if looks && only_reads(name, &operation.name) {
                left.push(format!("{name} {}\n", operation.name));
            }
        }
    }
    left.sort();
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/reads_of_secrets.txt"
    );
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, left.concat()).unwrap();
    }
    let known = std::fs::read_to_string(file).unwrap();
    let new: Vec<&String> = left
        .iter()
        .filter(|line| !known.contains(line.as_str()))
        .collect();
    assert!(
        new.is_empty(),
        "read them, refuse them in `reads.rs` or `BLESS=1`: {new:#?}"
    );
    assert!(left.len() > 30, "{}", left.len());
}
