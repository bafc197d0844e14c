"""Who may use the API and the pages: every request passes one gate, whatever it is for."""
