//! The tables of `policies.md` §2.5 and §2.6: organizations, same account and cross account,
//! through engine and oracle.

use crate::rows::{check, lines, requests};

const CASES: &str = r#"
same: identity | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"]} | A
same: resource, direct | @ann sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "@ann"}}} | A
same: resource, role | @dev sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "@path"}}} | A
same: resource, account | @ann sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "111111111111"}}} | ID
same: resource, root | @ann sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "@root"}}} | ID
same: neither | @ann sqs:SendMessage @queue | {} | ID
cross: identity only | @eve sqs:SendMessage @queue | {"identityPolicies": ["+*"]} | ID
cross: resource only | @eve sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "@eve"}}} | ID
cross: both, direct | @eve sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"to": {"AWS": "@eve"}}} | A
cross: both, account | @eve sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"to": {"AWS": "222222222222"}}} | A
cross: account of another partition | @eve sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"to": {"AWS": "arn:aws-cn:iam::222222222222:root"}}} | ID
cross: resourceAccount | @ann s3:GetObject @object | {"identityPolicies": ["+*"], "resourceAccount": "222222222222"} | ID
trust: direct | @ann sts:AssumeRole @ops | {"resourcePolicy": {"trusts": {"AWS": "@ann"}}} | A
trust: role | @dev sts:AssumeRole @ops | {"resourcePolicy": {"trusts": {"AWS": "@role"}}} | A
trust: account alone | @ann sts:AssumeRole @ops | {"resourcePolicy": {"trusts": {"AWS": "111111111111"}}} | ID
trust: account and identity | @ann sts:AssumeRole @ops | {"identityPolicies": ["+*"], "resourcePolicy": {"trusts": {"AWS": "111111111111"}}} | A
trust: identity alone | @ann sts:AssumeRole @ops | {"identityPolicies": ["+*"]} | ID
trust: tags, identity alone | @ann sts:TagSession @ops | {"identityPolicies": ["+*"]} | ID
trust: source identity, identity alone | @ann sts:SetSourceIdentity @ops | {"identityPolicies": ["+*"]} | ID
not a trust question | @ann iam:GetRole @ops | {"identityPolicies": ["+*"]} | A
kms: direct | @ann kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "@ann"}}} | A
kms: account alone | @ann kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "111111111111"}}} | ID
kms: account and identity | @ann kms:Decrypt @key | {"identityPolicies": ["+*"], "resourcePolicy": {"to": {"AWS": "111111111111"}}} | A
kms: identity alone | @ann kms:Decrypt @key | {"identityPolicies": ["+*"]} | ID
service: named | @sns sqs:SendMessage @queue | {"resourcePolicy": {"to": {"Service": "@sns"}}} | A
service: identity does not count | @sns sqs:SendMessage @queue | {"identityPolicies": ["+*"]} | ID
service: another | @sns sqs:SendMessage @queue | {"resourcePolicy": {"to": {"Service": "s3.amazonaws.com"}}} | ID
service: no SCPs | @sns sqs:SendMessage @queue | {"resourcePolicy": {"to": {"Service": "@sns"}}, "scps": [["-*"]]} | A
federated: trusted | @idp sts:AssumeRoleWithSAML @ops | {"resourcePolicy": {"trusts": {"Federated": "@idp"}}} | A
federated: another | @idp sts:AssumeRoleWithSAML @ops | {"resourcePolicy": {"trusts": {"Federated": "accounts.google.com"}}} | ID
federated: a host | accounts.google.com sts:AssumeRoleWithWebIdentity @ops | {"resourcePolicy": {"trusts": {"Federated": "accounts.google.com"}}} | A
anonymous: * | nobody sqs:SendMessage @queue | {"resourcePolicy": {"to": "*"}} | A
anonymous: AWS * | nobody sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "*"}}} | A
anonymous: account | nobody sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "111111111111"}}} | ID
anonymous: nothing else counts | nobody sqs:SendMessage @queue | {"resourcePolicy": {"to": "*"}, "identityPolicies": ["-*"], "boundary": "-*", "session": "-*", "scps": [["-*"]]} | A
a deleted principal | @ann sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "AIDAEXAMPLE0000000000"}}} | ID
"#;

#[test]
fn same_and_cross_account() {
    check("§2.6 cases", requests(CASES));
}

/// Grantee, requester, and the word without a statement in identity, boundary and session policies.
const BESIDE: &str = r#"
{"AWS": "@ann"} | @ann | A | A | A
"*" | @ann | A | A | ID
"*" | @dev | A | A | ID
{"AWS": "@role"} | @dev | A | ID | ID
{"AWS": "@role"} | @role | A | ID | ID
{"AWS": "@dev"} | @dev | A | A | A
{"AWS": "111111111111"} | @ann | ID | ID | ID
"#;

