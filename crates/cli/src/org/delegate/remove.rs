use hallpass_app::chores::delegation_files::unread;
use hallpass_app::chores::plans::chore::{self, ByReport, Chore, Drafted, Opened};
use hallpass_app::chores::plans::{PlanArgs, PlanContext};
use hallpass_channels::wording::plan::account;
use hallpass_org::delegation::{
    DelegatedService, DelegationFacts, RemovalRequest, draft_removal, graphs_of, known_services,
    look_at, service_named,
};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;

/// Remove a service's administrator
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org delegate remove --service detective --regions eu-west-1 --confirm detective --apply

Removing Detective's administrator deletes the behavior graph of the Region with
all its data. Without `--regions`, of services with an administrator in each
Region, every Region that is enabled in the account and in the management account
counts, and Organizations forgets the administrator as well.")]
pub(super) struct Args {
    /// The service
    #[arg(long, value_name = "NAME")]
    service: String,
    /// Only in these Regions
    #[arg(long, value_name = "REGION,...", value_delimiter = ',')]
    regions: Option<Vec<String>>,
    /// The service's name again, to confirm
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let service = service_named(&args.service).ok_or_else(|| unknown(&args.service))?;
    if args.regions.is_some() && service.regional.is_none() {
        let message = format!("`{}` has one administrator for all Regions", service.name);
        return Err(Failure::bad_input(message).help("leave `--regions` out"));
    }
    chore::run(&RemovalChore { service, args }, &args.plan)
}

fn unknown(name: &str) -> Failure {
    let names: Vec<&str> = known_services().iter().map(|it| it.name).collect();
    Failure::bad_input(format!("`{name}` is no service that is known here")).help(names.join(", "))
}

struct RemovalChore<'a> {
    service: &'static DelegatedService,
    args: &'a Args,
}

impl Chore for RemovalChore<'_> {
    type Facts = (DelegationFacts, Vec<String>);
    type Shown = ByReport;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let (service, calls) = (self.service, at.context.calls.as_ref());
        let (facts, regions) = look_at(calls, service, self.args.regions.as_deref())
            .await
            .map_err(unread)?;
        if facts.caller != facts.management {
            let message = format!("account {} cannot take administrators away", facts.caller);
            return Err(Failure::refused(message).help("use credentials of the management account"));
        }
        if let Some(((_, region), Err(why))) = facts.regional.iter().find(|(_, it)| it.is_err()) {
            let message = format!("`{}` in {region} cannot be read: {why}", service.name);
            let help = "`--regions` may leave it out; Organizations then keeps the administrator";
            return Err(Failure::failed(message).help(help));
        }
        for region in &facts.skipped {
            output::say(&format!(
                "{region} is skipped: it is disabled in the management account"
            ));
        }
        if self.args.confirm.as_deref() != Some(service.name) {
            return Err(unconfirmed(at.context, service, &facts).await);
        }
        Ok((facts, regions))
    }

    fn draft(&self, (facts, regions): Self::Facts) -> Result<Drafted<ByReport>, Failure> {
        let service = self.service;
        let wish = RemovalRequest {
            service,
            regions,
            everywhere: self.args.regions.is_none(),
        };
        Ok(Drafted::plan_or(
            draft_removal(&wish, &facts),
            format!("Take the administrator of {} away?", service.name),
            ByReport,
            format!("`{}` has no administrator there", service.name),
        ))
    }
}

async fn unconfirmed(
    context: &PlanContext,
    service: &DelegatedService,
    facts: &DelegationFacts,
) -> Failure {
    let name = service.name;
    let mut failure = Failure::refused(format!(
        "taking the administrator of `{name}` away is not confirmed; nothing was changed"
    ));
    let names = context.account_names().await;
    for ((_, region), found) in &facts.regional {
        let Ok(Some(id)) = found else { continue };
        let account = account(names.get(id).map_or("", String::as_str), id);
        failure = failure.detail(format!("{region}: administered by {account}"));
    }
    for told in graphs_of(context.calls.as_ref(), service, facts).await {
        failure = failure.detail(told);
    }
    failure.help(format!("give `--confirm {name}`"))
}
