"""What workers do: the queue, and verify, run, destroy, sign, sweep. Only here are private keys."""
