# People who leave lose their access within seconds; what else is given is never refused by an armed end.

resource "aws_sqs_queue" "events" {
  name_prefix                = "${var.name}-events-"
  sqs_managed_sse_enabled    = true
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 60
  redrive_policy             = jsonencode({ maxReceiveCount = 20, deadLetterTargetArn = aws_sqs_queue.dead_events.arn })
}

resource "aws_sqs_queue" "dead_events" {
  name_prefix               = "${var.name}-dead-events-"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.url
  policy    = jsonencode({ Version = "2012-10-17", Statement = local.queue_statements })
}

resource "aws_cloudwatch_event_rule" "people" {
  name_prefix   = "${var.name}-people-"
  description   = "Users, groups and memberships of IAM Identity Center that change"
  event_pattern = jsonencode({ source = ["aws.identitystore"] })
}

resource "aws_cloudwatch_event_target" "people" {
  rule = aws_cloudwatch_event_rule.people.name
  arn  = aws_sqs_queue.events.arn
}

# AWS sends this where a trail records management events.
resource "aws_cloudwatch_event_rule" "given" {
  name_prefix = "${var.name}-given-"
  description = "Permission sets that are assigned by whomever"
  event_pattern = jsonencode({
    source      = ["aws.sso"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail      = { eventSource = ["sso.amazonaws.com"], eventName = ["CreateAccountAssignment"] }
  })
}

resource "aws_cloudwatch_event_target" "given" {
  rule = aws_cloudwatch_event_rule.given.name
  arn  = aws_sqs_queue.events.arn
}

# AWS sends both to the default bus of another account, too: whose rules may send them on to the one here
resource "aws_cloudwatch_event_permission" "from" {
  for_each     = toset(var.events_from)
  principal    = each.value
  statement_id = "${var.name}-${each.value}"
}

locals {
  queue_statements = [
    {
      Sid       = "RuleSends"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.events.arn
      Condition = { ArnEquals = { "aws:SourceArn" = concat([aws_cloudwatch_event_rule.people.arn, aws_cloudwatch_event_rule.given.arn], var.event_rules) } }
    },
  ]
}
