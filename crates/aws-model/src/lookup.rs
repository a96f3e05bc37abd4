use std::sync::LazyLock;

use crate::table::{OperationModel, ServiceModel};

const TEXTS: &[&str] = &[
    include_str!("../tables/sts.json"),
    include_str!("../tables/organizations.json"),
    include_str!("../tables/sso-admin.json"),
    include_str!("../tables/identitystore.json"),
    include_str!("../tables/iam.json"),
    include_str!("../tables/iam-toolbox.json"),
    include_str!("../tables/sso.json"),
    include_str!("../tables/sso-oidc.json"),
    include_str!("../tables/account.json"),
    include_str!("../tables/config.json"),
    include_str!("../tables/account-access.json"),
    include_str!("../tables/sqs.json"),
    include_str!("../tables/securityhub.json"),
    include_str!("../tables/detective.json"),
    include_str!("../tables/cloudtrail.json"),
    include_str!("../tables/controltower.json"),
    include_str!("../tables/servicecatalog.json"),
    include_str!("../tables/devops-guru.json"),
    include_str!("../tables/ce.json"),
    include_str!("../tables/events.json"),
    include_str!("../tables/kms.json"),
    include_str!("../tables/rds.json"),
    include_str!("../tables/cloudformation.json"),
    include_str!("../tables/sns.json"),
    include_str!("../tables/ram.json"),
    include_str!("../tables/wellarchitected.json"),
    include_str!("../tables/service-quotas.json"),
    include_str!("../tables/lambda.json"),
];

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    // INVARIANT: every committed table parses; the test `every_table_parses` checks it.
    Tables {
        services: TEXTS
            .iter()
            .filter_map(|text| ServiceModel::parse(text).ok())
            .collect(),
    }
});

#[derive(Debug)]
pub struct Tables {
    services: Vec<ServiceModel>,
}

pub fn tables() -> &'static Tables {
    &TABLES
}

impl Tables {
    pub fn services(&self) -> impl Iterator<Item = &ServiceModel> {
        self.services.iter()
    }

    pub fn service(&self, name: &str) -> Option<&ServiceModel> {
        self.services.iter().find(|it| it.name == name)
    }

    pub fn by_signing_name(&self, name: &str) -> Option<&ServiceModel> {
        self.services.iter().find(|it| it.signing_name == name)
    }

    pub fn by_target_prefix(&self, prefix: &str) -> Option<&ServiceModel> {
        self.services
            .iter()
            .find(|it| it.target_prefix.as_deref() == Some(prefix))
    }

    /// Resolves `X-Amz-Target`: prefix, dot, operation. The prefix may hold dots.
    pub fn by_target(&self, target: &str) -> Option<(&ServiceModel, &OperationModel)> {
        let (prefix, name) = target.rsplit_once('.')?;
        let service = self.by_target_prefix(prefix)?;
        Some((service, service.operation(name)?))
    }

    /// Resolves `Action` and `Version` of a Query form.
    pub fn by_action(
        &self,
        action: &str,
        version: &str,
    ) -> Option<(&ServiceModel, &OperationModel)> {
        let mut forms = self.services.iter().filter(|it| it.target_prefix.is_none());
        let found = forms.find(|it| it.version == version && it.operation(action).is_some())?;
        Some((found, found.operation(action)?))
    }
}
