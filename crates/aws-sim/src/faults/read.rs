use super::BESIDE_AWS;
use crate::base::Cut;
use crate::slack::SlackFault;
use serde_json::Value;

use crate::core::table::PAST_KEPT;

use super::{
    acts,
    fault::{Distribution, Fault, FaultEffect, Match, ThrottleScope, When},
    fields::{Fields, Wrong},
};

/// Reads one fault or `{"faults": […]}`.
pub(crate) fn read_all(body: &Value) -> Result<Vec<Fault>, Wrong> {
    match body.get("faults") {
        Some(Value::Array(rows)) => {
            if let Some(key) = body
                .as_object()
                .and_then(|body| body.keys().find(|key| *key != "faults"))
            {
                return Err(Wrong {
                    field: key.clone(),
                    message: "unknown key".to_owned(),
                });
            }
            let numbered = rows.iter().enumerate();
            numbered
                .map(|(index, row)| read(&format!("faults[{index}]"), row))
                .collect()
        }
        Some(_) => Err(Wrong {
            field: "faults".to_owned(),
            message: "expected a list".to_owned(),
        }),
        None => Ok(vec![read("", body)?]),
    }
}

fn read(place: &str, value: &Value) -> Result<Fault, Wrong> {
    let mut fields = Fields::of(place, value)?;
    let source = fields.rest.clone();
    let id = fields.take("id")?;
    let probability: f64 = fields.take("probability")?.unwrap_or(1.0);
    if !(0.0..=1.0).contains(&probability) {
        return fields.wrong("probability", "must be from 0 to 1");
    }
    let matches = match fields.take::<Value>("match")? {
        Some(value) => read_match(&fields.name("match"), &value)?,
        None => Match::default(),
    };
    let (count, skip) = (fields.take("count")?, fields.take("skip")?.unwrap_or(0));
    let (from, until) = (fields.instant("from")?, fields.instant("until")?);
    let seed = fields.take("seed")?;
    let method: Option<String> = match source.get("kind").and_then(Value::as_str) {
        Some("slack_error") => fields.take("method")?,
        _ => None,
    };
    let kind = read_kind(&mut fields)?;
    if matches!(kind, FaultEffect::SomebodyActs { .. }) && { matches.service.as_deref() }
        .is_some_and(|it| BESIDE_AWS.contains(&it))
    {
        return fields.wrong("match.service", "this effect applies to calls of AWS only");
    }
    fields.done()?;
    let mut matches = matches;
    matches.operation = method.or(matches.operation);
    Ok(Fault {
        id,
        matches,
        kind,
        probability,
        count,
        skip,
        from,
        until,
        seed,
        source,
    })
}

fn read_match(place: &str, value: &Value) -> Result<Match, Wrong> {
    let mut fields = Fields::of(place, value)?;
    let found = Match {
        service: fields.take("service")?,
        operation: fields.take("operation")?,
        account: fields.take("account")?,
        caller_account: fields.take("caller_account")?,
        principal: fields.take("principal")?,
        permission_set: fields.take("permission_set")?,
        region: fields.take("region")?,
    };
    fields.done()?;
    Ok(found)
}

fn read_kind(fields: &mut Fields) -> Result<FaultEffect, Wrong> {
    let kind: String = fields.need("kind")?;
    Ok(match kind.as_str() {
        "error" => {
            let code: String = fields.need("code")?;
            let http: u16 = fields.take("http")?.unwrap_or(400);
            if !(400..600).contains(&http) {
                return fields.wrong("http", "must be from 400 to 599");
            }
            FaultEffect::Error {
                code,
                http,
                message: fields.take("message")?.unwrap_or_default(),
            }
        }
        "latency" => FaultEffect::Latency {
            distribution: read_distribution(fields)?,
            when: read_when(fields)?,
        },
        "drop_before_effect" => FaultEffect::DropBefore {
            how: read_cut(fields)?,
        },
        "drop_after_effect" => FaultEffect::DropAfter {
            how: read_cut(fields)?,
        },
        "throttle" => read_throttle(fields)?,
        "stuck_in_progress" => FaultEffect::StuckInProgress {
            seconds: fields.millis("seconds")?,
        },
        "fail_async" => FaultEffect::FailAsync {
            reason: fields.take("reason")?.unwrap_or_else(|| {
                "An unexpected internal service exception was encountered".to_owned()
            }),
            done: match fields.take::<String>("effect")?.as_deref() {
                None | Some("none") => false,
                Some("done") => true,
                Some(_) => return fields.wrong("effect", "is one of none, done"),
            },
        },
        "async_without_status" => FaultEffect::AsyncWithoutStatus,
        "partial_page" => FaultEffect::PartialPage {
            items: fields.need("items")?,
        },
        "token_expired" => FaultEffect::TokenExpired,
        "stale_read" => {
            let seconds = fields.millis("seconds")?;
            if seconds > PAST_KEPT {
                return fields.wrong("seconds", "must be at most 3600: so long the past is kept");
            }
            FaultEffect::StaleRead { seconds }
        }
        "clock_skew" => FaultEffect::ClockSkew {
            seconds: fields.need("seconds")?,
        },
        "expire_credentials" => FaultEffect::ExpireCredentials,
        "somebody_acts" => {
            let when = read_when(fields)?;
            FaultEffect::SomebodyActs {
                when,
                acts: acts::read(fields, when == When::After)?.into(),
            }
        }
        "slack_error" => read_slack(fields)?,
        other => return fields.wrong("kind", format!("there is no kind `{other}`")),
    })
}

