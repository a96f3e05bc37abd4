use crate::api_args::ApiArgs;
use crate::client::block_on;
use crate::tables::Viewpoint;
use hallpass_api::Me;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

const FIELDS: &[&str] = &["email", "name", "user_id", "roles", "scopes", "expires_at"];

/// Show your identity at the server
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass whoami --output json")]
pub struct Args {
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    let me: Me = block_on(client.get(&["me"], &[]))?;
    output::one(args.api.format(), &me, FIELDS, || {
        text(&me, &Viewpoint::here())
    })?;
    Ok(Exit::Ok)
}

fn text(me: &Me, view: &Viewpoint) -> String {
    let listed = |list: &[String]| match list {
        [] => "none".to_owned(),
        list => list.join(", "),
    };
    let mut lines = vec![
        format!("{} <{}>", me.name, me.email),
        format!("  roles   {}", listed(&me.roles)),
        format!("  scopes  {}", listed(&me.scopes)),
    ];
    if me.user_id.is_none() {
        lines.push("  the directory does not know you: you cannot be given access".to_owned());
    }
    if let Some(at) = me.expires_at {
        lines.push(format!("  token ends {}", view.time(at)));
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&output::plain(&line));
        text.push('\n');
    }
    text
}
