"""权限自检: who can see and do what where, asked of the running system for chosen accounts, and kept for an auditor."""
