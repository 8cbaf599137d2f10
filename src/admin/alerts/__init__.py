"""Low-balance alerts: warn a company when about a week, and then a day, of usage is left."""
