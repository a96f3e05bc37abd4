locals {
  one  = { ResourceType = "Account", Resource = ["111111111111"], PermissionSet = "A", Approvers = ["bo@corp.com"] }
  sets = toset([for s in ["B", "A"] : lower("${s}-x") if s != "C"])
}
variable "more" {
  type    = list(object({ PermissionSet = string, MinApprovals = optional(number, 2) }))
  default = [{ PermissionSet = "M" }]
}
module "e" {
  source           = "fivexl/sso-elevator/aws"
  config           = concat([local.one], [for s in local.sets : merge(local.one, { PermissionSet = s })], flatten([for m in var.more : merge(local.one, m)]))
  group_config     = try(jsondecode(file("${path.module}/groups.json")), [])
  slack_channel_id = length(var.more) > 0 && true ? "C1" : data.x.y[*].id
}
