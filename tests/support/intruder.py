"""What a model tries in order to get out of its sandbox, live and in replays.

Add here an attempt that several tests make; avoid what one of them expects of it.
"""

PROBES = """
import os, socket
def reach(path):
    try:
        return bool(os.listdir(path)) if os.path.isdir(path) else bool(open(path).read(1))
    except OSError as error:
        return type(error).__name__
def write(path, size=1):
    try:
        with open(path, "wb") as file:
            file.write(bytes(size))
        return True
    except OSError:
        return False
def connect():
    try:
        socket.create_connection(("1.1.1.1", 53), 0.5)
        return True
    except OSError:
        return False
"""
"""Python with functions to be called in a model's methods."""
