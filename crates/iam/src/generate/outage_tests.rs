//! Output and refusals of the outage generator. Decisions are in `tests/it/outage.rs`.

use super::*;
use crate::generate::Layout;

const BREAK_GLASS: &str = "arn:aws:iam::*:role/break-glass";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// `iam,route53 us-east-1 10:00..12:00 calls=writes long exempt=none …` at 09:00 of one day.
fn made(wish: &str) -> Result<Generated, String> {
    let mut services: Vec<String> = Vec::new();
    let mut roles = vec![BREAK_GLASS.to_owned()];
    let mut region = "us-east-1".to_owned();
    let mut window = at("2026-03-02T10:00:00Z")..at("2026-03-02T12:00:00Z");
    let (mut calls, mut length) = (Calls::Every, Length::Day);
    let (mut all, mut nobody, mut partition) = (false, false, Partition::Aws);
    for word in wish.split_whitespace() {
        match word.split_once('=') {
            Some(("services", list)) => services = list.split(',').map(str::to_owned).collect(),
            Some(("all-but", list)) => {
                all = true;
                services = list
                    .split(',')
                    .filter(|it| !it.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            Some(("region", text)) => region = text.to_owned(),
            Some(("start", text)) => window.start = at(text),
            Some(("end", text)) => window.end = at(text),
            Some(("partition", text)) => partition = text.parse().unwrap(),
            Some(("exempt", "")) => roles.clear(),
            Some(("exempt", role)) => roles = vec![role.to_owned()],
            _ if word == "writes" => calls = Calls::Writes,
            _ if word == "long" => length = Length::Long,
            _ if word == "no-exempt" => nobody = true,
            _ => panic!("{word}"),
        }
    }
    let wish = OutageSpec {
        partition,
        region: &region,
        services: if all {
            Services::AllBut(&services)
        } else {
            Services::Named(&services)
        },
        calls,
        window,
        length,
        exempt: if nobody {
            Exempt::Nobody
        } else {
            Exempt::Roles(&roles)
        },
        lengths: Lengths::Exact,
    };
    outage(&wish, at("2026-03-02T09:00:00Z")).map_err(|error| match error {
        Unprintable::Unusable(bad) => format!("{} {}", bad.code, bad.pointer),
        Unprintable::Broken { code, message } => format!("{code} {message}"),
    })
}

#[test]
fn the_policy_is_written_as_agreed() {
    let text = |wish| made(wish).unwrap().policy.text(Layout::Minified);
    let conditions = "\"Condition\":{\"StringEquals\":{\"aws:RequestedRegion\":[\"us-east-1\"]},\
         \"DateGreaterThanEquals\":{\"aws:CurrentTime\":\"2026-03-02T10:00:00Z\"},\
         \"DateLessThan\":{\"aws:CurrentTime\":\"2026-03-02T12:00:00Z\"}";
    let head = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"SimOutage\",\
                \"Effect\":\"Deny\",";
    assert_eq!(
        text("services=iam,route53,iam"),
        format!(
            "{head}\"Action\":[\"iam:*\",\"route53:*\"],\"Resource\":\"*\",{conditions},\
             \"ArnNotLike\":{{\"aws:PrincipalArn\":[\"{BREAK_GLASS}\"]}}}}}}]}}\n"
        )
    );
    assert_eq!(
        text("all-but= no-exempt"),
        format!("{head}\"Action\":\"*\",\"Resource\":\"*\",{conditions}}}}}]}}\n")
    );
    assert_eq!(
        text("all-but=sts,support no-exempt"),
        format!(
            "{head}\"NotAction\":[\"sts:*\",\"support:*\"],\"Resource\":\"*\",{conditions}}}}}]}}\n"
        )
    );
}

#[test]
fn what_would_not_fire_or_not_end_is_refused() {
    let table = [
        ("services=", "E_ARG --services"),
        ("services=rout53", "E_ARG --services"),
        ("services=iam region=eu-west-1", "E_GLOBAL_REGION --region"),
        ("services=ec2 region=eu-west-1", "-"),
        ("services=iam region=cn-northwest-1", "E_ARG --region"),
        (
            "services=iam region=cn-northwest-1 partition=aws-cn \
             exempt=arn:aws-cn:iam::111122223333:role/x",
            "-",
        ),
        (
            "services=iam region=cn-north-1 partition=aws-cn no-exempt",
            "E_GLOBAL_REGION --region",
        ),
        (
            "services=iam region=us-gov-west-1 partition=aws-us-gov no-exempt",
            "-",
        ),
        ("services=iam region=virginia", "E_ID --region"),
        ("services=iam end=2026-03-02T10:00:00Z", "E_WINDOW --end"),
        (
            "services=iam start=2026-03-02T07:00:00Z end=2026-03-02T09:00:00Z",
            "E_WINDOW --end",
        ),
        ("services=iam end=2026-03-03T10:00:00Z", "-"),
        ("services=iam end=2026-03-03T10:00:01Z", "E_WINDOW --end"),
        ("services=iam end=2026-03-09T10:00:01Z long", "-"),
        ("services=iam exempt=", "E_ARG --exempt-role"),
        ("services=iam exempt=break-glass", "E_ARN --exempt-role"),
        ("all-but= writes", "E_ARG --writes-only"),
    ];
    let mut wrong = Vec::new();
    for (wish, want) in table {
        let got = made(wish).map_or_else(|error| error, |_| "-".to_owned());
        if got != want {
            wrong.push(format!("{wish}: {got}, want {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_drill_says_what_it_does_not_show() {
    let warnings = |wish| made(wish).unwrap().warnings.join("\n");
    let plain = warnings("services=route53");
    assert!(
        plain.contains("iam:PassRole") && plain.contains("management account"),
        "{plain}"
    );
    let all = warnings("all-but= region=eu-west-1");
    assert!(
        all.contains("sts, support and health") && all.contains("us-east-1"),
        "{all}"
    );
}

#[test]
fn writes_are_prefixes_that_match_no_read() {
    for service in ["iam", "route53", "ec2", "s3"] {
        let service = facts::service(service).unwrap();
        let patterns = actions_of(service, Calls::Writes);
        for action in service.actions() {
            let full = format!("{}:{}", service.prefix, action.name);
            let hit = patterns
                .iter()
                .any(|pattern| facts::actions_matching(pattern).any(|it| it.name == action.name));
            let is_write = !matches!(action.access, Access::List | Access::Read);
            assert_eq!(hit, is_write, "{full} in {patterns:?}");
        }
    }
}
