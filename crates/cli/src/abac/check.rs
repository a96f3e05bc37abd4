use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use hallpass_iam::attributes::{Assertion, SessionTags, session_tags};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs, plain};
use hallpass_terminal::text_file::read_text;

use super::FILE_BYTES_MAX;

const FIELDS: &[&str] = &["tags", "transitive", "source_identity", "warnings"];

/// Derive session tags from an assertion
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Derive session tags from an assertion\n\nAn assertion is SAML (XML, or Base64 \
                  of it) or OIDC (claims as JSON, or a token). Signatures are not checked.",
    after_help = "Examples:
  hallpass policy abac check --map attributes.toml --assertion assertion.xml
  hallpass policy abac check --map attributes.toml --assertion claims.json --output json

Attributes of the person in the identity store (`--user`), by path:
  {\"enterprise.department\": \"Serverless\", \"userName\": \"ana\"}"
)]
pub(super) struct Args {
    /// The assertion of the identity provider; `-` for standard input
    #[arg(long, value_name = "FILE")]
    assertion: PathBuf,
    /// Map of attributes to tags (TOML)
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// The user's record in the identity store (JSON)
    #[arg(long, value_name = "FILE")]
    user: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.output.format();
    let session = checked(args)?;
    output::one(format, &session, FIELDS, || text(&session))?;
    Ok(Exit::Ok)
}

fn checked(args: &Args) -> Result<SessionTags, Failure> {
    let map = super::read_map(&args.map)?;
    let assertion = Assertion::parse(&read_text(&args.assertion, FILE_BYTES_MAX)?)?;
    let mut store: BTreeMap<String, String> = BTreeMap::new();
    if let Some(path) = &args.user {
        store = serde_json::from_str(&read_text(path, FILE_BYTES_MAX)?).map_err(|error| {
            let message = format!("not an object of texts by path: {error}");
            Failure::bad_input(message).code("E_JSON").within(path)
        })?;
    }
    Ok(session_tags(&map, &assertion, &store)?)
}

fn text(session: &SessionTags) -> String {
    let mut text = String::new();
    for (key, value) in &session.tags {
        let stays = session
            .transitive
            .iter()
            .any(|it| it.eq_ignore_ascii_case(key));
        let stays = if stays { "  (transitive)" } else { "" };
        let _ = writeln!(text, "{} = {}{stays}", plain(key), plain(value));
    }
    if session.tags.is_empty() {
        text.push_str("no tags\n");
    }
    if let Some(identity) = &session.source_identity {
        let _ = writeln!(text, "source identity: {}", plain(identity));
    }
    for warning in &session.warnings {
        let _ = writeln!(text, "warning: {}", plain(warning));
    }
    text
}
