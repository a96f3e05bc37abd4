=module "a" {
  config {
    Resource = "*"
  }
}
