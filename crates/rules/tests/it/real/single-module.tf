# Temporary elevated access. Owned by the platform team; changes need two reviews.
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = "eu-west-1"
}

data "aws_ssoadmin_instances" "this" {}

module "elevator" {
  source  = "fivexl/sso-elevator/aws"
  version = "5.0.1"

  slack_channel_id = "C0123456789"
  sso_instance_arn = one(data.aws_ssoadmin_instances.this.arns)
  tags             = merge(var.tags, { service = "access" })
  greeting         = <<-EOT
    Ask here for access.
    config = [ this is text, not rules ]
  EOT

  max_permissions_duration_time = 12

  config = [
    # everybody reads everywhere
    {
      "ResourceType" : "Account",
      "Resource" : "*",
      "PermissionSet" : "ReadOnlyAccess",
      "ApprovalIsNotRequired" : true
    },
    /* developers help themselves
       outside production */
    {
      ResourceType      = "Account"
      Resource          = ["222222222222", "333333333333"] // dev, stage
      PermissionSet     = ["PowerUserAccess", "DatabaseAdmin"]
      Approvers         = ["lea@corp.com", "omar@corp.com"]
      AllowSelfApproval = true
      AllowedGroups     = ["99999999-8888-7777-6666-555555555555"] # engineers
    },
    {
      ResourceType  = "Account"
      Resource      = "111111111111"
      PermissionSet = "AdministratorAccess"
      Approvers     = ["lea@corp.com", "omar@corp.com", "ciso@corp.com"]
      AllowedUsers  = ["oncall@corp.com"]
      MinApprovals  = 2
    },
  ]

  group_config = [
    {
      Resource  = ["11111111-2222-3333-4444-555555555555"] # ProdAdmins
      Approvers = ["lea@corp.com", "ciso@corp.com"]
    },
  ]
}

output "url" {
  value = module.elevator.requester_api_endpoint_url
}
