"""One conversation with a server, as a client on the other end of the line sees it."""
