"""Money, commands, entries and errors. Pure: no I/O, no clock."""
