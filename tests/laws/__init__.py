"""The laws as state machines over the real thing, and a toy model of the rule that they stand on."""
