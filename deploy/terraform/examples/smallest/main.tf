# One machine over SQLite, its evidence in the same account.

# the account that administers IAM Identity Center, and the home Region of the instance
provider "aws" {
  region = "eu-west-1"
}

module "hallpass" {
  source    = "../../modules/server"
  providers = { aws = aws, aws.audit = aws }

  vpc              = "vpc-0123456789abcdef0"
  vpc_range        = "10.0.0.0/16"
  subnets          = ["subnet-0123456789abcdef0"]
  balancer_subnets = ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]
  callers          = ["10.0.0.0/8"]
  certificate      = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"
  public_url       = "https://hallpass.example.com"

  package = {
    bucket = "acme-packages"
    key    = "hallpass_0.1.0_amd64.deb"
    sum    = "0000000000000000000000000000000000000000000000000000000000000000" # from the signed SHA256SUMS
  }

  configuration = file("${path.module}/../more.toml")
  rules         = file("${path.module}/../rules.toml")
}

output "address" {
  value = module.hallpass.address
}