#[test]
fn implicit_denies_beside_resource_grants() {
    let mut rows = Vec::new();
    for cells in lines(BESIDE) {
        let [granted, who, wants @ ..] = &cells[..] else {
            panic!("{cells:?}");
        };
        let silent = ["identityPolicies", "boundary", "session"];
        for (layer, wants) in silent.iter().zip(wants) {
            let narrow = if *layer == "identityPolicies" {
                r#"["+ec2:*"]"#
            } else {
                r#""+ec2:*""#
            };
            rows.push(format!(
                "{granted}, {layer} says nothing | {who} sqs:SendMessage @queue \
                 | {{\"resourcePolicy\": {{\"to\": {granted}}}, \"{layer}\": {narrow}}} | {wants}"
            ));
        }
    }
    check("§2.6 implicit denies", requests(&rows.join("\n")));
}

const LIMITS: &str = r#"
cross account, boundary silent | @eve sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"to": {"AWS": "@eve"}}, "boundary": "+s3:*"} | ID
cross account, session silent | @eve sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"to": {"AWS": "@eve"}}, "session": "+s3:*"} | ID
boundary silent | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "boundary": "+s3:*"} | ID
session silent | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "session": "+s3:*"} | ID
all three | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "boundary": "+sqs:*", "session": "+sqs:*"} | A
NotPrincipal, user and account | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann", "@root"]}}} | A
NotPrincipal, user and account id | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann", "111111111111"]}}} | A
NotPrincipal, user without the account | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann"]}}} | XD
NotPrincipal, account without the user | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@root"]}}} | XD
NotPrincipal, account id without the user | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["111111111111"]}}} | XD
NotPrincipal, another of the account | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann", "@root"]}}} | XD
NotPrincipal, an account of another partition | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann", "arn:aws-cn:iam::111111111111:root"]}}} | XD
NotPrincipal, session, role and account | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@dev", "@role", "@root"]}}} | A
NotPrincipal, session and account | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@dev", "@root"]}}} | XD
NotPrincipal, role and account | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@role", "@root"]}}} | XD
NotPrincipal, session and role | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@dev", "@role"]}}} | XD
NotPrincipal, the role itself and account | @role sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@role", "@root"]}}} | A
NotPrincipal, the role itself | @role sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@role"]}}} | XD
NotPrincipal, not listed | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann"]}}} | XD
NotPrincipal, listed, with a boundary | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"except": {"AWS": ["@ann", "@root"]}}, "boundary": "+*"} | XD
NotPrincipal, root by its account | @root sqs:SendMessage @queue | {"resourcePolicy": {"except": {"AWS": "@root"}}} | A
NotPrincipal, root not listed | @root sqs:SendMessage @queue | {"resourcePolicy": {"except": {"AWS": "@ann"}}} | XD
NotPrincipal, a service | @sns sqs:SendMessage @queue | {"resourcePolicy": {"except": {"Service": "@sns"}}} | ID
NotPrincipal, another service | @sns sqs:SendMessage @queue | {"resourcePolicy": {"except": {"Service": "s3.amazonaws.com"}}} | XD
root alone | @root sqs:SendMessage @queue | {"flags": {"rootUser": true}} | A
root: identity does not exist | @root sqs:SendMessage @queue | {"identityPolicies": ["-*"], "boundary": "-*"} | A
root: the bucket policy denies | @root s3:ListBucket @bucket | {"resourcePolicy": {"denied": "*"}} | XD
root: reads the bucket policy | @root s3:GetBucketPolicy @bucket | {"resourcePolicy": {"denied": "*"}} | A
root: an SCP denies the bucket policy | @root s3:GetBucketPolicy @bucket | {"scps": [["-*"]]} | XD
root: the queue policy denies | @root sqs:SendMessage @queue | {"resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}} | XD
root: reads the queue policy | @root sqs:GetQueueAttributes @queue | {"resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}} | A
root: puts the queue policy | @root sqs:SetQueueAttributes @queue | {"resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}} | A
root alone escapes the queue policy | @ann sqs:SetQueueAttributes @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}} | XD
root: deletes the bucket policy | @root s3:DeleteBucketPolicy @bucket | {"resourcePolicy": {"denied": "*"}} | A
root: puts the bucket policy | @root s3:PutBucketPolicy @bucket | {"resourcePolicy": {"denied": "*"}} | A
root: not in another account | @root s3:PutBucketPolicy @bucket | {"resourcePolicy": {"denied": "*"}, "resourceAccount": "222222222222"} | XD
root: SCP | @root sqs:SendMessage @queue | {"scps": [[]]} | ID
root: RCP | @root s3:GetObject @object | {"rcps": [[{"denied": "*"}]]} | XD
root: key without a policy | @root kms:Decrypt @key | {} | ID
root: key policy | @root kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "@root"}}} | A
root: another account | @root sqs:SendMessage @queue | {"resourceAccount": "222222222222"} | ID
root: another account allows | @root sqs:SendMessage @queue | {"resourceAccount": "222222222222", "resourcePolicy": {"to": {"AWS": "111111111111"}}} | A
root: takes no role | @root sts:AssumeRole @ops | {"resourcePolicy": {"trusts": {"AWS": "@root"}}} | ID
root: takes no role of another account | @root sts:AssumeRole @ops | {"resourceAccount": "222222222222", "resourcePolicy": {"trusts": {"AWS": "@root"}}} | ID
root: reads a role | @root iam:GetRole @ops | {} | A
caller identity | @ann sts:GetCallerIdentity * | {"identityPolicies": ["-*"]} | A
session token, a user | @ann sts:GetSessionToken * | {"identityPolicies": ["-*"], "scps": [["-*"]], "boundary": "-*"} | A
session token, the root user | @root sts:GetSessionToken * | {"scps": [["-*"]]} | A
session token, a session | @dev sts:GetSessionToken * | {} | ID
access key info | @ann sts:GetAccessKeyInfo * | {} | ID
decode a message | @ann sts:DecodeAuthorizationMessage * | {} | ID
reserved role: write | @dev iam:PutRolePolicy @reserved | {"identityPolicies": ["+*"]} | ID
reserved role: write by root | @root iam:PutRolePolicy @reserved | {} | ID
reserved role: write by Identity Center with the caller's rights | @dev iam:PutRolePolicy @reserved | {"context": {"aws:CalledVia": ["sso.amazonaws.com"]}, "identityPolicies": ["+*"]} | A
reserved role: the caller has none | @dev iam:PutRolePolicy @reserved | {"context": {"aws:CalledVia": ["sso.amazonaws.com"]}, "identityPolicies": ["+s3:*"]} | ID
reserved role: write by another service with the caller's rights | @dev iam:PutRolePolicy @reserved | {"context": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}, "identityPolicies": ["+*"]} | ID
reserved role: read | @dev iam:GetRole @reserved | {"identityPolicies": ["+*"]} | A
policy of AWS: write | @dev iam:DeletePolicy @managed | {"identityPolicies": ["+*"]} | ID
policy of AWS: read | @dev iam:GetPolicy @managed | {"identityPolicies": ["+*"]} | A
policy of AWS: denied | @dev iam:DeletePolicy @managed | {"identityPolicies": ["-iam:*"]} | XD
"#;

