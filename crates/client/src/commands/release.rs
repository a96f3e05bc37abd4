use crate::api_args::ApiArgs;
use crate::client::{Client, block_on};
use crate::ids::{GrantRef, preview};
use crate::tables::{self, Viewpoint};
use crate::target_args::TargetArgs;
use hallpass_api::Grant;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::prompt::{Consent, YesArgs, confirm};
use hallpass_terminal::words;
use serde_json::json;

/// End your access early
#[derive(Debug, clap::Args)]
#[command(
    long_about = "End your access early\n\nCredentials you already hold may work until their own end; new \
        ones stop immediately.",
    after_help = "Example:\n  hallpass release grn_01934a5b6c7d7e8f90123456789abcde --yes"
)]
pub struct Args {
    /// The grant, or its request
    #[arg(value_name = "GRANT")]
    id: GrantRef,
    #[command(flatten)]
    yes: YesArgs,
    #[command(flatten)]
    api: ApiArgs,
}

pub fn run(args: &Args) -> Outcome {
    let client = args.api.client()?;
    block_on(async {
        let id = args.id.resolve(&client).await?;
        if args.yes.consent() == Consent::Ask {
            let grant: Grant = client.get(&["grants", &id], &[]).await?;
            let what = output::plain(&tables::held(&grant));
            confirm(&format!("End {what} now?"), Consent::Ask)?;
        }
        let grant: Grant = client.post(&["grants", &id, "release"], &json!({})).await?;
        args.api.print_grant(&grant)?;
        say_what_stays(&client, &grant).await;
        Ok(Exit::Ok)
    })
}

/// Warns if the access remains for another reason. A failed check is ignored.
async fn say_what_stays(client: &Client, grant: &Grant) {
    let target = TargetArgs {
        account: grant.account.clone(),
        permission_set: grant.permission_set.clone(),
        group: grant.group.clone(),
    };
    let Ok(preview) = preview(client, &target).await else {
        return;
    };
    let what = tables::held(grant);
    if let Some(other) = preview.held.filter(|it| it.id != grant.id) {
        let view = Viewpoint::here();
        let ends = words::ends(other.ends_at, view.now, &view.zone);
        let note = format!("note: you still hold {what}, by {}. {ends}.", other.id);
        output::say(&output::plain(&note));
    } else if grant.standing {
        let note = format!("note: you still hold {what}, not through Hallpass");
        output::say(&output::plain(&note));
    }
}
