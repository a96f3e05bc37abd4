data "aws_ssoadmin_instances" "this" {}

locals {
  slack_channel_id = "C0123456789"
}

module "aws_sso_elevator" {
  source           = "fivexl/sso-elevator/aws"
  version          = "5.0.0"
  slack_channel_id = local.slack_channel_id

  s3_logging = {
    target_bucket = module.naming.access_logs_bucket
    target_prefix = "sso-elevator/"
  }

  s3_bucket_partition_prefix = "elevator"

  s3_object_lock = true
  s3_object_lock_configuration = {
    rule = {
      default_retention = {
        mode  = "GOVERNANCE"
        years = 1
      }
    }
  }

  config = [
    # self-service in two accounts
    {
      "ResourceType" : "Account",
      "Resource" : ["111111111111", "222222222222"],
      "PermissionSet" : "*",
      "Approvers" : ["bob@acme.example", "alice@acme.example"],
      "AllowSelfApproval" : true,
    },
    # one person's own permission set
    {
      "ResourceType" : "Account",
      "Resource" : "555555555555",
      "PermissionSet" : "Billing",
      "Approvers" : "finances@acme.example",
      "AllowSelfApproval" : true,
    },
    # somebody for everything
    {
      "ResourceType" : "Account",
      "Resource" : "*",
      "PermissionSet" : "*",
      "Approvers" : "chief@acme.example",
      "AllowSelfApproval" : true,
    },
    # nobody of its own who approves
    {
      "ResourceType" : "Account",
      "Resource" : ["333333333333", "444444444444"],
      "PermissionSet" : "ReadOnly",
      "AllowSelfApproval" : true,
    },
    # both denials
    {
      "ResourceType" : "Account",
      "Resource" : ["333333333333", "444444444444"],
      "PermissionSet" : "AdministratorAccess",
      "Approvers" : ["manager@acme.example", "security@acme.example"],
      "ApprovalIsNotRequired" : false,
      "AllowSelfApproval" : false,
    },
    # several permission sets
    {
      "ResourceType" : "Account",
      "Resource" : "555555555555",
      "PermissionSet" : ["ReadOnlyPlus", "AdministratorAccess"],
      "Approvers" : ["security@acme.example"],
      "AllowSelfApproval" : true,
    },

  ]
  group_config = [
    {
      "Resource" : ["99999999-8888-7777-6666-555555555555"], #a comment after it
      "Approvers" : [
        "lead@acme.example"
      ]
      "ApprovalIsNotRequired": true
    },
    {
      "Resource" : ["11111111-2222-3333-4444-555555555555"],
      "Approvers" : [
        "lead@acme.example"
      ]
      "AllowSelfApproval" : true,
    },
    {
      "Resource" : ["44445555-3333-2222-1111-555557777777"],
      "Approvers" : [
        "lead@acme.example"
      ]
    },
  ]
}

output "lambda_function_url" {
  value = module.aws_sso_elevator.lambda_function_url
}
