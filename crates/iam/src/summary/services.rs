use super::text::verbatim;

const NAMES: &[(&str, &str)] = &[
    ("account", "account settings"),
    ("acm", "Certificate Manager"),
    ("apigateway", "API Gateway"),
    ("athena", "Athena"),
    ("autoscaling", "Auto Scaling"),
    ("backup", "Backup"),
    ("bedrock", "Bedrock"),
    ("billing", "billing"),
    ("budgets", "Budgets"),
    ("ce", "Cost Explorer"),
    ("cloudformation", "CloudFormation"),
    ("cloudfront", "CloudFront"),
    ("cloudtrail", "CloudTrail"),
    ("cloudwatch", "CloudWatch"),
    ("codebuild", "CodeBuild"),
    ("codecommit", "CodeCommit"),
    ("codedeploy", "CodeDeploy"),
    ("codepipeline", "CodePipeline"),
    ("config", "Config"),
    ("dms", "Database Migration Service"),
    ("dynamodb", "DynamoDB"),
    ("ebs", "EBS snapshots"),
    ("ec2", "EC2"),
    ("ecr", "ECR"),
    ("ecs", "ECS"),
    ("eks", "EKS"),
    ("elasticache", "ElastiCache"),
    ("elasticfilesystem", "EFS"),
    ("elasticloadbalancing", "load balancing"),
    ("elasticmapreduce", "EMR"),
    ("es", "OpenSearch"),
    ("events", "EventBridge"),
    ("execute-api", "API Gateway calls"),
    ("firehose", "Data Firehose"),
    ("glue", "Glue"),
    ("guardduty", "GuardDuty"),
    ("health", "Health"),
    ("iam", "IAM"),
    ("identitystore", "the identity store"),
    ("kafka", "Managed Kafka"),
    ("kinesis", "Kinesis"),
    ("kms", "KMS"),
    ("lambda", "Lambda"),
    ("logs", "CloudWatch Logs"),
    ("organizations", "Organizations"),
    ("ram", "resource sharing"),
    ("rds", "RDS"),
    ("rds-data", "RDS queries"),
    ("rds-db", "RDS sign-in"),
    ("redshift", "Redshift"),
    ("route53", "Route 53"),
    ("s3", "S3"),
    ("sagemaker", "SageMaker"),
    ("secretsmanager", "Secrets Manager"),
    ("securityhub", "Security Hub"),
    ("servicequotas", "quotas"),
    ("ses", "email sending"),
    ("sns", "SNS"),
    ("sqs", "SQS"),
    ("ssm", "Systems Manager"),
    ("sso", "IAM Identity Center"),
    ("states", "Step Functions"),
    ("sts", "STS"),
    ("support", "AWS Support"),
    ("tag", "tags"),
    ("wafv2", "WAF"),
    ("xray", "X-Ray"),
];

pub(super) fn name(prefix: &str) -> String {
    let found = NAMES.binary_search_by(|(known, _)| known.cmp(&prefix));
    match found.ok().and_then(|at| NAMES.get(at)) {
        Some((_, name)) => (*name).to_owned(),
        None => verbatim(prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    #[test]
    fn names_are_sorted_and_of_known_services() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (prefix, name) in NAMES {
            assert!(facts::service(prefix).is_some(), "{prefix} {name}");
        }
    }

    #[test]
    fn a_service_without_a_name_is_its_prefix() {
        assert_eq!(name("s3"), "S3");
        assert_eq!(name("appmesh"), "`appmesh`");
    }
}
