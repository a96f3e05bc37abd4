# moved to rules.toml
provider "aws" {
  region = "eu-west-1"
}
