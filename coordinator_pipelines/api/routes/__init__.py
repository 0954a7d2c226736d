"""The routes of the API, a module per thing that can be asked for."""
