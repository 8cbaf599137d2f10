"""Low-balance alerts: a notice when a balance falls below a threshold, by default a week and then a day of usage.

alerts/store.py keeps the alert policies; RuleService (admin/rules) serves them, beside spend limits.
"""
