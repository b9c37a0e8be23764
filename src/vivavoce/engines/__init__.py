"""The ports and the adapters behind them."""
