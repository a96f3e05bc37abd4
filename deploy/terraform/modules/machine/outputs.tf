output "instances" {
  value       = aws_instance.machine[*].id
  description = "Ids of the machines."
}

output "configuration_bucket" {
  value       = aws_s3_bucket.configuration.id
  description = "The bucket with package sum, configuration and rules."
}
