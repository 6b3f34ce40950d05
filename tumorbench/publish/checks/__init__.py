"""What ``verify`` holds a published record to, one question a module."""
