# The smallest server in the delegated administrator, and events from the management account.

# the delegated administrator of IAM Identity Center, and the home Region of the instance
provider "aws" {
  region = "eu-west-1"
}

# the management account, in the same Region
provider "aws" {
  alias  = "management"
  region = "eu-west-1"
  assume_role {
    role_arn = "arn:aws:iam::999988887777:role/terraform"
  }
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

  events_from = ["999988887777"] # the management account
}

module "events" {
  source    = "../../modules/events"
  providers = { aws = aws.management }

  bus = module.hallpass.events_bus
}

output "address" {
  value = module.hallpass.address
}
