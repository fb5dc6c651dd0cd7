"""What runs without a request: which job when (`schedule`), how it is run for every town (`runner`), who may run it
(`leading`), and the process that does (`__main__`).

A floor beside `blueprints`: it opens units of work and calls rules, and never knows a request.
"""
