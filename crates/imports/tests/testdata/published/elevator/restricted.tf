module "aws_sso_elevator" {
  source = "fivexl/sso-elevator/aws"

  config = [
    {
      "ResourceType" : "Account",
      "Resource" : "*",
      "PermissionSet" : "ReadOnly",
      "Approvers" : ["cai@acme.example"],
    },
    {
      "ResourceType" : "Account",
      "Resource" : "*",
      "PermissionSet" : "Admin",
      "Approvers" : ["dee@acme.example"],
      "AllowedGroups" : ["c24e7e9528-e31b6b96-e213-4882-bde1-100000000000"], # who runs it
      "AllowedUsers" : ["bo@acme.example"],
    },
  ]

  group_config = [
    {
      "Resource" : ["c24e7e9528-e31b6b96-e213-4882-bde1-100000000001"],
      "Approvers" : ["dee@acme.example"],
      "AllowedGroups" : ["c24e7e9528-e31b6b96-e213-4882-bde1-100000000000"],
      "AllowedUsers" : ["bo@acme.example"],
    },
  ]

  attribute_sync_enabled = true

  attribute_sync_managed_groups = [
    "Builders",
    "Bookkeepers",
    "Operators",
  ]

  attribute_sync_rules = [
    {
      group_name = "Builders"
      attributes = {
        department   = "Building"
        employeeType = "FullTime"
      }
    },
    {
      group_name = "Bookkeepers"
      attributes = {
        department = "Books"
      }
    },
    {
      group_name = "Operators"
      attributes = {
        department = "Building"
        jobTitle   = "Operator"
      }
    },
  ]

  attribute_sync_manual_assignment_policy = "warn"
  attribute_sync_schedule                 = "rate(1 hour)"
}
