"""What people and programs read: the plan, the live view, plain lines, tables, JSON documents."""
