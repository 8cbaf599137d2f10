"""RuleService, which serves alert policies and spend limits.

Policies are kept by admin/alerts/store.py. Spend limits are kept here (store.py); the engine applies them.
"""
