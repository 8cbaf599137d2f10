"""Background work of the back office: one module for each kind, each with `run_once()`."""
