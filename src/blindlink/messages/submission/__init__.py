"""What an owner sends: encodings, sealed payload, withdrawals."""
