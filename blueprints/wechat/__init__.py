"""What WeChat pushes."""
