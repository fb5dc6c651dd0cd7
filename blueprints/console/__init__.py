"""The pages for staff under /console: HTML, CSS and JavaScript as they are served, without a build step."""
