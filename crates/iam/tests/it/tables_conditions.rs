//! The condition tables of `policies.md` §2.4, through engine and oracle.

use serde_json::{Value, json};

use crate::rows::{ANN, OBJECT, Row, case, check, json_of, lines, one, row};

const TABLE: &str = r#"
{"StringNotEquals": {"k": ["a", "b"]}} | {"k": "a"} no | {"k": "c"} yes | {} yes
{"StringEqualsIfExists": {"k": "a"}} | {} yes | {"k": "b"} no
{"StringNotEquals": {"k": "${aws:PrincipalTag/t}"}} | {"k": "x"} yes | {} yes
{"StringEquals": {"k": "${aws:PrincipalTag/t, 'none'}"}} | {"k": "none"} yes | {"k": "x"} no
{"ForAllValues:StringEquals": {"k": ["a", "b"]}} | {"k": ["a"]} yes | {"k": ["a", "c"]} no | {"k": []} yes | {} yes
{"ForAnyValue:StringNotEquals": {"k": ["a", "b"]}} | {"k": ["a", "b"]} no | {"k": ["a", "c"]} yes | {} no
{"ForAllValues:StringNotLike": {"k": ["p/*"]}} | {"k": ["p/1"]} no | {"k": ["q"]} yes | {} yes
{"Null": {"k": "true"}, "StringEquals": {"k": "a"}} | {"k": "a"} no | {"k": "b"} no | {} no
{"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}} | {"aws:SourceIp": "10.9.9.9"} yes | {"aws:SourceIp": "2001:db8::1"} yes | {"aws:SourceIp": "11.0.0.1"} no | {} no
{"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}} | {"aws:SourceIp": "2001:db8::1"} yes | {} yes
{"DateLessThan": {"aws:TokenIssueTime": "2025-01-01T00:00:00Z"}} | {"aws:TokenIssueTime": "1735689599"} yes | {"aws:TokenIssueTime": "1735689600"} no | {} no
{"Bool": {"aws:MultiFactorAuthPresent": "false"}} | {} no
{"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}} | {} yes
{"NumericLessThanEquals": {"s3:max-keys": "10"}} | {"s3:max-keys": "10"} yes | {"s3:max-keys": "10.5"} no | {"s3:max-keys": "ten"} no
{"ArnLike": {"k": "arn:aws:iam::*:role/x-*"}} | {"k": "arn:aws:iam::111111111111:role/x-1"} yes | {"k": "arn:aws:iam::111111111111:role/p/x-1"} no
{"StringEquals": {"k": "a*"}} | {"k": "a*"} yes | {"k": "ab"} no
"#;

/// Rules in the text of `policies.md` §2.3 and §2.4.
const WORDS: &str = r#"
# an empty value list
{"StringEquals": {"k": []}} | {"k": "a"} no | {} no
{"StringNotEquals": {"k": []}} | {"k": "a"} yes | {} yes
# keys and operators in any case
{"sTRINGeQUALS": {"AWS:ResourceTag/K": "a"}} | {"aws:resourcetag/k": "a"} yes
# case folding is the simple one
{"StringEqualsIgnoreCase": {"k": "straße"}} | {"k": "STRAßE"} yes | {"k": "STRASSE"} no
{"StringEqualsIgnoreCase": {"k": "ΣΑΣ"}} | {"k": "σας"} yes
# numbers and booleans of JSON
{"NumericEquals": {"k": 10}} | {"k": "10.0"} yes | {"k": 10} yes | {"k": "+10"} yes
{"Bool": {"k": true}} | {"k": "TRUE"} yes | {"k": false} no
# times
{"DateEquals": {"k": "2025-01-01"}} | {"k": "2025-01-01T00:00:00Z"} yes | {"k": "2025-01"} yes | {"k": "2025-01-01T02:00:00.000+02:00"} yes | {"k": "1735689600000"} yes | {"k": "2024-12-31T19:00-05:00"} yes | {"k": "2025"} no
{"DateLessThan": {"k": "1970-01-01T01:00:00Z"}} | {"k": "2025"} yes
{"DateEquals": {"k": "2024-02-29"}} | {"k": "2024-02-29T00:00Z"} yes | {"k": "2024-02-30"} no
# addresses
{"IpAddress": {"k": "10.1.2.3/8"}} | {"k": "10.200.0.1"} yes | {"k": "::ffff:10.0.0.1"} no
{"IpAddress": {"k": "::ffff:10.0.0.0/104"}} | {"k": "::ffff:10.0.0.1"} yes | {"k": "10.0.0.1"} no
# bytes
{"BinaryEquals": {"k": "QUI="}} | {"k": "QUI="} yes | {"k": "QUE="} no | {"k": "!"} no
# the wrong type fails, negated or not, on either side
{"NumericEquals": {"k": "?"}} | {"k": "1"} no
{"NumericNotEquals": {"k": "?"}} | {"k": "1"} no
{"NumericNotEquals": {"k": "1"}} | {"k": "?"} no
{"DateNotEquals": {"k": "?"}} | {"k": "2025-01-01"} no
{"DateNotEquals": {"k": "2025-01-01"}} | {"k": "?"} no
{"Bool": {"k": "?"}} | {"k": "?"} no
{"NotIpAddress": {"k": "?"}} | {"k": "10.0.0.1"} no
{"NotIpAddress": {"k": "10.0.0.1"}} | {"k": "?"} no
{"ArnNotLike": {"k": "?"}} | {"k": "arn:aws:s3:::b"} no
{"ArnNotEquals": {"k": "arn:aws:s3:::b"}} | {"k": "?"} no
{"BinaryEquals": {"k": "?"}} | {"k": "?"} no
{"NumericNotEquals": {"k": ["ten", "1"]}} | {"k": "2"} no
{"NumericEquals": {"k": ["ten", "1"]}} | {"k": "1"} yes
# a list without a set operator; a single value under one; IfExists behind one
{"StringEquals": {"k": "a"}} | {"k": ["a", "b"]} no
{"StringNotEquals": {"k": "c"}} | {"k": ["a", "b"]} no
{"ForAnyValue:StringEquals": {"k": ["a", "b"]}} | {"k": "a"} yes
{"ForAnyValue:StringEqualsIfExists": {"k": "a"}} | {} no
{"ForAllValues:StringEqualsIfExists": {"k": "a"}} | {} yes
# a variable without a value, several values, no variables outside the String, Arn and Bool operators
{"StringLike": {"k": "${x}*"}} | {"k": "a"} no | {"k": "a", "x": ""} no | {"k": "a", "x": ["a"]} no | {"k": "ab", "x": "a"} yes
{"StringNotLike": {"k": ["${x}", "b"]}} | {"k": "a"} yes | {"k": "b"} no
{"StringLike": {"k": "${x}"}} | {"k": "ab", "x": "a*"} no | {"k": "a*", "x": "a*"} yes
{"Bool": {"k": "${x}"}} | {"k": "true", "x": "True"} yes | {"k": "true"} no
{"NumericEquals": {"k": "${x}"}} | {"k": "1", "x": "1"} no
# a variable may stand for a whole ARN (was held to be of the wrong type)
{"ArnEquals": {"k": "${x}"}} | {"k": "arn:aws:iam::1:role/a", "x": "arn:aws:iam::1:role/a"} yes | {"k": "arn:aws:iam::1:role/a", "x": "arn:aws:iam::1:role/*"} no
{"ArnNotEquals": {"k": "${x}"}} | {"k": "arn:aws:iam::1:role/a", "x": "arn:aws:iam::1:role/a"} no | {"k": "arn:aws:iam::1:role/a", "x": "arn:aws:iam::1:role/b"} yes | {"k": "arn:aws:iam::1:role/a"} yes | {"k": "arn:aws:iam::1:role/a", "x": "a"} no
# Null
{"Null": {"k": "true"}} | {} yes | {"k": []} yes | {"k": ""} no | {"k": ["a"]} no
{"Null": {"k": false}} | {} no | {"k": "a"} yes
{"NullIfExists": {"k": "true"}} | {} E_OPERATOR
{"ForAllValues:Null": {"k": "true"}} | {} E_OPERATOR
{"ForAnyValue:Null": {"k": "true"}} | {} E_OPERATOR
# operators that do not exist
{"StringMatches": {"k": "true"}} | {} E_OPERATOR
{"ForSomeValues:StringEquals": {"k": "true"}} | {} E_OPERATOR
{"StringEqualsIfExistsIfExists": {"k": "true"}} | {} E_OPERATOR
{"BoolNotEquals": {"k": "true"}} | {} E_OPERATOR
"#;

fn under(condition: &Value, context: &Value) -> Value {
    let statement =
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
    let fields = json!({ "identityPolicies": [one(&statement)], "context": context });
    case(ANN, "s3:GetObject", OBJECT, &fields)
}

fn rows(table: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for cells in lines(table) {
        let condition = json_of(cells[0]);
        for cell in &cells[1..] {
            let (context, wants) = cell.rsplit_once(' ').unwrap();
            let case = under(&condition, &json_of(context));
            rows.push(row(format!("{condition} with {context}"), case, wants));
        }
    }
    rows
}

#[test]
fn conditions() {
    check("§2.4", rows(TABLE));
}

#[test]
fn conditions_in_words() {
    check("§2.3, §2.4 in words", rows(WORDS));
}
