"""RefundService: refunds, refund jobs, refund cases, the refund policy. The package `refunds` does the work."""
