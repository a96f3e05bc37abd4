=locals {
  a = "x"
}
config = [{ ResourceType = "OU", Resource = "${local.a}/${"y"}$${z}", PermissionSet = "*" }]
