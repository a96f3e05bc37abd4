locals {
  accounts = {
    prod  = "111111111111"
    stage = "222222222222"
    dev   = "333333333333"
  }

  admins   = ["lea@corp.com", "omar@corp.com"]
  security = ["ciso@corp.com", "noor@corp.com"]
  region   = "eu-west-1"

  nonprod_statements = [
    {
      ResourceType      = "Account"
      Resource          = [local.accounts.stage, local.accounts["dev"]]
      PermissionSet     = "*"
      Approvers         = local.admins
      AllowSelfApproval = true
    },
  ]
}

locals {
  prod_statements = [
    {
      ResourceType  = "Account"
      Resource      = local.accounts.prod
      PermissionSet = "AdministratorAccess"
      Approvers     = concat(local.admins, local.security)
      MaxDuration   = "02:00"
      MinApprovals  = 2
    },
    {
      ResourceType  = "OU"
      Resource      = "Root/Workloads/Prod"
      PermissionSet = "${local.names.read}Access"
      Approvers     = local.security
    },
  ]
  names = { read = "ReadOnly" }
}

module "elevator" {
  source = "fivexl/sso-elevator/aws"
  config = concat(local.nonprod_statements, local.prod_statements)
}
