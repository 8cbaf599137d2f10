"""Modules of both servers: lifecycle, authentication, the boundary of a call, the error table, messages."""
