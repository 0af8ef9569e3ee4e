"""The planner: the decision table, identity, plans and approvals."""
