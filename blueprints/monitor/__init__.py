"""Operations monitoring: numbers, boards, the rows behind them, targets, reports."""
