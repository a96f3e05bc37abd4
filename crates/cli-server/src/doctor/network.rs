//! Networks with access to the instance (`access.md` §22, R-3).

use hallpass_app::config::Loaded;
use hallpass_app::host::named_calls::NamedCalls;
use hallpass_app::setup::opening::aws_settings;
use hallpass_aws::{ConnectedOrganization, RoleToAssume};
use hallpass_org::{ReadCallFailed, ReadCalls as _, ReadPlace};
use serde::Deserialize;
use serde_json::{Value, json};

use super::DoctorReport;

const CHECK: &str = "network";

/// The reported part of `NetworkConfigurationInfo`.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NetworkControls {
    vpce_access_required: bool,
    restrict_source_vpcs: Vec<String>,
    allow_source_ips: Vec<String>,
    exclude_application_arns: Vec<String>,
}

/// Reports the instance's network controls, which the earlier client does not support.
pub(super) async fn check(
    loaded: &Loaded,
    about: &ConnectedOrganization,
    report: &mut DoctorReport,
) {
    let client = aws_settings(loaded);
    let calls = match NamedCalls::of(client, RoleToAssume::default(), 1).await {
        Ok(calls) => calls,
        Err(failure) => return report.add(CHECK, Err((failure.words(), "see the message"))),
    };
    let place = ReadPlace {
        region: Some(about.region.clone()),
        ..ReadPlace::default()
    };
    let input = json!({"InstanceArn": about.instance_arn});
    let described = calls
        .call(&place, ("sso-admin", "DescribeInstance"), &input)
        .await;
    match described {
        Ok((answer, _)) => tell(&answer, report),
        Err(failed) => unread(&failed, report),
    }
}

/// Reports a failed read, so that silence never means no network controls.
fn unread(failed: &ReadCallFailed, report: &mut DoctorReport) {
    let ReadCallFailed {
        code,
        message,
        passing,
    } = failed;
    let words = format!(
        "whether the instance may be reached from certain networks alone could not be read: {code}: {message}"
    );
    let remedy = if *passing {
        "run it again"
    } else {
        "allow `sso:DescribeInstance`: `hallpass server doctor --iam-policy` prints the required rights"
    };
    report.warn(CHECK, words, remedy);
}

fn tell(described: &Value, report: &mut DoctorReport) {
    let Some(details) = described.get("NetworkConfigurationDetails") else {
        return report.add(CHECK, Ok("the instance has no network controls".to_owned()));
    };
    let controls = match NetworkControls::deserialize(details) {
        Ok(controls) => controls,
        Err(error) => {
            let words = format!("the network controls of the instance cannot be read: {error}");
            return report.warn(
                CHECK,
                words,
                "see the instance in the console of IAM Identity Center",
            );
        }
    };
    if !controls.vpce_access_required {
        let words = "the instance may be reached from any network".to_owned();
        return report.add(CHECK, Ok(words));
    }
    let vpcs = match controls.restrict_source_vpcs.as_slice() {
        [] => "any VPC of the organization".to_owned(),
        some => some.join(", "),
    };
    let addresses = match controls.allow_source_ips.as_slice() {
        [] => String::new(),
        some => format!(", and from {}", some.join(", ")),
    };
    let excluded = match controls.exclude_application_arns.len() {
        0 => String::new(),
        count => format!("; {count} applications are exempt"),
    };
    report.warn(
        CHECK,
        format!(
            "the instance may be reached only by VPC endpoints in {vpcs}{addresses}{excluded}: it answers from here now, and people and this server are refused from elsewhere"
        ),
        "run server and guard where the instance lets them in, their standby too, and keep the endpoints of `sso`, `identitystore` and the access portal",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_that_could_not_be_read_are_told_as_that() {
        for (passing, remedy) in [(true, "again"), (false, "sso:DescribeInstance")] {
            let failed = ReadCallFailed {
                code: "ThrottlingException".to_owned(),
                message: "slow down".to_owned(),
                passing,
            };
            let mut report = DoctorReport::default();
            unread(&failed, &mut report);
            let [line] = report.lines.as_slice() else {
                panic!("{:?}", report.lines);
            };
            assert_eq!((line.check, line.result), ("network", "warning"));
            let said = "could not be read: ThrottlingException: slow down";
            assert!(line.detail.ends_with(said), "{}", line.detail);
            assert!(line.remedy.contains(remedy), "{}", line.remedy);
        }
    }

    #[test]
    fn network_controls_are_told_as_far_as_they_restrict() {
        let vpc = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0123456789abcdef0";
        for (row, details, result, said) in [
            ("never set", Value::Null, "ok", "no network controls"),
            (
                "off",
                json!({"VpceAccessRequired": false}),
                "ok",
                "from any network",
            ),
            (
                "any VPC",
                json!({"VpceAccessRequired": true, "RestrictSourceVpcs": []}),
                "warning",
                "in any VPC of the organization: it",
            ),
            (
                "all of it",
                json!({
                    "VpceAccessRequired": true, "RestrictSourceVpcs": [vpc],
                    "AllowSourceIps": ["198.51.100.0/24"], "ExcludeApplicationArns": ["arn:aws:sso::1:*"],
                }),
                "warning",
                "vpc/vpc-0123456789abcdef0, and from 198.51.100.0/24; 1 applications are exempt",
            ),
            (
                "of another form",
                json!({"VpceAccessRequired": "SOMETIMES"}),
                "warning",
                "cannot be read",
            ),
        ] {
            let mut described = json!({"Status": "ACTIVE"});
            if !details.is_null() {
                described["NetworkConfigurationDetails"] = details;
            }
            let mut report = DoctorReport::default();
            tell(&described, &mut report);
            let [line] = report.lines.as_slice() else {
                panic!("{row}: {:?}", report.lines);
            };
            assert_eq!(line.result, result, "{row}");
            assert!(line.detail.contains(said), "{row}: {}", line.detail);
        }
    }
}
