//! Sends requests to the app as Slack does (`simulator.md` K-5): signed over the raw bytes,
//! three-second timeout, no retry.

use aws_lc_rs::hmac;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{
    acts::{Address, AppReply, Delivery},
    face::SlackFace,
    forms::encode,
    socket::PATIENCE,
};

const ANSWER_MAX: usize = 1024 * 1024;

/// Sending variants that test an app's guards.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    pub times: u64,
    /// Age of the timestamp in seconds.
    pub age_seconds: i64,
    pub bad_signature: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct SentRequest {
    pub via: &'static str,
    pub url: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
    pub reply: AppReply,
}

impl SentRequest {
    pub(crate) fn show(&self) -> Value {
        let reply = &self.reply;
        json!({
            "via": self.via,
            "url": self.url,
            "status": reply.status,
            "body": reply.body,
            "milliseconds": reply.took,
            "late": reply.late,
            "error": reply.error,
            "request": {
                "timestamp": self.timestamp,
                "signature": self.signature,
                "body": self.body,
            },
        })
    }
}

/// Returns `v0=` and the HMAC-SHA256 over version, timestamp and raw body.
pub(crate) fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={}", hex::encode(tag))
}

fn form(delivery: &Delivery) -> String {
    match delivery.address {
        Address::Interactions => encode([("payload", delivery.payload.to_string().as_str())]),
        Address::Commands => {
            let fields = delivery.payload.as_object();
            let fields = fields.into_iter().flatten();
            encode(fields.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())))
        }
    }
}

pub(crate) async fn deliver(face: &SlackFace, delivery: &Delivery, how: &How) -> Vec<SentRequest> {
    let mut sent = Vec::new();
    if face.slack.wires.is_connected() {
        for _ in 0..how.times.clamp(1, 10) {
            sent.push(over_socket(face, delivery).await);
        }
        return sent;
    }
    let body = form(delivery);
    let (secret, url) = {
        let open = face.lock();
        let settings = open.space.as_ref().map(|space| &space.settings);
        let url = settings.and_then(|settings| match delivery.address {
            Address::Interactions => settings.request_url.clone(),
            Address::Commands => settings.command_target(),
        });
        let secret = settings.map(|settings| settings.signing_secret.clone());
        (secret.unwrap_or_default(), url)
    };
    let Some(url) = url else {
        sent.push(unsent(body, "the app has no request_url and no socket"));
        return sent;
    };
    // signatures use the wall clock, like those of AWS requests (`simulator.md` Z-6)
    let timestamp = face
        .host
        .wall()
        .as_second()
        .saturating_sub(how.age_seconds)
        .to_string();
    let secret = if how.bad_signature {
        "not the secret"
    } else {
        &secret
    };
    let signature = signature(secret, &timestamp, &body);
    for _ in 0..how.times.clamp(1, 10) {
        sent.push(post(face, &url, &timestamp, &signature, &body).await);
    }
    sent
}

fn unsent(body: String, why: &str) -> SentRequest {
    SentRequest {
        via: "http",
        url: String::new(),
        timestamp: String::new(),
        signature: String::new(),
        body,
        reply: AppReply {
            error: Some(why.to_owned()),
            ..AppReply::default()
        },
    }
}

async fn over_socket(face: &SlackFace, delivery: &Delivery) -> SentRequest {
    let kind = match delivery.address {
        Address::Interactions => "interactive",
        Address::Commands => "slash_commands",
    };
    let id = face.host.next_id();
    let envelope = json!({
        "envelope_id": id,
        "payload": delivery.payload,
        "type": kind,
        "accepts_response_payload": true,
    });
    let reply = face.slack.wires.send(&id, &envelope).await;
    SentRequest {
        via: "socket",
        url: String::new(),
        timestamp: String::new(),
        signature: String::new(),
        body: envelope.to_string(),
        reply,
    }
}

pub(crate) async fn post(
    face: &SlackFace,
    url: &str,
    timestamp: &str,
    signature: &str,
    body: &str,
) -> SentRequest {
    let started = Instant::now();
    let request = face
        .slack
        .http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)")
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature)
        .body(body.to_owned());
    let mut reply = AppReply::default();
    match timeout(PATIENCE, exchange(request)).await {
        Ok(Ok((status, text))) => {
            reply.status = Some(status);
            reply.body = text;
        }
        Ok(Err(error)) => reply.error = Some(chain(&error)),
        Err(_) => {
            reply.late = true;
            reply.error = Some("no answer within 3 seconds".to_owned());
        }
    }
    reply.took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    SentRequest {
        via: "http",
        url: url.to_owned(),
        timestamp: timestamp.to_owned(),
        signature: signature.to_owned(),
        body: body.to_owned(),
        reply,
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<(u16, String), reqwest::Error> {
    let mut response = request.send().await?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            break;
        }
    }
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of `access.md` §11.1.
    #[test]
    fn the_known_vector_is_signed_as_slack_signs_it() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
                    &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA\
                    &user_name=roadrunner&command=%2Fwebhook-collect&text=\
                    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F\
                    397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
                    &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            signature("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }
}
