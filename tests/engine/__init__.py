"""The journeys: real repositories, and the embedded portal over loopback."""
