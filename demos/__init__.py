"""What the service does, played on a real one: gateways for half a minute, and a company for a month."""
