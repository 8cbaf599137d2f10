"""Refunds of charges: single, by job, by delivery report and by case. Both servers use them."""
