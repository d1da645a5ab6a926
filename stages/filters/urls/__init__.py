"""Documents filtered by their address: measured, compared with lists, decided on."""
