// OpenTofu as the Go module proxy has it, for machines without its package: `make tofu` builds it into the cache.
module vexlab.dev/tofu

go 1.26.6

// OpenTofu's own replacement, which does not hold for a module that requires it.
replace github.com/hashicorp/hcl/v2 v2.20.1 => github.com/opentofu/hcl/v2 v2.20.2-0.20251021132045-587d123c2828
