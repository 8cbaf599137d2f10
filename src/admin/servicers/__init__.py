"""One module a resource, one service a module."""
