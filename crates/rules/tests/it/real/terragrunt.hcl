include "root" {
  path = find_in_parent_folders("root.hcl")
}

terraform {
  source = "tfr:///fivexl/sso-elevator/aws?version=5.0.1"
}

locals {
  approvers = ["lea@corp.com", "omar@corp.com"]
}

inputs = {
  slack_channel_id = "C0123456789"
  config = [
    {
      ResourceType  = "Account"
      Resource      = "111111111111"
      PermissionSet = "AdministratorAccess"
      Approvers     = local.approvers
    },
  ]
  group_config = []
}
