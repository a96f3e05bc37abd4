=module "a" {
  config = []
}
module "b" {
  config = [{ ResourceType = "Account", Resource = "*", PermissionSet = "*", Approvers = ["a@corp.com"] }]
}
