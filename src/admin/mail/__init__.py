"""Mail to companies: the outbox, its templates (templates/), and the worker that sends by SMTP.

A feature does not put mail here by itself: it publishes a notice (admin.notices), which makes the mail.
"""
