"""What both servers share: lifecycle, authentication, the boundary of a call, the error table, the wire."""
