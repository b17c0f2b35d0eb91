"""Pages of this room: the officer's desk, the staff lists, what the public sees behind a service point's QR."""
