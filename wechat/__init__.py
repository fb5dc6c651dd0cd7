"""The outside world: a thin client of WeChat's server API, and a fake of the same API."""
