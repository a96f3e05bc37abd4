output "address" {
  value       = aws_lb.balancer.dns_name
  description = "Where the name of the certificate has to point to."
}

output "instances" {
  value       = module.machine.instances
  description = "Ids of the machines, for `aws ssm start-session --target`."
}

output "role_arn" {
  value       = aws_iam_role.server.arn
  description = "The role of the server."
}

output "guard_role_arn" {
  value       = one(aws_iam_role.guard[*].arn)
  description = "The role that the guard assumes; null without one."
}

output "ends" {
  value       = "s3://${aws_s3_bucket.ends.id}/hallpass/ends.jsonl"
  description = "The file of ends, for the guard."
}

output "audit" {
  value       = "s3://${aws_s3_bucket.audit.id}/${var.audit_prefix}"
  description = "The export of the audit log, for a witness."
}

output "heads_key" {
  value       = aws_kms_key.heads.arn
  description = "The key that signs heads of the audit log."
}

output "events_queue" {
  value       = aws_sqs_queue.events.arn
  description = "The queue of events, for targets of the rules in event_rules."
}

output "events_bus" {
  value       = "arn:${local.partition}:events:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:event-bus/default"
  description = "The default event bus of this account and Region, for the module events."
}
