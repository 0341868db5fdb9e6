"""What is done from a shell: `python app.py TOOL ...`, and `flask --app app TOOL ...` as well."""
