"""What people see in a browser: the reader's help centre, and the agent's pages to edit it by hand."""
