=locals {
  a = [local.b]
  b = local.a
}
config = local.a
