"""RuleService: alert policies and spend limits."""
