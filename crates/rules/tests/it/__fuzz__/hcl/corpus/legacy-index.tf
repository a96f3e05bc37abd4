=locals {
  a = [[]]
}
config = local.a.0
