module "elevator_engineering" {
  source = "git::https://git.corp.com/platform/terraform-aws-sso-elevator.git?ref=5.0.1"

  config = [
    {
      ResourceType  = "Account"
      Resource      = "*"
      PermissionSet = "PowerUserAccess"
      Approvers     = ["lea@corp.com", "omar@corp.com"]
      ApprovalIsNotRequired = true
    },
  ]
}

# The second one carries the brakes. A reader that stops after the first opens production.
module "elevator_security" {
  source = "git::https://git.corp.com/platform/terraform-aws-sso-elevator.git?ref=5.0.1"

  config = [
    {
      ResourceType  = "Account"
      Resource      = "111111111111"
      PermissionSet = "*"
      Approvers     = ["ciso@corp.com", "lea@corp.com"]
      ApprovalIsNotRequired = false
    },
  ]
  group_config = []
}

module "vpc" {
  source = "terraform-aws-modules/vpc/aws"
  name   = "access"
}
