"""What the servicers share: field masks, pages, limits on concurrent calls."""
