"""How a company's events are sent: where to, signed with what, and by which client."""
