//! What a configuration sets up, and what it lacks.

use hallpass_access::ArmedEndsMode;
use hallpass_server::SetupPart;
use hallpass_terminal::exit::Failure;

use crate::config::Loaded;

/// Returns every part that a production installation has.
///
/// # Errors
/// As each part's own settings.
pub fn parts(loaded: &Loaded) -> Result<Vec<SetupPart>, Failure> {
    let config = &loaded.config;
    let rules = loaded.rules()?;
    let admins = &config.identity.admins;
    let mut parts = vec![
        SetupPart {
            name: "Sign-in provider",
            without: "Only one-time links of this machine sign people in.",
            configured: (!config.oidc.issuer.is_empty()).then(|| config.oidc.issuer.clone()),
            lines: "[oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"hallpass\"\n\
                    client_secret = \"${env:HALLPASS_OIDC_SECRET}\"",
            document: "how-to/sign-in.md",
            probe: None,
        },
        SetupPart {
            name: "Administrators",
            without: "No one can confirm sweeps, revoke all access of a person or lift locks.",
            configured: (!admins.is_empty()).then(|| admins.join(", ")),
            lines: "[identity]\nadmins = [\"group:platform\"]",
            document: "how-to/sign-in.md",
            probe: None,
        },
        SetupPart {
            name: "Rules",
            without: "Nothing can be requested.",
            configured: rules.exists().then(|| rules.display().to_string()),
            lines: "[access]\nrules = \"rules.toml\"",
            document: "how-to/write-rules.md",
            probe: None,
        },
    ];
    parts.extend({ config.interactive_parts().into_iter() }.map(|(_, part)| part));
    parts.extend(safety_parts(loaded)?);
    Ok(parts)
}

/// Parts that end access and keep its record when this server cannot.
fn safety_parts(loaded: &Loaded) -> Result<Vec<SetupPart>, Failure> {
    let config = &loaded.config;
    let modes = config.access.armed_ends.mode;
    let lists = loaded.on_call()?.into_keys().collect::<Vec<_>>();
    Ok(vec![
        SetupPart {
            name: "Mail",
            without: "No one gets mail, also when AWS refuses to remove access.",
            configured: config
                .mail
                .url
                .is_some()
                .then(|| format!("Alerts go to {} addresses.", config.mail.alerts.len())),
            lines: "[mail]\nurl = \"${env:HALLPASS_SMTP_URL}\"\nfrom = \"hallpass@example.com\"\n\
                    alerts = [\"platform@example.com\"]",
            document: "reference/configuration.md",
            probe: None,
        },
        SetupPart {
            name: "On call",
            without: "No rule can name who is on call.",
            configured: (!lists.is_empty()).then(|| lists.join(", ")),
            lines: "[[on_call]]\nname = \"payments\"\nkind = \"pagerduty\"\n\
                    token = \"${env:PAGERDUTY_TOKEN}\"\nschedules = [\"PABC123\"]",
            document: "how-to/on-call.md",
            probe: Some("on_call"),
        },
        tickets_part(loaded)?,
        SetupPart {
            name: "Guard",
            without: "If this server is down, access ends only when it is back.",
            configured: loaded
                .ends_place()?
                .map(|_| "The file of ends is written.".to_owned()),
            lines: "[guard]\nends = \"s3://BUCKET/hallpass/ends.jsonl\"",
            document: "how-to/guard.md",
            probe: Some("guard"),
        },
        SetupPart {
            name: "Audit log export",
            without: "The log is in the database only; who can write there can rewrite it.",
            configured: config.audit.export.target.clone(),
            lines: "[audit.export]\ntarget = \"s3://BUCKET\"",
            document: "how-to/witness.md",
            probe: None,
        },
        SetupPart {
            name: "Enforced expiry",
            without: "Ends depend on Hallpass and its guard; AWS does not enforce them by itself.",
            configured: (modes != ArmedEndsMode::Off).then(|| "AWS enforces ends.".to_owned()),
            lines: "[access.armed_ends]\nmode = \"preferred\"",
            document: "how-to/arm-ends-at-aws.md",
            probe: Some("armed_policies"),
        },
        SetupPart {
            name: "Event queue",
            without: "Findings are not enriched, and nothing is remediated on events.",
            configured: loaded.event_queue()?,
            lines: "[events]\nqueue = \"https://sqs.REGION.amazonaws.com/ACCOUNT/hallpass-events\"",
            document: "how-to/finding-enrichment.md",
            probe: None,
        },
    ])
}

fn tickets_part(loaded: &Loaded) -> Result<SetupPart, Failure> {
    let tickets = loaded.tickets()?.into_keys().collect::<Vec<_>>();
    Ok(SetupPart {
        name: "Tickets",
        without: "No rule can require a ticket of a service.",
        configured: (!tickets.is_empty()).then(|| tickets.join(", ")),
        lines: "[[tickets]]\nname = \"jira\"\nkind = \"jira\"\n\
                url = \"https://example.atlassian.net\"\nuser = \"hallpass@example.com\"\n\
                token = \"${env:JIRA_TOKEN}\"",
        document: "how-to/tickets.md",
        probe: None,
    })
}
