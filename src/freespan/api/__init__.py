"""The library: a client, a bridge and a host as asyncio context managers. `import freespan` offers it.

Nothing is imported here, so that a program loads only the parts that it uses.
"""
