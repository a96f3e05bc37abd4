terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
      # audit: where the audit bucket lies; an account that operators of the server do not administer, or the same
      configuration_aliases = [aws.audit]
    }
  }
}
