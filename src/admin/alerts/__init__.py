"""Low-balance alerts: a notice when a balance falls below a threshold, by default a week and then a day of usage."""
