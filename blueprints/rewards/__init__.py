"""The points mall: rewards, redemptions, causes."""
