"""What a page says of itself: titles, dates, addresses, and what may be done with it."""
