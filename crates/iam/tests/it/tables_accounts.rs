//! The tables of `policies.md` §2.6: same account and cross account, through the engine and the oracle.

use serde_json::{Value, json};

use crate::rows::{
    ANN, DEV, KEY, OPS, QUEUE, allow, allow_all, case, check, deny, one, row, to, trust,
};

#[test]
fn same_and_cross_account() {
    let id = || json!([allow_all()]);
    let aws = |arn: &str| to(json!({ "AWS": arn }));
    let mut rows = Vec::new();
    let mut add = |name: &str, principal: &str, resource: &str, fields: Value, wants| {
        let action = if resource == KEY {
            "kms:Decrypt"
        } else if resource == OPS {
            "sts:AssumeRole"
        } else {
            "sqs:SendMessage"
        };
        rows.push(row(name, case(principal, action, resource, fields), wants));
    };
    let other = "arn:aws:iam::222222222222:user/eve";
    add(
        "same: identity",
        ANN,
        QUEUE,
        json!({ "identityPolicies": id() }),
        "A",
    );
    add(
        "same: resource, direct",
        ANN,
        QUEUE,
        json!({ "resourcePolicy": aws(ANN) }),
        "A",
    );
    add(
        "same: resource, role",
        DEV,
        QUEUE,
        json!({ "resourcePolicy": aws("arn:aws:iam::111111111111:role/p/Dev") }),
        "A",
    );
    add(
        "same: resource, account",
        ANN,
        QUEUE,
        json!({ "resourcePolicy": aws("111111111111") }),
        "ID",
    );
    add(
        "same: resource, root",
        ANN,
        QUEUE,
        json!({ "resourcePolicy": aws("arn:aws:iam::111111111111:root") }),
        "ID",
    );
    add("same: neither", ANN, QUEUE, json!({}), "ID");
    add(
        "cross: identity only",
        other,
        QUEUE,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    add(
        "cross: resource only",
        other,
        QUEUE,
        json!({ "resourcePolicy": aws(other) }),
        "ID",
    );
    add(
        "cross: both, direct",
        other,
        QUEUE,
        json!({ "identityPolicies": id(), "resourcePolicy": aws(other) }),
        "A",
    );
    add(
        "cross: both, account",
        other,
        QUEUE,
        json!({ "identityPolicies": id(), "resourcePolicy": aws("222222222222") }),
        "A",
    );
    let trusts = |arn: &str| trust(json!({ "AWS": arn }));
    add(
        "trust: direct",
        ANN,
        OPS,
        json!({ "resourcePolicy": trusts(ANN) }),
        "A",
    );
    add(
        "trust: role",
        DEV,
        OPS,
        json!({ "resourcePolicy": trusts("arn:aws:iam::111111111111:role/Dev") }),
        "A",
    );
    add(
        "trust: account alone",
        ANN,
        OPS,
        json!({ "resourcePolicy": trusts("111111111111") }),
        "ID",
    );
    add(
        "trust: account and identity",
        ANN,
        OPS,
        json!({ "resourcePolicy": trusts("111111111111"), "identityPolicies": id() }),
        "A",
    );
    add(
        "trust: identity alone",
        ANN,
        OPS,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    add(
        "kms: direct",
        ANN,
        KEY,
        json!({ "resourcePolicy": aws(ANN) }),
        "A",
    );
    add(
        "kms: account alone",
        ANN,
        KEY,
        json!({ "resourcePolicy": aws("111111111111") }),
        "ID",
    );
    add(
        "kms: account and identity",
        ANN,
        KEY,
        json!({ "resourcePolicy": aws("111111111111"), "identityPolicies": id() }),
        "A",
    );
    add(
        "kms: identity alone",
        ANN,
        KEY,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    let service = "sns.amazonaws.com";
    add(
        "service: named",
        service,
        QUEUE,
        json!({ "resourcePolicy": to(json!({ "Service": service })) }),
        "A",
    );
    add(
        "service: identity does not count",
        service,
        QUEUE,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    add(
        "service: another",
        service,
        QUEUE,
        json!({ "resourcePolicy": to(json!({ "Service": "s3.amazonaws.com" })) }),
        "ID",
    );
    let idp = "arn:aws:iam::111111111111:saml-provider/Idp";
    add(
        "federated: trusted",
        idp,
        OPS,
        json!({ "resourcePolicy": trust(json!({ "Federated": idp })) }),
        "A",
    );
    add(
        "federated: another",
        idp,
        OPS,
        json!({ "resourcePolicy": trust(json!({ "Federated": "accounts.google.com" })) }),
        "ID",
    );
    let nobody = |fields: Value| {
        let mut case = case("", "sqs:SendMessage", QUEUE, fields);
        case["principal"] = json!({ "anonymous": true });
        case
    };
    rows.push(row(
        "anonymous: *",
        nobody(json!({ "resourcePolicy": to(json!("*")) })),
        "A",
    ));
    rows.push(row(
        "anonymous: AWS *",
        nobody(json!({ "resourcePolicy": aws("*") })),
        "A",
    ));
    rows.push(row(
        "anonymous: account",
        nobody(json!({ "resourcePolicy": aws("111111111111") })),
        "ID",
    ));
    check("§2.6 cases", rows);
}

#[test]
fn implicit_denies_beside_resource_grants() {
    let narrow = || allow("ec2:*");
    let role = "arn:aws:iam::111111111111:role/Dev";
    // who is granted, by whom it is asked, and the word when identity, boundary, session are silent
    let table = [
        ("user ARN", json!({ "AWS": ANN }), ANN, ["A", "A", "A"]),
        ("*", json!("*"), ANN, ["A", "A", "ID"]),
        ("* for a session", json!("*"), DEV, ["A", "A", "ID"]),
        ("role ARN", json!({ "AWS": role }), DEV, ["A", "ID", "ID"]),
        (
            "role ARN by the role",
            json!({ "AWS": role }),
            role,
            ["A", "ID", "ID"],
        ),
        ("session ARN", json!({ "AWS": DEV }), DEV, ["A", "A", "A"]),
        (
            "account",
            json!({ "AWS": "111111111111" }),
            ANN,
            ["ID", "ID", "ID"],
        ),
    ];
    let mut rows = Vec::new();
    for (name, principal, who, wants) in table {
        let policy = to(principal);
        let layers = [
            (
                "identity",
                json!({ "identityPolicies": [narrow()], "resourcePolicy": policy }),
            ),
            (
                "boundary",
                json!({ "boundary": narrow(), "resourcePolicy": policy }),
            ),
            (
                "session",
                json!({ "session": narrow(), "resourcePolicy": policy }),
            ),
        ];
        for ((layer, fields), wants) in layers.into_iter().zip(wants) {
            rows.push(row(
                format!("{name}, {layer} silent"),
                case(who, "sqs:SendMessage", QUEUE, fields),
                wants,
            ));
        }
    }
    let eve = "arn:aws:iam::222222222222:user/eve";
    for layer in ["boundary", "session"] {
        let mut fields = json!({ "identityPolicies": [allow_all()], "resourcePolicy": to(json!({ "AWS": eve })) });
        fields[layer] = narrow();
        rows.push(row(
            format!("cross account, {layer} silent"),
            case(eve, "sqs:SendMessage", QUEUE, fields),
            "ID",
        ));
    }
    let except = one(
        json!({ "Effect": "Deny", "NotPrincipal": { "AWS": ANN }, "Action": "*", "Resource": "*" }),
    );
    let fields = json!({ "identityPolicies": [allow_all()], "resourcePolicy": except });
    rows.push(row(
        "NotPrincipal, listed",
        case(ANN, "sqs:SendMessage", QUEUE, fields.clone()),
        "A",
    ));
    rows.push(row(
        "NotPrincipal, not listed",
        case(DEV, "sqs:SendMessage", QUEUE, fields.clone()),
        "XD",
    ));
    let mut bounded = fields;
    bounded["boundary"] = allow_all();
    rows.push(row(
        "NotPrincipal, listed, with a boundary",
        case(ANN, "sqs:SendMessage", QUEUE, bounded),
        "XD",
    ));
    check("§2.6 implicit denies", rows);
}

#[test]
fn root_and_exceptions() {
    let root = "arn:aws:iam::111111111111:root";
    let flags = json!({ "rootUser": true });
    let deny_all =
        || one(json!({ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*" }));
    let bucket = "arn:aws:s3:::b";
    let reserved = "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/X";
    let all = || json!({ "identityPolicies": [allow_all()] });
    let with = |policy: Value| json!({ "resourcePolicy": policy, "flags": flags });
    let rows = vec![
        row(
            "root alone",
            case(root, "sqs:SendMessage", QUEUE, json!({ "flags": flags })),
            "A",
        ),
        row(
            "root: identity does not exist",
            case(
                root,
                "sqs:SendMessage",
                QUEUE,
                json!({ "flags": flags, "identityPolicies": [deny("*")], "boundary": deny("*") }),
            ),
            "A",
        ),
        row(
            "root: bucket policy",
            case(root, "s3:GetBucketPolicy", bucket, with(deny_all())),
            "XD",
        ),
        row(
            "root: delete the bucket policy",
            case(root, "s3:DeleteBucketPolicy", bucket, with(deny_all())),
            "A",
        ),
        row(
            "root: put the bucket policy",
            case(root, "s3:PutBucketPolicy", bucket, with(deny_all())),
            "A",
        ),
        row(
            "root: SCP",
            case(
                root,
                "sqs:SendMessage",
                QUEUE,
                json!({ "flags": flags, "scps": [[]] }),
            ),
            "ID",
        ),
        row(
            "root: key without a policy",
            case(root, "kms:Decrypt", KEY, json!({ "flags": flags })),
            "ID",
        ),
        row(
            "root: key policy",
            case(root, "kms:Decrypt", KEY, with(to(json!({ "AWS": root })))),
            "A",
        ),
        row(
            "caller identity",
            case(
                ANN,
                "sts:GetCallerIdentity",
                "*",
                json!({ "identityPolicies": [deny("*")] }),
            ),
            "A",
        ),
        row(
            "reserved role: write",
            case(DEV, "iam:PutRolePolicy", reserved, all()),
            "ID",
        ),
        row(
            "reserved role: read",
            case(DEV, "iam:GetRole", reserved, all()),
            "A",
        ),
        row(
            "managed policy of AWS: write",
            case(DEV, "iam:DeletePolicy", "arn:aws:iam::aws:policy/X", all()),
            "ID",
        ),
        row(
            "managed policy of AWS: denied",
            case(
                DEV,
                "iam:DeletePolicy",
                "arn:aws:iam::aws:policy/X",
                json!({ "identityPolicies": [deny("iam:*")] }),
            ),
            "XD",
        ),
    ];
    check("§2.6 root and exceptions", rows);
}
