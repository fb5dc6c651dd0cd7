"""What machines ask: is it alive, is it ready, what are its numbers and its public keys."""
