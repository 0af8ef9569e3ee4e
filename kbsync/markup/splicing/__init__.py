"""An update that keeps what its writer did not touch."""