fn read_when(fields: &mut Fields) -> Result<When, Wrong> {
    match fields.take::<String>("when")?.as_deref() {
        None | Some("before") => Ok(When::Before),
        Some("after") => Ok(When::After),
        Some(_) => fields.wrong("when", "is one of before, after"),
    }
}

fn read_slack(fields: &mut Fields) -> Result<FaultEffect, Wrong> {
    let error: Option<String> = fields.take("error")?;
    let http: Option<u16> = fields.take("http")?;
    if http.is_some_and(|http| !(400..600).contains(&http)) {
        return fields.wrong("http", "must be from 400 to 599");
    }
    let hang: Option<f64> = fields.take("hang_seconds")?;
    let hang = fields.not_negative("hang_seconds", hang)?;
    let retry_after: Option<u64> = fields.take("retry_after")?;
    let error = error.unwrap_or_else(|| "internal_error".to_owned());
    // Slack always sends a retry time with `ratelimited`
    let retry_after = retry_after.or_else(|| (error == "ratelimited").then_some(1));
    let hang_ms = hang.map(|seconds| match hang_for(seconds) {
        Cut::Hang(ms) => ms,
        Cut::Reset | Cut::Close => 0,
    });
    Ok(FaultEffect::Slack(SlackFault {
        error,
        retry_after,
        http,
        hang_ms,
    }))
}

fn read_throttle(fields: &mut Fields) -> Result<FaultEffect, Wrong> {
    let rate: f64 = fields.need("rate")?;
    fields.not_negative("rate", Some(rate))?;
    let burst: f64 = fields.take("burst")?.unwrap_or(rate.max(1.0));
    fields.not_negative("burst", Some(burst))?;
    let scope = match fields.take::<String>("scope")?.as_deref() {
        None | Some("all") => ThrottleScope::All,
        Some("caller") => ThrottleScope::Caller,
        Some("operation") => ThrottleScope::Operation,
        Some(_) => return fields.wrong("scope", "is one of all, caller, operation"),
    };
    Ok(FaultEffect::Throttle { rate, burst, scope })
}

fn read_cut(fields: &mut Fields) -> Result<Cut, Wrong> {
    let hang: Option<f64> = fields.take("hang_seconds")?;
    let how: Option<Value> = fields.take("how")?;
    let hang = match &how {
        Some(Value::Object(how)) => how.get("hang_seconds").and_then(Value::as_f64).or(hang),
        _ => hang,
    };
    let hang = fields.not_negative("hang_seconds", hang)?;
    match (how.as_ref().and_then(Value::as_str), hang) {
        (Some("hang_seconds" | "hang"), seconds) => Ok(hang_for(seconds.unwrap_or(60.0))),
        (None, Some(seconds)) => Ok(hang_for(seconds)),
        (None, None) if how.is_none() => Ok(Cut::Reset),
        (Some("reset"), None) => Ok(Cut::Reset),
        (Some("close"), None) => Ok(Cut::Close),
        _ => fields.wrong("how", "is one of reset, close, {\"hang_seconds\": n}"),
    }
}

fn hang_for(seconds: f64) -> Cut {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, at most an hour"
    )]
    let millis = (seconds.min(3600.0) * 1000.0) as u64;
    Cut::Hang(millis)
}

fn read_distribution(fields: &mut Fields) -> Result<Distribution, Wrong> {
    let value: Value = fields.need("distribution")?;
    let place = fields.name("distribution");
    let mut fields = Fields::of(&place, &value)?;
    let fixed: Option<f64> = fields.take("fixed_ms")?;
    let uniform: Option<(f64, f64)> = fields.take("uniform_ms")?;
    let log_normal: Option<Value> = fields.take("lognormal_ms")?;
    let found = match (fixed, uniform, &log_normal) {
        (Some(ms), None, None) => Distribution::Fixed(ms),
        (None, Some((least, most)), None) if least <= most => Distribution::Uniform(least, most),
        (None, None, Some(value)) => {
            let number = |name: &str| {
                value
                    .get(name)
                    .and_then(Value::as_f64)
                    .filter(|ms| *ms > 0.0)
            };
            match (number("median"), number("p99")) {
                (Some(median), Some(p99)) => Distribution::LogNormal { median, p99 },
                _ => return fields.wrong("lognormal_ms", "needs median and p99"),
            }
        }
        _ => {
            let message = "give one of fixed_ms, uniform_ms, lognormal_ms";
            return Err(Wrong {
                field: place,
                message: message.to_owned(),
            });
        }
    };
    fields.done()?;
    Ok(found)
}
