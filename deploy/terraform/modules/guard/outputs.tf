output "principal" {
  value       = aws_iam_role.machine.arn
  description = "The role of the guard's machine: guard.principal of the module server."
}

output "journal_bucket" {
  value       = aws_s3_bucket.journal.id
  description = "The bucket with its journal: guard.journal_bucket of the module server."
}

output "instance" {
  value       = module.machine.instances[0]
  description = "Id of its machine, for `aws ssm start-session --target`."
}
