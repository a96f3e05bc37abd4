variable "config" {
  type = any
}

variable "prod_accounts" {
  default = ["111111111111"]
}

data "aws_organizations_organization" "this" {}

module "from_variable" {
  source = "fivexl/sso-elevator/aws"
  config = var.config
}

module "from_file" {
  source = "fivexl/sso-elevator/aws"
  config = jsondecode(file("${path.module}/rules.json"))
}

module "from_data" {
  source = "fivexl/sso-elevator/aws"
  config = [
    for account in data.aws_organizations_organization.this.accounts : {
      ResourceType  = "Account"
      Resource      = account.id
      PermissionSet = "ReadOnlyAccess"
      Approvers     = ["lea@corp.com"]
    }
  ]
}

module "from_pieces" {
  source = "fivexl/sso-elevator/aws"
  config = [
    merge(local.base, { Resource = var.prod_accounts }),
    {
      ResourceType  = "Account"
      Resource      = var.is_prod ? "111111111111" : "222222222222"
      PermissionSet = "Admin-${var.suffix}"
      Approvers     = distinct(concat(local.admins, ["lea@corp.com"]))
    },
  ]
  group_config = [{ Resource = aws_identitystore_group.admins.group_id, Approvers = ["lea@corp.com"] }]
}

module "sometimes" {
  source = "fivexl/sso-elevator/aws"
  count  = var.enabled ? 1 : 0
  config = []
}

module "often" {
  source   = "fivexl/sso-elevator/aws"
  for_each = toset(["eu", "us"])
  config   = []
}
