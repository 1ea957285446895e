"""What carries a question to the server and the reply back; the only place with sockets."""
