"""The operations: real repositories, and the embedded portal over loopback."""