#[test]
fn limits_root_and_exceptions() {
    check("§2.6 limits, root, exceptions", requests(LIMITS));
}

/// Rules from AWS's pages that the tables omit (`policies.md` §0).
const BESIDE_THE_TABLES: &str = r#"
a pattern of principals: boundary and session silent | @dev sqs:SendMessage @queue | {"context": {"aws:PrincipalArn": "@role"}, "boundary": "+ec2:*", "session": "+ec2:*", "resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/*"}}}]}} | A
a pattern of principals: another one | @dev sqs:SendMessage @queue | {"context": {"aws:PrincipalArn": "@role"}, "resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/*"}}}]}} | ID
no pattern: session silent | @dev sqs:SendMessage @queue | {"context": {"aws:PrincipalArn": "@role"}, "session": "+ec2:*", "resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "@role"}}}]}} | ID
a negated pattern: session silent | @dev sqs:SendMessage @queue | {"context": {"aws:PrincipalArn": "@role"}, "session": "+ec2:*", "resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}}]}} | ID
no Resource | @ann sqs:SendMessage @queue | {"resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "@ann"}, "Action": "sqs:*"}]}} | A
no Resource: denied | @ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "resourcePolicy": {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*"}]}} | XD
a federated user without a session policy | arn:aws:sts::111111111111:federated-user/ann sqs:SendMessage @queue | {"identityPolicies": ["+*"]} | ID
a federated user, identity denies | arn:aws:sts::111111111111:federated-user/ann sqs:SendMessage @queue | {"identityPolicies": ["-*"], "resourcePolicy": {"to": "*"}} | XD
a federated user with a session policy | arn:aws:sts::111111111111:federated-user/ann sqs:SendMessage @queue | {"identityPolicies": ["+*"], "session": "+sqs:*"} | A
a federated user named by the resource | arn:aws:sts::111111111111:federated-user/ann sqs:SendMessage @queue | {"resourcePolicy": {"to": {"AWS": "arn:aws:sts::111111111111:federated-user/ann"}}} | A
past the colon, denied | @ann dynamodb:GetItem arn:aws:dynamodb:eu-west-1:111111111111:table/prod-x | {"identityPolicies": ["+*", {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "arn:aws:dynamodb:*:table/prod-*"}]}]} | XD
past the colon, another table | @ann dynamodb:GetItem arn:aws:dynamodb:eu-west-1:111111111111:table/test-x | {"identityPolicies": ["+*", {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "arn:aws:dynamodb:*:table/prod-*"}]}]} | A
ARN operators stay inside | @ann sqs:SendMessage @queue | {"context": {"aws:PrincipalArn": "@ann"}, "identityPolicies": [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:*::user/ann"}}}]}]} | ID
"#;

#[test]
fn what_the_pages_say_beside_the_tables() {
    check("§0", requests(BESIDE_THE_TABLES));
}

const INHERITANCE: &str = r#"
["+*"], ["+*"], ["+*"] | @dev | false | A | A
["+*"], ["+*", "-ec2:*"], ["+*"] | @dev | false | XD | A
["+*"], ["+s3:*"], ["+*"] | @dev | false | ID | A
["+*"], ["+s3:*"], ["+*", "-ec2:*"] | @dev | false | XD | A
["+*"], [], ["+*"] | @dev | false | ID | ID
["+s3:*"], ["+*"], ["+*"] | @dev | false | ID | A
["+*"], ["+*", "-ec2:*"], ["+*"] | @dev | true | A | A
["+*"], ["+*", "-ec2:*"], ["+*"] | @linked | false | A | A
["+*"], ["+*", "-ec2:*"], ["+*"] | @root | false | XD | A
"#;

#[test]
fn inheritance() {
    let mut rows = Vec::new();
    for cells in lines(INHERITANCE) {
        let [levels, who, management, run, get] = cells[..] else {
            panic!("{cells:?}");
        };
        for (asked, wants) in [
            ("ec2:RunInstances @instance", run),
            ("s3:GetObject @object", get),
        ] {
            rows.push(format!(
                "{levels}, management {management} | {who} {asked} \
                 | {{\"identityPolicies\": [\"+*\"], \"scps\": [{levels}], \
                 \"flags\": {{\"managementAccount\": {management}}}}} | {wants}"
            ));
        }
    }
    check("§2.5", requests(&rows.join("\n")));
}

const RCPS: &str = r#"
denies | @dev s3:GetObject @object | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]]} | XD
others pass | @dev sqs:SendMessage @queue | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]]} | A
empty levels only subtract | @dev s3:GetObject @object | {"identityPolicies": ["+*"], "rcps": [[], []]} | A
service-linked role | @linked s3:GetObject @object | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]]} | A
anonymous | nobody s3:GetObject @object | {"resourcePolicy": {"to": "*"}, "rcps": [[{"denied": "*"}]]} | XD
service | @sns s3:GetObject @object | {"resourcePolicy": {"to": "*"}, "rcps": [[{"denied": "*"}]]} | XD
of the management account | @dev s3:GetObject @object | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]], "flags": {"managementAccount": true}} | A
management account, resource elsewhere | @dev s3:GetObject @object | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]], "flags": {"managementAccount": true}, "resourceAccount": "222222222222"} | XD
a key is taken for a customer's | @dev kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "@dev"}}, "rcps": [[{"denied": "*"}]]} | XD
a key that AWS manages, by its alias | @dev kms:Decrypt arn:aws:kms:eu-west-1:111111111111:alias/aws/s3 | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]]} | A
a key that AWS manages, by what the request says of it | @dev kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "@dev"}}, "rcps": [[{"denied": "*"}]], "context": {"kms:ResourceAliases": ["alias/aws/s3"]}} | A
a key that AWS manages, by the alias it is asked by | @dev kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "@dev"}}, "rcps": [[{"denied": "*"}]], "context": {"kms:RequestAlias": "alias/aws/s3"}} | A
an alias of a customer's | @dev kms:Decrypt @key | {"resourcePolicy": {"to": {"AWS": "@dev"}}, "rcps": [[{"denied": "*"}]], "context": {"kms:ResourceAliases": ["alias/awsome"]}} | XD
retiring a grant is not limited | @dev kms:RetireGrant @key | {"resourcePolicy": {"to": {"AWS": "@dev"}}, "rcps": [[{"denied": "*"}]]} | A
such a word of what is no key | @dev s3:GetObject @object | {"identityPolicies": ["+*"], "rcps": [[{"denied": "*"}]], "context": {"kms:ResourceAliases": ["alias/aws/s3"]}} | XD
"#;

#[test]
fn resource_control_policies() {
    check("§2.5 RCPs", requests(RCPS));
}
