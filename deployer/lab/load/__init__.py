"""An open-loop HTTP client that proves, request by request, what users would have seen."""
