"""RefundService: refunds, refund jobs, refund cases, the refund policy. The package `refunds` has the logic."""
