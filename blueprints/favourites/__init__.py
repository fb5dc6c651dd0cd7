"""What residents keep to find it again."""
