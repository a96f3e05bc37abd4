//! Account Factory as a product: portfolio, versions, permitted principals.

use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, SimTower, missing, own_id, tower};
use crate::core::{call::seconds, windows::Window};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("SearchProductsAsAdmin", Reads(search)),
    ("ListProvisioningArtifacts", Reads(artifacts)),
    ("ListPortfoliosForProduct", Reads(portfolios)),
    ("ListPrincipalsForPortfolio", Reads(principals)),
    ("AssociatePrincipalWithPortfolio", Writes(associate)),
    ("ListLaunchPaths", Reads(launch_paths)),
];

const NAME: &str = "AWS Control Tower Account Factory";
const OWNER: &str = "AWS Control Tower";

fn search(context: &Context<'_>) -> HandlerResult {
    let filters = context.call.input.get("Filters");
    let owners = filters
        .and_then(|it| it.get("Owner"))
        .and_then(Value::as_array);
    let is_ours = owners.is_none_or(|all| all.iter().any(|it| it == OWNER));
    let id = own_id(context, "prod");
    let row = tower(context).filter(|_| is_ours).map(|tower| {
        let (home, management) = (&tower.basis.home_region, &context.state.head.management);
        let row = json!({
            "ProductViewSummary": {
                "Id": id.replace("prod", "prodview"), "ProductId": id, "Name": NAME, "Owner": OWNER,
                "Type": "CLOUD_FORMATION_TEMPLATE", "HasDefaultPath": false,
            },
            "Status": "AVAILABLE", "ProductARN": format!("arn:aws:catalog:{home}:{management}:product/{id}"),
            "CreatedTime": seconds(context.state.center.created),
        });
        (id.clone(), row)
    });
    context.listing(row.into_iter().collect())
}

fn product<'a>(context: &'a Context<'_>) -> Result<&'a SimTower, crate::core::errors::ApiError> {
    let named = context.text("ProductId");
    let found = tower(context).filter(|_| named == own_id(context, "prod"));
    found.ok_or_else(|| missing("Product not found."))
}

pub(super) fn artifact(context: &Context<'_>) -> String {
    own_id(context, "pa")
}

/// `ListProvisioningArtifacts`: the newest is inactive, the one before it active, the oldest
/// deprecated.
fn artifacts(context: &Context<'_>) -> HandlerResult {
    product(context)?;
    let made = context.state.center.created;
    let row = |id: String, name: &str, days: i64, active: bool, guidance: &str| {
        json!({
            "Id": id, "Name": name, "Description": name, "Type": "CLOUD_FORMATION_TEMPLATE",
            "CreatedTime": seconds(made + days * 86_400_000), "Active": active, "Guidance": guidance,
        })
    };
    let rows = [
        row(
            own_id(context, "pa").replace("pa-", "pa-0"),
            "1",
            0,
            true,
            "DEPRECATED",
        ),
        row(artifact(context), "2", 1, true, "DEFAULT"),
        row(
            own_id(context, "pa").replace("pa-", "pa-z"),
            "3",
            2,
            false,
            "DEFAULT",
        ),
    ];
    Ok(Output::Members(
        json!({ "ProvisioningArtifactDetails": rows }),
    ))
}

fn portfolios(context: &Context<'_>) -> HandlerResult {
    product(context)?;
    let (id, name) = (
        own_id(context, "port"),
        "AWS Control Tower Account Factory Portfolio",
    );
    let row = json!({
        "Id": id, "DisplayName": name, "ProviderName": OWNER,
        "CreatedTime": seconds(context.state.center.created),
    });
    context.listing(vec![(id, row)])
}

fn portfolio<'a>(context: &'a Context<'_>) -> Result<&'a SimTower, crate::core::errors::ApiError> {
    let named = context.text("PortfolioId");
    let found = tower(context).filter(|_| named == own_id(context, "port"));
    found.ok_or_else(|| missing("Portfolio not found."))
}

fn principals(context: &Context<'_>) -> HandlerResult {
    let all = portfolio(context)?.basis.factory_principals.iter();
    let rows = all.map(|arn| {
        let row = json!({ "PrincipalARN": arn, "PrincipalType": "IAM" });
        (arn.clone(), row)
    });
    context.listing(rows.collect())
}

fn associate(context: &mut Context<'_>) -> HandlerResult {
    portfolio(context)?;
    let arn = context.text("PrincipalARN").to_owned();
    context.write(Window::Immediate);
    if let Some(tower) = &mut context.state.tower
        && !tower.basis.factory_principals.contains(&arn)
    {
        tower.basis.factory_principals.push(arn);
    }
    Ok(Output::Members(json!({})))
}

/// Whether the caller, or the role of its session, may launch the product.
pub(super) fn may_launch(context: &Context<'_>, tower: &SimTower) -> bool {
    let caller = &context.caller;
    let role = caller
        .arn
        .split_once(":assumed-role/")
        .and_then(|(_, rest)| {
            let (name, _) = rest.split_once('/')?;
            Some(format!(
                "role{}/{name}",
                caller.role_path.trim_end_matches('/')
            ))
        });
    let role = role.map(|name| format!("arn:aws:iam::{}:{name}", caller.account));
    let all = &tower.basis.factory_principals;
    all.iter()
        .any(|it| *it == caller.arn || Some(it) == role.as_ref())
}

fn launch_paths(context: &Context<'_>) -> HandlerResult {
    let tower = product(context)?;
    if !may_launch(context, tower) {
        return Err(missing(&format!(
            "No launch paths found for resource: {}",
            context.text("ProductId")
        )));
    }
    let (id, name) = (
        own_id(context, "lpv2"),
        "AWS Control Tower Account Factory Portfolio",
    );
    let row = json!({ "Id": id, "Name": name, "ConstraintSummaries": [] });
    context.listing(vec![(id, row)])
}
