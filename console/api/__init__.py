"""The JSON API for programs: /api/v1 and its OpenAPI document. See docs/api.md."""
