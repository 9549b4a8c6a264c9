"""The one loop: events to the scheduler, requests to the backend, everything to the log first."""
