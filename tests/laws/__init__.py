"""The laws as state machines over the real package, and a toy model of the rule behind them."""
