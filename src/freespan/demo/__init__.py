"""The demo: host, censor, blocked site, volunteer and reader on one machine, played by the real programs.

`run.run_demo` is the entry point. `walkthrough` has the steps, `display` shows them in the terminal, and each of the
other modules is one part: the censor, the sites, the volunteer, the reader's requests.
"""
