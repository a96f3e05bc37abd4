use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_access::DirectorySource;
use hallpass_assignments::CenterFault;
use hallpass_aws::{
    Aws, AwsClientSettings, ConnectError, Credentials, Inventory, OwnAccountRole, connect,
};

use crate::Arguments;
use crate::report::{Checked, Report, equal, holds};
use crate::world::{Ids, SystemClock};

async fn with(settings: AwsClientSettings) -> Result<Aws, ConnectError> {
    connect(
        settings,
        Arc::new(SystemClock),
        Arc::new(Ids),
        Arc::new(|_| {}),
    )
    .await
}

pub(crate) async fn run(report: &mut Report, arguments: &Arguments) -> Option<Arc<Aws>> {
    let settings = arguments.settings();
    let aws = match with(settings.clone()).await {
        Ok(aws) => Arc::new(aws),
        Err(error) => {
            report.check("C-01", "connect", Err(error.to_string()));
            return None;
        }
    };
    let about = aws.about().clone();
    report.check(
        "C-01",
        "connect finds instance, store and caller",
        holds(
            about.instance_arn.contains(":instance/")
                && about.identity_store_id.starts_with("d-")
                && about.account.len() == 12,
            format!("{about:?}"),
        ),
    );
    report.check(
        "C-02",
        "the caller is the management account",
        equal(&about.place, &OwnAccountRole::Management),
    );

    let mut wrong = settings.clone();
    wrong.instance_arn = Some("arn:aws:sso:::instance/ssoins-0000000000000000".to_owned());
    report.check(
        "C-03",
        "an instance that is not visible is refused",
        match with(wrong).await {
            Err(ConnectError::UnknownInstance { found, .. }) => {
                equal(&found, &vec![about.instance_arn.clone()])
            }
            other => Err(format!("{other:?}")),
        },
    );

    let elsewhere = AwsClientSettings {
        region: "us-west-2".to_owned(),
        ..settings.clone()
    };
    report.check(
        "C-04",
        "no instance in another Region",
        match with(elsewhere).await {
            Err(ConnectError::NoInstance { .. } | ConnectError::InstanceElsewhere { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        },
    );

    report.check(
        "C-05",
        "a wrong secret is refused",
        wrong_secret(arguments).await,
    );
    report.check(
        "C-06",
        "an assumed role is another caller",
        assumed(&aws, &settings).await,
    );
    Some(aws)
}

async fn wrong_secret(arguments: &Arguments) -> Checked {
    let mut settings = arguments.settings();
    settings.credentials = Credentials::Static {
        access_key_id: arguments
            .access_key_id
            .clone()
            .unwrap_or_else(|| "AKIA0000000000000000".to_owned()),
        secret_access_key: "wrong".to_owned().into(),
        session_token: None,
    };
    match with(settings).await {
        Err(ConnectError::Call {
            operation: "GetCallerIdentity",
            fault: CenterFault::Refused { .. },
        }) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

async fn assumed(aws: &Arc<Aws>, settings: &AwsClientSettings) -> Checked {
    let inventory = Inventory::new(Arc::clone(aws), Arc::new(BTreeSet::new));
    let directory = inventory.refresh().await.map_err(|e| e.to_string())?;
    let about = aws.about();
    let member = directory
        .accounts()
        .iter()
        .find(|account| account.active && account.id.as_str() != about.account)
        .ok_or("no member account")?;
    let mut settings = settings.clone();
    let role = "OrganizationAccountAccessRole";
    settings.role_arn = Some(format!("arn:aws:iam::{}:role/{role}", member.id));
    settings.instance_arn = Some(about.instance_arn.clone());
    settings.identity_store_id = Some(about.identity_store_id.clone());
    let other = with(settings).await.map_err(|error| error.to_string())?;
    equal(&other.about().account.as_str(), &member.id.as_str())?;
    holds(
        other
            .about()
            .arn
            .contains(&format!("assumed-role/{role}/hallpass")),
        other.about().arn.clone(),
    )?;
    equal(&other.about().place, &OwnAccountRole::Other)
}
