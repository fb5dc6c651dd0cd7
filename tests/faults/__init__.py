"""What happens to a real service when a part of it dies, stands still or lies: docs/faults.md.

Real processes (`service`) are used by people in another process (`people`), who write down what they were told; then
`checker` compares that with what the database holds.
"""
