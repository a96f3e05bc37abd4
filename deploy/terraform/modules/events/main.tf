# In the account that owns the instance of IAM Identity Center, where the server is in another: what AWS sends there goes on to the server's.

data "aws_region" "current" {}

locals {
  # as those of the module server, which take them from the bus there
  rules = {
    people = {
      description = "Users, groups and memberships of IAM Identity Center that change"
      pattern     = jsonencode({ source = ["aws.identitystore"] })
    }
    given = {
      description = "Permission sets that are assigned by whomever"
      pattern = jsonencode({
        source      = ["aws.sso"]
        detail-type = ["AWS API Call via CloudTrail"]
        detail      = { eventSource = ["sso.amazonaws.com"], eventName = ["CreateAccountAssignment"] }
      })
    }
  }
  trust = [
    {
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
    },
  ]
  send_statements = [
    {
      Sid      = "Send"
      Effect   = "Allow"
      Action   = ["events:PutEvents"]
      Resource = var.bus
    },
  ]
}

resource "aws_cloudwatch_event_rule" "events" {
  for_each      = local.rules
  name_prefix   = "${var.name}-${each.key}-"
  description   = each.value.description
  event_pattern = each.value.pattern
}

resource "aws_cloudwatch_event_target" "events" {
  for_each = local.rules
  rule     = aws_cloudwatch_event_rule.events[each.key].name
  arn      = var.bus
  role_arn = aws_iam_role.events.arn
}

resource "aws_iam_role" "events" {
  name_prefix        = "${var.name}-events-"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = local.trust })
}

resource "aws_iam_role_policy" "events" {
  name   = "events"
  role   = aws_iam_role.events.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.send_statements })
}

# elsewhere AWS sends no such events, and nothing would say so
resource "terraform_data" "fits" {
  lifecycle {
    precondition {
      condition     = can(regex(":events:${data.aws_region.current.region}:", var.bus))
      error_message = "The bus is in another Region than this provider: both are the home Region of IAM Identity Center."
    }
  }
}
