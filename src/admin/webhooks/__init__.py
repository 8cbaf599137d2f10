"""Webhooks: each company's URL and signing secrets, and the worker that sends events to it.

Features do not add events here: they publish notices (admin.notices), which make them. The types of events are in
admin/notices/event_types.py.
"""
