//! Table of codes (`policies.md` §6): numbers, names, explanations. Source of `--help`, the
//! reference page and SARIF rules.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// Ascending severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    /// Probably unintended.
    Warning,
    /// AWS refuses it, or it has a different effect.
    Error,
}

impl Severity {
    /// Error if certain, else warning.
    pub(super) fn error_if(is_certain: bool) -> Self {
        if is_certain {
            Self::Error
        } else {
            Self::Warning
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Info, Self::Warning, Self::Error]
            .into_iter()
            .find(|it| it.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not one of error, warning, info"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LintCodeFacts {
    /// Number in the specification.
    pub number: u8,
    pub name: &'static str,
    /// Default severity.
    pub severity: Severity,
    /// Trigger, in one line.
    pub fires: &'static str,
    /// Remedy.
    pub help: &'static str,
    /// Policy fragment with the finding.
    pub example: &'static str,
}

/// Generates the enum, the list and the table from the same rows.
macro_rules! rules {
    ($($number:literal $variant:ident $name:literal $severity:ident
       $fires:literal $help:literal $example:literal)*) => {
        /// The code of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LintCode { $($variant),* }

        impl LintCode {
            /// In specification order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            pub fn about(self) -> &'static LintCodeFacts {
                match self {
                    $(Self::$variant => &LintCodeFacts {
                        number: $number,
                        name: $name,
                        severity: Severity::$severity,
                        fires: $fires,
                        help: $help,
                        example: $example,
                    }),*
                }
            }
        }
    };
}

rules! {
    1 JsonSyntax "JSON_SYNTAX" Error
    "the text is not JSON, too large or nested too deep"
    "repair the place that is named; comments and trailing commas are not JSON"
    r#"{"Version": "2012-10-17",}"#

    2 DupKey "DUP_KEY" Error
    "a key stands twice in one object"
    "merge both into one; AWS refuses, other tools silently keep the last"
    r#""Action": "s3:Get*", "Action": "s3:Put*""#

    3 UnknownElement "UNKNOWN_ELEMENT" Error
    "an element is not in the grammar, is spelled in another case, or has the wrong form"
    "use the element's exact name and form"
    r#""resource": "*""#

    4 VersionMissing "VERSION_MISSING" Warning
    "there is no `Version`; an error where `${` occurs, since variables are then literal text"
    "add `\"Version\": \"2012-10-17\"`"
    r#"{"Statement": []}"#

    5 VersionOld "VERSION_OLD" Warning
    "`Version` is 2008-10-17; an error where `${` occurs"
    "write 2012-10-17, the version with policy variables"
    r#""Version": "2008-10-17""#

    6 VersionInvalid "VERSION_INVALID" Error
    "`Version` is a date that is no version of the language"
    "write 2012-10-17; it is the language's version, not your document's"
    r#""Version": "2012-10-07""#

    7 SidInvalid "SID_INVALID" Error
    "a `Sid` has characters other than letters and digits"
    "keep letters and digits only; watch for blanks at the ends"
    r#""Sid": " DenyX""#

    8 SidDuplicate "SID_DUPLICATE" Error
    "two statements have the same `Sid`"
    "give each statement its own"
    r#""Sid": "A" … "Sid": "A""#

    9 EffectInvalid "EFFECT_INVALID" Error
    "`Effect` is missing or neither `Allow` nor `Deny`"
    "write `Allow` or `Deny`, in this case"
    r#""Effect": "allow""#

    10 PairBoth "PAIR_BOTH" Error
    "both elements of a pair that exclude each other"
    "keep one; two rules need two statements"
    r#""Action": "s3:*", "NotAction": "iam:*""#

    11 PairNone "PAIR_NONE" Error
    "a statement has neither element of a pair that it needs"
    "add the missing `Action` or `Resource`"
    r#"{"Effect": "Allow", "Action": "s3:GetObject"}"#

    12 PrincipalForbidden "PRINCIPAL_FORBIDDEN" Error
    "a principal in a type of policy that has none"
    "remove it, or check `--type`: only resource, trust and resource control policies name principals"
    r#""Principal": "*" (identity)"#

    13 PrincipalRequired "PRINCIPAL_REQUIRED" Error
    "no principal in a type of policy that needs one"
    "name the principals of the statement"
    r#"{"Effect": "Allow", "Action": "s3:GetObject", …} (resource)"#

    14 ActionMalformed "ACTION_MALFORMED" Error
    "an action is not `service:Name`: no colon, blanks, or a wildcard in the service"
    "write the service's prefix, a colon and the name"
    r#""Action": "GetObject""#

    15 ActionUnknown "ACTION_UNKNOWN" Error
    "no such service or action; a warning where it may be newer than the data"
    "use the nearest known name, or check the service's page of the Service Authorization Reference"
    r#""Action": "s3:GetObjet""#

    16 ActionWildcardEmpty "ACTION_WILDCARD_EMPTY" Warning
    "a pattern matches no known action"
    "correct the pattern or remove it"
    r#""Action": "s3:Gett*""#

    17 ActionRedundant "ACTION_REDUNDANT" Info
    "another entry of the list covers the action"
    "remove it"
    r#""Action": ["s3:Get*", "s3:GetObject"]"#

    18 ActionStarAllow "ACTION_STAR_ALLOW" Warning
    "an Allow of every action, or of every action of a service"
    "list the needed actions"
    r#""Effect": "Allow", "Action": "s3:*""#

    19 NotActionAllow "NOTACTION_ALLOW" Warning
    "an Allow with `NotAction` grants all else, also what AWS adds later"
    "list the needed ones by `Action`, or deny the others"
    r#""Effect": "Allow", "NotAction": "iam:*""#

    20 ResourceMalformed "RESOURCE_MALFORMED" Error
    "a resource is neither `*` nor an ARN, or its partition, region or account cannot be"
    "write `arn:partition:service:region:account:resource`"
    r#""Resource": "my-bucket/*""#

    21 ResourceMismatch "RESOURCE_MISMATCH" Error
    "no listed resource is of a type that the action works on: the entry never applies; a warning where AWS's reference may be incomplete"
    "list a resource of the type the message names"
    r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket""#

    22 ResourcePartial "RESOURCE_PARTIAL" Error
    "the action is checked against several types of resources, and some are not listed; info where they may be alternatives"
    "list a resource of every required type"
    r#""Action": "sso:CreateAccountAssignment", "Resource": "arn:aws:sso:::account/*""#

    23 ResourceStar "RESOURCE_STAR" Warning
    "an Allow on `*` of actions that can be limited to resources"
    "list the resources, or limit them by a condition on the resource"
    r#""Action": "s3:GetObject", "Resource": "*""#

    24 ResourceStarRequired "RESOURCE_STAR_REQUIRED" Info
    "a specific ARN for an action that, as far as AWS's reference says, works on no resource: the entry never applies then"
    "give the action a statement with `\"Resource\": \"*\"`, unless it is known to take this ARN; the reference is incomplete"
    r#""Action": "s3:ListAllMyBuckets", "Resource": "arn:aws:s3:::bucket""#

    25 Placeholder "PLACEHOLDER" Error
    "a placeholder was left: `<…>`, `REPLACE`, `XXX`, `${param}`; with `--prod` example account ids"
    "put in the real value, without brackets"
    r#""<arn:aws:iam::*:role/admin>""#

    26 OperatorUnknown "OPERATOR_UNKNOWN" Error
    "a condition operator that does not exist; informational where only its case is unusual"
    "use the operator's canonical name"
    r#""StringMatches": {…}"#

    27 OperatorType "OPERATOR_TYPE" Warning
    "the operator does not suit the type of the key"
    "use an operator of the key's type, such as ArnLike for ARNs or IpAddress for addresses"
    r#""StringEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}"#

    28 WildcardInEquals "WILDCARD_IN_EQUALS" Warning
    "`*` or `?` in a value that is compared literally"
    "use StringLike or ArnLike, or write the whole value"
    r#""StringEquals": {"aws:PrincipalTag/team": "a*"}"#

    29 KeyUnknown "KEY_UNKNOWN" Warning
    "a condition key that is neither global nor one of the services named"
    "correct the key; one that is never in the request never matches"
    r#""aws:SorceIp": "192.0.2.1""#

    30 KeyNotForAction "KEY_NOT_FOR_ACTION" Warning
    "the key is never in the request of an action listed with it"
    "move the action to a statement without this condition"
    r#""Action": "secretsmanager:ListSecrets" with aws:ResourceTag/x"#

    31 KeysAndedInDeny "KEYS_ANDED_IN_DENY" Warning
    "several keys under one negated operator (or Null) in a Deny: it fires only when all of them differ"
    "write one statement per key, unless all have to match"
    r#""Deny" … "StringNotEquals": {"aws:RequestTag/a": "x", "aws:RequestTag/b": "y"}"#

    32 NullContradiction "NULL_CONTRADICTION" Error
    "a key must be absent and have a value: the statement never applies"
    "remove one of the two"
    r#""Null": {"aws:TagKeys": "true"}, "StringEquals": {"aws:TagKeys": "a"}"#

    33 IfExistsNoop "IFEXISTS_NOOP" Info
    "`IfExists` on a negated or set operator changes nothing"
    "drop the suffix; to let requests without the key pass, add `Null` `\"false\"`"
    r#""StringNotEqualsIfExists": {…}"#

    34 ForallAllowVacuous "FORALL_ALLOW_VACUOUS" Warning
    "ForAllValues in an Allow holds when the key is absent"
    "add `\"Null\": {\"KEY\": \"false\"}`"
    r#""Allow" … "ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}"#

    35 SetNeeded "SET_NEEDED" Warning
    "a key with several values without a set operator never matches"
    "write ForAnyValue: or ForAllValues: before the operator"
    r#""StringEquals": {"aws:TagKeys": "a"}"#

    36 SetOnSingle "SET_ON_SINGLE" Warning
    "a set operator on a key with one value"
    "drop ForAllValues: or ForAnyValue:; ForAllValues also holds without the key"
    r#""ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-…"}"#

    37 MfaBoolAbsent "MFA_BOOL_ABSENT" Warning
    "the key is absent with long-term keys: this Deny misses them, or this Allow lets them in"
    "Deny by BoolIfExists `false`; Allow by Bool `true`"
    r#""Deny" … "Bool": {"aws:MultiFactorAuthPresent": "false"}"#

    38 ValueType "VALUE_TYPE" Error
    "a value is not of the operator's or key's type: the comparison always fails"
    "write a number, date, boolean, CIDR, ARN or account id, as the message says"
    r#""DateLessThan": {"aws:CurrentTime": "tomorrow"}"#

    39 CidrHostBits "CIDR_HOST_BITS" Warning
    "an address has bits set behind its prefix"
    "write the network's address, or a longer prefix"
    r#""aws:SourceIp": "192.0.2.5/24""#

    40 CidrPrivate "CIDR_PRIVATE" Warning
    "a private range for aws:SourceIp, which is always a public address"
    "use aws:VpcSourceIp with aws:SourceVpc, or the public address of the gateway"
    r#""aws:SourceIp": "10.0.0.0/8""#

    41 VariableUnknown "VARIABLE_UNKNOWN" Warning
    "a policy variable of a key that is not known"
    "correct the name; a variable without value matches nothing"
    r#""${aws:usernam}""#

    42 VariablePlace "VARIABLE_PLACE" Error
    "a policy variable where none is replaced"
    "variables work in the last part of resource ARNs and in values of string, ARN and Bool operators, version 2012-10-17"
    r#""Action": "s3:${aws:username}""#

    43 VariableNullNegated "VARIABLE_NULL_NEGATED" Info
    "a negated operator on a variable that may be absent: it holds then"
    "fine for a Deny that shall fail closed; else give a default: `${key, 'none'}`"
    r#""StringNotEquals": {"aws:ResourceTag/a": "${aws:PrincipalTag/a}"}"#

    44 PrincipalWildcard "PRINCIPAL_WILDCARD" Error
    "a wildcard inside a principal"
    "list each principal, or use `*` with a condition on aws:PrincipalArn"
    r#""AWS": "arn:aws:iam::111122223333:role/*""#

    45 PrincipalPublic "PRINCIPAL_PUBLIC" Warning
    "an Allow for everyone without a condition that limits who"
    "name principals, or add a condition such as aws:PrincipalOrgID"
    r#""Effect": "Allow", "Principal": "*""#

    46 NotPrincipalAllow "NOTPRINCIPAL_ALLOW" Error
    "`NotPrincipal` with Allow grants to everyone else"
    "use Principal with a condition"
    r#""Effect": "Allow", "NotPrincipal": {…}"#

    46 NotPrincipalIncomplete "NOTPRINCIPAL_INCOMPLETE" Warning
    "a Deny with `NotPrincipal` lists a user, role or session without its role and account: it is denied anyway"
    "list session, role and account together, or use a condition on aws:PrincipalArn"
    r#""NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/u"}"#

    47 PrincipalOrphan "PRINCIPAL_ORPHAN" Warning
    "a principal is the id of a deleted user or role"
    "remove it; a new entity of the same name has another id"
    r#""AWS": "AROAEXAMPLEID12345678""#

    48 ConfusedDeputy "CONFUSED_DEPUTY" Warning
    "a service may act here for anyone's resources"
    "add aws:SourceAccount, aws:SourceArn or aws:SourceOrgID"
    r#""Principal": {"Service": "cloudtrail.amazonaws.com"}"#

    49 TrustOidcNoSub "TRUST_OIDC_NO_SUB" Error
    "a role trusts every subject of an identity provider"
    "compare PROVIDER:sub, and PROVIDER:aud, with what you expect"
    r#""Federated": "…:oidc-provider/token.actions.githubusercontent.com""#

    50 TrustExternalNoId "TRUST_EXTERNAL_NO_ID" Warning
    "a role trusts another account without an external id; informational when your accounts are not known"
    "compare sts:ExternalId; name your own accounts by `--tree` or `--own-account`"
    r#""Principal": {"AWS": "999999999999"}, "Action": "sts:AssumeRole""#

    51 PrivEsc "PRIV_ESC" Warning
    "the actions allowed suffice to gain any permission"
    "remove the actions, limit their resources, or require a permissions boundary"
    r#""Allow" iam:PassRole + ec2:RunInstances"#

    52 PassRoleStar "PASSROLE_STAR" Warning
    "any role may be passed to any service"
    "list the roles, and compare iam:PassedToService"
    r#""Action": "iam:PassRole", "Resource": "*""#

    53 DataExfil "DATA_EXFIL" Info
    "data can be read from every resource"
    "limit the resources"
    r#""Action": "s3:GetObject", "Resource": "*""#

    54 CredentialsExposure "CREDENTIALS_EXPOSURE" Info
    "answers hold credentials, for every resource"
    "limit the resources"
    r#""Action": "redshift:GetClusterCredentials", "Resource": "*""#

    55 ResourceExposure "RESOURCE_EXPOSURE" Info
    "permissions of every resource can be changed"
    "limit the resources"
    r#""Action": "s3:PutBucketPolicy", "Resource": "*""#

    56 ServiceWildcard "SERVICE_WILDCARD" Info
    "every action of a service on every resource"
    "list the needed actions"
    r#""Action": "sqs:*", "Resource": "*""#

    57 ScpLanguage "SCP_LANGUAGE" Error
    "not part of the chosen language level of service control policies"
    "rewrite it, or choose `--scp-language full`"
    r#""Effect": "Allow", "Action": "*", "Resource": "arn:…" (classic)"#

    58 ScpNoAllowAtLevel "SCP_NO_ALLOW_AT_LEVEL" Error
    "with `--tree`: a root, unit or account where no service control policy allows anything"
    "attach FullAWSAccess, or another policy with an Allow, at every level"
    "an organizational unit with only a Deny attached"

    59 ScpLockout "SCP_LOCKOUT" Error
    "a Deny of everything, or of what would undo it, for everyone and for ever"
    "exempt a role by ArnNotLike aws:PrincipalArn, or set an end by DateLessThan aws:CurrentTime"
    r#""Effect": "Deny", "Action": "*", "Resource": "*""#

    60 ScpSlrNoop "SCP_SLR_NOOP" Info
    "an exemption of service-linked roles, which service control policies do not reach anyway"
    "remove it"
    r#""ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-service-role/*"}"#

    61 RcpServiceUnsupported "RCP_SERVICE_UNSUPPORTED" Error
    "resource control policies do not reach this service"
    "name a service that they reach"
    r#""Action": "ec2:*" (rcp)"#

    62 RcpShape "RCP_SHAPE" Error
    "a form that resource control policies do not have"
    "Deny, `\"Principal\": \"*\"`, Action of supported services, and conditions"
    r#""NotAction": "s3:*" (rcp)"#

    63 SourceIpServiceBreak "SOURCEIP_SERVICE_BREAK" Warning
    "a Deny by address also meets calls that services make with the caller's identity, and calls through VPC endpoints"
    "add BoolIfExists aws:ViaAWSService `false`, and exempt your endpoints by aws:SourceVpc"
    r#""Deny" … "NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}"#

    64 ExemptByNameAnyAccount "EXEMPT_BY_NAME_ANY_ACCOUNT" Warning
    "a role of this name is exempt in every account: anyone who may create it is exempt"
    "name the accounts, or deny creating and changing the role"
    r#""ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/admin"}"#

    65 ExemptPathCreatable "EXEMPT_PATH_CREATABLE" Warning
    "every role under a path is exempt, and members can create roles there"
    "exempt exact roles; only aws-reserved/ and aws-service-role/ are out of reach"
    r#""ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/service-role/*"}"#

    66 TagCase "TAG_CASE" Warning
    "tag keys that differ only in case, or a Deny that compares tag keys with case"
    "spell keys alike, and compare aws:TagKeys by StringEqualsIgnoreCase in a Deny"
    r#""Deny" … "ForAnyValue:StringEquals": {"aws:TagKeys": "AppID"}"#

    67 UserIdCase "USERID_CASE" Warning
    "names of sessions and source identities are compared with case, and users choose it"
    "list the variants, or use StringEqualsIgnoreCase"
    r#""StringLike": {"aws:userid": "*:john@corp.com"}"#

    68 Expired "EXPIRED" Warning
    "the window of time lies wholly in the past"
    "remove the statement or set a new end"
    r#""DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}"#

    69 Size "SIZE" Error
    "the policy is longer than AWS takes"
    "shorten or split it: `hallpass policy size --split`"
    "an inline policy of 11,000 characters"

    70 SizeNear "SIZE_NEAR" Warning
    "the policy has reached 90 % of what AWS takes"
    "shorten or split it before the next change"
    "a service control policy of 10,000 bytes"

    71 StatementShadowed "STATEMENT_SHADOWED" Info
    "an Allow that changes nothing: a Deny without condition, or a wider Allow, covers it"
    "remove it"
    "Allow s3:GetObject beside Allow s3:Get* on the same resources"

    72 MultiResourceCond "MULTI_RESOURCE_COND" Warning
    "a condition on a key that only one of the required types of resources has"
    "put the other types into a statement without this condition"
    "sso:CreateAccountAssignment with aws:ResourceTag, which accounts do not have"

    73 ShortArn "SHORT_ARN" Info
    "an ARN of fewer than six parts, without a `*` that stands for the others"
    "write all six parts"
    "arn:aws:s3 as a resource: read here as no resource; what AWS makes of it depends on the kind of policy and is not documented"

    74 Characters "CHARACTERS" Error
    "a character that AWS's API refuses in this kind of policy: control characters, and those above U+00FF"
    "write it in other characters; hyphens and quotes that were pasted from a text are often U+2011, U+2013 or U+201C"
    r#""Sid": "Read‑only" with U+2011"#
}

impl LintCode {
    pub fn as_str(self) -> &'static str {
        self.about().name
    }
}

impl fmt::Display for LintCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for LintCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FromStr for LintCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rule) = Self::ALL.iter().find(|it| it.as_str() == text) {
            return Ok(*rule);
        }
        let nearest = Self::ALL
            .iter()
            .min_by_key(|it| strsim::damerau_levenshtein(it.as_str(), &text.to_ascii_uppercase()))
            .map_or("", |it| it.as_str());
        Err(format!(
            "there is no code `{text}`; did you mean {nearest}?"
        ))
    }
}
