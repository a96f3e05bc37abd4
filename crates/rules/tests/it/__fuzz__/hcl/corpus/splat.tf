=locals {
  a = [{ b = 1 }]
}
config = local.a[*].b
