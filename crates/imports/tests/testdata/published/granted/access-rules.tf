resource "commonfate_access_rule" "aws-admin" {
  name        = "Payments admin"
  description = "Administration of payments"
  groups      = ["platform"]
  approval = {
    users = ["bo@acme.example"]
  }

  target = [
    {
      field = "accountId"
      value = ["100000000001"]
    },
    {
      field = "permissionSetArn"
      value = ["arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"]
    }
  ]
  target_provider_id = "aws-sso-v2"
  duration           = "3600"
}

resource "commonfate_access_rule" "empty-approver" {
  name        = "Shop admin"
  description = "An approver without a name"
  groups      = ["platform"]
  approval = {
    users = [""]
  }

  target = [
    {
      field = "accountId"
      value = ["100000000002"]
    },
    {
      field = "permissionSetArn"
      value = ["arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000000"]
    }
  ]
  target_provider_id = "aws-sso-v2"
  duration           = "3600"
}

resource "commonfate_access_rule" "no-approval" {
  name        = "Payments reader"
  description = "Looking at payments"
  groups      = ["platform"]

  target = [
    {
      field = "accountId"
      value = ["100000000001"]
    },
    {
      field = "permissionSetArn"
      value = ["arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-0000000000000001"]
    }
  ]
  target_provider_id = "aws-sso-v2"
  duration           = "7200"
}
