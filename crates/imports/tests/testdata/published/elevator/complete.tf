provider "aws" {
  region = "eu-west-1"
}

data "aws_ssoadmin_instances" "this" {}

data "aws_ssm_parameter" "signing_secret" {
  name = "/elevator/signing-secret"
}

data "aws_ssm_parameter" "bot_token" {
  name = "/elevator/bot-token"
}

module "aws_sso_elevator" {
  source                           = "../.."
  aws_sns_topic_subscription_email = "ops@acme.example"

  slack_signing_secret                           = data.aws_ssm_parameter.signing_secret.value
  slack_bot_token                                = data.aws_ssm_parameter.bot_token.value
  slack_channel_id                               = "C0123456789"
  schedule_expression                            = "cron(0 23 * * ? *)" # each night
  schedule_expression_for_check_on_inconsistency = "rate(1 hour)"
  build_in_docker                                = true
  revoker_post_update_to_slack                   = true

  sso_instance_arn = one(data.aws_ssoadmin_instances.this.arns)

  s3_bucket_partition_prefix     = "logs/"
  s3_bucket_name_for_audit_entry = "acme-sso-elevator"

  s3_mfa_delete  = false
  s3_object_lock = true

  s3_logging = {
    target_bucket = "access-logs"
    target_prefix = "elevator/"
  }

  config = [
    {
      "ResourceType" : "Account",
      "Resource" : ["111111111111", "222222222222"],
      "PermissionSet" : "ReadOnlyPlus",
      "Approvers" : "lead@acme.example",
    },
    {
      "ResourceType" : "Account",
      "Resource" : "*",
      "PermissionSet" : "ReadOnlyPlus",
      "ApprovalIsNotRequired" : true,
    },
    {
      "ResourceType" : "Account",
      "Resource" : "*",
      "PermissionSet" : "*",
      "Approvers" : "chief@acme.example",
      "AllowSelfApproval" : true,
    },
  ]
}
