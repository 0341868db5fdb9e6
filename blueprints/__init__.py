"""HTTP and WebSockets: the API families, what they share (`http`), and the real-time server.

`site` makes one Flask application of it; who needs a part of this imports that part alone.
"""
