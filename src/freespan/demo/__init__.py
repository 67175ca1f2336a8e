"""The demo: host, censor, blocked site, volunteer and reader on one machine, played by the real programs.

`run.run_demo` is the way in; every other module is one piece of the stage.
"""
