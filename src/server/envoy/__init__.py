"""The front that Envoy is: it hosts this process's Python, and each HTTP request is a call of the boundary."""
