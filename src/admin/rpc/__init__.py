"""What the servicers share: field masks, pages, bounds on concurrent calls."""
