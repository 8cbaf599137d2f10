"""Rate cards: import, export, edit and quote prices."""
